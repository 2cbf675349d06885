//! One message a device and scan: flat JSON, JSON nested by folders, or a Sparkplug payload. What does not change is
//! prepared once per shape.

use super::render::{Naming, Rendered};
use super::template::Part;
use super::{json, metric};
use crate::mqtt::sparkplug::{Metric, Payload, stamp};
use crate::north::{Rows, Samples, below};
use model::{Declaration, Path, PointId, Shape, Status, Time, Value};
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;

type Range = std::ops::Range<usize>;
/// Rows of a shape with what is declared of their points.
type Members = Vec<(u32, Arc<Declaration>)>;

/// How one message says several points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// Last segments as keys.
    Flat,
    /// Objects named as the folders.
    Nested,
    /// Metrics of a Sparkplug payload (6.4.1), each with its name: no births, no aliases, no sequence.
    Sparkplug,
}

/// One topic of a shape.
pub(super) struct Group {
    topic: Arc<str>,
    /// Rows of the shape, nested ones in the order of their folders.
    rows: Box<[Row]>,
    keys: Vec<u8>,
}

/// One row of a group.
struct Row {
    row: u32,
    /// Its `"key":`, or the name of its metric.
    key: Range,
    /// Only in nested JSON.
    folders: Box<[Box<str>]>,
    meta: Arc<Declaration>,
}

/// How topics are made: of parts, in the way of the far side.
pub(super) struct Topics<'a> {
    pub(super) parts: &'a [Part],
    pub(super) naming: Naming,
    pub(super) site: &'a Path,
}

impl Topics<'_> {
    pub(super) fn of(&self, point: &Declaration) -> String {
        (self.naming)(self.parts, point, self.site)
    }
}

/// The topics of a shape and the keys of its rows: the last segment, or the path below the site where two rows of one
/// topic would have the same.
pub(super) fn group(
    shape: &Shape,
    topics: &Topics<'_>,
    scan: Scan,
    meta: &dyn Fn(PointId) -> Option<Arc<Declaration>>,
) -> Vec<Group> {
    let mut found: Vec<(Arc<str>, Members)> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for (row, id) in shape.points().iter().enumerate() {
        let (Some(declaration), Ok(row)) = (meta(*id), u32::try_from(row)) else { continue };
        let topic: Arc<str> = topics.of(&declaration).into();
        let place = *places.entry(topic.clone()).or_insert_with(|| {
            found.push((topic, Vec::new()));
            found.len() - 1
        });
        if let Some((_, rows)) = found.get_mut(place) {
            rows.push((row, declaration));
        }
    }
    let make = match scan {
        Scan::Flat => Group::flat,
        Scan::Nested => Group::nested,
        Scan::Sparkplug => Group::sparkplug,
    };
    found.into_iter().map(|(topic, rows)| make(topic, rows, topics.site)).collect()
}

/// The folders of a point below its topic, or below the site where the topic is no folder of it.
pub(super) fn folders<'p>(path: &'p str, topic: &str, site: &Path) -> Vec<&'p str> {
    let inner = below(path, topic);
    let inner = if inner == path { below(path, site.as_str()) } else { inner };
    inner.split('/').collect()
}

impl Group {
    fn flat(topic: Arc<str>, members: Members, site: &Path) -> Self {
        let mut uses: HashMap<String, u32> = HashMap::new();
        for (_, declaration) in &members {
            *uses.entry(declaration.path.last().to_owned()).or_default() += 1;
        }
        let (mut keys, mut rows) = (Vec::new(), Vec::with_capacity(members.len()));
        for (row, meta) in members {
            let name = meta.path.last();
            let alone = uses.get(name) == Some(&1) && !name.starts_with('_');
            let key = if alone { name } else { below(meta.path.as_str(), site.as_str()) };
            rows.push(Row { row, key: keyed(&mut keys, key), folders: Box::default(), meta });
        }
        Self { topic, rows: rows.into(), keys }
    }

