//! From a payload to values: where in it value, time and quality stand, and what they mean. Pure.
//!
//! ```text
//!  json  {"t":"2026-11-22T10:00:00Z","v":21.5,"q":true}   value = "/v", time = "/t", quality = "/q"
//!  csv   1767225600000;21.5;192                           value = "2", time = "1", quality = "3"
//!  raw   21.5
//! ```
//! Rationale: nothing is guessed. What cannot be read as the point's type is Bad on that point, and a time or a quality
//! that cannot be read makes the value Uncertain.

use super::pointer::find;
use super::xml;
use model::{Status, Time, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Most samples of one payload, and most members that a pointer with a placeholder may find.
pub const MAX_SAMPLES: usize = 10_000;

/// Longest unit that is taken over from a message, characters.
const MAX_UNIT: usize = 64;

/// How payloads are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A JSON text (RFC 8259).
    #[default]
    Json,
    /// The value alone, as text.
    Raw,
    /// Columns; each line is a sample.
    Csv,
    /// An XML document, such as B2MML: elements are members by their local name, texts are values.
    Xml,
    /// What another gateway sends, an object for each sample: value, quality, time, unit, seq, historical.
    Ironbridge,
}

/// What a number that stands for a time counts, since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds, with or without a fraction.
    S,
    /// Milliseconds.
    #[default]
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// What a number that stands for a quality means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QualityCodes {
    /// OPC Classic: 192 and above is good, 64 to 127 uncertain, below 64 bad.
    #[default]
    Opc,
    /// An OPC UA StatusCode: 0 is good.
    OpcUa,
}

/// Where something stands in a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Where {
    /// JSON pointer (RFC 6901), see [`find`]; empty: the whole.
    Pointer(String),
    /// Column, from 0.
    Column(usize),
}

/// Where and what to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// How the payload is written.
    pub format: Format,
    /// The value.
    pub value: Where,
    /// The time of the sample.
    pub time: Option<Where>,
    /// What a number there counts.
    pub time_unit: TimeUnit,
    /// The quality of the sample.
    pub quality: Option<Where>,
    /// What a number there means.
    pub codes: QualityCodes,
    /// Between columns.
    pub separator: u8,
}

/// One value out of a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The value; `None` where the quality is Bad.
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// Its own time.
    pub time: Option<Time>,
}

impl Sample {
    const fn bad(status: Status) -> Self {
        Self { value: Value::None, status, time: None }
    }
}

/// A payload, parsed once for all points that read it.
pub struct Payload<'a> {
    bytes: &'a [u8],
    json: Option<Result<Json, ()>>,
    xml: Option<Result<Json, ()>>,
}

impl<'a> Payload<'a> {
    /// Nothing is parsed before it is asked for.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, json: None, xml: None }
    }

    /// Whether somebody asked for JSON or XML where there is none.
    pub const fn is_broken(&self) -> bool {
        matches!((&self.json, &self.xml), (Some(Err(())), _) | (_, Some(Err(()))))
    }

    /// The document that it is, as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn document(&mut self, format: Format) -> Result<&Json, ()> {
        if format != Format::Xml {
            return self.json();
        }
        let bytes = self.bytes;
        self.xml.get_or_insert_with(|| xml::document(bytes).ok_or(())).as_ref().or(Err(()))
    }

    fn json(&mut self) -> Result<&Json, ()> {
        let bytes = self.bytes;
        self.json.get_or_insert_with(|| serde_json::from_slice(bytes).map_err(|_| ())).as_ref().or(Err(()))
    }
}

