//! Samples to messages. Topics and everything else that does not change are prepared once per point or per shape.

use super::json;
use super::template::{Part, PointWord, SampleWord, point_word};
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
    /// One object per device and scan: last segments as keys.
    FlatJson,
    /// One object per device and scan: nested as the folders of the points.
    NestedJson,
    /// One message per point, as the template says.
    Template(Vec<Part>),
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

/// One topic of a shape in flat or nested JSON.
struct Group {
    topic: Arc<str>,
    /// Rows of the shape, each with its `"key":` and its folders, nested ones in the order of their folders.
    rows: Box<[Row]>,
    keys: Vec<u8>,
}

/// One row of a group.
struct Row {
    row: u32,
    key: Range,
    /// Empty in flat JSON.
    folders: Box<[Box<str>]>,
}

type Range = std::ops::Range<usize>;
/// Rows of a shape with what is declared of their points.
type Members = Vec<(u32, Arc<Declaration>)>;

/// One sample with everything that is known about it.
struct Sample<'a> {
    value: &'a Value,
    status: Status,
    time: Time,
    position: Position,
    historical: bool,
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
            Format::FlatJson | Format::NestedJson => self.groups(&samples.batch.shape, feed).len(),
            _ => samples.len(),
        }
    }

    /// The `n`-th message of `samples`; `None` if it has nothing to say.
    pub fn message(&mut self, samples: &Samples, n: usize, feed: &Feed) -> Option<Rendered> {
        if matches!(self.format, Format::FlatJson | Format::NestedJson) {
            let groups = self.groups(&samples.batch.shape, feed);
            return flat(groups.get(n)?, samples);
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
            _ => object(&mut payload, sample, prepared),
        }
        Some(Rendered { topic: prepared.topic.clone(), payload, point, time: sample.time })
    }

    fn groups(&mut self, shape: &Shape, feed: &Feed) -> Arc<[Group]> {
        if let Some(groups) = self.shapes.get(&shape.id()) {
            return groups.clone();
        }
        if self.shapes.len() >= MAX_SHAPES {
            self.shapes.clear();
        }
        let groups: Arc<[Group]> = {
            let nested = self.format == Format::NestedJson;
            let name = |point: &Declaration| (self.naming)(&self.topic, point, &self.site);
            group(shape, &name, &self.site, nested, &|id| feed.meta(id)).into()
        };
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

/// The topics of a shape and the keys of its rows: the last segment, or the path below the site where two rows of one
/// topic would have the same.
fn group(
    shape: &Shape,
    name: &dyn Fn(&Declaration) -> String,
    site: &Path,
    nested: bool,
    meta: &dyn Fn(PointId) -> Option<Arc<Declaration>>,
) -> Vec<Group> {
    let mut topics: Vec<(Arc<str>, Members)> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for (row, id) in shape.points().iter().enumerate() {
        let (Some(declaration), Ok(row)) = (meta(*id), u32::try_from(row)) else { continue };
        let topic: Arc<str> = name(&declaration).into();
        let place = *places.entry(topic.clone()).or_insert_with(|| {
            topics.push((topic, Vec::new()));
            topics.len() - 1
        });
        if let Some((_, rows)) = topics.get_mut(place) {
            rows.push((row, declaration));
        }
    }
    let make = if nested { Group::nested } else { Group::flat };
    topics.into_iter().map(|(topic, rows)| make(topic, &rows, site)).collect()
}

impl Group {
    fn flat(topic: Arc<str>, members: &[(u32, Arc<Declaration>)], site: &Path) -> Self {
        let mut uses: HashMap<&str, u32> = HashMap::new();
        for (_, declaration) in members {
            *uses.entry(declaration.path.last()).or_default() += 1;
        }
        let (mut keys, mut rows) = (Vec::new(), Vec::with_capacity(members.len()));
        for (row, declaration) in members {
            let name = declaration.path.last();
            let alone = uses.get(name) == Some(&1) && !name.starts_with('_');
            let key =
                if alone { name } else { crate::north::below(declaration.path.as_str(), site.as_str()) };
            rows.push(Row { row: *row, key: keyed(&mut keys, key), folders: Box::default() });
        }
        Self { topic, rows: rows.into(), keys }
    }

    /// Keys are the last segments, in objects named as the folders below the topic (or below the site, where the
    /// topic is no folder of the point). A point that is a folder as well stands in it as `_value`.
    fn nested(topic: Arc<str>, members: &[(u32, Arc<Declaration>)], site: &Path) -> Self {
        let below_topic = |path: &str| -> Vec<Box<str>> {
            let inner = crate::north::below(path, &topic);
            let inner = if inner == path { crate::north::below(path, site.as_str()) } else { inner };
            inner.split('/').map(Box::from).collect()
        };
        let mut placed: Vec<(Vec<Box<str>>, u32)> =
            members.iter().map(|(row, declaration)| (below_topic(declaration.path.as_str()), *row)).collect();
        placed.sort_unstable();
        let (mut keys, mut rows) = (Vec::new(), Vec::with_capacity(placed.len()));
        let mut following = placed.iter().skip(1);
        for (segments, row) in &placed {
            let is_folder = following.next().is_some_and(|(next, _)| next.starts_with(segments));
            let (leaf, folders) = match segments.split_last() {
                Some((leaf, folders)) if !is_folder => (&**leaf, folders),
                _ => ("_value", segments.as_slice()),
            };
            rows.push(Row { row: *row, key: keyed(&mut keys, leaf), folders: folders.into() });
        }
        Self { topic, rows: rows.into(), keys }
    }
}

/// Writes `"key":` and says where it stands.
fn keyed(keys: &mut Vec<u8>, key: &str) -> Range {
    let from = keys.len();
    json::text(keys, key);
    keys.push(b':');
    from..keys.len()
}

/// Opens and closes the objects between one row and the next; in flat JSON nothing but commas.
#[derive(Default)]
struct Nest<'g> {
    open: Vec<&'g str>,
}

