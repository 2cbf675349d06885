//! IB-DNS-001: data hidden in names that are asked for.

use crate::decode::dns::LONG;
use crate::detect::technique::COMMAND_CHANNEL;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNS-001",
    title: "Data hidden in names that are asked for",
    severity: 600,
    techniques: &[COMMAND_CHANNEL],
    meaning: "Many questions for names that are far longer than names of machines are. Programs that must not \
              be seen send data out of a network like this, letter by letter.",
    next: "Find the program that asks, on the machine that asks. Control networks seldom need names from \
              outside: let only the own server answer.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let asked = seen.link.functions.iter().filter(|known| known.function & LONG != 0);
    seen.is_request() && seen.op.function & LONG != 0 && asked.map(|known| known.requests).sum::<u64>() >= 10
}
