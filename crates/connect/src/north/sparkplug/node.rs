//! The edge node: births, data, deaths, aliases and sequence numbers. Pure: samples in, messages out.
//!
//! ```text
//!  NBIRTH seq 0 ─▶ DBIRTH of each living device ─▶ DDATA, NDATA ... ─▶ DDEATH when all of a device's points are lost
//! ```
//! Rationale: births are made of what this stream has said so far, not of the namespace's newest values, so that no
//! host sees a value before an older one.

use crate::mqtt::sparkplug::{
    BD_SEQ, Metric, MetricValue, Payload, Property, PropertySet, REBIRTH, ROOT, datatype, stamp,
};
use crate::north::payload::metric::{add, encode, is_lost, quality_set, type_of};
use crate::north::{Current, Samples, below};
use model::point::Last;
use model::{Access, Declaration, Path, PointId, Position, Status, Time, Value};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

mod template;

use crate::kind::Models;
use template::Seat;

/// Most metrics of one data message; births cannot be split.
const MAX_METRICS: usize = 2_000;
/// Most bytes of metrics in one data message, unless a single one is larger.
const MAX_BYTES: usize = 64 * 1024;

/// A message to publish with QoS 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Out {
    /// Topic.
    pub topic: String,
    /// Encoded payload.
    pub payload: Vec<u8>,
}

/// Who the node is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Group id.
    pub group: String,
    /// Edge node id.
    pub node: String,
    /// `enterprise/site`: metric names are paths below it.
    pub site: Path,
}

impl Identity {
    /// Topic of a message of the node.
    pub fn topic(&self, kind: &str) -> String {
        format!("{ROOT}/{}/{kind}/{}", self.group, self.node)
    }

    fn device_topic(&self, kind: &str, device: &str) -> String {
        format!("{ROOT}/{}/{kind}/{}/{device}", self.group, self.node)
    }
}

/// The id of the device that a point belongs to; `None`: the node itself.
pub fn device_of(declaration: &Declaration) -> Option<String> {
    if declaration.device.is_empty() {
        return None;
    }
    let id = format!("{}.{}", declaration.connection, declaration.device);
    Some(id.trim_matches('.').chars().map(|c| if matches!(c, '+' | '#' | '/') { '_' } else { c }).collect())
}

/// Payload of NDEATH: the will, and what is published before an orderly end.
pub fn death(bd_seq: u64, now: Time) -> Vec<u8> {
    let payload =
        Payload { timestamp: Some(stamp(now)), metrics: vec![bd_seq_metric(bd_seq, now)], seq: None };
    payload.encode_to_vec()
}

struct Place {
    device: Option<String>,
    declaration: Arc<Declaration>,
    /// Of which asset it is a member, where assets are told as templates.
    seat: Option<Seat>,
    /// What this stream has said.
    last: Last,
}

#[derive(Default)]
struct Device {
    points: BTreeSet<PointId>,
    /// Points whose device does not answer.
    lost: usize,
    born: bool,
    /// Born only because history of it had to be sent; dies again after that.
    borrowed: bool,
}

impl Device {
    fn alive(&self) -> bool {
        self.lost < self.points.len()
    }
}

/// See the module.
pub struct Node {
    identity: Identity,
    seq: u8,
    bd_seq: u64,
    places: HashMap<PointId, Place>,
    devices: BTreeMap<String, Device>,
    models: Arc<Models>,
}

impl Node {
    /// A node that has said nothing yet, with the birth and death number of its session. Points of assets of `models` are
    /// told as members of templates.
    pub fn new(identity: Identity, models: Arc<Models>, bd_seq: u64) -> Self {
        Self { identity, models, seq: 0, bd_seq, places: HashMap::new(), devices: BTreeMap::new() }
    }