    /// Keys are the last segments, in objects named as the folders below the topic. A point that is a folder as well
    /// stands in it as `_value`.
    fn nested(topic: Arc<str>, members: Members, site: &Path) -> Self {
        let segments = |meta: &Declaration| -> Vec<Box<str>> {
            folders(meta.path.as_str(), &topic, site).into_iter().map(Box::from).collect()
        };
        let mut placed: Vec<_> =
            members.into_iter().map(|(row, meta)| (segments(&meta), row, meta)).collect();
        placed.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let (mut keys, mut rows) = (Vec::new(), Vec::with_capacity(placed.len()));
        let mut following = placed.iter().skip(1);
        for (segments, row, meta) in &placed {
            let is_folder = following.next().is_some_and(|(next, ..)| next.starts_with(segments));
            let (leaf, folders) = match segments.split_last() {
                Some((leaf, folders)) if !is_folder => (&**leaf, folders),
                _ => ("_value", segments.as_slice()),
            };
            let key = keyed(&mut keys, leaf);
            rows.push(Row { row: *row, key, folders: folders.into(), meta: meta.clone() });
        }
        Self { topic, rows: rows.into(), keys }
    }

    /// Names are the paths below the site.
    fn sparkplug(topic: Arc<str>, members: Members, site: &Path) -> Self {
        let (mut keys, mut rows) = (Vec::new(), Vec::with_capacity(members.len()));
        for (row, meta) in members {
            let from = keys.len();
            keys.extend_from_slice(below(meta.path.as_str(), site.as_str()).as_bytes());
            rows.push(Row { row, key: from..keys.len(), folders: Box::default(), meta });
        }
        Self { topic, rows: rows.into(), keys }
    }

