//! Commands that were authorised, and the writes on the wire that they explain.

use model::{Time, Value};
use std::collections::VecDeque;

/// Most commands that are remembered.
const MAX: usize = 1_024;
/// How much earlier or later than the ledger says a write may be on the wire: capture and gateway read their clocks apart.
const SLACK_NS: i64 = 2_000_000_000;

/// A command that a person or a policy authorised.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorised {
    /// The command's id in the ledger.
    pub id: String,
    /// The connection that carries it out.
    pub connection: String,
    /// The point.
    pub path: String,
    /// What is to be written, in engineering units.
    pub value: Value,
    /// Who asked.
    pub who: String,
    /// When it was asked.
    pub from: Time,
    /// Never executed after this.
    pub until: Time,
}

/// The commands whose writes may come.
#[derive(Debug, Default)]
pub struct Ledger(VecDeque<(Authorised, bool)>);

impl Ledger {
    /// Takes a command; one that is known already stays as it is. False if another had to go that was not seen yet.
    pub fn take(&mut self, command: Authorised) -> bool {
        if self.0.iter().any(|(known, _)| known.id == command.id) {
            return true;
        }
        let lost = self.0.len() >= MAX && self.0.pop_front().is_some_and(|(_, seen)| !seen);
        self.0.push_back((command, false));
        !lost
    }

    /// The command that a write explains, which then explains no other.
    pub fn explain(&mut self, time_ns: i64, fits: impl Fn(&Authorised) -> bool) -> bool {
        let open = |(command, seen): &&mut (Authorised, bool)| {
            let from = command.from.0.saturating_sub(SLACK_NS);
            !*seen && (from..=command.until.0.saturating_add(SLACK_NS)).contains(&time_ns) && fits(command)
        };
        let Some((_, seen)) = self.0.iter_mut().find(open) else { return false };
        *seen = true;
        true
    }
}
