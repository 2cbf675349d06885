//! What was found: each kind once per pair of hosts, with a count and the packets that show it.

use crate::detect::Rule;
use crate::hosts::{Endpoint, Evidence, HostId};
use crate::text::clean_text;
use std::collections::HashMap;
use std::fmt::Display;

/// Packets that are kept as evidence of a finding.
const MAX_EVIDENCE: usize = 10;
/// Different details that are kept.
const MAX_DETAILS: usize = 5;
/// After so many repetitions details are not compared any more.
const COMPARED: u64 = 256;

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static Rule,
    pub source: HostId,
    pub target: HostId,
    pub count: u64,
    pub first_ns: i64,
    pub last_ns: i64,
    pub details: Vec<Box<str>>,
    pub evidence: Vec<Evidence>,
    /// The last packet that shows it.
    pub latest: Evidence,
    /// Number of the window of expected work in which it happened, 0 for none.
    pub window: u32,
    /// The point that it is about.
    pub path: Option<Box<str>>,
}

impl Finding {
    /// Adds words that were not said yet.
    fn say(&mut self, detail: impl Display) {
        if self.details.len() >= MAX_DETAILS {
            return;
        }
        let detail = clean_text(&detail.to_string());
        if !detail.is_empty() && !self.details.iter().any(|known| **known == *detail) {
            self.details.push(detail.into());
        }
    }

    /// How bad it is: what happens in a window of expected work is for the record.
    pub const fn severity(&self) -> u16 {
        if self.window == 0 { self.rule.severity } else { model::event::severity::INFO }
    }
}

/// Where and when something happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scene {
    pub source: HostId,
    pub target: HostId,
    pub time_ns: i64,
    pub evidence: Evidence,
    /// Number of the window of expected work that is open, 0 for none.
    pub window: u32,
}

type Key = (&'static str, HostId, HostId, u32);

fn key(rule: &'static Rule, scene: &Scene) -> Key {
    (rule.id, scene.source, scene.target, scene.window)
}

/// The table of findings.
pub struct Findings {
    places: HashMap<Key, usize>,
    list: Vec<Finding>,
    limit: usize,
    pub refused: u64,
}

impl Findings {
    pub fn new(limit: usize) -> Self {
        Self { places: HashMap::new(), list: Vec::new(), limit, refused: 0 }
    }

    /// Adds to the finding of this rule between these hosts, or makes it.
    pub fn raise(&mut self, rule: &'static Rule, scene: Scene, detail: impl Display) {
        let key = key(rule, &scene);
        let at = match self.places.get(&key) {
            Some(at) => *at,
            None if self.list.len() >= self.limit => {
                self.refused += 1;
                return;
            }
            None => {
                self.places.insert(key, self.list.len());
                self.list.push(Finding {
                    rule,
                    source: scene.source,
                    target: scene.target,
                    count: 0,
                    first_ns: scene.time_ns,
                    last_ns: scene.time_ns,
                    details: Vec::new(),
                    evidence: Vec::new(),
                    window: scene.window,
                    path: None,
                    latest: scene.evidence,
                });
                self.list.len() - 1
            }
        };
        let Some(finding) = self.list.get_mut(at) else { return };
        finding.count += 1;
        finding.latest = scene.evidence;
        finding.last_ns = finding.last_ns.max(scene.time_ns);
        if finding.evidence.len() < MAX_EVIDENCE {
            finding.evidence.push(scene.evidence);
        }
        if finding.count <= COMPARED {
            finding.say(&detail);
        }
    }

    /// Whether there is one already.
    pub fn has(&self, rule: &'static Rule, scene: &Scene) -> bool {
        self.places.contains_key(&key(rule, scene))
    }

    /// Adds words and the point to a finding that is there.
    pub fn note(&mut self, rule: &'static Rule, scene: &Scene, detail: &str, path: Option<&str>) {
        let at = self.places.get(&key(rule, scene));
        let Some(finding) = at.and_then(|at| self.list.get_mut(*at)) else { return };
        if finding.path.is_none() {
            finding.path = path.map(Into::into);
        }
        if finding.count <= COMPARED {
            finding.say(detail);
        }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }
}

/// A name for a finding that is the same whenever and wherever it is found again: rule, both ends, and the window of
/// expected work, empty for none.
pub fn id(rule: &str, source: Endpoint, target: Endpoint, window: &str) -> String {
    // FNV-1a, whose numbers are the same in every version and on every machine.
    let text = format!("{rule} {source} {target} {window}");
    let text = text.trim_end();
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    format!("{rule}-{:010x}", hash >> 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_for_ever() {
        let end = |text: &str| Endpoint::Ip(text.parse().unwrap());
        let id = id("IB-S7-001", end("10.0.0.5"), end("10.0.0.9"), "");
        assert_eq!(id, "IB-S7-001-3b1ef0155c");
        assert_ne!(id, super::id("IB-S7-001", end("10.0.0.9"), end("10.0.0.5"), ""));
        assert_ne!(id, super::id("IB-S7-001", end("10.0.0.5"), end("10.0.0.9"), "W-1"));
    }
}
