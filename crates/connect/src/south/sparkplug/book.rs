//! Which metric is which point: written down as a tag, or made at a birth.

use super::host::{Born, Owner, Sample};
use crate::mqtt::sparkplug::{PropertySet, datatype};
use crate::south::link::Seat;
use crate::south::names;
use crate::south::tags::Scaling;
use model::{Declaration, Path, States, Status, Value, ValueType};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Longest text of a property that is taken over, in characters.
const MAX_TEXT: usize = 1_000;

/// A node or device that is written down.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its name in the configuration.
    pub name: String,
    /// Who it is.
    pub owner: Owner,
    /// Below which its points live.
    pub at: Path,
    /// Only its tags are taken in.
    pub only_tags: bool,
}

/// A metric that is written down.
#[derive(Clone, Debug)]
pub struct TagSpec {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// The type of what is sent.
    pub kind: ValueType,
    /// Its group and row.
    pub seat: Seat,
    /// How it becomes a value.
    pub scaling: Option<Box<Scaling>>,
}

/// A point that a birth made.
#[derive(Clone, Debug)]
struct Made {
    seat: Seat,
    declaration: Arc<Declaration>,
}

/// See the module.
pub struct Book {
    connection: String,
    /// Home of what is not written down; `None`: it is not taken in.
    root: Option<Path>,
    homes: Vec<Home>,
    devices: HashMap<Owner, usize>,
    tags: Vec<TagSpec>,
    by_name: HashMap<(Owner, String), usize>,
    /// Points that births made, by path without case.
    made: HashMap<String, Made>,
    /// Where each metric's values go, since the last birth.
    seats: HashMap<u32, (Seat, Option<usize>)>,
    metrics: HashMap<Seat, u32>,
}

/// What a birth asks for.
#[derive(Debug, Default)]
pub struct Wish {
    /// Metric and what is to be declared.
    pub fresh: Vec<(u32, Declaration)>,
    /// Metrics that have no place: their path is another's, or none.
    pub no_room: usize,
    /// Tags that the birth does not have.
    pub missing: Vec<Seat>,
}

impl Book {
    /// Everything that is written down.
    pub fn new(connection: &str, root: Option<Path>, homes: Vec<Home>, tags: Vec<TagSpec>) -> Self {
        let devices = homes.iter().enumerate().map(|(index, home)| (home.owner.clone(), index)).collect();
        let key = |tag: &TagSpec| (tag.owner.clone(), tag.name.clone());
        let by_name = tags.iter().enumerate().map(|(index, tag)| (key(tag), index)).collect();
        Self {
            connection: connection.into(),
            root,
            homes,
            devices,
            tags,
            by_name,
            made: HashMap::new(),
            seats: HashMap::new(),
            metrics: HashMap::new(),
        }
    }

    /// Every node and device known, in no order.
    pub fn owners(&self) -> impl Iterator<Item = (&Owner, usize)> {
        self.devices.iter().map(|(owner, device)| (owner, *device))
    }

    /// Index of its device.
    pub fn device(&self, owner: &Owner) -> Option<usize> {
        self.devices.get(owner).copied()
    }

    /// Whether it is taken in at all.
    pub fn takes(&self, owner: &Owner) -> bool {
        self.root.is_some() || self.devices.contains_key(owner)
    }

    /// Group and row of every tag.
    pub fn tag_seats(&self) -> impl Iterator<Item = Seat> {
        self.tags.iter().map(|tag| tag.seat)
    }

    /// Whether a device of the node is written down.
    pub fn takes_any_of(&self, node: &Owner) -> bool {
        self.devices.keys().any(|owner| owner.group == node.group && owner.node == node.node)
    }

    /// Whether a birth of the owner could make this point.
    pub fn would_make(&self, owner: &Owner, declaration: &Declaration) -> bool {
        let name = declaration.source.split_once(' ').map_or("", |(_, name)| name);
        let written = self.by_name.contains_key(&(owner.clone(), name.to_owned()));
        let path = self.home(owner).and_then(|home| home.join(&names::segments(name)).ok());
        !written && path.is_some_and(|path| path.folded() == declaration.path.folded())
    }