impl Mapping {
    /// The samples of one point. `wanted`: its type; without it, whatever the payload holds. Empty where the payload
    /// is sound but does not speak of this point.
    pub fn samples(&self, payload: &mut Payload<'_>, wanted: Option<ValueType>) -> Vec<Sample> {
        match (self.format, &self.value) {
            (Format::Json | Format::Xml, Where::Pointer(pointer)) => {
                let Ok(whole) = payload.document(self.format) else {
                    return vec![Sample::bad(Status::BAD_DECODING_ERROR)];
                };
                find(whole, pointer).map(|value| self.of_json(value, whole, wanted)).into_iter().collect()
            }
            (Format::Ironbridge, _) => self.of_gateway(payload, wanted).into_iter().collect(),
            (Format::Csv, Where::Column(column)) => self.of_csv(payload.bytes, *column, wanted),
            _ => match std::str::from_utf8(payload.bytes) {
                Ok(text) => {
                    let (value, status) = from_text(text, wanted.unwrap_or(ValueType::Text));
                    vec![Sample { value, status, time: None }]
                }
                Err(_) if wanted == Some(ValueType::Bytes) => {
                    vec![Sample {
                        value: Value::Bytes(payload.bytes.into()),
                        status: Status::GOOD,
                        time: None,
                    }]
                }
                Err(_) => vec![Sample::bad(Status::BAD_DECODING_ERROR)],
            },
        }
    }

    /// What another gateway says of one point. Whole numbers and those with a fraction are told apart as it wrote them.
    fn of_gateway(&self, payload: &mut Payload<'_>, wanted: Option<ValueType>) -> Option<Sample> {
        let bytes = payload.bytes;
        let Ok(whole) = payload.json() else { return Some(Sample::bad(Status::BAD_DECODING_ERROR)) };
        let json = whole.get("value")?;
        let (value, read) = match (wanted, json) {
            (None, Json::Number(number)) => (exact(number), Status::GOOD),
            (None | Some(ValueType::F64), Json::String(word))
                if matches!(&**word, "NaN" | "Infinity" | "-Infinity") =>
            {
                from_text(word, ValueType::F64)
            }
            (wanted, json) => from_json(json, wanted),
        };
        let said = whole.get("quality").and_then(Json::as_str).and_then(Status::from_name);
        let status = match said {
            // A null stands beside a bad quality: that one says why.
            Some(said) if said.is_bad() || !read.is_bad() => said,
            Some(_) => read,
            None => worse(read, Status::UNCERTAIN),
        };
        let time = exact_millis(bytes).or_else(|| self.number_time(&whole.get("time")?.to_string()));
        let value = if status.is_bad() { Value::None } else { value };
        let status = if time.is_none() { worse(status, Status::UNCERTAIN) } else { status };
        Some(Sample { value, status, time })
    }

    /// The unit that a gateway's message names; empty for none.
    pub fn unit(&self, payload: &mut Payload<'_>) -> String {
        let said = match self.format {
            Format::Ironbridge => payload.json().ok().and_then(|whole| whole.get("unit")?.as_str()),
            _ => None,
        };
        said.unwrap_or_default().chars().take(MAX_UNIT).collect()
    }

    /// Every member that a pointer with one placeholder finds: what the placeholder stands for, and its sample.
    ///
    /// # Errors
    /// The payload is no JSON.
    pub fn members(
        &self,
        payload: &mut Payload<'_>,
        pointer: &Members,
        wanted: Option<ValueType>,
    ) -> Result<Vec<(String, Sample)>, ()> {
        let whole = payload.document(self.format)?;
        let mut found = Vec::new();
        if let Some(Json::Object(members)) = whole.pointer(&pointer.before) {
            for (name, member) in members.iter().take(MAX_SAMPLES) {
                // What holds more than one value is no point; its members are reached by a longer pointer.
                if let Some(value) =
                    member.pointer(&pointer.after).filter(|v| !v.is_object() && !v.is_array())
                {
                    found.push((name.clone(), self.of_json(value, whole, wanted)));
                }
            }
        }
        Ok(found)
    }

