//! IB-DNP-017: an outstation did not understand a request.

use crate::detect::technique::{INFORMATION, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::{Kind, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-017",
    title: "DNP3 outstation did not understand a request",
    severity: 250,
    techniques: &[POINTS, INFORMATION],
    meaning: "The outstation answered that it does not have this function or object, or that a parameter is wrong \
              (internal indications IIN2.0 to IIN2.2). A master that fits its outstation never asks so; a tool that tries \
              what there is does.",
    next: "Compare what was asked with the device profile of the outstation. If the master was changed lately, mend its \
           settings; if not, find out who asked.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.op.kind == Kind::Response
        && matches!(seen.op.outcome, Outcome::Refused(_))
        && seen.link.refused_in_row < 5
        && !seen.link.is_flooded()
        && seen.link.out_of_turn == 0
        && !seen.client.searches
}