impl<'g> Nest<'g> {
    fn go_to(&mut self, out: &mut Vec<u8>, folders: &'g [Box<str>]) {
        let common = self.open.iter().zip(folders).take_while(|(a, b)| **a == &***b).count();
        self.close_to(out, common);
        for folder in folders.iter().skip(common) {
            self.comma(out);
            json::text(out, folder);
            out.extend_from_slice(b":{");
            self.open.push(folder);
        }
        self.comma(out);
    }

    fn comma(&self, out: &mut Vec<u8>) {
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
    }

    fn close_to(&mut self, out: &mut Vec<u8>, depth: usize) {
        while self.open.len() > depth {
            self.open.pop();
            out.push(b'}');
        }
    }

    /// The name of a row for `_quality`: its folders and its key.
    fn name(&self, out: &mut Vec<u8>, key: &[u8]) {
        let key = key.strip_suffix(b":").unwrap_or(key);
        out.push(b'"');
        for folder in &self.open {
            json::escaped(out, folder);
            out.push(b'/');
        }
        out.extend_from_slice(key.strip_prefix(b"\"").unwrap_or(key));
        out.push(b':');
    }
}

/// `{"_time":1767225600123,"speed":600,"level":null,"_quality":{"level":"BadSensorFailure"},"_historical":true}`; the
/// last two only where there is something to say.
fn flat(group: &Group, samples: &Samples) -> Option<Rendered> {
    let batch = &samples.batch;
    let chosen = match &samples.rows {
        crate::north::Rows::All => None,
        crate::north::Rows::Some(rows) => Some(rows),
    };
    let mut payload = Vec::with_capacity(40 + group.keys.len() + group.rows.len() * 12);
    let mut doubtful: Vec<u8> = Vec::new();
    let mut first = None;
    let mut nest = Nest::default();
    for member in &group.rows {
        if chosen.is_some_and(|rows| rows.binary_search(&member.row).is_err()) {
            continue;
        }
        let row = member.row as usize;
        let (Some(value), Some(key)) = (batch.values.get(row), group.keys.get(member.key.clone())) else {
            continue;
        };
        if first.is_none() {
            let time = batch.time.get(row).unwrap_or(batch.received);
            first = batch.shape.points().get(row).map(|point| (*point, time));
            payload.extend_from_slice(b"{\"_time\":");
            json::millis(&mut payload, time);
        }
        let status = batch.status.get(row).unwrap_or(Status::BAD);
        nest.go_to(&mut payload, &member.folders);
        payload.extend_from_slice(key);
        json::value(&mut payload, if status.is_bad() { &Value::None } else { value });
        if status != Status::GOOD {
            doubtful.push(if doubtful.is_empty() { b'{' } else { b',' });
            nest.name(&mut doubtful, key);
            doubtful.push(b'"');
            doubtful.extend_from_slice(status.name().as_bytes());
            doubtful.push(b'"');
        }
    }
    let (point, time) = first?;
    nest.close_to(&mut payload, 0);
    if !doubtful.is_empty() {
        payload.extend_from_slice(b",\"_quality\":");
        payload.extend_from_slice(&doubtful);
        payload.push(b'}');
    }
    if samples.historical {
        payload.extend_from_slice(b",\"_historical\":true");
    }
    payload.push(b'}');
    Some(Rendered { topic: group.topic.clone(), payload, point, time })
}

