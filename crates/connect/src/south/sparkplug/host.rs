//! What a host knows of edge nodes: births, aliases, sequence numbers, deaths. Pure: messages in, news out.
//!
//! ```text
//!  NBIRTH ─▶ known ─ NDATA, DDATA in sequence ─▶ samples
//!              │         └─ a number is missing ─▶ unsure ─ NCMD rebirth ─▶ NBIRTH
//!              └─ NDEATH with the birth's bdSeq ─▶ died, with all its devices
//! ```
//! Rationale: after a gap the missed message may have been a birth that gave an alias to another metric. So nothing of
//! the node is believed until it is born again: a missing value is visible, a value at the wrong point is not.

mod decode;
mod news;

pub use news::{Born, Ignored, Limits, News, Owner, Sample};

use crate::mqtt::sparkplug::{BD_SEQ, Kind, Payload, REBIRTH, Topic, datatype};
use decode::{bd_seq, sample};
use model::ValueType;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Most metrics of one message.
pub const MAX_METRICS: usize = 50_000;
/// Longest name of a metric, in bytes.
const MAX_NAME: usize = 512;
/// First and longest wait between requests for the birth of a node.
const ASK_FIRST: Duration = Duration::from_secs(5);
const ASK_MOST: Duration = Duration::from_secs(60);
/// How long births may take that are expected.
const BIRTHS: Duration = Duration::from_secs(10);

/// What is known of a metric.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: Arc<str>,
    /// Its alias, since the last birth.
    pub alias: Option<u64>,
    /// Its data type.
    pub datatype: u32,
    value_type: ValueType,
}

/// Whether a node or a device lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    /// Not born, or dead.
    #[default]
    Dead,
    /// Was alive and has to be born again.
    Awaited,
    /// Born.
    Alive,
}

/// Metrics of a node or device, by name: number, and whether the last birth has it.
#[derive(Default)]
struct Metrics {
    life: Life,
    by_name: HashMap<Arc<str>, (u32, bool)>,
}

struct Node {
    owner: Owner,
    born: bool,
    bd_seq: Option<u64>,
    next: u8,
    aliases: HashMap<u64, u32>,
    own: Metrics,
    devices: BTreeMap<Arc<str>, Metrics>,
    /// What is awaited is expected to be born until then.
    births_until: Option<Duration>,
    asked: Option<Duration>,
    asks: u32,
}

/// See the module.
pub struct Host {
    limits: Limits,
    nodes: BTreeMap<(Arc<str>, Arc<str>), Node>,
    owners: usize,
    metrics: Vec<Known>,
}

impl Metrics {
    fn is_alive(&self) -> bool {
        self.life == Life::Alive
    }

    fn await_birth(&mut self) -> bool {
        let was = self.is_alive();
        if was {
            self.life = Life::Awaited;
        }
        was
    }

    /// Whether it lived until now.
    fn die(&mut self) -> bool {
        std::mem::take(&mut self.life) != Life::Dead
    }
}

impl Node {
    fn new(owner: Owner) -> Self {
        Self {
            owner,
            born: false,
            bd_seq: None,
            next: 0,
            aliases: HashMap::new(),
            own: Metrics::default(),
            devices: BTreeMap::new(),
            births_until: None,
            asked: None,
            asks: 0,
        }
    }

    fn device(&self, device: &Arc<str>) -> Owner {
        Owner { device: Some(device.clone()), ..self.owner.clone() }
    }

    /// Those that are `meant` die, the node before its devices.
    fn bury(&mut self, meant: impl Fn(&Metrics) -> bool) -> Vec<News> {
        let mut dead = Vec::new();
        if meant(&self.own) && self.own.die() {
            dead.push(self.owner.clone());
        }
        for (id, device) in self.devices.iter_mut().filter(|(_, device)| meant(device)) {
            if device.die() {
                dead.push(Owner { device: Some(id.clone()), ..self.owner.clone() });
            }
        }
        dead.into_iter().map(News::Died).collect()
    }

    /// Whether its births may be asked for now; then they count as asked for.
    fn ask(&mut self, now: Duration) -> Option<News> {
        let wait = ASK_FIRST.saturating_mul(1 << self.asks.saturating_sub(1).min(8)).min(ASK_MOST);
        if self.asked.is_some_and(|asked| now.saturating_sub(asked) < wait) {
            return None;
        }
        self.asked = Some(now);
        self.asks = self.asks.saturating_add(1);
        Some(News::Ask(self.owner.clone()))
    }