    fn of_json(&self, value: &Json, whole: &Json, wanted: Option<ValueType>) -> Sample {
        let (value, mut status) = from_json(value, wanted);
        let at = |place: &Where| match place {
            Where::Pointer(pointer) => find(whole, pointer),
            Where::Column(_) => None,
        };
        let sample_time = self.time_in(whole).flatten();
        if let Some(place) = &self.quality {
            let quality = match at(place) {
                Some(Json::Bool(good)) => Some(if *good { Status::GOOD } else { Status::BAD }),
                Some(Json::Number(number)) => number.as_u64().and_then(|code| self.code(code)),
                Some(Json::String(text)) => self.quality_text(text),
                _ => None,
            };
            status = worse(status, quality.unwrap_or(Status::UNCERTAIN));
        }
        self.complete(value, status, sample_time)
    }

    /// The time in a document: none is asked for, or none can be read, or it.
    pub fn time_in(&self, whole: &Json) -> Option<Option<Time>> {
        let Where::Pointer(pointer) = self.time.as_ref()? else { return Some(None) };
        Some(match find(whole, pointer) {
            Some(Json::String(text)) => Time::parse_rfc3339(text.trim()).or_else(|| self.number_time(text)),
            Some(Json::Number(number)) => self.number_time(&number.to_string()),
            _ => None,
        })
    }

    /// Where the value stands in a document.
    pub fn pointer(&self) -> &str {
        match &self.value {
            Where::Pointer(pointer) => pointer,
            Where::Column(_) => "",
        }
    }

    fn of_csv(&self, bytes: &[u8], column: usize, wanted: Option<ValueType>) -> Vec<Sample> {
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).flexible(true).trim(csv::Trim::All).delimiter(self.separator);
        let mut samples = Vec::new();
        for line in reader.from_reader(bytes).records().take(MAX_SAMPLES) {
            let Ok(line) = line else {
                samples.push(Sample::bad(Status::BAD_DECODING_ERROR));
                continue;
            };
            let at = |place: &Where| match place {
                Where::Column(column) => line.get(*column),
                Where::Pointer(_) => None,
            };
            let Some(text) = line.get(column) else {
                samples.push(Sample::bad(Status::BAD_DECODING_ERROR));
                continue;
            };
            let (value, mut status) = from_text(text, wanted.unwrap_or(ValueType::F64));
            let time = self
                .time
                .as_ref()
                .and_then(at)
                .and_then(|text| Time::parse_rfc3339(text).or_else(|| self.number_time(text)));
            if let Some(place) = &self.quality {
                let quality = at(place).and_then(|text| {
                    text.parse().map_or_else(|_| self.quality_text(text), |code| self.code(code))
                });
                status = worse(status, quality.unwrap_or(Status::UNCERTAIN));
            }
            samples.push(self.complete(value, status, time));
        }
        // Without a time of its own only one line can be told apart from the others.
        if self.time.is_none() && samples.len() > 1 {
            return vec![Sample::bad(Status::BAD_DECODING_ERROR)];
        }
        samples
    }

    /// A value whose own time cannot be read is of doubtful worth; a Bad one is no value.
    fn complete(&self, value: Value, status: Status, time: Option<Time>) -> Sample {
        let status =
            if self.time.is_some() && time.is_none() { worse(status, Status::UNCERTAIN) } else { status };
        Sample { value: if status.is_bad() { Value::None } else { value }, status, time }
    }

    fn number_time(&self, text: &str) -> Option<Time> {
        let scale: i64 = match self.time_unit {
            TimeUnit::S => 1_000_000_000,
            TimeUnit::Ms => 1_000_000,
            TimeUnit::Us => 1_000,
            TimeUnit::Ns => 1,
        };
        let text = text.trim();
        if let Ok(whole) = text.parse::<i64>() {
            return whole.checked_mul(scale).map(Time);
        }
        let nanos = text.parse::<f64>().ok()? * scale as f64;
        // Beyond 2^63 there is no time; below it the fraction is exact enough for a fraction of a second.
        (nanos.is_finite() && nanos.abs() < 9.2e18).then_some(Time(nanos as i64))
    }

    fn code(&self, code: u64) -> Option<Status> {
        match self.codes {
            QualityCodes::OpcUa => u32::try_from(code).ok().map(Status),
            QualityCodes::Opc => match code {
                192..=255 => Some(Status::GOOD),
                64..=127 => Some(Status::UNCERTAIN),
                0..=63 => Some(Status::BAD),
                _ => None,
            },
        }
    }

    fn quality_text(&self, text: &str) -> Option<Status> {
        let text = text.trim();
        Status::from_name(text).or_else(|| match text.to_ascii_lowercase().as_str() {
            "good" | "ok" | "true" | "valid" => Some(Status::GOOD),
            "uncertain" | "questionable" => Some(Status::UNCERTAIN),
            "bad" | "false" | "invalid" => Some(Status::BAD),
            _ => text.parse().ok().and_then(|code| self.code(code)),
        })
    }
}

