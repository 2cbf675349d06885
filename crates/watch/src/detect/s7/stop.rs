//! IB-S7-001: Siemens controller told to stop.

use crate::detect::technique::{MODE, SERVICE_STOP};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-001",
    title: "Siemens controller told to stop",
    severity: 950,
    techniques: &[MODE, SERVICE_STOP],
    meaning: "PLC STOP ends the control program: outputs go to their substitute values and the process stands \
              or runs on without control.",
    next: "Look at the state of the controller now. Ask who works on it; if nobody does, isolate the sender \
              and start the controller after a check of its program.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Stop)
}
