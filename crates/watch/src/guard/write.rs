//! Writes, one by one: ours against the ledger, others' against the baseline and the declared ranges.

use super::own::{Known, plain};
use super::{Core, PATIENCE_NS};
use crate::baseline::{LinkName, Place, link_name, place_of};
use crate::core::Talk;
use crate::detect::{Rule, base, own};
use crate::findings::Scene;
use crate::links::LinkKey;
use crate::points::PointKey;
use crate::protocol::Protocol;
use model::Value;
use model::expected::is_named;
use std::fmt::Display;

/// How long a write of our own waits for its entry in the ledger, in nanoseconds, where nobody says how far the ledger was read.
const LATE_NS: i64 = 2_000_000_000;
/// How much later than a write the ledger must have been read, in nanoseconds: capture and gateway read their clocks apart.
const READ_NS: i64 = 50_000_000;
/// Most writes that wait.
const MAX_WAITING: usize = 256;
/// Most usual writers that are named.
const MAX_NAMED: usize = 3;

const _: () = assert!(LATE_NS < PATIENCE_NS);

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written<'a> {
    /// The value, where it is one number.
    pub value: Option<i64>,
    /// The bytes as they will stand in the device; empty where they are not known.
    pub bytes: &'a [u8],
}

/// A write of our own that the ledger does not know yet.
#[derive(Debug)]
pub(super) struct Waiting {
    due_ns: i64,
    scene: Scene,
    key: PointKey,
    port: u16,
    bytes: Vec<u8>,
    details: [String; 2],
    path: Option<String>,
}

/// A write and what is known about it.
struct Case<'a> {
    key: PointKey,
    talk: &'a Talk,
    written: Written<'a>,
    place: Place,
    points: Vec<Known>,
    before: Option<Vec<u8>>,
}

impl Known {
    /// What a part of the bytes means for the point; nothing if the bytes are not all of it.
    fn value(&self, key: &PointKey, bytes: &[u8]) -> Option<Value> {
        self.coding.as_ref()?.value(self.part(key, bytes)?)
    }

    /// The bytes that are the point's.
    fn part<'a>(&self, key: &PointKey, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if bytes.is_empty() || is_named(key.space) {
            return Some(bytes).filter(|bytes| !bytes.is_empty());
        }
        let key = plain(key);
        let numbers = (key.count as usize).max(1);
        let width = bytes.len() / numbers;
        let first = self.first.checked_sub(key.first)? as usize;
        let last = self.last.checked_sub(key.first)? as usize;
        bytes.get(first.checked_mul(width)?..(last + 1).checked_mul(width)?)
    }

    fn unit(&self) -> String {
        if self.point.unit.is_empty() { String::new() } else { format!(" {}", self.point.unit) }
    }

    /// The range that values of it have: what may be written, or what it is declared to have.
    fn range(&self) -> Option<(f64, f64)> {
        match &self.point.access {
            model::Access::Write(rule) if rule.min.is_some() || rule.max.is_some() => {
                Some((rule.min.unwrap_or(f64::NEG_INFINITY), rule.max.unwrap_or(f64::INFINITY)))
            }
            _ => self.point.range,
        }
    }
}

fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), |number| format!("{}", (number * 1e4).round() / 1e4))
}

