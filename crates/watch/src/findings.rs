//! What was found: each kind once per pair of hosts, with a count and the packets that show it.

use crate::detect::Rule;
use crate::hosts::{Evidence, HostId};
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
}

/// Where and when something happened.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    pub source: HostId,
    pub target: HostId,
    pub time_ns: i64,
    pub evidence: Evidence,
}

/// The table of findings.
pub struct Findings {
    places: HashMap<(&'static str, HostId, HostId), usize>,
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
        let key = (rule.id, scene.source, scene.target);
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
                });
                self.list.len() - 1
            }
        };
        let Some(finding) = self.list.get_mut(at) else { return };
        finding.count += 1;
        finding.last_ns = finding.last_ns.max(scene.time_ns);
        if finding.evidence.len() < MAX_EVIDENCE {
            finding.evidence.push(scene.evidence);
        }
        if finding.details.len() < MAX_DETAILS && finding.count <= COMPARED {
            let detail = clean_text(&detail.to_string());
            if !detail.is_empty() && !finding.details.iter().any(|known| **known == *detail) {
                finding.details.push(detail.into());
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }
}