/// A number as it was written: whole, or with a fraction.
fn exact(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => Value::I64(whole),
        (None, Some(whole)) => Value::U64(whole),
        _ => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The time of a gateway's message to the nanosecond: milliseconds with up to six digits behind the point are more than a
/// double holds. Within a text the quote in front of the key would be escaped, so this finds the key itself.
fn exact_millis(bytes: &[u8]) -> Option<Time> {
    const KEY: &[u8] = b",\"time\":";
    let at = bytes.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'-')).unwrap_or(rest.len());
    let text = std::str::from_utf8(rest.get(..end)?).ok()?;
    let (millis, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 6 {
        return None;
    }
    // The digits always count forward: that is how a gateway writes them, also before 1970.
    let nanos: i64 = format!("{digits:0<6}").parse().ok()?;
    millis.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(nanos).map(Time)
}

/// The one of two that is less trustworthy.
fn worse(a: Status, b: Status) -> Status {
    if b.0 >> 30 > a.0 >> 30 { b } else { a }
}

/// A JSON pointer with one placeholder as a whole level, such as `/metrics/{tag}/value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// Name of the placeholder.
    pub name: String,
    before: String,
    after: String,
}

impl Members {
    /// Reads a pointer; `None` if it has no placeholder.
    ///
    /// # Errors
    /// Why it is wrong, in words.
    pub fn parse(pointer: &str) -> Result<Option<Self>, String> {
        let Some((before, rest)) = pointer.split_once("/{") else { return Ok(None) };
        let Some((name, after)) = rest.split_once('}') else {
            return Err(format!("in `{pointer}` the placeholder has no end"));
        };
        if !super::topic::is_word(name)
            || !(after.is_empty() || after.starts_with('/'))
            || after.contains('{')
        {
            return Err(format!(
                "`{pointer}` may have one placeholder that is a whole level, like \"/{{tag}}\""
            ));
        }
        Ok(Some(Self { name: name.into(), before: before.into(), after: after.into() }))
    }
}

/// A JSON value as one of a type, with its quality; without a type, as it comes.
pub fn from_json(json: &Json, wanted: Option<ValueType>) -> (Value, Status) {
    let bad = |status| (Value::None, status);
    match (wanted, json) {
        (_, Json::Null) => bad(Status::BAD),
        (None | Some(ValueType::F64), Json::Number(number)) => match number.as_f64() {
            Some(v) => (Value::F64(v), Status::GOOD),
            None => bad(Status::BAD_OUT_OF_RANGE),
        },
        (None | Some(ValueType::Bool), Json::Bool(v)) => (Value::Bool(*v), Status::GOOD),
        (None | Some(ValueType::Text), Json::String(v)) => text(v),
        (None, _) => bad(Status::BAD_DECODING_ERROR),
        (Some(ValueType::Text), other) => text(&other.to_string()),
        (Some(wanted), Json::String(v)) => from_text(v, wanted),
        (Some(ValueType::Bool | ValueType::I64 | ValueType::U64), Json::Number(number)) => {
            from_text(&number.to_string(), wanted.unwrap_or(ValueType::I64))
        }
        (Some(_), _) => bad(Status::BAD_DECODING_ERROR),
    }
}

fn text(v: &str) -> (Value, Status) {
    if v.len() > model::value::MAX_BYTES {
        return (Value::None, Status::BAD_OUT_OF_RANGE);
    }
    (Value::from(v), Status::GOOD)
}

