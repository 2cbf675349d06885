//! What connections and destinations share of MQTT: how a broker is reached, one session with it, and the payload of
//! Sparkplug B.
//!
//! Rationale: both sides speak to the same brokers with the same certificates and the same client, whose defects are
//! worked around once.

pub mod broker;
mod client;
pub mod session;
pub mod sparkplug;
