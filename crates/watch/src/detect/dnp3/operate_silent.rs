//! IB-DNP-008: output operated without wanting an answer.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-008",
    title: "Output operated without wanting an answer",
    severity: 500,
    techniques: &[UNAUTHORIZED],
    meaning: "Function 6 switches outputs and asks for no answer, so that nobody sees whether it worked. Few \
              masters use it.",
    next: "Check whether the output switched. Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[6])
}
