//! The configuration file of `kind = "mqtt-in"`, as it is written.

use crate::mqtt::broker::BrokerKeys;
use crate::north::Switch;
use crate::south::messages::Device;
use model::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One broker.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "mqtt-in"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// How the broker is reached
    #[serde(flatten)]
    pub broker: BrokerKeys,
    /// 1: every message comes at least once, also what was published while the connection was cut; 0: at most once
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1))]
    pub qos: u8,
    /// How long the broker keeps messages for us while we are away (MQTT 5; with 3.1.1 the broker decides)
    #[serde(default = "one_hour")]
    pub keep_session: Period,
    /// "on": what messages ask for under [device.NAME.commands] is done, on the one command path; never by a retained one
    #[serde(default)]
    pub commands: Switch,
    /// What the topics speak of, by name
    pub device: BTreeMap<String, Device>,
}

const fn one() -> u8 {
    1
}
const fn one_hour() -> Period {
    Period::millis(3_600_000)
}
