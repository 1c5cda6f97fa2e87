//! What a person may set, and the defaults.

use super::anomaly::AnomalyOptions;
use super::changepoint::ChangeOptions;
use super::compare::CompareOptions;
use super::correlate::CorrelateOptions;
use super::findings::Mute;
use super::forecast::ForecastOptions;
use super::peers::PeerOptions;
use super::subject::Subject;
use super::thresholds::Thresholds;
use crate::model::Masks;
use crate::model::catalogue::Unit;

/// How readily something is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sensitivity {
    /// A quarter more surprise is asked for.
    Low,
    /// The measured levels.
    #[default]
    Normal,
    /// A seventh less is asked for.
    High,
}

impl Sensitivity {
    /// Factor on the alarm levels.
    pub const fn factor(self) -> f64 {
        match self {
            Sensitivity::Low => 1.25,
            Sensitivity::Normal => 1.0,
            Sensitivity::High => 0.85,
        }
    }
}

/// Least difference worth telling, by unit. Whatever is set here, 1 % of the capacity and 1 % of the range between the 5 % and 95 % quantiles hold too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floors {
    /// Percentage points: 5.
    pub percent: f64,
    /// Bytes: 16 MiB.
    pub bytes: f64,
    /// Bytes a second: 100 kB/s.
    pub bytes_per_second: f64,
    /// Events a second: 1.
    pub per_second: f64,
    /// Seconds: 5 ms.
    pub seconds: f64,
    /// Degrees: 3.
    pub celsius: f64,
    /// Things: 2.
    pub count: f64,
    /// Where the unit is unknown: 0.
    pub none: f64,
}

impl Default for Floors {
    fn default() -> Self {
        Floors {
            percent: 5.0,
            bytes: 16.0 * 1024.0 * 1024.0,
            bytes_per_second: 1e5,
            per_second: 1.0,
            seconds: 0.005,
            celsius: 3.0,
            count: 2.0,
            none: 0.0,
        }
    }
}

impl Floors {
    /// These floors with some set by the word of their unit (a field's name); a word that is none sets nothing.
    pub fn with<'a>(mut self, own: impl IntoIterator<Item = (&'a str, f64)>) -> Floors {
        for (unit, least) in own {
            let floor = match unit {
                "percent" => &mut self.percent,
                "bytes" => &mut self.bytes,
                "bytes_per_second" => &mut self.bytes_per_second,
                "per_second" => &mut self.per_second,
                "seconds" => &mut self.seconds,
                "celsius" => &mut self.celsius,
                "count" => &mut self.count,
                "none" => &mut self.none,
                _ => continue,
            };
            *floor = least;
        }
        self
    }

    /// The floor of a unit.
    pub const fn of(&self, unit: Unit) -> f64 {
        match unit {
            Unit::Percent => self.percent,
            Unit::Bytes => self.bytes,
            Unit::BytesPerSecond => self.bytes_per_second,
            Unit::PerSecond => self.per_second,
            Unit::Seconds => self.seconds,
            Unit::Celsius => self.celsius,
            Unit::Count => self.count,
            Unit::None => self.none,
        }
    }

    /// The floor of a series: that of its unit, or 1 % of its capacity.
    pub fn of_subject(&self, subject: &Subject) -> f64 {
        self.of(subject.unit).max(subject.capacity.map_or(0.0, |c| 0.01 * c.abs()))
    }
}

/// How lasting shifts of level are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Changes {
    /// Those of one node at one time as one finding, and with them those of the same metric on other nodes: a roll-out is told once.
    #[default]
    Together,
    /// Of every series by itself.
    Each,
}

/// Everything that can be set. The defaults are the measured ones; see each detector for what they mean.
#[derive(Clone, Debug)]
pub struct Options {
    /// How readily something is told.
    pub sensitivity: Sensitivity,
    /// Least difference worth telling.
    pub floors: Floors,
    /// Odd stretches.
    pub anomaly: AnomalyOptions,
    /// Lasting shifts.
    pub change: ChangeOptions,
    /// How they are told.
    pub changes: Changes,
    /// Nodes unlike their group.
    pub peers: PeerOptions,
    /// What moves together.
    pub correlate: CorrelateOptions,
    /// Capacity.
    pub forecast: ForecastOptions,
    /// This period against the one before.
    pub compare: CompareOptions,
    /// Limits of shown metrics.
    pub thresholds: Thresholds,
    /// Added to UTC to get the time of day people live by (it tells weekends), ms.
    pub utc_offset_ms: i64,
    /// Time that does not count: what is found in it is not told.
    pub masks: Masks,
    /// Which events are maintenance: what is odd in them is not told either.
    pub mute: Mute,
    /// Threads; 0 for as many as the machine has.
    pub threads: usize,
    /// Values (8 bytes each) held at once: 25 million. Of more series than that, those of some nodes are judged after those of others; what is found is the same.
    pub values_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            sensitivity: Sensitivity::Normal,
            floors: Floors::default(),
            anomaly: AnomalyOptions::default(),
            change: ChangeOptions::default(),
            changes: Changes::default(),
            peers: PeerOptions::default(),
            correlate: CorrelateOptions::default(),
            forecast: ForecastOptions::default(),
            compare: CompareOptions::default(),
            thresholds: Thresholds::default(),
            utc_offset_ms: 0,
            masks: Masks::none(),
            mute: Mute::default(),
            threads: 0,
            values_max: 3 << 23,
        }
    }
}

impl Options {
    /// The anomaly parameters with the sensitivity worked in.
    pub fn anomaly_levels(&self) -> AnomalyOptions {
        AnomalyOptions { levels: self.anomaly.levels.times(self.sensitivity.factor()), ..self.anomaly }
    }

    /// How many threads to use.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        }
    }
}