    /// A node or device that showed up has this index.
    pub fn add_device(&mut self, owner: Owner, device: usize) {
        self.devices.insert(owner, device);
    }

    /// Group and row of a sample's point, its value and its quality; `None` if no point reads it.
    pub fn value(&self, sample: &Sample) -> Option<(Seat, Value, Status)> {
        let (seat, tag) = self.seats.get(&sample.metric)?;
        let Some(tag) = tag.and_then(|tag| self.tags.get(tag)) else {
            return Some((*seat, sample.value.clone(), sample.status));
        };
        let (value, status) = worth(sample, tag);
        Some((*seat, value, status))
    }

    /// The metric of a point, and its scaling.
    pub fn metric(&self, seat: Seat) -> Option<(u32, Option<&Scaling>)> {
        let metric = *self.metrics.get(&seat)?;
        let (_, tag) = self.seats.get(&metric)?;
        Some((metric, tag.and_then(|tag| self.tags.get(tag)?.scaling.as_deref())))
    }

    /// The points of the metrics that are meant.
    pub fn seats_of(&self, meant: impl Fn(u32) -> bool) -> Vec<Seat> {
        self.seats.iter().filter(|(metric, _)| meant(**metric)).map(|(_, (seat, _))| *seat).collect()
    }

    /// What has to be declared for a birth; the places of metrics that are known are set at once.
    pub fn born(&mut self, owner: &Owner, metrics: &[Born]) -> Wish {
        let mut wish = Wish::default();
        let mut wanted: HashMap<String, u32> = HashMap::new();
        for born in metrics {
            let metric = born.sample.metric;
            if let Some(tag) = self.by_name.get(&(owner.clone(), born.name.to_string())).copied() {
                if let Some(spec) = self.tags.get(tag) {
                    self.place(metric, spec.seat, Some(tag));
                }
                continue;
            }
            let Some(home) = self.home(owner) else { continue };
            let Some(declaration) = self.declaration(owner, &home, born) else {
                wish.no_room += 1;
                continue;
            };
            let key = declaration.path.folded();
            let known = self.made.get(&key).cloned();
            match known {
                // Another metric has the path, perhaps in another case.
                Some(made) if made.declaration.source != declaration.source => wish.no_room += 1,
                Some(made) if *made.declaration == declaration => self.place(metric, made.seat, None),
                _ if wanted.insert(key, metric).is_some() => wish.no_room += 1,
                _ => wish.fresh.push((metric, declaration)),
            }
        }
        let tags = self.tags.iter().filter(|tag| tag.owner == *owner);
        let names: HashSet<&str> = metrics.iter().map(|born| &*born.name).collect();
        let born = |tag: &&TagSpec| names.contains(tag.name.as_str());
        wish.missing = tags.filter(|tag| !born(tag)).map(|tag| tag.seat).collect();
        wish
    }

    /// Points were declared for a birth; `None` where another connection has the path.
    pub fn made(&mut self, fresh: Vec<(u32, Declaration)>, seats: &[Option<Seat>]) {
        for ((metric, declaration), seat) in fresh.into_iter().zip(seats) {
            let Some(seat) = *seat else { continue };
            self.made.insert(declaration.path.folded(), Made { seat, declaration: Arc::new(declaration) });
            self.place(metric, seat, None);
        }
    }

    /// A point that an earlier start knew.
    pub fn recalled(&mut self, declaration: &Arc<Declaration>, seat: Seat) {
        self.made.insert(declaration.path.folded(), Made { seat, declaration: declaration.clone() });
    }

    /// Metrics that their birth does not have any more. Returns the points that were made for them.
    pub fn gone(&mut self, metrics: &[u32]) -> Vec<Seat> {
        let mut seats = Vec::new();
        for metric in metrics {
            let Some((seat, tag)) = self.seats.remove(metric) else { continue };
            self.metrics.remove(&seat);
            if tag.is_none() {
                seats.push(seat);
                self.made.retain(|_, made| made.seat != seat);
            }
        }
        seats
    }