    /// Takes in which points there are. What this stream has said of a point stays; of a new one, what is newer than
    /// `after` is left to the samples that follow. Returns the devices whose metrics changed; `None` among them stands
    /// for the node.
    pub fn refresh(&mut self, currents: Vec<Current>, after: Position) -> BTreeSet<Option<String>> {
        let mut changed = BTreeSet::new();
        let mut gone: BTreeSet<PointId> = self.places.keys().copied().collect();
        for current in currents {
            gone.remove(&current.point);
            let device = device_of(&current.declaration);
            match self.places.get_mut(&current.point) {
                Some(place) if Arc::ptr_eq(&place.declaration, &current.declaration) => {}
                Some(place) => {
                    if *place.declaration != *current.declaration {
                        changed.extend([place.device.clone(), device.clone()]);
                    }
                    place.seat = Seat::of(&self.models, &current.declaration.path, &self.identity.site);
                    (place.device, place.declaration) = (device, current.declaration);
                }
                None => {
                    changed.insert(device.clone());
                    let last = if current.last.position > after { Last::WAITING } else { current.last };
                    let seat = Seat::of(&self.models, &current.declaration.path, &self.identity.site);
                    let place = Place { device, seat, declaration: current.declaration, last };
                    self.places.insert(current.point, place);
                }
            }
        }
        changed.extend(gone.iter().filter_map(|point| self.places.remove(point)).map(|place| place.device));
        self.count();
        changed
    }

    /// Sorts points to devices anew.
    fn count(&mut self) {
        for device in self.devices.values_mut() {
            device.points.clear();
            device.lost = 0;
        }
        for (point, place) in &self.places {
            let Some(id) = &place.device else { continue };
            let device = self.devices.entry(id.clone()).or_default();
            device.points.insert(*point);
            device.lost += usize::from(is_lost(place.last.status));
        }
    }

    /// NBIRTH and the DBIRTH of each living device.
    pub fn birth(&mut self, now: Time) -> Vec<Out> {
        self.seq = 0;
        let mut metrics = vec![
            bd_seq_metric(self.bd_seq, now),
            Metric {
                name: Some(REBIRTH.into()),
                timestamp: Some(stamp(now)),
                datatype: Some(datatype::BOOLEAN),
                value: Some(MetricValue::Boolean(false)),
                ..Metric::default()
            },
        ];
        let mut own: Vec<PointId> =
            self.places.iter().filter(|(_, place)| place.device.is_none()).map(|(point, _)| *point).collect();
        own.sort_unstable();
        metrics.extend(template::definitions(&self.models, &self.identity.site, now));
        metrics.extend(self.birth_metrics(&own));
        let mut all = vec![self.out(self.identity.topic("NBIRTH"), metrics, now)];
        let ids: Vec<String> = self.devices.keys().cloned().collect();
        for id in ids {
            let alive = self.devices.get(&id).is_some_and(|device| device.alive() || device.borrowed);
            if let Some(device) = self.devices.get_mut(&id) {
                device.born = false;
            }
            if alive {
                all.extend(self.device_birth(&id, now));
            }
        }
        all
    }

    /// What has to be said after [`Node::refresh`] returned `changed`.
    pub fn changed(&mut self, changed: &BTreeSet<Option<String>>, now: Time) -> Vec<Out> {
        if changed.contains(&None) {
            return self.birth(now);
        }
        let mut all = Vec::new();
        for id in changed.iter().flatten() {
            let Some(device) = self.devices.get(id) else { continue };
            let (born, alive) = (device.born, device.alive());
            if alive {
                all.extend(self.device_birth(id, now));
            } else if born {
                all.extend(self.device_death(id, now));
            }
        }
        all
    }

    fn device_birth(&mut self, id: &str, now: Time) -> Option<Out> {
        let device = self.devices.get_mut(id)?;
        device.born = true;
        let points: Vec<PointId> = device.points.iter().copied().collect();
        let metrics = self.birth_metrics(&points);
        Some(self.out(self.identity.device_topic("DBIRTH", id), metrics, now))
    }

    fn device_death(&mut self, id: &str, now: Time) -> Option<Out> {
        let device = self.devices.get_mut(id)?;
        (device.born, device.borrowed) = (false, false);
        Some(self.out(self.identity.device_topic("DDEATH", id), Vec::new(), now))
    }