    /// Whether the message stands in its sequence (section 6.4.3: 0 to 255, wrapping). After a gap nothing is believed.
    fn in_sequence(&mut self, seq: Option<u64>) -> bool {
        let fits = seq == Some(u64::from(self.next));
        self.next = self.next.wrapping_add(1);
        self.born &= fits;
        if !fits {
            self.aliases.clear();
        }
        fits
    }
}

impl Host {
    /// A host that has heard nothing.
    pub fn new(limits: Limits) -> Self {
        Self { limits, nodes: BTreeMap::new(), owners: 0, metrics: Vec::new() }
    }

    /// Whether a node or device is alive and nothing of its node was missed.
    pub fn is_born(&self, owner: &Owner) -> bool {
        let Some(node) = self.nodes.get(&(owner.group.clone(), owner.node.clone())) else { return false };
        let alive = match &owner.device {
            Some(device) => node.devices.get(device).is_some_and(Metrics::is_alive),
            None => node.own.is_alive(),
        };
        node.born && alive
    }

    /// What is known of a metric.
    pub fn metric(&self, metric: u32) -> Option<&Known> {
        self.metrics.get(metric as usize)
    }

    /// A node or device that should be there, because it is written down or was there earlier: it is asked for its
    /// births.
    pub fn expect(&mut self, owner: &Owner) {
        let key = (owner.group.clone(), owner.node.clone());
        if !self.nodes.contains_key(&key) && self.owners < self.limits.owners {
            self.owners += 1;
            self.nodes.insert(key.clone(), Node::new(Owner { device: None, ..owner.clone() }));
        }
        if let Some(node) = self.nodes.get_mut(&key)
            && node.own.life == Life::Dead
        {
            node.own.life = Life::Awaited;
        }
    }

    /// The connection to the broker is gone: everything has to be born again.
    pub fn disconnected(&mut self) {
        for node in self.nodes.values_mut() {
            node.born = false;
            node.aliases.clear();
            (node.births_until, node.asked, node.asks) = (None, None, 0);
            node.own.await_birth();
            node.devices.values_mut().for_each(|device| _ = device.await_birth());
        }
    }

    /// Every node that was alive is asked for its births, and until then nobody knows.
    pub fn ask_all(&mut self, now: Duration) -> Vec<News> {
        let awaited = self.nodes.values_mut().filter(|node| node.own.life == Life::Awaited);
        awaited
            .flat_map(|node| {
                node.births_until = Some(now + BIRTHS);
                [Some(News::Unsure(node.owner.clone())), node.ask(now)]
            })
            .flatten()
            .collect()
    }

    /// What is due by itself: births asked for in vain, devices that did not come back with their node.
    pub fn tick(&mut self, now: Duration) -> Vec<News> {
        let mut news = Vec::new();
        for node in self.nodes.values_mut() {
            if !node.born && node.asks > 0 {
                news.extend(node.ask(now));
            }
            if node.births_until.is_some_and(|until| until <= now) {
                node.births_until = None;
                news.extend(node.bury(|metrics| metrics.life == Life::Awaited));
            }
        }
        news
    }

    /// Takes a message that was not retained.
    pub fn take(&mut self, topic: &Topic<'_>, payload: &[u8], now: Duration) -> Vec<News> {
        if topic.kind == Kind::Command {
            return Vec::new();
        }
        let payload = match Payload::read(payload, MAX_METRICS) {
            Ok(payload) => payload,
            Err(why) => return vec![News::Ignored(Ignored::Malformed(why))],
        };
        let Some(mut node) = self.node(topic) else { return vec![News::Ignored(Ignored::NoRoom(1))] };
        let news = match (topic.kind, topic.device) {
            (Kind::Birth, None) => self.node_birth(&mut node, payload, now),
            (Kind::Death, None) => node_death(&mut node, &payload),
            (kind, device) => self.in_session(&mut node, kind, device, payload, now),
        };
        self.nodes.insert((node.owner.group.clone(), node.owner.node.clone()), node);
        news
    }

