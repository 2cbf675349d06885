//! Keys of `kind = "sparkplug"`, checked.

use super::Sparkplug;
use super::node::Identity;
use crate::kind::{Built, Context};
use crate::mqtt::broker::{Broker, BrokerKeys};
use crate::mqtt::sparkplug::ROOT;
use crate::north::Sink;
use model::config::{Diagnostic, Document, Period};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Schema of the whole file.
pub fn schema() -> serde_json::Value {
    crate::north::schema::<Keys>()
}

/// Keys of `kind = "sparkplug"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    #[serde(flatten)]
    broker: BrokerKeys,
    /// Sparkplug group id; the site (second segment of every path) if left out
    #[serde(default)]
    group: Option<String>,
    /// Sparkplug edge node id, unique within the group; "ironbridge" if left out
    #[serde(default)]
    node: Option<String>,
    /// id of the primary host application: births and data wait until its STATE says online; nobody is waited for if
    /// left out
    #[serde(default)]
    primary_host: Option<String>,
    /// topic of the barrier message that confirms delivery; "_ironbridge/GROUP/NODE/barrier" if left out
    #[serde(default)]
    barrier_topic: Option<String>,
    /// whether births bring asset types as template definitions and assets as their instances; without it every point is
    /// a metric of its own
    #[serde(default)]
    templates: bool,
    /// how long a host's command lives, counted from its own time stamp
    #[serde(default = "command_ttl")]
    command_ttl: Period,
}

const fn command_ttl() -> Period {
    Period::millis(10_000)
}

/// Checks a file and makes the sink.
///
/// # Errors
/// Every mistake, with its place.
pub fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let site = context.site.segments().nth(1).unwrap_or(context.site.last()).to_owned();
    let group = keys.group.clone().unwrap_or(site);
    let node = keys.node.clone().unwrap_or_else(|| "ironbridge".into());
    for (key, id) in
        [("group", Some(&group)), ("node", Some(&node)), ("primary_host", keys.primary_host.as_ref())]
    {
        if id.is_some_and(|id| id.is_empty() || id.contains(['/', '+', '#', '\0'])) {
            let help = "write a name without `/`, `+` and `#`";
            mistakes.push(document.mistake(&[key], format!("`{key}` is no Sparkplug id"), help));
        }
    }
    let barrier_topic =
        keys.barrier_topic.clone().unwrap_or_else(|| format!("_ironbridge/{group}/{node}/barrier"));
    if barrier_topic.is_empty() || barrier_topic.contains(['+', '#', '\0']) || barrier_topic.starts_with(ROOT)
    {
        let help = "write levels joined by `/`, outside `spBv1.0`";
        mistakes.push(document.mistake(&["barrier_topic"], "`barrier_topic` is no topic of our own", help));
    }
    if keys.command_ttl.0 > Duration::from_secs(60) || keys.command_ttl.0.is_zero() {
        mistakes.push(document.mistake(&["command_ttl"], "`command_ttl` is out of range", "write up to 60s"));
    }
    let broker = Broker::read(&keys.broker, document, context).map_err(|more| mistakes.extend(more)).ok();
    let (Some(broker), true) = (broker, mistakes.is_empty()) else { return Err(mistakes) };
    let sink = Sparkplug {
        identity: Identity { group, node, site: context.site.clone() },
        models: if keys.templates { context.models.clone() } else { Arc::default() },
        primary_host: keys.primary_host,
        barrier_topic,
        command_ttl: keys.command_ttl.0,
        broker,
    };
    let (endpoint, security) = (
        format!("{} as {}/{}", sink.broker.endpoint(), sink.identity.group, sink.identity.node),
        sink.broker.security(),
    );
    Ok(Built::destination(sink, endpoint, security))
}
