//! Samples to messages. Topics and everything else that does not change are prepared once per point or per shape.

use super::scan::{Group, Scan, Topics, group};
use super::template::{Part, PointWord, SampleWord, point_word};
use super::{avro, json, protobuf};
use crate::north::{Feed, Samples};
use model::{Declaration, Path, PointId, Position, Shape, Status, Time, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Most shapes that are remembered; beyond it the memory starts anew (it is only a cache).
const MAX_SHAPES: usize = 16_384;

/// How a sample becomes a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// One object per point: value, quality, time, unit, seq, historical.
    Json,
    /// One message per point, as the template says.
    Template(Vec<Part>),
    /// One Avro record per point.
    Avro,
    /// One Protocol Buffers message per point.
    Protobuf,
    /// One message per device and scan.
    Scan(Scan),
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Where it goes.
    pub topic: Arc<str>,
    /// What it says.
    pub payload: Vec<u8>,
    /// What it is about: a point, or the first of several.
    pub point: PointId,
    /// The time of that point's sample.
    pub time: Time,
}

/// Topic and unchanging parts of one point.
struct Prepared {
    topic: Arc<str>,
    declaration: Arc<Declaration>,
    /// `,"unit":"bar"` or nothing, with the comma.
    unit: Vec<u8>,
}

/// One sample with everything that is known about it.
pub(super) struct Sample<'a> {
    pub(super) value: &'a Value,
    pub(super) status: Status,
    pub(super) time: Time,
    pub(super) position: Position,
    pub(super) historical: bool,
}

/// How a topic is made of a point: [`super::template::topic`] or [`super::template::subject`].
pub type Naming = fn(&[Part], &Declaration, &Path) -> String;

/// Prepares and writes messages of one destination.
pub struct Renderer {
    format: Format,
    topic: Vec<Part>,
    naming: Naming,
    site: Path,
    points: HashMap<PointId, Option<Prepared>>,
    shapes: HashMap<u32, Arc<[Group]>>,
}

impl Renderer {
    /// Nothing is prepared yet.
    pub fn new(format: Format, topic: Vec<Part>, naming: Naming, site: Path) -> Self {
        Self { format, topic, naming, site, points: HashMap::new(), shapes: HashMap::new() }
    }

    /// Declarations have changed.
    pub fn forget(&mut self) {
        self.points.clear();
        self.shapes.clear();
    }

    /// How many messages at most become of `samples`.
    pub fn messages(&mut self, samples: &Samples, feed: &Feed) -> usize {
        match self.format {
            Format::Scan(scan) => self.groups(&samples.batch.shape, scan, feed).len(),
            _ => samples.len(),
        }
    }

    /// The `n`-th message of `samples`; `None` if it has nothing to say.
    pub fn message(&mut self, samples: &Samples, n: usize, feed: &Feed) -> Option<Rendered> {
        if let Format::Scan(scan) = self.format {
            let groups = self.groups(&samples.batch.shape, scan, feed);
            return groups.get(n)?.message(samples, scan);
        }
        let (point, time, status, value) = samples.get(n)?;
        let known = match value {
            // Only the quality changed: the last value goes with it, while that is what is known now.
            Value::None if !samples.historical => feed.last(point).map(|last| last.value),
            _ => None,
        };
        let value = known.as_ref().unwrap_or(value);
        let sample =
            Sample { value, status, time, position: samples.position, historical: samples.historical };
        self.one(point, &sample, feed)
    }

    /// A point as it is now.
    pub fn current(&mut self, point: PointId, last: &model::point::Last, feed: &Feed) -> Option<Rendered> {
        let sample = Sample {
            value: &last.value,
            status: last.status,
            time: last.time,
            position: last.position,
            historical: false,
        };
        self.one(point, &sample, feed)
    }

    fn one(&mut self, point: PointId, sample: &Sample<'_>, feed: &Feed) -> Option<Rendered> {
        let (parts, naming, site) = (&self.topic, self.naming, &self.site);
        let prepared = self
            .points
            .entry(point)
            .or_insert_with(|| feed.meta(point).map(|meta| prepare(naming(parts, &meta, site), meta)));
        let prepared = prepared.as_ref()?;
        let mut payload = Vec::with_capacity(160);
        match &self.format {
            Format::Template(parts) => fill(&mut payload, parts, sample, &prepared.declaration, site),
            Format::Avro => avro::sample(&mut payload, sample, &prepared.declaration),
            Format::Protobuf => protobuf::sample(&mut payload, sample, &prepared.declaration),
            Format::Json | Format::Scan(_) => object(&mut payload, sample, prepared),
        }
        Some(Rendered { topic: prepared.topic.clone(), payload, point, time: sample.time })
    }

