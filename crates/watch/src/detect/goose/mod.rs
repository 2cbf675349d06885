//! Detections of GOOSE. [`crate::publishers`] compares each message with the one before; these tell what it found.

pub mod anew;
pub mod jump;
pub mod malformed;
pub mod sender;
pub mod simulation;

use super::Rule;

/// All of them.
pub const RULES: &[&Rule] = &[&anew::RULE, &jump::RULE, &sender::RULE, &simulation::RULE, &malformed::RULE];