impl Case<'_> {
    /// The first point whose value can be told, with it and the one before.
    fn told(&self) -> Option<(&Known, Value, Option<Value>)> {
        self.points.iter().find_map(|known| {
            let value = known.value(&self.key, self.written.bytes)?;
            let before = self.before.as_ref().and_then(|before| known.value(&self.key, before));
            Some((known, value, before))
        })
    }

    fn path(&self) -> Option<String> {
        self.points.first().map(|known| known.point.path.to_string())
    }

    /// Place, old and new value.
    fn words(&self) -> String {
        let arrow = |before: Option<String>, now: String, unit: &str| match before {
            Some(before) => format!(": {before} -> {now}{unit}"),
            None => format!(": {now}{unit}"),
        };
        let values = match (self.told(), self.written.value) {
            (Some((known, value, before)), _) => {
                arrow(before.map(|before| number(&before)), number(&value), &known.unit())
            }
            (None, Some(value)) => arrow(self.raw_before(), value.to_string(), ""),
            (None, None) => String::new(),
        };
        format!("{}{values}", self.place)
    }

    /// The old number, where it is one.
    fn raw_before(&self) -> Option<String> {
        match self.before.as_deref()? {
            variant if self.key.protocol == Protocol::OpcUa => {
                wire::opcua::whole(variant).map(|number| number.to_string())
            }
            [high, low] => Some(u16::from_be_bytes([*high, *low]).to_string()),
            [byte] => Some(byte.to_string()),
            _ => None,
        }
    }

    /// The value that is outside the range of its point, in words.
    fn outside(&self) -> Option<String> {
        self.points.iter().find_map(|known| {
            let value = known.value(&self.key, self.written.bytes)?;
            let (low, high) = known.range()?;
            let number = value.as_f64()?;
            (number.is_nan() || number < low || number > high).then(|| {
                let bound = |at: f64| if at.is_finite() { format!("{at}") } else { "any".into() };
                format!("allowed are {} to {}{}", bound(low), bound(high), known.unit())
            })
        })
    }
}

impl Core {
    /// Takes data that were written, and judges them.
    pub(crate) fn write(
        &mut self,
        talk: &Talk,
        key: PointKey,
        written: Written<'_>,
        name: impl FnOnce() -> String,
    ) {
        let touch = crate::points::Touch::Write(written.value);
        self.points.touch(key, talk.client, touch, (talk.time_ns, talk.evidence), name);
        if !self.guard.is_active() {
            return;
        }
        let Some(point) = self.points.get(&key) else { return };
        let place = place_of(&key, &point.name);
        let points = self.guard.expected.points(self, &key, talk.port);
        let plain = plain(&key);
        let before = self.guard.images.before(&plain);
        if !written.bytes.is_empty() {
            self.answered(&key, written.bytes);
            self.guard.images.written(&plain, written.bytes);
        }
        let case = Case { key, talk, written, place, points, before };
        if self.is_own(talk.client) { self.own_write(&case) } else { self.foreign_write(&case) }
    }

    /// Takes a request to change a device of which it cannot be told what it changes.
    pub(crate) fn unseen_write(&mut self, talk: &Talk, what: impl Display) {
        if self.is_own(talk.client) {
            self.guard.explained.commands_unmatched += 1;
            self.findings.raise(&own::WRITE, talk.scene(), what);
        }
    }

    /// Counts something for which there was no room.
    pub(crate) const fn no_room(&mut self) {
        self.guard.explained.no_room += 1;
    }

    /// Takes data that a device answered, for what stood there before a write.
    pub(crate) fn answered(&mut self, key: &PointKey, bytes: &[u8]) {
        if self.guard.is_active() && !self.guard.images.keep(&plain(key), bytes) {
            self.no_room();
        }
    }

    /// Whether values are remembered at all.
    pub(crate) fn remembers(&self) -> bool {
        self.guard.is_active()
    }

    fn own_write(&mut self, case: &Case<'_>) {
        if self.explain(&case.key, case.talk.port, case.written.bytes, case.talk.time_ns) {
            return;
        }
        let waiting = Waiting {
            due_ns: case.talk.time_ns.saturating_add(LATE_NS),
            scene: case.talk.scene(),
            key: case.key,
            port: case.talk.port,
            bytes: case.written.bytes.to_vec(),
            details: [case.words(), "no authorised command asked for it".into()],
            path: case.path(),
        };
        if self.guard.waiting.len() >= MAX_WAITING {
            return self.unexplained(waiting);
        }
        self.guard.waiting.push(waiting);
    }

