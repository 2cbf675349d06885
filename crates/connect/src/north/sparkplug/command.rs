//! NCMD and DCMD: what a host asks of the node (Sparkplug B 3.0, sections 6.4.23, 6.4.24).

use super::node::{Node, REBIRTH};
use crate::mqtt::sparkplug::{Metric, MetricValue, Payload, datatype};
use model::{Command, Declaration, Time, Value, ValueType};
use prost::Message;
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
    let Ok(message) = Payload::decode(payload) else {
        asked.refused.push("the payload is no Sparkplug payload".into());
        return asked;
    };
    if message.metrics.len() > MAX_METRICS {
        asked.refused.push(format!(
            "{} metrics in one command, at most {MAX_METRICS} are taken",
            message.metrics.len()
        ));
        return asked;
    }
    // The same bytes with a time stamp are the same command, delivered twice.
    let id = match message.timestamp {
        Some(timestamp) => format!("sparkplug/{timestamp}/{:016x}", fingerprint(device, payload)),
        None => format!("sparkplug/{}/{:016x}", now.0, fingerprint(device, payload)),
    };
    for (index, metric) in message.metrics.iter().enumerate() {
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
    let value = decode(metric, declaration.value_type)
        .ok_or_else(|| format!("`{what}` comes with no value that fits its type"))?;
    Ok((declaration, value))
}

/// The value as the data type says; where it is left out, as the point's type says.
fn decode(metric: &Metric, wanted: ValueType) -> Option<Value> {
    if metric.is_null == Some(true) {
        return None;
    }
    let signed = match metric.datatype {
        Some(code) if datatype::INT.contains(&code) => true,
        Some(code) if datatype::UINT.contains(&code) => false,
        _ => wanted != ValueType::U64,
    };
    Some(match metric.value.as_ref()? {
        MetricValue::Int(v) if signed => Value::I64(i64::from(narrow(*v, metric.datatype))),
        MetricValue::Int(v) => Value::U64(u64::from(*v)),
        MetricValue::Long(v) if signed => Value::I64(v.cast_signed()),
        MetricValue::Long(v) => Value::U64(*v),
        MetricValue::Float(v) => Value::F64(f64::from(*v)),
        MetricValue::Double(v) => Value::F64(*v),
        MetricValue::Boolean(v) => Value::Bool(*v),
        MetricValue::Text(v) => Value::from(v.as_str()),
        MetricValue::Bytes(v) => Value::Bytes(v.as_slice().into()),
    })
}

/// Small signed integers come as two's complement of 32 bits, or of their own width.
fn narrow(value: u32, code: Option<u32>) -> i32 {
    match (code, value) {
        (Some(1), 0..=0xFF) => i32::from(u8::try_from(value).unwrap_or(0).cast_signed()),
        (Some(2), 0..=0xFFFF) => i32::from(u16::try_from(value).unwrap_or(0).cast_signed()),
        _ => value.cast_signed(),
    }
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