    fn groups(&mut self, shape: &Shape, scan: Scan, feed: &Feed) -> Arc<[Group]> {
        if let Some(groups) = self.shapes.get(&shape.id()) {
            return groups.clone();
        }
        if self.shapes.len() >= MAX_SHAPES {
            self.shapes.clear();
        }
        let topics = Topics { parts: &self.topic, naming: self.naming, site: &self.site };
        let groups: Arc<[Group]> = group(shape, &topics, scan, &|id| feed.meta(id)).into();
        self.shapes.insert(shape.id(), groups.clone());
        groups
    }
}

fn prepare(topic: String, declaration: Arc<Declaration>) -> Prepared {
    let mut unit = Vec::new();
    if !declaration.unit.is_empty() {
        unit.extend_from_slice(b",\"unit\":");
        json::text(&mut unit, &declaration.unit);
    }
    Prepared { topic: topic.into(), declaration, unit }
}

/// `{"value":1.5,"quality":"Good","time":1767225600123,"unit":"bar","seq":"17592186044417","historical":false}`
fn object(out: &mut Vec<u8>, sample: &Sample<'_>, prepared: &Prepared) {
    out.extend_from_slice(b"{\"value\":");
    json::value(out, sample.value);
    out.extend_from_slice(b",\"quality\":\"");
    out.extend_from_slice(sample.status.name().as_bytes());
    out.extend_from_slice(b"\",\"time\":");
    json::millis(out, sample.time);
    out.extend_from_slice(&prepared.unit);
    out.extend_from_slice(b",\"seq\":\"");
    json::integer(out, sample.position.as_i64());
    out.extend_from_slice(if sample.historical {
        b"\",\"historical\":true}"
    } else {
        b"\",\"historical\":false}"
    });
}

fn fill(out: &mut Vec<u8>, parts: &[Part], sample: &Sample<'_>, point: &Declaration, site: &Path) {
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Point(PointWord::Unit) => json::escaped(out, &point.unit),
            Part::Point(word) => json::escaped(out, &point_word(*word, point, site)),
            Part::Sample(word) => match word {
                SampleWord::Value => json::value(out, sample.value),
                SampleWord::Quality => out.extend_from_slice(sample.status.name().as_bytes()),
                SampleWord::Status => json::integer(out, i64::from(sample.status.0)),
                SampleWord::Time => json::millis(out, sample.time),
                SampleWord::TimeIso => out.extend_from_slice(sample.time.rfc3339().as_bytes()),
                SampleWord::Seq => json::integer(out, sample.position.as_i64()),
                SampleWord::Historical => {
                    out.extend_from_slice(if sample.historical { b"true" } else { b"false" })
                }
                SampleWord::State => json::escaped(out, point.state_of(sample.value).unwrap_or_default()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::parse;
    use super::*;
    use model::ValueType;
    use serde_json::{Value as Json, json};

    fn declaration(path: &str) -> Arc<Declaration> {
        let mut point = Declaration::new(Path::new(path).unwrap(), ValueType::F64);
        point.unit = "m\"/s".into();
        point.states = [(1, "Run".to_owned())].into();
        point.device = "filler".into();
        Arc::new(point)
    }

    #[test]
    fn one_object_and_one_template_per_point() {
        let site = Path::new("a/b").unwrap();
        let prepared = prepare("a/b/line/x".into(), declaration("a/b/line/x"));
        let value = Value::F64(1.0);
        let sample = Sample {
            value: &value,
            status: Status::GOOD,
            time: Time(2_000_000),
            position: Position::new(1, 7),
            historical: true,
        };
        let mut out = Vec::new();
        object(&mut out, &sample, &prepared);
        let read: Json = serde_json::from_slice(&out).unwrap();
        let seq = Position::new(1, 7).as_i64().to_string();
        assert_eq!(
            read,
            json!({"value": 1.0, "quality": "Good", "time": 2, "unit": "m\"/s", "seq": seq, "historical": true})
        );
        let parts = parse(
            "{\"v\":{value},\"s\":\"{state}\",\"u\":\"{unit}\",\"t\":\"{time_iso}\",\"n\":\"{name}\"}",
            true,
        )
        .unwrap();
        let mut out = Vec::new();
        fill(&mut out, &parts, &sample, &prepared.declaration, &site);
        let read: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            read,
            json!({"v": 1.0, "s": "Run", "u": "m\"/s", "t": "1970-01-01T00:00:00.002Z", "n": "x"})
        );
    }
}