    /// The node, taken out of the book; a new one if there is room.
    fn node(&mut self, topic: &Topic<'_>) -> Option<Node> {
        let key = (Arc::from(topic.group), Arc::from(topic.node));
        if let Some(node) = self.nodes.remove(&key) {
            return Some(node);
        }
        // A death of a node that nobody knows tells nothing.
        if self.owners >= self.limits.owners || topic.kind == Kind::Death {
            return None;
        }
        self.owners += 1;
        Some(Node::new(Owner { group: key.0, node: key.1, device: None }))
    }

    fn node_birth(&mut self, node: &mut Node, payload: Payload, now: Duration) -> Vec<News> {
        let Some(seq) = payload.seq.and_then(|seq| u8::try_from(seq).ok()) else {
            return vec![News::Ignored(Ignored::Malformed("an NBIRTH without sequence number"))];
        };
        node.bd_seq =
            payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ)).and_then(bd_seq);
        (node.born, node.next, node.asks, node.asked) = (true, seq.wrapping_add(1), 0, None);
        node.aliases.clear();
        // The births of its devices follow; those that were known and do not come are dead.
        let awaited = node.devices.values_mut().filter(|device| device.life != Life::Dead);
        let awaited = awaited.map(Metrics::await_birth).count();
        node.births_until = (awaited > 0).then_some(now + BIRTHS);
        let mut own = std::mem::take(&mut node.own);
        let news = self.birth(node, &mut own, node.owner.clone(), payload);
        node.own = own;
        news
    }

    /// Everything that has a sequence number of a node that was born.
    fn in_session(
        &mut self,
        node: &mut Node,
        kind: Kind,
        device: Option<&str>,
        payload: Payload,
        now: Duration,
    ) -> Vec<News> {
        let mut news = Vec::new();
        if !node.born || !node.in_sequence(payload.seq) {
            // Told once, when the gap is found.
            if node.own.is_alive() && node.asked.is_none() {
                news.push(News::Unsure(node.owner.clone()));
            }
            news.extend(node.ask(now));
            news.push(News::Ignored(Ignored::Unborn));
            return news;
        }
        let Some(device) = device else { return self.data(node, None, payload, now) };
        let device: Arc<str> = device.into();
        match kind {
            Kind::Birth => self.device_birth(node, device, payload),
            Kind::Death => {
                let died = node.devices.get_mut(&device).is_some_and(Metrics::die);
                news.extend(died.then(|| News::Died(node.device(&device))));
                news
            }
            _ if node.devices.get(&device).is_some_and(Metrics::is_alive) => {
                self.data(node, Some(&device), payload, now)
            }
            _ => {
                news.extend(node.ask(now));
                news.push(News::Ignored(Ignored::Unborn));
                news
            }
        }
    }

    fn device_birth(&mut self, node: &mut Node, device: Arc<str>, payload: Payload) -> Vec<News> {
        let mut metrics = match node.devices.remove(&device) {
            Some(metrics) => metrics,
            None if self.owners >= self.limits.owners => return vec![News::Ignored(Ignored::NoRoom(1))],
            None => {
                self.owners += 1;
                Metrics::default()
            }
        };
        let known = &self.metrics;
        let own = node.device(&device);
        node.aliases.retain(|_, id| known.get(*id as usize).is_some_and(|metric| metric.owner != own));
        let news = self.birth(node, &mut metrics, own, payload);
        node.devices.insert(device, metrics);
        news
    }

    /// The metrics of a birth.
    fn birth(&mut self, node: &mut Node, metrics: &mut Metrics, owner: Owner, payload: Payload) -> Vec<News> {
        metrics.life = Life::Alive;
        let before: Vec<u32> =
            metrics.by_name.values().filter(|(_, present)| *present).map(|(id, _)| *id).collect();
        metrics.by_name.values_mut().for_each(|(_, present)| *present = false);
        let (mut born, mut unsupported, mut no_room) = (Vec::new(), 0, 0);
        let at = payload.timestamp;
        for mut metric in payload.metrics {
            let Some(name) = metric.name.take().filter(|name| !name.is_empty() && name.len() <= MAX_NAME)
            else {
                unsupported += 1;
                continue;
            };
            if name == BD_SEQ || name == REBIRTH {
                continue;
            }
            let code = metric.datatype.unwrap_or(0);
            let Some(value_type) = datatype::value_type(code) else {
                unsupported += 1;
                continue;
            };
            let name: Arc<str> = name.into();
            let Some(id) = self.number(metrics, &owner, &name) else {
                no_room += 1;
                continue;
            };
            // A name that stands twice: the first counts. An alias that stands twice: nobody knows whose it is.
            if std::mem::replace(&mut metrics.by_name.entry(name.clone()).or_insert((id, false)).1, true) {
                unsupported += 1;
                continue;
            }
            if let Some(alias) = metric.alias
                && node.aliases.insert(alias, id).is_some_and(|other| other != id)
            {
                node.aliases.insert(alias, u32::MAX);
            }
            if let Some(known) = self.metrics.get_mut(id as usize) {
                (known.alias, known.datatype, known.value_type) = (metric.alias, code, value_type);
            }
            let sample = sample(id, &metric, code, value_type, at);
            let properties = metric.properties.unwrap_or_default();
            born.push(Born { name, datatype: code, value_type, properties, sample });
        }
        let present: std::collections::HashSet<u32> = born.iter().map(|born| born.sample.metric).collect();
        let gone = before.into_iter().filter(|id| !present.contains(id)).collect();
        let mut news = vec![News::Born { owner, metrics: born, gone }];
        news.extend((unsupported > 0).then_some(News::Ignored(Ignored::Unsupported(unsupported))));
        news.extend((no_room > 0).then_some(News::Ignored(Ignored::NoRoom(no_room))));
        news
    }

    /// The number of a metric; a new one if there is room.
    fn number(&mut self, metrics: &mut Metrics, owner: &Owner, name: &Arc<str>) -> Option<u32> {
        if let Some((id, _)) = metrics.by_name.get(name) {
            return Some(*id);
        }
        if self.metrics.len() >= self.limits.metrics {
            return None;
        }
        let id = u32::try_from(self.metrics.len()).ok()?;
        let (owner, name_too) = (owner.clone(), name.clone());
        self.metrics.push(Known {
            owner,
            name: name_too,
            alias: None,
            datatype: 0,
            value_type: ValueType::Bool,
        });
        metrics.by_name.insert(name.clone(), (id, false));
        Some(id)
    }

    fn data(
        &mut self,
        node: &mut Node,
        device: Option<&Arc<str>>,
        payload: Payload,
        now: Duration,
    ) -> Vec<News> {
        let owner = device.map_or_else(|| node.owner.clone(), |device| node.device(device));
        let metrics = match device {
            Some(device) => node.devices.get(device),
            None => Some(&node.own),
        };
        let (mut samples, mut strangers) = (Vec::with_capacity(payload.metrics.len()), false);
        for metric in &payload.metrics {
            let by_alias = || node.aliases.get(&metric.alias?).copied();
            let by_name = || {
                let (id, present) = metrics?.by_name.get(metric.name.as_deref()?)?;
                present.then_some(*id)
            };
            // A name says more than an alias.
            let id = by_name().or_else(by_alias);
            match id.and_then(|id| Some((id, self.metrics.get(id as usize)?))) {
                Some((id, known)) if known.owner == owner => {
                    samples.push(sample(id, metric, known.datatype, known.value_type, payload.timestamp));
                }
                _ if metric.name.as_deref().is_some_and(|name| name == BD_SEQ || name == REBIRTH) => {}
                // Metrics of types that are no single value were said once, at the birth.
                _ if metric.datatype.is_some_and(|code| datatype::value_type(code).is_none()) => {}
                _ => strangers = true,
            }
        }
        let mut news = Vec::new();
        if !samples.is_empty() {
            news.push(News::Data { owner, samples });
        }
        if strangers {
            // Not an Unsure: what is known of the others still holds.
            news.extend(node.ask(now));
            news.push(News::Ignored(Ignored::Unborn));
        }
        news
    }
}

fn node_death(node: &mut Node, payload: &Payload) -> Vec<News> {
    let of = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ)).and_then(bd_seq);
    // Section 6.4.20: a will of an earlier session may come after the birth of a later one.
    if node.bd_seq.is_some() && of != node.bd_seq {
        return vec![News::Ignored(Ignored::OldDeath)];
    }
    (node.born, node.asks, node.asked, node.births_until) = (false, 0, None, None);
    node.aliases.clear();
    node.bury(|_| true)
}

#[cfg(test)]
mod tests;
