//! IB-104-004: file brought into a station.

use crate::detect::technique::DOWNLOAD;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-004",
    title: "File brought into a station",
    severity: 700,
    techniques: &[DOWNLOAD],
    meaning: "A file was announced to the station and sent in sections: settings, a program or firmware.",
    next: "Ask who changed the station at this time, and compare its version with the last release.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Download)
}
