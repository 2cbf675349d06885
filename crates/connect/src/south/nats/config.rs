//! The configuration file of a connection of `kind = "nats"`, as it is written.

use crate::nats::ServerKeys;
use crate::north::Switch;
use crate::south::messages::{Device, Spec, gateway};
use crate::south::tags::Plan;
use model::Path;
use model::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One stream.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "nats"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// How the cluster is reached
    #[serde(flatten)]
    pub server: ServerKeys,
    /// The stream that is read, e.g. { name = "PLANT" }
    pub stream: StreamKeys,
    /// Name of the durable consumer, by which the stream knows how far we are; ENTERPRISE_SITE_NAME if left out
    pub consumer: Option<String>,
    /// Where a new consumer begins: "oldest" (everything that the stream keeps) or "now"
    #[serde(default)]
    pub start: Start,
    /// Most messages under way that are not acknowledged
    #[serde(default = "five_thousand")]
    #[schemars(range(min = 1, max = 20_000))]
    pub window: u32,
    /// Gateways whose points are kept here as they are there
    pub gateways: Option<Gateways>,
    /// "on": what messages ask for under [device.NAME.commands] is done, on the one command path
    #[serde(default)]
    pub commands: Switch,
    /// What the subjects speak of, by name
    #[serde(default)]
    pub device: BTreeMap<String, Device>,
}

/// Which stream.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamKeys {
    /// Its name
    pub name: String,
    /// The JetStream domain in which it is, where `url` names a leaf node and the stream is at the hub
    pub domain: Option<String>,
}

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Everything that the stream keeps.
    #[default]
    Oldest,
    /// What comes from now on.
    Now,
}

/// Gateways that fill the stream by `kind = "nats"`, with `format = "json"` and subjects that are paths: the defaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateways {
    /// enterprise/site of each, e.g. ["acme/leeds", "acme/york"]; their points keep these paths
    #[schemars(length(min = 1, max = 100))]
    pub sites: Vec<String>,
    /// Most points of each site; what comes beyond is counted and left out
    #[serde(default = "hundred_thousand")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_points: usize,
    /// Without a message for this long a value counts as doubtful (UncertainLastUsableValue); never if left out
    pub stale: Option<Period>,
}

const fn five_thousand() -> u32 {
    5_000
}
const fn hundred_thousand() -> usize {
    100_000
}

/// Adds a device for each site; mistakes go to the plan.
pub fn sites(plan: &mut Plan<'_>, gateways: &Gateways, spec: &mut Spec) {
    let own = plan.context().site.clone();
    let mut known: Vec<Path> = Vec::new();
    for site in &gateways.sites {
        let mut wrong = |message: String, help: &str| plan.mistake(&["gateways", "sites"], message, help);
        let path = match Path::new(site) {
            Ok(path) => path,
            Err(why) => {
                wrong(format!("`{site}` is no enterprise/site: {why}"), "write it like \"acme/leeds\"");
                continue;
            }
        };
        let overlap = |other: &Path| path.is_under(other.as_str()) || other.is_under(path.as_str());
        if overlap(&own) {
            let help = "give each gateway its own `site` in ironbridge.toml";
            wrong(format!("`{site}` and this gateway's own `{own}` would mix their points"), help);
        } else if known.iter().any(overlap) {
            wrong(format!("`{site}` stands twice, or within another"), "name each site once");
        } else {
            gateway(spec, &path, gateways.max_points, gateways.stale.map(|stale| stale.0));
            known.push(path);
        }
    }
}
