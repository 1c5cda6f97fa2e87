//! A request as a protobuf message.

use super::super::whole::{Whole, WholeFormat};
use super::super::{NodeRule, Parser, Reason, Sink, Stop};
use super::data::{Attribute, Data, DataPoint, Metric, Quantile, Request, Resource, ResourceMetrics, ScopeMetrics};
use super::points::{PIECES_MAX, Points, too_many};
use super::totals::Totals;
use crate::codec::protobuf::{Broken, Message, Value};

/// For one file.
pub fn parser(node: NodeRule) -> Box<dyn Parser> {
    Box::new(Whole(OtlpProtobuf { points: Points::new(node) }))
}

#[derive(Debug)]
struct OtlpProtobuf {
    points: Points,
}

/// Whether bytes are such a message, or the start of one, for detection. Its first byte is a line feed in other formats, so the message has to
/// hold on: a resource or a scope in it.
pub(in super::super) fn looks_like(bytes: &[u8]) -> bool {
    let mut message = Message(bytes);
    match message.next() {
        Some(Ok((1, Value::Bytes(inner)))) => {
            Message::looks_like(inner, &[1, 2, 3]) && message.all(|field| matches!(field, Ok((1, _)) | Err(Broken)))
        }
        _ => false,
    }
}

/// Reads one of many requests: deltas are added up over all of them.
pub fn read(bytes: &[u8], node: NodeRule, totals: &mut Totals, sink: &mut dyn Sink) -> Result<(), Stop> {
    let pieces = pieces(Message(bytes), &PATH);
    if pieces > PIECES_MAX {
        return sink.refuse(0, &Reason::Input(too_many(pieces)));
    }
    Points::read_on(node, totals, |points| match request(Message(bytes)) {
        Ok(request) => points.take(0, &request, sink),
        Err(broken) => sink.refuse(0, &Reason::Input(broken.to_string())),
    })
}

/// Where the messages of a request lie: in resources, scopes, metrics, data, points, and attributes, buckets or quantiles.
const PATH: [&[u64]; 6] = [&[1], &[1, 2], &[1, 2], &[5, 7, 9, 10, 11], &[1], &[1, 6, 7, 9]];

/// How many messages there are along a path: each becomes a value that is larger than what it takes on its way.
fn pieces(message: Message<'_>, path: &[&[u64]]) -> usize {
    let Some((numbers, rest)) = path.split_first() else { return 0 };
    let inner = message.map_while(Result::ok).filter_map(|(number, value)| match value {
        Value::Bytes(bytes) if numbers.contains(&number) => Some(1 + pieces(Message(bytes), rest)),
        _ => None,
    });
    inner.sum()
}

impl WholeFormat for OtlpProtobuf {
    fn message(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Stop> {
        match request(Message(bytes)) {
            Ok(request) => self.points.take_for_good(0, &request, sink),
            Err(broken) => sink.refuse(0, &Reason::Input(broken.to_string())),
        }
    }
}

fn request(message: Message<'_>) -> Result<Request, Broken> {
    let mut request = Request::default();
    for field in message {
        if let (1, value) = field? {
            request.resource_metrics.push(resource_metrics(value.message()?)?);
        }
    }
    Ok(request)
}

fn resource_metrics(message: Message<'_>) -> Result<ResourceMetrics, Broken> {
    let mut all = ResourceMetrics::default();
    for field in message {
        match field? {
            (1, value) => all.resource = Resource { attributes: attributes(value.message()?, 1)? },
            (2, value) => {
                let mut scope = ScopeMetrics::default();
                for field in value.message()? {
                    if let (2, value) = field? {
                        scope.metrics.push(metric(value.message()?)?);
                    }
                }
                all.scope_metrics.push(scope);
            }
            _ => {}
        }
    }
    Ok(all)
}

fn metric(message: Message<'_>) -> Result<Metric, Broken> {
    let mut metric = Metric::default();
    for field in message {
        match field? {
            (1, value) => metric.name = value.text()?.to_owned(),
            (2, value) => metric.description = value.text()?.to_owned(),
            (3, value) => metric.unit = value.text()?.to_owned(),
            (5, value) => metric.gauge = Some(Box::new(data(value.message()?, number_point)?)),
            (7, value) => metric.sum = Some(Box::new(data(value.message()?, number_point)?)),
            (9, value) => metric.histogram = Some(Box::new(data(value.message()?, histogram_point)?)),
            (10, value) => metric.exponential_histogram = Some(Box::new(data(value.message()?, exponential_point)?)),
            (11, value) => metric.summary = Some(Box::new(data(value.message()?, summary_point)?)),
            _ => {}
        }
    }
    Ok(metric)
}

fn data(message: Message<'_>, point: fn(Message<'_>) -> Result<DataPoint, Broken>) -> Result<Data, Broken> {
    let mut data = Data::default();
    for field in message {
        match field? {
            (1, value) => data.data_points.push(point(value.message()?)?),
            (2, value) => data.aggregation_temporality = value.integer()?,
            (3, value) => data.is_monotonic = value.integer()? != 0,
            _ => {}
        }
    }
    Ok(data)
}