#[cfg(test)]
mod tests {
    use super::super::template::{parse, topic};
    use super::*;
    use crate::north::Rows;
    use model::{Batch, Each, ValueType};
    use serde_json::{Value as Json, json};

    fn declaration(path: &str) -> Arc<Declaration> {
        let mut point = Declaration::new(Path::new(path).unwrap(), ValueType::F64);
        point.unit = "m\"/s".into();
        point.states = [(1, "Run".to_owned())].into();
        point.device = "filler".into();
        Arc::new(point)
    }

    fn meta(id: PointId) -> Option<Arc<Declaration>> {
        let paths = ["a/b/line/x", "a/b/line/y", "a/b/line/axis/x", "a/b/line/_z"];
        paths.get(id.index()).map(|path| declaration(path))
    }

    fn samples(rows: Rows, historical: bool) -> Samples {
        let shape = Shape::new(vec![PointId(0), PointId(1), PointId(2), PointId(3)]);
        let status = vec![Status::GOOD, Status::BAD_SENSOR_FAILURE, Status::UNCERTAIN, Status::GOOD];
        let values = vec![Value::I64(1), Value::I64(2), Value::F64(3.5), Value::Bool(true)];
        let batch = Arc::new(Batch::polled(shape, Time(1_500_000), Each::Rows(status.into()), values));
        Samples { position: Position::new(1, 7), batch, rows, historical }
    }

    fn flat_of(template: &str, samples: &Samples) -> Vec<(String, Json)> {
        objects_of(template, samples, false)
    }

    fn objects_of(template: &str, samples: &Samples, nested: bool) -> Vec<(String, Json)> {
        let site = Path::new("a/b").unwrap();
        let parts = parse(template, false).unwrap();
        let name = |point: &Declaration| topic(&parts, point, &site);
        let groups = group(&samples.batch.shape, &name, &site, nested, &meta);
        let all = groups.iter().filter_map(|group| flat(group, samples));
        all.map(|m| (m.topic.to_string(), serde_json::from_slice(&m.payload).unwrap())).collect()
    }

    #[test]
    fn flat_json_by_parent_and_by_device() {
        assert_eq!(
            flat_of("{parent}", &samples(Rows::All, false)),
            vec![
                (
                    "a/b/line".into(),
                    json!({"_time": 1.5, "x": 1, "y": null, "line/_z": true, "_quality": {"y": "BadSensorFailure"}})
                ),
                ("a/b/line/axis".into(), json!({"_time": 1.5, "x": 3.5, "_quality": {"x": "Uncertain"}})),
            ]
        );
        let by_device = flat_of("{device}", &samples(Rows::Some(vec![0, 2].into()), true));
        let expected = json!({"_time": 1.5, "line/x": 1, "line/axis/x": 3.5,
            "_quality": {"line/axis/x": "Uncertain"}, "_historical": true});
        assert_eq!(by_device, vec![("filler".into(), expected)]);
        assert_eq!(flat_of("{parent}", &samples(Rows::Some(vec![2].into()), false)).len(), 1);
    }

    #[test]
    fn nested_json_follows_the_folders() {
        let expected = json!({"_time": 1.5, "line": {"_z": true, "axis": {"x": 3.5}, "x": 1, "y": null},
            "_quality": {"line/axis/x": "Uncertain", "line/y": "BadSensorFailure"}});
        assert_eq!(
            objects_of("{enterprise}/{site}", &samples(Rows::All, false), true),
            vec![("a/b".into(), expected)]
        );
        let some = objects_of("x/{device}", &samples(Rows::Some(vec![0, 2].into()), true), true);
        let expected = json!({"_time": 1.5, "line": {"axis": {"x": 3.5}, "x": 1},
            "_quality": {"line/axis/x": "Uncertain"}, "_historical": true});
        assert_eq!(some, vec![("x/filler".into(), expected)]);
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