    /// What `samples` mean for the host.
    pub fn data(&mut self, samples: &Samples, now: Time) -> Vec<Out> {
        let mut by_device: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
        for row in 0..samples.len() {
            let Some((point, ..)) = samples.get(row) else { continue };
            let Some(place) = self.places.get(&point) else { continue };
            match by_device.get_mut(&place.device) {
                Some(rows) => rows.push(row),
                None => {
                    by_device.insert(place.device.clone(), vec![row]);
                }
            }
        }
        let mut all = Vec::new();
        for (device, rows) in by_device {
            if samples.historical {
                self.history(device.as_deref(), samples, &rows, now, &mut all);
            } else {
                self.live(device.as_deref(), samples, &rows, now, &mut all);
            }
        }
        all
    }

    fn live(&mut self, id: Option<&str>, samples: &Samples, rows: &[usize], now: Time, all: &mut Vec<Out>) {
        for (point, time, status, value) in rows.iter().filter_map(|row| samples.get(*row)) {
            self.learn(point, time, status, value, samples);
        }
        let Some(id) = id else { return self.send(None, samples, rows, now, all) };
        let Some(device) = self.devices.get_mut(id) else { return };
        match (device.born, device.alive()) {
            (false, true) => all.extend(self.device_birth(id, now)), // its metrics have these values
            (true, true) => {
                device.borrowed = false;
                self.send(Some(id), samples, rows, now, all);
            }
            (true, false) if !device.borrowed => all.extend(self.device_death(id, now)),
            (_, false) => {}
        }
    }

    fn learn(&mut self, point: PointId, time: Time, status: Status, value: &Value, samples: &Samples) {
        let Some(place) = self.places.get_mut(&point) else { return };
        let (was, is) = (is_lost(place.last.status), is_lost(status));
        place.last.update(value, status, time, samples.batch.received, samples.position, false);
        if let Some(device) = place.device.as_ref().and_then(|id| self.devices.get_mut(id)) {
            device.lost = (device.lost + usize::from(is && !was)).saturating_sub(usize::from(was && !is));
        }
    }

    fn history(
        &mut self,
        id: Option<&str>,
        samples: &Samples,
        rows: &[usize],
        now: Time,
        all: &mut Vec<Out>,
    ) {
        if let Some(id) = id
            && self.devices.get(id).is_some_and(|device| !device.born)
        {
            all.extend(self.device_birth(id, now));
            if let Some(device) = self.devices.get_mut(id) {
                device.borrowed = true;
            }
        }
        self.send(id, samples, rows, now, all);
    }

    /// All history is sent: devices that were born only for it die again.
    pub fn history_over(&mut self, now: Time) -> Vec<Out> {
        let borrowed: Vec<String> =
            self.devices.iter().filter(|(_, device)| device.borrowed).map(|(id, _)| id.clone()).collect();
        borrowed.iter().filter_map(|id| self.device_death(id, now)).collect()
    }

    fn send(&mut self, id: Option<&str>, samples: &Samples, rows: &[usize], now: Time, all: &mut Vec<Out>) {
        let topic = match id {
            Some(id) => self.identity.device_topic("DDATA", id),
            None => self.identity.topic("NDATA"),
        };
        let whole = self.data_metrics(samples, rows);
        let (mut metrics, mut size) = (Vec::new(), 0);
        for metric in whole {
            let more = metric.encoded_len();
            if !metrics.is_empty() && (metrics.len() >= MAX_METRICS || size + more > MAX_BYTES) {
                all.push(self.out(topic.clone(), std::mem::take(&mut metrics), now));
                size = 0;
            }
            size += more;
            metrics.push(metric);
        }
        if !metrics.is_empty() {
            all.push(self.out(topic, metrics, now));
        }
    }

    /// A bad sample keeps the last value, unless it tells of the past.
    fn told<'v>(&self, place: &'v Place, samples: &Samples, status: Status, value: &'v Value) -> &'v Value {
        let kept = !samples.historical && (status.is_bad() || *value == Value::None);
        if kept { &place.last.value } else { value }
    }

