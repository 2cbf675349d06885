//! IB-SMB-003: windows machine administered from afar.

use crate::detect::technique::{LATERAL, REMOTE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-SMB-003",
    title: "Windows machine administered from afar",
    severity: 550,
    techniques: &[LATERAL, REMOTE],
    meaning: "A share of administrators or a pipe that starts services and tasks was opened. Administrators do \
              this, and so do attackers who move from one machine to the next.",
    next: "Ask whose work this is. In a control network nothing should be installed this way unplanned.",
    trigger: never,
};
