//! Writing to the plant: only through the namespace's one command path.

use super::points::{short, visible};
use crate::ApiError;
use crate::answer::random_id;
use crate::extract::Body;
use crate::json::Writer;
use crate::shapes::{Write, Written};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use model::{Access, Command, Outcome, Value, ValueType};
use namespace::Progress;
use std::sync::Arc;
use std::time::Duration;

/// Longest reason, in characters.
pub(super) const MOST_REASON: usize = 500;
/// Longest and default time-to-live, ms.
const TTL: (u64, u64) = (300_000, 10_000);
/// The same where a second person has to be found first.
const TTL_APPROVED: (u64, u64) = (3_600_000, 900_000);

pub(super) async fn write(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(wish): Body<Write>,
) -> Result<Json<Written>, ApiError> {
    let (_, (declared, before)) = visible(&web, &who.principal, &wish.path)?;
    let value = typed(&wish.value, declared.value_type).ok_or_else(|| {
        let value = short(&wish.value.to_string());
        let takes = takes(declared.value_type);
        ApiError::unfit(format!("The value {value} does not fit: this point takes {takes}."))
    })?;
    let approved = matches!(&declared.access, Access::Write(rule) if rule.approval.is_some());
    let (longest, usual) = if approved { TTL_APPROVED } else { TTL };
    let ttl = wish.ttl_ms.unwrap_or(usual);
    if !(100..=longest).contains(&ttl) {
        return Err(ApiError::bad_request(format!("`ttl_ms` is 100 to {longest} for this point.")));
    }
    if wish.reason.chars().count() > MOST_REASON {
        return Err(ApiError::bad_request(format!("A reason has at most {MOST_REASON} characters.")));
    }
    let id = match wish.id {
        Some(id) if (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) => id,
        Some(_) => return Err(ApiError::bad_request("An `id` has 8 to 64 visible ASCII characters.")),
        None => random_id()?,
    };
    let started = web.clock.monotonic();
    let command = Command {
        id: id.clone(),
        path: declared.path.clone(),
        value,
        expires: web.clock.now().after(Duration::from_millis(ttl)),
        reason: wish.reason,
    };
    // An approval may take long: the asker gets the id and looks again.
    let progress = web.namespace.start_command(&who.principal, command).end_or_waiting().await;
    let (word, why) = match &progress {
        Progress::Done(outcome) => (outcome.word(), outcome.why().to_owned()),
        Progress::Waiting(role) => {
            ("Waiting", format!("for the approval of a second person ({role} or higher)"))
        }
        Progress::Running => ("Unknown", String::new()),
    };
    let readback = match &progress {
        Progress::Done(Outcome::Confirmed { readback }) => json_value(readback)?,
        _ => serde_json::Value::Null,
    };
    Ok(Json(Written {
        id,
        outcome: word.to_owned(),
        why,
        before: json_value(&before.value)?,
        readback,
        took_ms: web.clock.monotonic().saturating_sub(started).as_secs_f64() * 1e3,
    }))
}

/// A value as JSON.
pub(super) fn json_value(value: &Value) -> Result<serde_json::Value, ApiError> {
    let mut out = Writer::default();
    out.value(value);
    serde_json::from_str(&out.finish()).map_err(ApiError::internal)
}

/// What a point of this type takes, in words.
const fn takes(wanted: ValueType) -> &'static str {
    match wanted {
        ValueType::Bool => "true or false",
        ValueType::I64 => "a whole number",
        ValueType::U64 => "a whole number from 0 on",
        ValueType::F64 => "a number",
        ValueType::Text => "a text",
        ValueType::Bytes => "bytes",
    }
}

/// The JSON value in the point's own type; nothing is rounded or guessed.
fn typed(given: &serde_json::Value, wanted: ValueType) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match (wanted, given) {
        (ValueType::Bool, Json::Bool(v)) => Value::Bool(*v),
        (ValueType::I64, Json::Number(v)) => {
            Value::I64(v.as_i64().or_else(|| Value::F64(v.as_f64()?).as_i64())?)
        }
        (ValueType::I64, Json::String(v)) => Value::I64(v.parse().ok()?),
        (ValueType::U64, Json::Number(v)) => {
            Value::U64(v.as_u64().or_else(|| u64::try_from(Value::F64(v.as_f64()?).as_i64()?).ok())?)
        }
        (ValueType::U64, Json::String(v)) => Value::U64(v.parse().ok()?),
        (ValueType::F64, Json::Number(v)) => Value::F64(v.as_f64().filter(|v| v.is_finite())?),
        (ValueType::Text, Json::String(v)) => Value::Text(v.as_str().into()),
        (ValueType::Bytes, Json::String(v)) => Value::Bytes(bytes(v)?.into()),
        _ => return None,
    })
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_type_of_the_point_or_are_refused() {
        let check = |json: &str, wanted: ValueType, expected: Option<Value>| {
            let given: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(typed(&given, wanted), expected, "{json}");
        };
        check("true", ValueType::Bool, Some(Value::Bool(true)));
        check("1", ValueType::Bool, None);
        check("3.0", ValueType::I64, Some(Value::I64(3)));
        check("3.5", ValueType::I64, None);
        check("\"9007199254740993\"", ValueType::I64, Some(Value::I64(9_007_199_254_740_993)));
        check("-1", ValueType::U64, None);
        check("1e300", ValueType::U64, None);
        check("3", ValueType::F64, Some(Value::F64(3.0)));
        check("\"3\"", ValueType::F64, None);
        check("\"ab0F\"", ValueType::Bytes, Some(Value::Bytes([0xAB, 0x0F].as_slice().into())));
        check("\"abc\"", ValueType::Bytes, None);
        check("null", ValueType::F64, None);
        check("[1]", ValueType::F64, None);
    }
}