    fn data_metric(&self, samples: &Samples, row: usize) -> Option<(Metric, &Place)> {
        let (point, time, status, value) = samples.get(row)?;
        let place = self.places.get(&point)?;
        let value = encode(self.told(place, samples, status, value), place.declaration.value_type);
        let metric = Metric {
            alias: Some(alias(point)),
            timestamp: Some(stamp(time)),
            datatype: Some(type_of(place.declaration.value_type)),
            is_historical: samples.historical.then_some(true),
            is_null: value.is_none().then_some(true),
            properties: (!status.is_good()).then(|| quality_set(status)),
            value,
            ..Metric::default()
        };
        Some((metric, place))
    }

    fn birth_metric(&self, point: PointId) -> Option<Metric> {
        let place = self.places.get(&point)?;
        let declaration = &place.declaration;
        let value = encode(&place.last.value, declaration.value_type);
        Some(Metric {
            name: Some(below(declaration.path.as_str(), self.identity.site.as_str()).into()),
            alias: Some(alias(point)),
            timestamp: Some(stamp(place.last.time)),
            datatype: Some(type_of(declaration.value_type)),
            is_null: value.is_none().then_some(true),
            properties: Some(describe(declaration, place.last.status)),
            value,
            ..Metric::default()
        })
    }

    fn out(&mut self, topic: String, metrics: Vec<Metric>, now: Time) -> Out {
        let payload = Payload { timestamp: Some(stamp(now)), metrics, seq: Some(u64::from(self.seq)) };
        self.seq = self.seq.wrapping_add(1);
        Out { topic, payload: payload.encode_to_vec() }
    }

    /// The point of an alias or of a metric's name, if the node has it, and the device it belongs to.
    pub fn find(
        &self,
        alias: Option<u64>,
        name: Option<&str>,
    ) -> Option<(PointId, &Declaration, Option<&str>)> {
        let by_alias = || Some(PointId(u32::try_from(alias?).ok()?));
        let by_name = || {
            let name = name.filter(|name| !name.is_empty())?;
            let named = |place: &Place| {
                below(place.declaration.path.as_str(), self.identity.site.as_str()).eq_ignore_ascii_case(name)
            };
            self.places.iter().find(|(_, place)| named(place)).map(|(point, _)| *point)
        };
        let point = by_alias().filter(|point| self.places.contains_key(point)).or_else(by_name)?;
        let place = self.places.get(&point)?;
        Some((point, &*place.declaration, place.device.as_deref()))
    }
}

/// The point's permanent number: it never means another point, not even after a restart.
fn alias(point: PointId) -> u64 {
    u64::from(point.0)
}

fn bd_seq_metric(bd_seq: u64, now: Time) -> Metric {
    Metric {
        name: Some(BD_SEQ.into()),
        timestamp: Some(stamp(now)),
        datatype: Some(datatype::INT64),
        value: Some(MetricValue::Long(bd_seq)),
        ..Metric::default()
    }
}

fn describe(declaration: &Declaration, status: Status) -> PropertySet {
    let mut set = quality_set(status);
    if !declaration.unit.is_empty() {
        add(&mut set, "engUnit", datatype::STRING, Property::Text(declaration.unit.clone()));
    }
    if let Some((low, high)) = declaration.range {
        add(&mut set, "engLow", datatype::DOUBLE, Property::Double(low));
        add(&mut set, "engHigh", datatype::DOUBLE, Property::Double(high));
    }
    let read_only = declaration.access == Access::Read;
    add(&mut set, "readOnly", datatype::BOOLEAN, Property::Boolean(read_only));
    if !declaration.name.is_empty() {
        add(&mut set, "displayName", datatype::STRING, Property::Text(declaration.name.clone()));
    }
    if !declaration.description.is_empty() {
        add(&mut set, "documentation", datatype::STRING, Property::Text(declaration.description.clone()));
    }
    if !declaration.states.is_empty() {
        let states = serde_json::to_string(&declaration.states).unwrap_or_default();
        add(&mut set, "states", datatype::STRING, Property::Text(states));
    }
    set
}

#[cfg(test)]
mod tests;