fn number_point(message: Message<'_>) -> Result<DataPoint, Broken> {
    let mut point = DataPoint { attributes: attributes(message, 7)?, ..DataPoint::default() };
    for field in message {
        match field? {
            (3, value) => point.time_unix_nano = value.integer()?,
            (4, value) => point.as_double = Some(value.double()?),
            (6, value) => point.as_int = Some(value.integer()?),
            (8, value) => point.flags = value.integer()?,
            _ => {}
        }
    }
    Ok(point)
}

fn histogram_point(message: Message<'_>) -> Result<DataPoint, Broken> {
    let mut point = DataPoint { attributes: attributes(message, 9)?, ..DataPoint::default() };
    let (mut counts, mut bounds) = (Vec::new(), Vec::new());
    for field in message {
        match field? {
            (3, value) => point.time_unix_nano = value.integer()?,
            (4, value) => point.count = value.integer()?,
            (5, value) => point.sum = Some(value.double()?),
            (6, value) => value.fixed64s(&mut counts)?,
            (7, value) => value.fixed64s(&mut bounds)?,
            (10, value) => point.flags = value.integer()?,
            _ => {}
        }
    }
    point.bucket_counts = counts.into_iter().map(|count| count as i64).collect();
    point.explicit_bounds = bounds.into_iter().map(f64::from_bits).collect();
    Ok(point)
}

fn exponential_point(message: Message<'_>) -> Result<DataPoint, Broken> {
    let mut point = DataPoint { attributes: attributes(message, 1)?, ..DataPoint::default() };
    for field in message {
        match field? {
            (3, value) => point.time_unix_nano = value.integer()?,
            (4, value) => point.count = value.integer()?,
            (5, value) => point.sum = Some(value.double()?),
            (10, value) => point.flags = value.integer()?,
            _ => {}
        }
    }
    Ok(point)
}

fn summary_point(message: Message<'_>) -> Result<DataPoint, Broken> {
    let mut point = DataPoint { attributes: attributes(message, 7)?, ..DataPoint::default() };
    for field in message {
        match field? {
            (3, value) => point.time_unix_nano = value.integer()?,
            (4, value) => point.count = value.integer()?,
            (5, value) => point.sum = Some(value.double()?),
            (6, value) => {
                let mut quantile = Quantile::default();
                for field in value.message()? {
                    match field? {
                        (1, value) => quantile.quantile = value.double()?,
                        (2, value) => quantile.value = value.double()?,
                        _ => {}
                    }
                }
                point.quantile_values.push(quantile);
            }
            (8, value) => point.flags = value.integer()?,
            _ => {}
        }
    }
    Ok(point)
}

/// The attributes in the fields `number` of a message.
fn attributes(message: Message<'_>, number: u64) -> Result<Vec<Attribute>, Broken> {
    let mut all = Vec::new();
    for field in message {
        let (found, value) = field?;
        if found != number {
            continue;
        }
        let mut attribute = Attribute::default();
        for field in value.message()? {
            match field? {
                (1, value) => attribute.key = value.text()?.to_owned(),
                (2, value) => attribute.value = any_value(value.message()?)?,
                _ => {}
            }
        }
        all.push(attribute);
    }
    Ok(all)
}

fn any_value(mut message: Message<'_>) -> Result<String, Broken> {
    Ok(match message.next().transpose()? {
        Some((1, value)) => value.text()?.to_owned(),
        Some((2, value)) => (value.integer()? != 0).to_string(),
        Some((3, value)) => value.integer()?.to_string(),
        Some((4, value)) => value.double()?.to_string(),
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::collected::{collect, rule, shared};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cut_message_gives_nothing() {
        let Some(path) = shared("fixtures/otlp/metrics.pb") else { return };
        let bytes = std::fs::read(path).unwrap();
        let got = collect(parser(rule()).as_mut(), &bytes[..bytes.len() - 1]);
        assert_eq!((got.samples.len(), got.refused.len()), (0, 1));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            looks_like(&bytes);
            collect(parser(rule()).as_mut(), &bytes);
        }
    }
}
