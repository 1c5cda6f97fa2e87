//! From the points of a request to samples.

use super::super::emitter::{Emitter, Point};
use super::super::{NodeRule, Sink, Stop};
use super::data::{Attribute, DELTA, Data, DataPoint, Metric, NO_VALUE, Request, ResourceMetrics};
use super::totals::Totals;
use crate::model::{Kind, MetricMeta, STALE_MARKER_BITS};

/// Hands the points of requests on, and adds deltas up over all of them.
#[derive(Debug)]
pub(super) struct Points {
    emitter: Emitter,
    totals: Totals,
}

/// Most points and attributes of one request that is sent to us: the collector's default batch has 8,192 points.
pub(super) const PIECES_MAX: usize = 200_000;

/// What is said of a request that has more.
pub(super) fn too_many(found: usize) -> String {
    format!("the request has some {found} points and attributes, the limit is {PIECES_MAX}: send smaller batches")
}

/// Attributes of a resource that may name its node, best first.
const NODE_ATTRIBUTES: [&str; 3] = ["host.name", "service.instance.id", "service.name"];

/// One metric of one resource.
struct Metered<'a> {
    node: Option<&'a str>,
    resource: &'a [(&'a str, &'a str)],
    metric: &'a Metric,
    line: u64,
}

impl Points {
    pub(super) fn new(node: NodeRule) -> Self {
        Points { emitter: Emitter::new(node), totals: Totals::default() }
    }

    /// Goes on with the sums of requests before, and leaves those of this one there.
    pub(super) fn read_on(
        node: NodeRule,
        totals: &mut Totals,
        read: impl FnOnce(&mut Points) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut points = Points { emitter: Emitter::new(node), totals: std::mem::take(totals) };
        let done = read(&mut points);
        *totals = points.totals;
        done
    }

    /// A request of a file is taken for good.
    pub(super) fn take_for_good(&mut self, line: u64, request: &Request, sink: &mut dyn Sink) -> Result<(), Stop> {
        let done = self.take(line, request, sink);
        self.totals.keep();
        done
    }

    pub(super) fn take(&mut self, line: u64, request: &Request, sink: &mut dyn Sink) -> Result<(), Stop> {
        request.resource_metrics.iter().try_for_each(|resource| self.resource(line, resource, sink))
    }

    fn resource(&mut self, line: u64, resource: &ResourceMetrics, sink: &mut dyn Sink) -> Result<(), Stop> {
        let attributes = pairs(&resource.resource.attributes);
        let known = |key: &str| attributes.iter().find(|(k, value)| *k == key && !value.is_empty());
        let node = NODE_ATTRIBUTES.iter().find_map(|key| known(key));
        let left: Vec<(&str, &str)> = NODE_ATTRIBUTES
            .iter()
            .filter_map(|key| known(key))
            .filter(|(key, _)| node.is_some_and(|(taken, _)| key != taken))
            .copied()
            .collect();
        let node = node.map(|(_, value)| *value);
        let metrics = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
        for metric in metrics {
            self.metric(&Metered { node, resource: &left, metric, line }, sink)?;
        }
        Ok(())
    }

    fn metric(&mut self, of: &Metered<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let metric = of.metric;
        let all = [&metric.gauge, &metric.sum, &metric.histogram, &metric.exponential_histogram, &metric.summary];
        for (place, data) in all.into_iter().enumerate() {
            let Some(data) = data else { continue };
            for point in &data.data_points {
                match place {
                    0 => self.number(of, data, Kind::Gauge, point, sink)?,
                    1 => {
                        let kind = if data.is_monotonic { Kind::Counter } else { Kind::Gauge };
                        self.number(of, data, kind, point, sink)?;
                    }
                    _ => self.distribution(of, data, point, sink)?,
                }
            }
        }
        Ok(())
    }

    fn number(
        &mut self,
        of: &Metered<'_>,
        data: &Data,
        kind: Kind,
        point: &DataPoint,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let value = point.as_double.or(point.as_int.map(|value| value as f64)).unwrap_or(0.0);
        self.sample(of, data, "", kind, point, None, value, sink)
    }

    /// A histogram, an exponential one or a summary.
    fn distribution(
        &mut self,
        of: &Metered<'_>,
        data: &Data,
        point: &DataPoint,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let mut below = 0.0;
        for (i, count) in point.bucket_counts.iter().enumerate() {
            below += *count as f64;
            let bound = point.explicit_bounds.get(i).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            self.sample(of, data, "_bucket", Kind::Counter, point, Some(("le", &bound)), below, sink)?;
        }
        for quantile in &point.quantile_values {
            let share = quantile.quantile.to_string();
            let cumulative = Data::default();
            self.sample(of, &cumulative, "", Kind::Gauge, point, Some(("quantile", &share)), quantile.value, sink)?;
        }
        self.sample(of, data, "_count", Kind::Counter, point, None, point.count as f64, sink)?;
        match point.sum {
            Some(sum) => self.sample(of, data, "_sum", Kind::Counter, point, None, sum, sink),
            None => Ok(()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one sample, from three levels of the request")]
    fn sample(
        &mut self,
        of: &Metered<'_>,
        data: &Data,
        suffix: &str,
        kind: Kind,
        point: &DataPoint,
        own: Option<(&str, &str)>,
        value: f64,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        let mut labels = pairs(&point.attributes);
        labels.extend(of.resource);
        labels.extend(own);
        let name = format!("{}{suffix}", of.metric.name);
        let value = match point.flags & NO_VALUE != 0 {
            true => f64::from_bits(STALE_MARKER_BITS),
            false if data.aggregation_temporality == DELTA => {
                let key = format!("{:?} {name} {labels:?}", of.node);
                match self.totals.add(key, point.time_unix_nano, value) {
                    Ok(sum) => sum,
                    Err(reason) => return sink.refuse(of.line, &reason),
                }
            }
            false => value,
        };
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let meta = MetricMeta { kind: Some(kind), unit: text(&of.metric.unit), help: text(&of.metric.description) };
        let ms = point.time_unix_nano / 1_000_000;
        let point = Point { node: of.node, metric: &name, labels: &labels, meta: Some(&meta), ms, value };
        self.emitter.take(of.line, &point, sink)
    }
}

fn pairs(attributes: &[Attribute]) -> Vec<(&str, &str)> {
    attributes.iter().map(|attribute| (attribute.key.as_str(), attribute.value.as_str())).collect()
}
