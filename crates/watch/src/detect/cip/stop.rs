//! IB-CIP-001: controller told to stop (CIP).

use crate::detect::technique::{MODE, SERVICE_STOP};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-001",
    title: "Controller told to stop (CIP)",
    severity: 950,
    techniques: &[MODE, SERVICE_STOP],
    meaning: "A stop, or a change of mode to program or test, ends the control program: the process stands or \
              runs on without control.",
    next: "Look at the state of the controller now. Ask who works on it; if nobody does, isolate the \
              sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Stop)
}
