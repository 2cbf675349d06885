//! What stands in a document: JSON pointers to values, qualities and times. Pure.

use crate::south::tags::{Scaling, Wrong};
use crate::south::turns::Sheet;
use model::{Status, Time, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Longest JSON pointer.
const MAX_POINTER: usize = 500;
/// Longest text that becomes a value; longer ones are bad, not cut.
const MAX_TEXT: usize = model::value::MAX_BYTES;

/// What stands at a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// true or false.
    Bool,
    /// A number.
    F64,
    /// A whole number, signed.
    I64,
    /// A whole number from 0.
    U64,
    /// A text.
    Text,
}

impl Type {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        self.value_type().name()
    }

    /// The type of its values.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool => ValueType::Bool,
            Self::F64 => ValueType::F64,
            Self::I64 => ValueType::I64,
            Self::U64 => ValueType::U64,
            Self::Text => ValueType::Text,
        }
    }

    /// The value; `None` if something else stands there.
    fn decode(self, json: &Json) -> Option<Value> {
        let whole = |number: f64| {
            (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number)
        };
        let written = || json.as_str().map(str::trim);
        Some(match self {
            Self::Bool => Value::Bool(json.as_bool()?),
            Self::F64 => {
                let number = json.as_f64().or_else(|| written()?.parse().ok())?;
                Value::F64(Some(number).filter(|number| number.is_finite())?)
            }
            Self::I64 => Value::I64(
                json.as_i64()
                    .or_else(|| written()?.parse().ok())
                    .or_else(|| whole(json.as_f64()?).map(|number| number as i64))?,
            ),
            Self::U64 => Value::U64(json.as_u64().or_else(|| written()?.parse().ok()).or_else(|| {
                whole(json.as_f64()?).filter(|number| *number >= 0.0).map(|number| number as u64)
            })?),
            Self::Text => Value::Text(json.as_str().filter(|text| text.len() <= MAX_TEXT)?.into()),
        })
    }
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeFormat {
    /// 2026-01-31T12:00:00Z, or with an offset.
    #[default]
    Rfc3339,
    /// Seconds since 1970, with a fraction or without.
    S,
    /// Milliseconds since 1970.
    Ms,
    /// Microseconds since 1970.
    Us,
    /// Nanoseconds since 1970.
    Ns,
}

impl TimeFormat {
    fn read(self, json: &Json) -> Option<Time> {
        let per_unit: i64 = match self {
            Self::Rfc3339 => return Time::parse_rfc3339(json.as_str()?.trim()),
            Self::S => 1_000_000_000,
            Self::Ms => 1_000_000,
            Self::Us => 1_000,
            Self::Ns => 1,
        };
        let whole = json.as_i64().or_else(|| json.as_str()?.trim().parse().ok());
        let nanos = match whole {
            Some(count) => count.checked_mul(per_unit)?,
            None => {
                let nanos = json.as_f64()? * per_unit as f64;
                // Within the range of 64 bits the cast only drops the fraction of a nanosecond.
                (nanos.abs() < 9.2e18).then_some(nanos as i64)?
            }
        };
        Some(Time(nanos))
    }
}

/// Where a time stands and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) pointer: String,
    pub(super) format: TimeFormat,
}

/// One point.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) pointer: String,
    pub(super) kind: Type,
    pub(super) stamp: Option<Box<Stamp>>,
    pub(super) scaling: Option<Box<Scaling>>,
}

/// Whether a text is a JSON pointer.
///
/// # Errors
/// [`Wrong`] with advice.
pub(super) fn check_pointer(text: &str) -> Result<(), Wrong> {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes && text.len() <= MAX_POINTER {
        return Ok(());
    }
    let help = "write the keys from the outside in, each with a slash in front: \"/power/total\", \"/list/0/value\" \
                (~1 for a slash within a key, ~0 for a tilde)";
    Err(Wrong::new(format!("`{text}` is no JSON pointer"), help))
}

/// Writes one row of a document into the sheet; `path` is that of the request, for words.
pub(super) fn put(row: u32, point: &Row, path: &str, document: &Json, sheet: &mut Sheet) {
    let address = || format!("{path}#{}", point.pointer);
    let Some(json) = document.pointer(&point.pointer) else {
        return sheet.refuse(row, address(), "the answer has nothing there");
    };
    if json.is_null() {
        // Devices write null for a value that they do not have at the moment.
        return sheet.put(row, Value::None, Status::BAD);
    }
    let Some(value) = point.kind.decode(json) else {
        let why = format!("there stands {}, not {}", words(json), point.kind.name());
        return sheet.refuse(row, address(), why);
    };
    let (value, status) = match &point.scaling {
        Some(scaling) => scaling.apply(value),
        None => (value, Status::GOOD),
    };
    match &point.stamp {
        None => sheet.put(row, value, status),
        Some(stamp) => match document.pointer(&stamp.pointer).and_then(|json| stamp.format.read(json)) {
            Some(time) => sheet.put_at(row, value, status, Some(time)),
            // The value is there, but nobody knows of when.
            None if status.is_good() => sheet.put(row, value, Status::UNCERTAIN),
            None => sheet.put(row, value, status),
        },
    }
}