/// A text as a value of a type, with its quality.
pub fn from_text(v: &str, wanted: ValueType) -> (Value, Status) {
    let bad = |status| (Value::None, status);
    let word = v.trim();
    // 1e3 and 5.0 are whole numbers, too.
    let whole = || word.parse::<f64>().ok().map(Value::F64);
    match wanted {
        ValueType::Text => text(v),
        ValueType::Bytes if v.len() <= model::value::MAX_BYTES => {
            (Value::Bytes(v.as_bytes().into()), Status::GOOD)
        }
        ValueType::Bytes => bad(Status::BAD_OUT_OF_RANGE),
        ValueType::F64 => word
            .parse()
            .map_or_else(|_| bad(Status::BAD_DECODING_ERROR), |v: f64| (Value::F64(v), Status::GOOD)),
        ValueType::Bool => match word.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => (Value::Bool(true), Status::GOOD),
            "false" | "0" | "off" | "no" => (Value::Bool(false), Status::GOOD),
            _ => bad(Status::BAD_DECODING_ERROR),
        },
        ValueType::I64 => match (word.parse(), whole()) {
            (Ok(v), _) => (Value::I64(v), Status::GOOD),
            (Err(_), Some(number)) => number
                .as_i64()
                .map_or_else(|| bad(Status::BAD_OUT_OF_RANGE), |v| (Value::I64(v), Status::GOOD)),
            (Err(_), None) => bad(Status::BAD_DECODING_ERROR),
        },
        ValueType::U64 => match (word.parse(), whole()) {
            (Ok(v), _) => (Value::U64(v), Status::GOOD),
            (Err(_), Some(number)) => match number.as_i64().and_then(|v| u64::try_from(v).ok()) {
                Some(v) => (Value::U64(v), Status::GOOD),
                None => bad(Status::BAD_OUT_OF_RANGE),
            },
            (Err(_), None) => bad(Status::BAD_DECODING_ERROR),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::testing::a_million;

    fn json(value: &str, time: Option<&str>, quality: Option<&str>) -> Mapping {
        let pointer = |text: &str| Where::Pointer(text.into());
        Mapping {
            format: Format::Json,
            value: pointer(value),
            time: time.map(pointer),
            time_unit: TimeUnit::Ms,
            quality: quality.map(pointer),
            codes: QualityCodes::Opc,
            separator: b',',
        }
    }

    fn one(mapping: &Mapping, payload: &str, wanted: ValueType) -> (Value, Status, Option<Time>) {
        let mut samples = mapping.samples(&mut Payload::new(payload.as_bytes()), Some(wanted));
        assert_eq!(samples.len(), 1, "{payload}");
        let sample = samples.remove(0);
        (sample.value, sample.status, sample.time)
    }

    #[test]
    fn values_of_json() {
        use ValueType::{Bool, F64, I64, Text, U64};
        let mapping = json("/v", None, None);
        for (payload, wanted, value, status) in [
            ("{\"v\":21.5}", F64, Value::F64(21.5), Status::GOOD),
            ("{\"v\":\"21.5\"}", F64, Value::F64(21.5), Status::GOOD),
            ("{\"v\":true}", F64, Value::None, Status::BAD_DECODING_ERROR),
            ("{\"v\":null}", F64, Value::None, Status::BAD),
            ("{\"v\":1e3}", I64, Value::I64(1_000), Status::GOOD),
            ("{\"v\":9223372036854775807}", I64, Value::I64(i64::MAX), Status::GOOD),
            ("{\"v\":18446744073709551615}", U64, Value::U64(u64::MAX), Status::GOOD),
            ("{\"v\":1.5}", I64, Value::None, Status::BAD_OUT_OF_RANGE),
            ("{\"v\":-1}", U64, Value::None, Status::BAD_OUT_OF_RANGE),
            ("{\"v\":\"ON\"}", Bool, Value::Bool(true), Status::GOOD),
            ("{\"v\":0}", Bool, Value::Bool(false), Status::GOOD),
            ("{\"v\":2}", Bool, Value::None, Status::BAD_DECODING_ERROR),
            ("{\"v\":[1,2]}", Text, Value::from("[1,2]"), Status::GOOD),
            ("{\"v\":[1,2]}", F64, Value::None, Status::BAD_DECODING_ERROR),
            ("{\"v\":21", F64, Value::None, Status::BAD_DECODING_ERROR),
            ("\u{1}", F64, Value::None, Status::BAD_DECODING_ERROR),
        ] {
            let (got, quality, _) = one(&mapping, payload, wanted);
            assert!(got.same(&value) && quality == status, "{payload}: {got:?} {quality}");
        }
        assert!(
            mapping.samples(&mut Payload::new(b"{\"w\":1}"), Some(F64)).is_empty(),
            "it speaks of others"
        );
    }

    #[test]
    fn what_a_gateway_sends_is_read_as_it_was() {
        let mapping = Mapping { format: Format::Ironbridge, ..json("", None, None) };
        let all = |value: &str, quality: &str| {
            format!(
                "{{\"value\":{value},\"quality\":\"{quality}\",\"time\":1767225600123.456789,\"unit\":\"bar\",\"seq\":\"17\",\"historical\":false}}"
            )
        };
        let read = |text: &str, wanted| {
            let mut payload = Payload::new(text.as_bytes());
            let unit = mapping.unit(&mut payload);
            mapping.samples(&mut payload, wanted).pop().map(|sample| (sample, unit))
        };
        for (value, quality, expected, status) in [
            ("21.0", "Good", Value::F64(21.0), Status::GOOD),
            ("21", "Good", Value::I64(21), Status::GOOD),
            ("18446744073709551615", "Good", Value::U64(u64::MAX), Status::GOOD),
            ("true", "UncertainLastUsableValue", Value::Bool(true), Status::UNCERTAIN_LAST_USABLE_VALUE),
            ("\"a,\\\"time\\\":7\"", "Good", Value::from("a,\"time\":7"), Status::GOOD),
            ("\"-Infinity\"", "Good", Value::F64(f64::NEG_INFINITY), Status::GOOD),
            ("12.5", "BadSensorFailure", Value::None, Status::BAD_SENSOR_FAILURE),
            ("null", "BadNoCommunication", Value::None, Status::BAD_NO_COMMUNICATION),
            ("null", "Good", Value::None, Status::BAD),
            ("[1]", "Good", Value::None, Status::BAD_DECODING_ERROR),
            ("1.5", "Superb", Value::F64(1.5), Status::UNCERTAIN),
        ] {
            let (sample, unit) = read(&all(value, quality), None).unwrap();
            assert!(sample.value.same(&expected) && sample.status == status, "{value}: {sample:?}");
            assert_eq!((sample.time, unit.as_str()), (Some(Time(1_767_225_600_123_456_789)), "bar"));
        }
        let (sample, _) = read(&all("21", "Good"), Some(ValueType::F64)).unwrap();
        assert_eq!(sample.value, Value::F64(21.0), "as it is written down");
        assert_eq!(read("{\"title\":\"an event\"}", None), None, "it speaks of no point");
        let (sample, _) = read("{\"value\":1,\"quality\":\"Good\"}", None).unwrap();
        assert_eq!((sample.status, sample.time), (Status::UNCERTAIN, None));
        assert_eq!(read("{", None).unwrap().0.status, Status::BAD_DECODING_ERROR);
    }

    #[test]
    fn times_and_qualities_of_json() {
        let mapping = json("/v", Some("/t"), Some("/q"));
        for (payload, value, status, time) in [
            ("{\"v\":1,\"t\":1767225600123,\"q\":192}", true, Status::GOOD, Some(1_767_225_600_123)),
            (
                "{\"v\":1,\"t\":\"2026-01-01T00:00:00.123Z\",\"q\":\"good\"}",
                true,
                Status::GOOD,
                Some(1_767_225_600_123),
            ),
            (
                "{\"v\":1,\"t\":\"2026-01-01T01:00:00.123+01:00\",\"q\":true}",
                true,
                Status::GOOD,
                Some(1_767_225_600_123),
            ),
            ("{\"v\":1,\"t\":\"2026-01-01T00:00:00\",\"q\":true}", true, Status::UNCERTAIN, None),
            ("{\"v\":1,\"q\":true}", true, Status::UNCERTAIN, None),
            ("{\"v\":1,\"t\":9e99,\"q\":true}", true, Status::UNCERTAIN, None),
            ("{\"v\":1,\"t\":1,\"q\":80}", true, Status::UNCERTAIN, Some(1)),
            ("{\"v\":1,\"t\":1,\"q\":0}", false, Status::BAD, Some(1)),
            ("{\"v\":1,\"t\":1,\"q\":\"BadSensorFailure\"}", false, Status::BAD_SENSOR_FAILURE, Some(1)),
            ("{\"v\":1,\"t\":1,\"q\":\"whatever\"}", true, Status::UNCERTAIN, Some(1)),
        ] {
            let (got, quality, at) = one(&mapping, payload, ValueType::F64);
            let expected = if value { Value::F64(1.0) } else { Value::None };
            assert_eq!((got, quality, at), (expected, status, time.map(Time::from_millis)), "{payload}");
        }
        let codes = Mapping { codes: QualityCodes::OpcUa, time_unit: TimeUnit::S, ..mapping };
        let (_, status, time) = one(&codes, "{\"v\":1,\"t\":1.5,\"q\":0}", ValueType::F64);
        assert_eq!((status, time), (Status::GOOD, Some(Time(1_500_000_000))));
    }

    #[test]
    fn lines_of_csv_are_samples() {
        let column = Where::Column;
        let mapping = Mapping {
            format: Format::Csv,
            value: column(1),
            time: Some(column(0)),
            quality: Some(column(2)),
            separator: b';',
            ..json("", None, None)
        };
        let mut payload = Payload::new(b"1000;21.5;192\n2000; 22 ;0\r\n\n3000;x;192\n4000\n");
        let samples = mapping.samples(&mut payload, Some(ValueType::F64));
        let got: Vec<_> =
            samples.iter().map(|s| (s.value.as_f64(), s.status, s.time.map(Time::millis))).collect();
        assert_eq!(
            got,
            vec![
                (Some(21.5), Status::GOOD, Some(1_000)),
                (None, Status::BAD, Some(2_000)),
                (None, Status::BAD_DECODING_ERROR, Some(3_000)),
                (None, Status::BAD_DECODING_ERROR, None),
            ]
        );
        let timeless = Mapping { time: None, quality: None, ..mapping };
        let samples = timeless.samples(&mut Payload::new(b"1;2\n3;4"), Some(ValueType::F64));
        assert_eq!(samples, vec![Sample::bad(Status::BAD_DECODING_ERROR)], "two samples without a time");
        assert_eq!(one(&timeless, "1;2", ValueType::I64).0, Value::I64(2));
    }

    #[test]
    fn raw_texts() {
        let mapping = Mapping { format: Format::Raw, ..json("", None, None) };
        assert_eq!(one(&mapping, " 21.5\n", ValueType::F64).0, Value::F64(21.5));
        assert_eq!(one(&mapping, "Execute", ValueType::Text).0, Value::from("Execute"));
        assert_eq!(one(&mapping, "", ValueType::F64).1, Status::BAD_DECODING_ERROR);
        let bytes = mapping.samples(&mut Payload::new(&[0xFF, 0]), Some(ValueType::Bytes));
        assert_eq!(
            bytes.first().map(|sample| sample.value.clone()),
            Some(Value::Bytes([0xFF, 0].as_slice().into()))
        );
        let text = mapping.samples(&mut Payload::new(&[0xFF, 0]), Some(ValueType::Text));
        assert_eq!(text, vec![Sample::bad(Status::BAD_DECODING_ERROR)]);
    }

    #[test]
    fn members_of_an_object() {
        let pointer = Members::parse("/m/{tag}/v").unwrap().unwrap();
        let mapping = json("", Some("/t"), None);
        let text = b"{\"t\":5,\"m\":{\"a\":{\"v\":1},\"b\":{\"v\":\"x\"},\"c\":{\"w\":1},\"d\":{\"v\":[1]}}}";
        let found = mapping.members(&mut Payload::new(text), &pointer, None).unwrap();
        let got: Vec<_> = found.iter().map(|(name, s)| (name.as_str(), s.value.clone(), s.time)).collect();
        let at = Some(Time::from_millis(5));
        assert_eq!(got, vec![("a", Value::F64(1.0), at), ("b", Value::from("x"), at)]);
        assert!(mapping.members(&mut Payload::new(b"{"), &pointer, None).is_err());
        assert_eq!(Members::parse("/v").unwrap(), None);
        for bad in ["/{a", "/{a}/{b}", "/{a}x", "/{}", "/{a b}"] {
            assert!(Members::parse(bad).is_err(), "{bad}");
        }
    }

    /// Whatever comes: no panic, no value of another type than the point's, no value that is Bad, no time out of nothing.
    #[test]
    fn a_million_hostile_payloads() {
        let sound = [
            "{\"v\":21.5,\"t\":1767225600123,\"q\":192,\"m\":{\"a\":{\"v\":1},\"b\":{\"v\":true}}}",
            "{\"v\":\"on\",\"t\":\"2026-01-01T00:00:00Z\",\"q\":\"good\"}",
            "{\"v\":-9223372036854775808,\"t\":1e300,\"q\":18446744073709551615}",
            "1767225600;21.5;192\n1767225601;-7;0\n",
            " 18446744073709551615 ",
            "\"text \\u00e4\"",
            "<m><v>21.5</v><t>2026-01-01T00:00:00Z</t><q>192</q></m>",
            "{\"value\":21.5,\"quality\":\"Good\",\"time\":1767225600123.456,\"unit\":\"bar\"}",
        ];
        let column = |c| Where::Column(c);
        let csv = Mapping {
            format: Format::Csv,
            value: column(1),
            time: Some(column(0)),
            quality: Some(column(2)),
            separator: b';',
            ..json("", None, None)
        };
        let raw = Mapping { format: Format::Raw, ..json("", None, None) };
        let xml = Mapping { format: Format::Xml, ..json("/m/v", Some("/m/t"), Some("/m/q")) };
        let gateway = Mapping { format: Format::Ironbridge, ..json("", None, None) };
        let mappings = [json("/v", Some("/t"), Some("/q")), json("", None, None), csv, raw, xml, gateway];
        let members = Members::parse("/m/{x}/v").unwrap().unwrap();
        use ValueType::{Bool, Bytes, F64, I64, Text, U64};
        let types = [Some(Bool), Some(I64), Some(U64), Some(F64), Some(Text), Some(Bytes), None];
        let (mut good, mut bad) = (0u32, 0u32);
        a_million(0x1B0B_5EED, &sound.map(str::as_bytes), |bytes, choice| {
            let mapping = &mappings[choice as usize % mappings.len()];
            let wanted = types[(choice >> 8) as usize % types.len()];
            let mut payload = Payload::new(bytes);
            let mut samples = mapping.samples(&mut payload, wanted);
            if let Ok(found) = mapping.members(&mut payload, &members, wanted) {
                samples.extend(found.into_iter().map(|(_, sample)| sample));
            }
            let before = good;
            for sample in samples {
                let fits = sample.value.value_type().is_none_or(|t| wanted.is_none_or(|wanted| t == wanted));
                assert!(
                    fits && (sample.value == Value::None) == sample.status.is_bad(),
                    "{sample:?} {wanted:?}"
                );
                if sample.status.is_bad() { bad += 1 } else { good += 1 }
            }
            good > before
        });
        assert!(good > 100_000 && bad > 100_000, "{good} {bad}");
    }
}
