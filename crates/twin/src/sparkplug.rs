//! An edge node of Sparkplug B 3.0 (section 6.4) on the broker of [`crate::mqtt`]: births on request, data by alias, commands.
//!
//! ```text
//!  NCMD Node Control/Rebirth ─▶ NBIRTH: bdSeq, every metric with name, alias, type, unit ─▶ NDATA: what changed, by alias
//! ```
//! Rationale: the payload is written and read here by hand and apart from the host's codec, so that a mistake in one of
//! them is not hidden by the same mistake in the other. Numbers of fields are those of the standard's payload definition.

use crate::mqtt::Site;
use model::{Time, Value};
use parking_lot::Mutex;

/// Shortest time between two messages of data, in ns.
const PAUSE_NS: i64 = 500_000_000;
/// Most metrics that a command may carry.
const MOST: usize = 64;
/// Data types (section 6.4.16).
const INT64: u64 = 4;
const DOUBLE: u64 = 10;
const STRING: u64 = 12;
/// Aliases begin behind that of the request for births.
const FIRST_ALIAS: u64 = 1;
const REBIRTH: &str = "Node Control/Rebirth";

/// What a node shows.
#[derive(Clone, Debug)]
pub(crate) struct Metric<'a> {
    /// Its name; slashes make folders.
    pub(crate) name: &'a str,
    /// Its unit, told at the birth; empty for none.
    pub(crate) unit: &'a str,
    /// Its value.
    pub(crate) value: Value,
}

#[derive(Default)]
struct Told {
    /// Names and values as they were told last; empty before the first birth.
    metrics: Vec<(String, Value)>,
    seq: u8,
    birth_wanted: bool,
    at: Time,
}

/// An edge node without devices.
pub(crate) struct Node {
    group: &'static str,
    node: &'static str,
    told: Mutex<Told>,
}

impl Node {
    pub(crate) fn new(group: &'static str, node: &'static str) -> Self {
        Self { group, node, told: Mutex::new(Told { birth_wanted: true, ..Told::default() }) }
    }

    fn topic(&self, what: &str) -> String {
        format!("spBv1.0/{}/{what}/{}", self.group, self.node)
    }