fn words(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(number) if number.is_f64() => "a number with a fraction",
        Json::Number(_) => "a whole number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::testing::a_million;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn types_are_kept_and_never_guessed() {
        for (kind, json, value) in [
            (Type::F64, json!(87.8), Some(Value::F64(87.8))),
            (Type::F64, json!("87.8"), Some(Value::F64(87.8))),
            (Type::F64, json!("n/a"), None),
            (Type::F64, json!("nan"), None),
            (Type::F64, json!(true), None),
            (Type::I64, json!(-3), Some(Value::I64(-3))),
            (Type::I64, json!(5.0), Some(Value::I64(5))),
            (Type::I64, json!(5.5), None),
            (Type::U64, json!(u64::MAX), Some(Value::U64(u64::MAX))),
            (Type::U64, json!(-1), None),
            (Type::U64, json!(-1.0), None),
            (Type::Bool, json!(true), Some(Value::Bool(true))),
            (Type::Bool, json!(1), None),
            (Type::Text, json!("Lager"), Some(Value::from("Lager"))),
            (Type::Text, json!(5), None),
            (Type::Text, json!("x".repeat(MAX_TEXT + 1)), None),
        ] {
            assert_eq!(kind.decode(&json), value, "{kind:?} {json}");
        }
    }

    #[test]
    fn times_in_every_format() {
        let noon = Time(1_767_268_800_500_000_000);
        for (format, json) in [
            (TimeFormat::Rfc3339, json!("2026-01-01T12:00:00.5Z")),
            (TimeFormat::Rfc3339, json!("2026-01-01T13:00:00.5+01:00")),
            (TimeFormat::S, json!(1_767_268_800.5)),
            (TimeFormat::Ms, json!(1_767_268_800_500_i64)),
            (TimeFormat::Ms, json!("1767268800500")),
            (TimeFormat::Us, json!(1_767_268_800_500_000_i64)),
            (TimeFormat::Ns, json!(1_767_268_800_500_000_000_i64)),
        ] {
            assert_eq!(format.read(&json), Some(noon), "{format:?} {json}");
        }
        assert_eq!(TimeFormat::S.read(&json!(i64::MAX)), None);
        assert_eq!(TimeFormat::Ns.read(&json!(1e300)), None);
        assert_eq!(TimeFormat::Rfc3339.read(&json!("yesterday")), None);
    }

    #[test]
    fn pointers() {
        assert!(["", "/a", "/a/0/b~1c~0"].into_iter().all(|text| check_pointer(text).is_ok()));
        assert!(["a", "/a~2", "/a~"].into_iter().all(|text| check_pointer(text).is_err()));
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,20}".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Whatever a server answers: no value of another type than the point's, and none that is Bad or refused.
    #[test]
    fn a_million_hostile_answers() {
        let sound = [
            &br#"{"a":{"v":21.5,"t":"2026-01-01T00:00:00Z"},"l":[{"v":"7"}],"b":true}"#[..],
            br#"{"a":{"v":"-9223372036854775808","t":1767225600.5},"l":[{"v":1e300}],"b":null}"#,
            br#"{"a":{"v":18446744073709551615,"t":1767225600},"l":[{"v":"text \u00e4"}],"b":0}"#,
        ];
        let kinds = [Type::Bool, Type::F64, Type::I64, Type::U64, Type::Text];
        let formats = [TimeFormat::Rfc3339, TimeFormat::S, TimeFormat::Ms, TimeFormat::Us, TimeFormat::Ns];
        a_million(0x80_5EED, &sound, |bytes, choice| {
            let Ok(document) = serde_json::from_slice::<Json>(bytes) else { return false };
            let choice = choice as usize;
            let pointer = ["/a/v", "/l/0/v", "/b", ""][choice & 3].to_owned();
            let kind = kinds[(choice >> 8) % kinds.len()];
            let format = formats[(choice >> 16) % formats.len()];
            let stamp = (choice & 4 == 0).then(|| Box::new(Stamp { pointer: "/a/t".into(), format }));
            let row = Row { pointer, kind, stamp, scaling: None };
            let mut sheet = Sheet::default();
            put(0, &row, "/", &document, &mut sheet);
            let found = document.pointer(&row.pointer).and_then(|json| kind.decode(json));
            found.is_some_and(|value| value.value_type() == Some(kind.value_type()))
        });
    }

    proptest! {
        /// Whatever stands there becomes a value of the declared type or none.
        #[test]
        fn any_document_gives_the_declared_type_or_nothing(json in any_json(), kind in 0usize..5) {
            let kind = [Type::Bool, Type::F64, Type::I64, Type::U64, Type::Text][kind];
            for pointer in ["", "/a", "/0", "/a/b"] {
                let found = json.pointer(pointer).and_then(|json| kind.decode(json));
                prop_assert!(found.is_none_or(|value| value.value_type() == Some(kind.value_type())));
                let _ = json.pointer(pointer).and_then(|json| TimeFormat::S.read(json));
            }
        }
    }
}
