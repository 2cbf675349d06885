//! NCMD and DCMD: what a host asks of the node (Sparkplug B 3.0, sections 6.4.23, 6.4.24).

use super::node::Node;
use crate::mqtt::sparkplug::{Metric, MetricValue, Payload, REBIRTH, Template};
use model::{Command, Declaration, Time, Value};
use std::time::Duration;

/// Most metrics of one command message.
const MAX_METRICS: usize = 100;

/// What a command message asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// All births again.
    pub rebirth: bool,
    /// Writes.
    pub writes: Vec<Command>,
    /// What was not understood, in words.
    pub refused: Vec<String>,
}

/// Understands a message to the node (`device` is `None`) or to one of its devices. Never executes anything. `now` and
/// `ttl` bound how long a command lives: from its own time stamp, if it has one.
pub fn read(node: &Node, device: Option<&str>, payload: &[u8], now: Time, ttl: Duration) -> Asked {
    let mut asked = Asked::default();
    let message = match Payload::read(payload, MAX_METRICS) {
        Ok(message) => message,
        Err(why) => {
            asked.refused.push(why.into());
            return asked;
        }
    };
    // The same bytes with a time stamp are the same command, delivered twice.
    let id = match message.timestamp {
        Some(timestamp) => format!("sparkplug/{timestamp}/{:016x}", fingerprint(device, payload)),
        None => format!("sparkplug/{}/{:016x}", now.0, fingerprint(device, payload)),
    };
    let metrics = match members(message.metrics) {
        Ok(metrics) => metrics,
        Err(why) => {
            asked.refused.push(why.into());
            return asked;
        }
    };
    for (index, metric) in metrics.iter().enumerate() {
        if device.is_none() && metric.name.as_deref() == Some(REBIRTH) {
            asked.rebirth |= metric.value == Some(MetricValue::Boolean(true));
            continue;
        }
        match write(node, device, metric) {
            Ok((declaration, value)) => {
                let stamp = metric.timestamp.or(message.timestamp).and_then(|ms| i64::try_from(ms).ok());
                let asked_at = stamp.map_or(now, Time::from_millis).min(now);
                asked.writes.push(Command {
                    id: format!("{id}/{index}"),
                    path: declaration.path.clone(),
                    value,
                    expires: asked_at.after(ttl),
                    reason: if device.is_some() { "Sparkplug DCMD".into() } else { "Sparkplug NCMD".into() },
                });
            }
            Err(why) => asked.refused.push(why),
        }
    }
    asked
}

/// Members of templates beside the other metrics: each is asked for by itself.
fn members(metrics: Vec<Metric>) -> Result<Vec<Metric>, &'static str> {
    let mut all = Vec::new();
    for metric in metrics {
        let Some(MetricValue::Template(bytes)) = &metric.value else {
            all.push(metric);
            continue;
        };
        let instance = metric.name.as_deref().unwrap_or_default();
        for member in Template::read(bytes, MAX_METRICS)?.metrics {
            let name = format!("{instance}/{}", member.name.as_deref().unwrap_or_default());
            let timestamp = member.timestamp.or(metric.timestamp);
            all.push(Metric { name: Some(name), alias: None, timestamp, ..member });
        }
        if all.len() > MAX_METRICS {
            return Err("the payload has more metrics than are taken");
        }
    }
    Ok(all)
}

fn write<'n>(
    node: &'n Node,
    device: Option<&str>,
    metric: &Metric,
) -> Result<(&'n Declaration, Value), String> {
    let what = metric
        .name
        .clone()
        .or_else(|| metric.alias.map(|alias| format!("alias {alias}")))
        .unwrap_or_default();
    let (_, declaration, owner) = node
        .find(metric.alias, metric.name.as_deref())
        .ok_or_else(|| format!("`{what}` is no metric of this node"))?;
    if owner != device {
        return Err(format!("`{what}` does not belong to {}", device.unwrap_or("the node")));
    }
    let value = metric
        .value(declaration.value_type)
        .ok_or_else(|| format!("`{what}` comes with no value that fits its type"))?;
    Ok((declaration, value))
}

/// FNV-1a, 64 bits: tells repeated deliveries apart from others, nothing more.
fn fingerprint(device: Option<&str>, payload: &[u8]) -> u64 {
    device
        .unwrap_or_default()
        .bytes()
        .chain([0])
        .chain(payload.iter().copied())
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        })
}
