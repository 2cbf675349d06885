//! The messages of OTLP: a sample is a gauge's data point, an event or a text is a log record. Pure.
//!
//! Rationale: each item is encoded for itself, as the field of the message around it; a request is those fields one
//! after the other (Protocol Buffers, "Message structure": repeated fields may stand anywhere). So halving a request
//! costs nothing.

use crate::north::event::kind;
use bytes::Bytes;
use model::event::severity::word;
use model::{Declaration, Event, Status, Time, Value};
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::{
    DataPointFlags, Gauge, Metric, NumberDataPoint, metric::Data, number_data_point::Value as Number,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

/// Fields that metrics and logs have alike (metrics.proto, logs.proto): `ExportServiceRequest.resource_*`,
/// `Resource*.resource`, `Resource*.scope_*`, `Scope*.scope`, `Scope*.metrics` or `.log_records`.
const RESOURCES: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPES: u32 = 2;
const SCOPE: u32 = 1;
const ITEMS: u32 = 2;

fn field(out: &mut Vec<u8>, tag: u32, content: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn item(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, ITEMS, &message.encode_to_vec());
    out
}

/// The body of a request. `head` is [`head`].
pub fn request<'a>(head: &Head, items: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut scope = head.scope.clone();
    items.for_each(|item| scope.extend_from_slice(item));
    let mut resource = head.resource.clone();
    field(&mut resource, SCOPES, &scope);
    let mut out = Vec::with_capacity(resource.len() + 8);
    field(&mut out, RESOURCES, &resource);
    out.into()
}

/// What stands in every request: who sends.
pub struct Head {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// `site` is `enterprise/site`.
pub fn head(site: &str) -> Head {
    let version = env!("CARGO_PKG_VERSION");
    let attributes = vec![
        text("service.name", "ironbridge"),
        text("service.version", version),
        text("service.instance.id", site),
    ];
    let (mut resource, mut scope) = (Vec::new(), Vec::new());
    field(&mut resource, RESOURCE, &Resource { attributes, ..Resource::default() }.encode_to_vec());
    let own =
        InstrumentationScope { name: "ironbridge".into(), version: version.into(), ..Default::default() };
    field(&mut scope, SCOPE, &own.encode_to_vec());
    Head { resource, scope }
}

fn any(value: Any) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn pair(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.into(), value: any(value), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Any::StringValue(value.into()))
}

fn nanos(time: Time) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

/// What [`metric`] makes, in words.
pub const METRIC_WORDS: &str = "ExportMetricsServiceRequest: gauge `plant.NAME` (the last segment of the path, in lower case) with the point's unit; \
     attributes path, quality; a Bad sample has no value and the flag \"no recorded value\".";
/// What [`note`] makes.
pub const NOTE_WORDS: &str =
    "ExportLogsServiceRequest: event_name `plant.text`, the text as body; attributes path, quality.";
/// What [`event`] makes.
pub const EVENT_WORDS: &str = "ExportLogsServiceRequest: event_name `ironbridge.KIND`, the title as body; attributes id, kind, source, state, severity, \
     revision, start, and where there is something end, text, next, refs.";

/// A sample: a data point of the gauge that is named after the last segment of the path. A Bad one has no value (the
/// flag "no recorded value"). Text and bytes have no place in metrics: `None`.
pub fn metric(meta: &Declaration, time: Time, status: Status, value: &Value) -> Option<Vec<u8>> {
    let number = match value {
        Value::Text(_) | Value::Bytes(_) if !status.is_bad() => return None,
        _ if status.is_bad() => None,
        Value::F64(value) => Some(Number::AsDouble(*value)),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) => match value.as_i64() {
            Some(whole) => Some(Number::AsInt(whole)),
            None => value.as_f64().map(Number::AsDouble),
        },
        Value::None | Value::Text(_) | Value::Bytes(_) => None,
    };
    let flags = if number.is_none() { DataPointFlags::NoRecordedValueMask } else { DataPointFlags::DoNotUse };
    let point = NumberDataPoint {
        attributes: vec![text("path", meta.path.as_str()), text("quality", status.name())],
        time_unix_nano: nanos(time),
        flags: flags as u32,
        value: number,
        ..NumberDataPoint::default()
    };
    Some(item(&Metric {
        name: format!("plant.{}", meta.path.last().to_ascii_lowercase()),
        unit: meta.unit.clone(),
        data: Some(Data::Gauge(Gauge { data_points: vec![point] })),
        ..Metric::default()
    }))
}

/// A sample that is text, as a log record.
pub fn note(meta: &Declaration, time: Time, received: Time, status: Status, value: &Value) -> Vec<u8> {
    let said = value.as_text().map_or_else(|| value.to_string(), str::to_owned);
    item(&LogRecord {
        time_unix_nano: nanos(time),
        observed_time_unix_nano: nanos(received),
        severity_number: SeverityNumber::Info as i32,
        severity_text: "info".into(),
        body: any(Any::StringValue(said)),
        attributes: vec![text("path", meta.path.as_str()), text("quality", status.name())],
        event_name: "plant.text".into(),
        ..LogRecord::default()
    })
}