    /// Whether the ledger has a command for a write of our own; it is used up by it.
    fn explain(&mut self, key: &PointKey, port: u16, bytes: &[u8], time_ns: i64) -> bool {
        let points = self.guard.expected.points(self, key, port);
        let connection = self.guard.expected.connection(self, key, port).map(str::to_owned);
        let shown = if points.is_empty() { self.guard.expected.shown(self, key, port) } else { Vec::new() };
        let found = self.guard.ledger.explain(time_ns, |command| {
            if points.is_empty() {
                // Where the protocol does not show the point (bits of Logix arrays), the connection must do.
                let is_shown = shown.iter().any(|point| point.path.as_str() == command.path);
                return connection.as_deref() == Some(&*command.connection) && !is_shown;
            }
            points.iter().any(|known| {
                known.point.path.to_string() == command.path
                    && match (known.part(key, bytes), &known.coding) {
                        (Some(seen), Some(coding)) => coding.agrees(&command.value, seen),
                        (None, Some(_)) => bytes.is_empty(),
                        (_, None) => true,
                    }
            })
        });
        self.guard.explained.commands_matched += u64::from(found);
        found
    }

    fn unexplained(&mut self, waiting: Waiting) {
        self.guard.explained.commands_unmatched += 1;
        let [what, why] = waiting.details;
        self.findings.raise(&own::WRITE, waiting.scene, what);
        self.findings.note(&own::WRITE, &waiting.scene, &why, waiting.path.as_deref());
    }

    /// Writes of our own that waited for the ledger.
    pub(super) fn unexplained_writes(&mut self, now_ns: i64) {
        for waiting in std::mem::take(&mut self.guard.waiting) {
            if self.explain(&waiting.key, waiting.port, &waiting.bytes, waiting.scene.time_ns) {
                continue;
            }
            let was_read = waiting.scene.time_ns.saturating_add(READ_NS) <= self.guard.ledger_ns;
            if was_read || waiting.due_ns <= now_ns {
                self.unexplained(waiting);
            } else {
                self.guard.waiting.push(waiting);
            }
        }
    }

    fn foreign_write(&mut self, case: &Case<'_>) {
        let outside = case.outside();
        let link = LinkKey {
            client: case.talk.client,
            server: case.talk.server,
            protocol: case.key.protocol,
            port: case.talk.port,
        };
        let Some(name) = link_name(self, &link) else { return };
        let norm = self.guard.baseline.links.get(&name);
        let is_guarded = self.guard.is_guarding() && self.guard.guards(&name.server);
        if !is_guarded || norm.is_some_and(|norm| norm.writes(&case.place)) {
            if let Some(why) = outside {
                self.wrote(&base::RANGE, case, &[&why]);
            }
            return;
        }
        let rule =
            if norm.is_some_and(|norm| !norm.writes.is_empty()) { &base::WRITTEN } else { &base::WRITER };
        let normal = self.normal(&name, &case.place);
        let said = [Some(normal.as_str()), outside.as_deref()];
        self.wrote(rule, case, &said.into_iter().flatten().collect::<Vec<_>>());
    }

    /// Who usually writes there, in words.
    fn normal(&self, name: &LinkName, place: &Place) -> String {
        let links = self.guard.baseline.links.iter();
        let mut writers: Vec<&str> = links
            .filter(|(link, norm)| link.server == name.server && norm.writes(place))
            .map(|(link, _)| link.client.as_str())
            .collect();
        writers.dedup();
        match writers.len() {
            0 => "nobody writes there usually".into(),
            count => {
                let more = if count > MAX_NAMED { " and others" } else { "" };
                writers.truncate(MAX_NAMED);
                format!("usually written by {}{more}", writers.join(", "))
            }
        }
    }

    fn wrote(&mut self, rule: &'static Rule, case: &Case<'_>, normal: &[&str]) {
        let (source, target) = (case.talk.client, case.talk.server);
        let window = self.window(target, case.talk.time_ns);
        let window = if rule.id == base::RANGE.id { 0 } else { window };
        let scene = Scene { window, ..case.talk.scene() };
        let path = case.path();
        self.findings.raise(rule, scene, case.words());
        for words in normal {
            self.findings.note(rule, &scene, words, path.as_deref());
        }
        if let Some((known, ..)) = case.told() {
            let words = format!("the point is {}", known.point.path);
            self.findings.note(rule, &scene, &words, None);
        }
        self.outdone(source, target);
    }
}
