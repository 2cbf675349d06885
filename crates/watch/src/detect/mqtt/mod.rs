//! Detections of MQTT and Sparkplug B.

mod anonymous;
mod everything;
pub mod malformed;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] =
    &[&anonymous::RULE, &everything::RULE, &super::net::sign_in::RULE, &super::net::new_writer::RULE];
