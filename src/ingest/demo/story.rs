//! What happens when, as shares of the simulated time.

use super::node::Role;
use crate::model::Timestamp;

/// A database is overloaded.
pub const STORM: (f64, f64) = (0.72, 0.75);
/// A broker's disk fills, to the end.
pub const FILLING: (f64, f64) = (0.55, 1.0);
/// A web server reboots.
pub const REBOOT: f64 = 0.60;
/// Partitions move from one broker to another.
pub const MOVE: f64 = 0.83;
/// A database is not reachable.
pub const UNREACHABLE: (f64, f64) = (0.34, 0.347);
/// The collector stops: no node is read.
pub const OUTAGE: (f64, f64) = (0.502, 0.504);

/// What a machine meets at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    /// Share of the simulated time that is over.
    pub(super) share: f64,
    /// Whether it is read.
    pub(super) reachable: bool,
    /// 0 to 1: how hard it is overloaded.
    pub(super) storm: f64,
    /// 0 to 1: how far its disk has filled by what goes wrong.
    pub(super) filled: f64,
    /// Whether it has just booted.
    pub(super) boots: bool,
    /// Whether it has nothing to do.
    pub(super) idle: bool,
    /// Partitions it has more, or fewer, than at the start.
    pub(super) partitions_moved: f64,
}

/// Who is who, and when it begins and ends.
#[derive(Debug)]
pub(super) struct Story {
    from: Timestamp,
    length_ms: f64,
    overloaded: Option<usize>,
    unreachable: Option<usize>,
    filling: Option<usize>,
    rebooting: Option<usize>,
    idle: Option<usize>,
    giver: Option<usize>,
    taker: Option<usize>,
    booted: bool,
}

/// Partitions of each topic that move.
const PARTITIONS_MOVED: f64 = 4.0;

impl Story {
    pub(super) fn new(roles: &[Role], from: Timestamp, until: Timestamp) -> Self {
        let nth =
            |role: Role, n: usize| roles.iter().enumerate().filter(|(_, r)| **r == role).map(|(place, _)| place).nth(n);
        let taker = nth(Role::Broker, 2).or(nth(Role::Broker, 1));
        Story {
            from,
            length_ms: (until.millis() - from.millis()).max(1) as f64,
            overloaded: nth(Role::Database, 1).or(nth(Role::Database, 0)),
            unreachable: nth(Role::Database, 2),
            filling: nth(Role::Broker, 0),
            rebooting: nth(Role::Web, 1),
            idle: (roles.len() > 4).then(|| roles.len() - 1),
            giver: taker.and(nth(Role::Broker, 1).filter(|giver| Some(*giver) != taker).or(nth(Role::Broker, 0))),
            taker,
            booted: false,
        }
    }

    /// What the machine at `place` meets. Asked once for every machine and moment, in time order.
    pub(super) fn moment(&mut self, place: usize, at: Timestamp) -> Moment {
        let share = (at.millis() - self.from.millis()) as f64 / self.length_ms;
        let is = |who: Option<usize>| who == Some(place);
        let down_ms = (share - REBOOT) * self.length_ms;
        let down = is(self.rebooting) && (0.0..240_000.0).contains(&down_ms);
        let boots = is(self.rebooting) && down_ms >= 240_000.0 && !self.booted;
        self.booted |= boots;
        let within = |(from, to): (f64, f64)| share >= from && share < to;
        let silent = down || within(OUTAGE) || (is(self.unreachable) && within(UNREACHABLE));
        let moved = if share < MOVE { 0.0 } else { PARTITIONS_MOVED };
        Moment {
            at,
            share,
            reachable: !silent,
            storm: if is(self.overloaded) { swell(share, STORM) } else { 0.0 },
            filled: if is(self.filling) {
                ((share - FILLING.0) / (FILLING.1 - FILLING.0)).clamp(0.0, 1.0)
            } else {
                0.0
            },
            boots,
            idle: is(self.idle),
            partitions_moved: moved * (f64::from(u8::from(is(self.taker))) - f64::from(u8::from(is(self.giver)))),
        }
    }
}

/// Rises fast, stays, falls slower.
fn swell(share: f64, (from, to): (f64, f64)) -> f64 {
    let at = (share - from) / (to - from);
    if !(0.0..1.0).contains(&at) { 0.0 } else { (at / 0.1).min((1.0 - at) / 0.2).min(1.0) }
}