    fn place(&mut self, metric: u32, seat: Seat, tag: Option<usize>) {
        self.seats.insert(metric, (seat, tag));
        self.metrics.insert(seat, metric);
    }

    /// Below which the metrics of an owner appear; `None` if only its tags are taken in.
    fn home(&self, owner: &Owner) -> Option<Path> {
        if let Some(home) = self.homes.iter().find(|home| home.owner == *owner) {
            return (!home.only_tags).then(|| home.at.clone());
        }
        let ids = [Some(&owner.group), Some(&owner.node), owner.device.as_ref()];
        let below: Vec<String> = ids.into_iter().flatten().map(|id| names::segment(id)).collect();
        self.root.as_ref()?.join(&below.join("/")).ok()
    }

    fn declaration(&self, owner: &Owner, home: &Path, born: &Born) -> Option<Declaration> {
        let path = home.join(&names::segments(&born.name)).ok()?;
        let mut declaration = Declaration::new(path, born.value_type);
        let says = &born.properties;
        let text = |key| says.text(key).map(shorten).unwrap_or_default();
        declaration.unit = text("engUnit");
        declaration.description = text("documentation");
        declaration.name = text("displayName");
        if declaration.name.is_empty() && *born.name != *declaration.path.last() {
            let last = born.name.rsplit('/').next().unwrap_or_default();
            if last != declaration.path.last() {
                declaration.name = shorten(last);
            }
        }
        if born.datatype == datatype::DATE_TIME && declaration.unit.is_empty() {
            declaration.unit = "ms".into();
        }
        declaration.range = range(says);
        declaration.states = states(says);
        declaration.connection = self.connection.clone();
        let index = self.devices.get(owner);
        let written = index.and_then(|index| self.homes.get(*index)).filter(|home| home.owner == *owner);
        declaration.device = written.map_or_else(|| device_name(owner), |home| home.name.clone());
        declaration.source = format!("{owner} {}", born.name);
        Some(declaration)
    }
}

/// What a node or device that is not written down is called.
pub fn device_name(owner: &Owner) -> String {
    let ids = [Some(&owner.group), Some(&owner.node), owner.device.as_ref()];
    ids.into_iter().flatten().map(|id| &**id).collect::<Vec<_>>().join(".")
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn range(says: &PropertySet) -> Option<(f64, f64)> {
    let (low, high) = says.number("engLow").zip(says.number("engHigh"))?;
    (low.is_finite() && high.is_finite() && low < high).then_some((low, high))
}

/// Names of values, as an Ironbridge that is a node says them.
fn states(says: &PropertySet) -> States {
    let text = says.text("states").unwrap_or_default();
    serde_json::from_str::<BTreeMap<i64, String>>(text)
        .unwrap_or_default()
        .into_iter()
        .take(MAX_TEXT)
        .collect()
}

/// The value and quality of a sample for the point of a tag: in the tag's type, scaled.
fn worth(sample: &Sample, tag: &TagSpec) -> (Value, Status) {
    let value = sample.value.clone();
    let fits = match (&value, tag.kind) {
        (Value::None, _) => return (value, sample.status),
        (_, wanted) if value.value_type() == Some(wanted) => Some(value),
        (Value::I64(_) | Value::U64(_), ValueType::F64) => value.as_f64().map(Value::F64),
        (Value::F64(_) | Value::U64(_), ValueType::I64) => value.as_i64().map(Value::I64),
        (Value::F64(_) | Value::I64(_), ValueType::U64) => {
            value.as_i64().and_then(|v| u64::try_from(v).ok()).map(Value::U64)
        }
        _ => None,
    };
    let Some(value) = fits else { return (Value::None, Status::BAD_DECODING_ERROR) };
    match &tag.scaling {
        Some(scaling) => {
            let (value, limits) = scaling.apply(value);
            (value, if limits.is_bad() { limits } else { sample.status })
        }
        None => (value, sample.status),
    }
}
