//! IB-DNP-007: output operated without selecting it first.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-007",
    title: "Output operated without selecting it first",
    severity: 600,
    techniques: &[UNAUTHORIZED],
    meaning: "Operate without a Select before it. A proper master selects first so that a wrong bit cannot \
              switch; who leaves it out may be a tool.",
    next: "Check whether the output switched. Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    // Who joins between the two sees only the second.
    let is_whole = seen.link.begun || seen.link.requests > 1;
    is_whole
        && seen.calls(&[4])
        && !seen.link.functions.iter().any(|known| known.function == 3 && known.requests > 0)
}