/// An event as a log record.
pub fn event(event: &Event) -> Vec<u8> {
    let state = format!("{:?}", event.state).to_ascii_lowercase();
    let refs = event.refs.iter().map(|name| AnyValue { value: Some(Any::StringValue(name.clone())) });
    let mut attributes = vec![
        text("id", &event.id),
        text("kind", kind(event.kind)),
        text("source", &event.source),
        text("state", &state),
        pair("severity", Any::IntValue(i64::from(event.severity))),
        pair("revision", Any::IntValue(i64::from(event.revision))),
        pair("start", Any::StringValue(event.start.rfc3339())),
    ];
    attributes.extend(event.end.map(|end| pair("end", Any::StringValue(end.rfc3339()))));
    for (key, value) in [("text", &event.text), ("next", &event.next)] {
        attributes.extend((!value.is_empty()).then(|| text(key, value)));
    }
    if !event.refs.is_empty() {
        attributes.push(pair("refs", Any::ArrayValue(ArrayValue { values: refs.collect() })));
    }
    let at = nanos(event.end.unwrap_or(event.start));
    item(&LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at,
        severity_number: severity(event.severity) as i32,
        severity_text: word(event.severity).into(),
        body: any(Any::StringValue(event.title.clone())),
        attributes,
        event_name: format!("ironbridge.{}", kind(event.kind)),
        ..LogRecord::default()
    })
}

/// The numbers of the log data model (OpenTelemetry, "SeverityNumber") for our words.
fn severity(severity: u16) -> SeverityNumber {
    match word(severity) {
        "info" => SeverityNumber::Info,
        "low" => SeverityNumber::Info3,
        "medium" => SeverityNumber::Warn,
        "high" => SeverityNumber::Error,
        _ => SeverityNumber::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::north::event::tests::nasty;
    use model::{Path, ValueType};
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

    fn sent(value: Value, status: Status) -> Option<(Metric, NumberDataPoint)> {
        let mut meta = Declaration::new(Path::new("acme/leeds/Filler/Speed").unwrap(), ValueType::F64);
        meta.unit = "/min".into();
        let bytes = metric(&meta, Time(5), status, &value)?;
        let body = request(&head("acme/leeds"), [bytes.as_slice(), bytes.as_slice()].into_iter());
        let read = ExportMetricsServiceRequest::decode(body).unwrap();
        let of = &read.resource_metrics[0];
        assert_eq!(of.resource.as_ref().unwrap().attributes.len(), 3);
        let scope = &of.scope_metrics[0];
        assert_eq!((scope.scope.as_ref().unwrap().name.as_str(), scope.metrics.len()), ("ironbridge", 2));
        let Some(Data::Gauge(gauge)) = scope.metrics[1].data.clone() else { panic!("no gauge") };
        Some((scope.metrics[1].clone(), gauge.data_points[0].clone()))
    }

    #[test]
    fn a_sample_is_a_point_of_a_gauge() {
        let (metric, point) = sent(Value::F64(412.5), Status::GOOD).unwrap();
        assert_eq!((metric.name.as_str(), metric.unit.as_str()), ("plant.speed", "/min"));
        assert_eq!((point.value, point.flags, point.time_unix_nano), (Some(Number::AsDouble(412.5)), 0, 5));
        assert_eq!(point.attributes, [text("path", "acme/leeds/Filler/Speed"), text("quality", "Good")]);
        assert_eq!(sent(Value::Bool(true), Status::GOOD).unwrap().1.value, Some(Number::AsInt(1)));
        let large = sent(Value::U64(u64::MAX), Status::GOOD).unwrap().1.value;
        assert_eq!(large, Some(Number::AsDouble(u64::MAX as f64)));
    }

    #[test]
    fn a_bad_sample_has_no_value_and_text_is_no_metric() {
        let (_, point) = sent(Value::F64(1.0), Status::BAD_SENSOR_FAILURE).unwrap();
        assert_eq!((point.value, point.flags), (None, 1));
        assert_eq!(point.attributes[1], text("quality", "BadSensorFailure"));
        assert!(sent(Value::from("x"), Status::GOOD).is_none());
    }

    #[test]
    fn an_event_is_a_log_record() {
        let bytes = event(&nasty());
        let body = request(&head("acme/leeds"), std::iter::once(bytes.as_slice()));
        let read = ExportLogsServiceRequest::decode(body).unwrap();
        let record = &read.resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!(record.severity_number, SeverityNumber::Error as i32);
        assert_eq!(
            (record.severity_text.as_str(), record.event_name.as_str()),
            ("high", "ironbridge.finding")
        );
        assert_eq!(record.body, any(Any::StringValue(nasty().title)));
        assert!(record.attributes.contains(&text("id", "finding/IB-S7-003/17")));
    }
}