    /// What `samples` bring of it: row, key, point, time, status, value.
    fn brought<'a>(
        &'a self,
        samples: &'a Samples,
    ) -> impl Iterator<Item = (&'a Row, &'a [u8], PointId, Time, Status, &'a Value)> {
        let batch = &samples.batch;
        let chosen = match &samples.rows {
            Rows::All => None,
            Rows::Some(rows) => Some(rows),
        };
        let wanted = move |member: &&Row| chosen.is_none_or(|rows| rows.binary_search(&member.row).is_ok());
        self.rows.iter().filter(wanted).filter_map(move |member| {
            let row = member.row as usize;
            let time = batch.time.get(row).unwrap_or(batch.received);
            let status = batch.status.get(row).unwrap_or(Status::BAD);
            let key = self.keys.get(member.key.clone())?;
            Some((member, key, *batch.shape.points().get(row)?, time, status, batch.values.get(row)?))
        })
    }

    /// The message that `samples` make of it; `None` if they have nothing for it.
    pub(super) fn message(&self, samples: &Samples, scan: Scan) -> Option<Rendered> {
        let (payload, point, time) = match scan {
            Scan::Flat | Scan::Nested => self.objects(samples)?,
            Scan::Sparkplug => self.metrics(samples)?,
        };
        Some(Rendered { topic: self.topic.clone(), payload, point, time })
    }

    /// `{"_time":1767225600123,"speed":600,"level":null,"_quality":{"level":"BadSensorFailure"},"_historical":true}`; the
    /// last two only where there is something to say.
    fn objects(&self, samples: &Samples) -> Option<(Vec<u8>, PointId, Time)> {
        let mut payload = Vec::with_capacity(40 + self.keys.len() + self.rows.len() * 12);
        let mut doubtful: Vec<u8> = Vec::new();
        let mut first = None;
        let mut nest = Nest::default();
        for (member, key, point, time, status, value) in self.brought(samples) {
            if first.is_none() {
                first = Some((point, time));
                payload.extend_from_slice(b"{\"_time\":");
                json::millis(&mut payload, time);
            }
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
        Some((payload, point, time))
    }

    fn metrics(&self, samples: &Samples) -> Option<(Vec<u8>, PointId, Time)> {
        let mut first = None;
        let mut metrics = Vec::with_capacity(self.rows.len());
        for (member, name, point, time, status, value) in self.brought(samples) {
            first = first.or(Some((point, time)));
            let value_type = member.meta.value_type;
            let value = if status.is_bad() { None } else { metric::encode(value, value_type) };
            metrics.push(Metric {
                name: Some(String::from_utf8_lossy(name).into_owned()),
                timestamp: Some(stamp(time)),
                datatype: Some(metric::type_of(value_type)),
                is_historical: samples.historical.then_some(true),
                is_null: value.is_none().then_some(true),
                properties: metric::properties(&member.meta.unit, status),
                value,
                ..Metric::default()
            });
        }
        let (point, time) = first?;
        let payload = Payload { timestamp: Some(stamp(time)), metrics, seq: None };
        Some((payload.encode_to_vec(), point, time))
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

#[cfg(test)]
mod tests {
    use super::super::template::{parse, topic};
    use super::*;
    use model::{Batch, Each, Position, ValueType};
    use serde_json::{Value as Json, json};

    fn declaration(path: &str) -> Arc<Declaration> {
        let mut point = Declaration::new(Path::new(path).unwrap(), ValueType::F64);
        point.unit = "m\"/s".into();
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

    fn rendered(template: &str, samples: &Samples, scan: Scan) -> Vec<Rendered> {
        let site = Path::new("a/b").unwrap();
        let parts = parse(template, false).unwrap();
        let topics = Topics { parts: &parts, naming: topic, site: &site };
        let groups = group(&samples.batch.shape, &topics, scan, &meta);
        groups.iter().filter_map(|group| group.message(samples, scan)).collect()
    }

    fn flat_of(template: &str, samples: &Samples) -> Vec<(String, Json)> {
        objects_of(template, samples, Scan::Flat)
    }

    fn objects_of(template: &str, samples: &Samples, scan: Scan) -> Vec<(String, Json)> {
        let all = rendered(template, samples, scan);
        all.iter().map(|m| (m.topic.to_string(), serde_json::from_slice(&m.payload).unwrap())).collect()
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
            objects_of("{enterprise}/{site}", &samples(Rows::All, false), Scan::Nested),
            vec![("a/b".into(), expected)]
        );
        let some = objects_of("x/{device}", &samples(Rows::Some(vec![0, 2].into()), true), Scan::Nested);
        let expected = json!({"_time": 1.5, "line": {"axis": {"x": 3.5}, "x": 1},
            "_quality": {"line/axis/x": "Uncertain"}, "_historical": true});
        assert_eq!(some, vec![("x/filler".into(), expected)]);
    }

    #[test]
    fn sparkplug_payloads_name_their_metrics() {
        let all = rendered("{device}", &samples(Rows::All, true), Scan::Sparkplug);
        assert_eq!((all.len(), &*all[0].topic), (1, "filler"));
        let payload = Payload::read(&all[0].payload, 10).unwrap();
        assert_eq!((payload.timestamp, payload.seq), (Some(1), None));
        let names: Vec<&str> = payload.metrics.iter().filter_map(|m| m.name.as_deref()).collect();
        assert_eq!(names, ["line/x", "line/y", "line/axis/x", "line/_z"]);
        let told = |n: usize| payload.metrics[n].value(ValueType::F64);
        assert_eq!((told(0), told(1), told(2)), (Some(Value::F64(1.0)), None, Some(Value::F64(3.5))));
        let text = |n: usize, key: &str| {
            let set = payload.metrics[n].properties.as_ref()?;
            set.text(key).map(str::to_owned)
        };
        assert_eq!(text(1, "Status"), Some("BadSensorFailure".into()));
        assert_eq!((text(0, "Status"), text(0, "engUnit")), (None, Some("m\"/s".into())));
        assert!(payload.metrics.iter().all(|metric| metric.is_historical == Some(true)));
    }
}