    /// Tells what changed, or everything where a birth is due.
    pub(crate) fn show(&self, site: &Site, metrics: &[Metric<'_>], now: Time) {
        let mut told = self.told.lock();
        if std::mem::take(&mut told.birth_wanted) {
            told.seq = 0;
            site.tell(&self.topic("NBIRTH"), birth(metrics, now));
        } else if now.0.saturating_sub(told.at.0) >= PAUSE_NS {
            let mut data = Vec::new();
            for (alias, metric) in (FIRST_ALIAS..).zip(metrics) {
                let known = told.metrics.iter().find(|(name, _)| name == metric.name);
                if known.is_none_or(|(_, value)| *value != metric.value) {
                    let mut one = Vec::new();
                    number(2, alias, &mut one);
                    put(&metric.value, &mut one);
                    bytes(2, &one, &mut data);
                }
            }
            if data.is_empty() {
                return;
            }
            told.seq = told.seq.wrapping_add(1);
            site.tell(&self.topic("NDATA"), payload(&data, told.seq, now));
        } else {
            return;
        }
        told.at = now;
        told.metrics = metrics.iter().map(|metric| (metric.name.to_owned(), metric.value.clone())).collect();
    }

    /// What hosts asked for since the last time, by the names of the metrics; requests for births are kept here.
    pub(crate) fn commands(&self, site: &Site) -> Vec<(String, Value)> {
        let mut told = self.told.lock();
        let mut asked = Vec::new();
        for (_, payload) in site.commands().iter().filter(|(topic, _)| *topic == self.topic("NCMD")) {
            for (name, alias, value) in read(payload) {
                let by_alias = || {
                    let at = usize::try_from(alias?.checked_sub(FIRST_ALIAS)?).ok()?;
                    told.metrics.get(at).map(|(name, _)| name.clone())
                };
                asked.extend(name.or_else(by_alias).map(|name| (name, value)));
            }
        }
        told.birth_wanted |= asked.iter().any(|(name, _)| name == REBIRTH);
        asked.retain(|(name, _)| name != REBIRTH);
        asked
    }
}

fn birth(metrics: &[Metric<'_>], now: Time) -> Vec<u8> {
    let mut all = Vec::new();
    let mut metric = |name: &str, alias: Option<u64>, unit: &str, value: &Value| {
        let mut one = Vec::new();
        bytes(1, name.as_bytes(), &mut one);
        if let Some(alias) = alias {
            number(2, alias, &mut one);
        }
        let kind = match value {
            Value::Bool(_) => 11,
            Value::F64(_) => DOUBLE,
            Value::Text(_) => STRING,
            _ => INT64,
        };
        number(4, kind, &mut one);
        if !unit.is_empty() {
            // Properties: keys in 1, values in 2; a value has its type in 1 and a text in 8.
            let (mut value, mut set) = (Vec::new(), Vec::new());
            number(1, STRING, &mut value);
            bytes(8, unit.as_bytes(), &mut value);
            bytes(1, b"engUnit", &mut set);
            bytes(2, &value, &mut set);
            bytes(9, &set, &mut one);
        }
        put(value, &mut one);
        bytes(2, &one, &mut all);
    };
    metric("bdSeq", None, "", &Value::I64(0));
    metric(REBIRTH, None, "", &Value::Bool(false));
    for (alias, one) in (FIRST_ALIAS..).zip(metrics) {
        metric(one.name, Some(alias), one.unit, &one.value);
    }
    payload(&all, 0, now)
}

fn payload(metrics: &[u8], seq: u8, now: Time) -> Vec<u8> {
    let mut out = Vec::new();
    number(1, u64::try_from(now.millis()).unwrap_or(0), &mut out);
    out.extend_from_slice(metrics);
    number(3, seq.into(), &mut out);
    out
}

/// The value of a metric: 11 long, 13 double, 14 boolean, 15 text.
fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::I64(v) => number(11, v.cast_unsigned(), out),
        Value::U64(v) => number(11, *v, out),
        Value::F64(v) => {
            varint(13 << 3 | 1, out);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Bool(v) => number(14, u64::from(*v), out),
        Value::Text(v) => bytes(15, v.as_bytes(), out),
        // 7: there is no value.
        _ => number(7, 1, out),
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn bytes(field: u64, content: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// One field: a number, eight or four bytes as one, or bytes.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7F) << (7 * place).min(63);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The next field and its number; `None` at the end, and where it makes no sense.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = read_varint(rest)?;
    let mut take = |count: usize| {
        let (taken, behind) = rest.split_at_checked(count)?;
        *rest = behind;
        Some(taken)
    };
    let field = match key & 7 {
        1 => Field::Number(u64::from_le_bytes(*take(8)?.first_chunk()?)),
        5 => Field::Number(u32::from_le_bytes(*take(4)?.first_chunk()?).into()),
        0 => Field::Number(read_varint(rest)?),
        2 => {
            let count = usize::try_from(read_varint(rest)?).ok()?;
            let (taken, behind) = rest.split_at_checked(count)?;
            *rest = behind;
            Field::Bytes(taken)
        }
        _ => return None,
    };
    Some((key >> 3, field))
}

/// The metrics of a command: name, alias, value. What is not understood is left out.
fn read(payload: &[u8]) -> Vec<(Option<String>, Option<u64>, Value)> {
    let (mut rest, mut metrics) = (payload, Vec::new());
    while let Some((number, field)) = field(&mut rest) {
        if let (2, Field::Bytes(bytes)) = (number, field)
            && metrics.len() < MOST
        {
            metrics.push(read_metric(bytes));
        }
    }
    metrics
}

fn read_metric(mut rest: &[u8]) -> (Option<String>, Option<u64>, Value) {
    let (mut name, mut alias, mut value) = (None, None, Value::None);
    while let Some((number, field)) = field(&mut rest) {
        match (number, field) {
            (1, Field::Bytes(text)) => name = String::from_utf8(text.to_vec()).ok(),
            (2, Field::Number(number)) => alias = Some(number),
            (10 | 11, Field::Number(number)) => value = Value::I64(number.cast_signed()),
            (12, Field::Number(bits)) => value = Value::F64(f32::from_bits(bits as u32).into()),
            (13, Field::Number(bits)) => value = Value::F64(f64::from_bits(bits)),
            (14, Field::Number(number)) => value = Value::Bool(number != 0),
            (15, Field::Bytes(text)) => value = String::from_utf8_lossy(text).as_ref().into(),
            _ => {}
        }
    }
    (name, alias, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A double 1.5 by alias 300, as in the standard's payload definition.
    const COMMAND: [u8; 14] = [0x12, 12, 0x10, 0xAC, 2, 0x69, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F];

    #[test]
    fn commands_are_read() {
        assert_eq!(read(&COMMAND), [(None, Some(300), Value::F64(1.5))]);
        let mut data = Vec::new();
        number(2, 300, &mut data);
        put(&Value::F64(1.5), &mut data);
        let mut own = Vec::new();
        bytes(2, &data, &mut own);
        assert_eq!(own, COMMAND, "as it is written here");
        for cut in 0..COMMAND.len() {
            assert!(read(&COMMAND[..cut]).len() <= 1);
        }
        assert_eq!(read(&[0xFF; 30]), []);
    }
}
