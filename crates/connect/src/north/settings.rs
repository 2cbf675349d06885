//! The keys that every destination file has, whatever its kind: what to send, how to catch up, whether commands.

use insight::deadband::Rule;
use model::config::{Diagnostic, Document, Node, NodeValue, Period, schema_of};
use model::{Declaration, EventKind, Status};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::time::Duration;

/// Common keys of `destinations/NAME.toml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Settings {
    /// the kind of destination, e.g. "mqtt" or "sparkplug"
    pub kind: String,
    /// patterns of points below the site, e.g. ["packaging/**"]: `*` is one segment, a final `**` any number; own
    /// health only by name: "_ironbridge/**"
    #[serde(default = "everything")]
    pub select: Vec<String>,
    /// patterns of points that are left out again
    #[serde(default)]
    pub except: Vec<String>,
    /// only points of assets of these types, or of types that extend them, e.g. ["Pump"]; all points if left out
    #[serde(default)]
    pub types: Vec<String>,
    /// which samples are sent by their quality: "all", "usable" (good and uncertain ones) or "good"; with anything but
    /// "all" the far side does not learn that a value is no longer trusted
    #[serde(default)]
    pub quality: Quality,
    /// which samples are worth sending: { on_change = true, deadband = "0.5 %range", at_least = "60s",
    /// min_interval = "1s" }, or one value for each interval: { every = "1min", as = "mean" }; everything is sent if this
    /// is left out
    #[serde(default)]
    pub send: Send,
    /// kinds of events to send as well: "alarm", "finding", "fault", "interval", "change"
    #[serde(default)]
    #[schemars(with = "Vec<EventWord>")]
    pub events: Vec<EventKind>,
    /// only events of this severity or above: "info", "low", "medium", "high", "critical"
    #[serde(default)]
    pub events_from: Level,
    /// after an outage: "live_first" sends what is new at once and the backlog beside it, "in_order" sends the oldest
    /// first; the default is the kind's
    #[serde(default)]
    pub catch_up: Option<CatchUp>,
    /// most samples a second of the backlog beside live data, 1 to 10,000,000
    #[serde(default = "catch_up_rate")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub catch_up_rate: u32,
    /// where a new destination begins: "now", or "oldest" for all history that the journal still holds
    #[serde(default)]
    pub start: Start,
    /// how often the far side is asked whether it still has what it acknowledged, "1s" to "1d", or "off"; only where it can
    /// be asked; the default is the kind's: "60s" mostly
    #[serde(default)]
    pub prove: Option<Prove>,
    /// whether the far side may write to the plant: "off" or "on"; points, limits and rights are checked as for people
    #[serde(default)]
    pub commands: Switch,
}

fn everything() -> Vec<String> {
    vec!["**".into()]
}

const fn catch_up_rate() -> u32 {
    20_000
}

/// How often the far side is asked whether it still has what it acknowledged; `None` is "off".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prove(pub Option<Duration>);

impl Prove {
    fn parse(text: &str) -> Option<Self> {
        let often = |period: &Period| (1.0..=86_400.0).contains(&period.0.as_secs_f64());
        match text {
            "off" => Some(Self(None)),
            text => Period::parse(text).filter(often).map(|period| Self(Some(period.0))),
        }
    }
}

impl<'de> Deserialize<'de> for Prove {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is not how often; {PROVE_HELP}"));
        Self::parse(&text).ok_or_else(wrong)
    }
}

impl JsonSchema for Prove {
    fn schema_name() -> Cow<'static, str> {
        "Prove".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "a time from \"1s\" to \"1d\", or \"off\"" })
    }
}

const PROVE_HELP: &str = "write \"60s\", anything from \"1s\" to \"1d\", or \"off\"";

/// The lowest severity of events that are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All.
    #[default]
    Info,
    /// From 200.
    Low,
    /// From 400.
    Medium,
    /// From 600.
    High,
    /// From 800.
    Critical,
}

impl Level {
    /// The lowest severity, as [`model::event::severity::word`] parts them.
    pub const fn lowest(self) -> u16 {
        match self {
            Self::Info => 0,
            Self::Low => 200,
            Self::Medium => 400,
            Self::High => 600,
            Self::Critical => 800,
        }
    }
}

/// Order after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// New samples at once; the backlog beside them, rate-limited and flagged historical.
    LiveFirst,
    /// Oldest first, one stream.
    InOrder,
}

/// Where a new destination begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// With what comes from now on.
    #[default]
    Now,
    /// With the oldest that the journal holds.
    Oldest,
}

/// Which samples are sent by their quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// All of them.
    #[default]
    All,
    /// Good and Uncertain.
    Usable,
    /// Good.
    Good,
}

impl Quality {
    /// Whether a sample of this status is sent.
    pub fn passes(self, status: Status) -> bool {
        match self {
            Self::All => true,
            Self::Usable => !status.is_bad(),
            Self::Good => status.is_good(),
        }
    }
}

/// What is made of the samples of an interval (OPC 10000-13). Points that are no numbers send their last value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Mean of the good samples (Average, 5.4.3.5).
    #[default]
    Mean,
    /// Mean by time: each value counts for as long as it held (TimeAverage2, 5.4.3.7, stepped).
    TimeMean,
    /// Smallest good sample (Minimum, 5.4.3.10).
    Min,
    /// Largest good sample (Maximum, 5.4.3.11).
    Max,
    /// First good sample (Start, 5.4.3.27).
    First,
    /// Last good sample (End, 5.4.3.28).
    Last,
    /// Last minus first good sample (Delta, 5.4.3.29).
    Delta,
    /// Number of good samples (Count, 5.4.3.21).
    Count,
}

/// Off or on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// The words for events, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "stands for model::EventKind in the schema")]
enum EventWord {
    Alarm,
    Finding,
    Fault,
    Interval,
    Change,
}

/// Which samples are worth sending.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// only when value or quality changed
    #[serde(default)]
    pub on_change: bool,
    /// smaller changes are not sent: a number in the point's unit, or a part of its range like "0.5 %range" (points
    /// without a range are then sent on every change)
    #[serde(default)]
    pub deadband: Option<Deadband>,
    /// repeat an unchanged value when a sample arrives this long after it was last sent
    #[serde(default)]
    pub at_least: Option<Period>,
    /// send values of a point at most this often; a change of quality is sent at once
    #[serde(default)]
    pub min_interval: Option<Period>,
    /// down-sampling: one value of a point for each interval of this length, 1 s to 1 d, made of what history holds; it
    /// has the time of the interval's start
    #[serde(default)]
    pub every: Option<Period>,
    /// what that value is: "mean", "time_mean", "min", "max", "first", "last", "delta" or "count"
    #[serde(default, rename = "as")]
    pub of: Of,
}

/// A dead-band as people write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deadband {
    /// In the point's unit.
    Absolute(f64),
    /// Part of the declared range, 0 to 1.
    OfRange(f64),
}

impl Deadband {
    /// Reads `0.5` or `0.5 %range`.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, of_range) = match text.trim().strip_suffix("%range") {
            Some(number) => (number, true),
            None => (text, false),
        };
        let number: f64 = number.trim().parse().ok()?;
        match (of_range, number.is_finite() && number >= 0.0) {
            (_, false) => None,
            (true, _) => (number <= 100.0).then_some(Self::OfRange(number / 100.0)),
            (false, _) => Some(Self::Absolute(number)),
        }
    }
}

impl<'de> Deserialize<'de> for Deadband {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match Json::deserialize(from)? {
            Json::String(text) => text,
            other => other.to_string(),
        };
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is no dead-band; write 0.5 or \"0.5 %range\""))
        })
    }
}

impl JsonSchema for Deadband {
    fn schema_name() -> Cow<'static, str> {
        "Deadband".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"], "minimum": 0, "description": "a number in the point's unit, or \"0.5 %range\"" })
    }
}

impl Settings {
    /// Reads the common keys.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn read(document: &Document) -> Result<Self, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        for key in ["select", "except"] {
            let Some(NodeValue::Array(patterns)) = document.root.get(key).map(|node| &node.value) else {
                continue;
            };
            for (pattern, node) in patterns.iter().filter_map(|node| Some((node.as_text()?, node))) {
                if let Err(why) = check_pattern(pattern) {
                    let help =
                        "write segments joined by `/`, `*` for one segment, a final `**` for all below";
                    mistakes.push(document.mistake_at(
                        node.span.clone(),
                        format!("the pattern `{pattern}` {why}"),
                        help,
                    ));
                }
            }
        }
        if let Some(text) = document.root.at(&["send", "deadband"]).and_then(Node::as_text)
            && Deadband::parse(text).is_none()
        {
            let message = format!("`{text}` is no dead-band");
            mistakes.push(document.mistake(&["send", "deadband"], message, "write 0.5 or \"0.5 %range\""));
        }
        if let Some(text) = document.root.get("prove").and_then(Node::as_text)
            && Prove::parse(text).is_none()
        {
            let message = format!("`{text}` is not how often somebody can be asked");
            mistakes.push(document.mistake(&["prove"], message, PROVE_HELP));
        }
        mistakes.extend(interval_mistakes(document));
        if mistakes.is_empty() {
            document.construct().map_err(|mistake| vec![mistake])
        } else {
            Err(mistakes)
        }
    }

    /// The rule for one point.
    pub fn rule(&self, declaration: &Declaration) -> Rule {
        let span = declaration.range.map_or(0.0, |(low, high)| (high - low).abs());
        let (band, changes) = match self.send.deadband {
            None => (0.0, false),
            Some(Deadband::Absolute(band)) => (band, true),
            Some(Deadband::OfRange(part)) => (part * span, true),
        };
        Rule {
            on_change: self.send.on_change || changes,
            band,
            at_least: self.send.at_least.map(|period| period.0),
            min_interval: self.send.min_interval.map(|period| period.0),
        }
    }
}

/// Mistakes in `send` about intervals.
fn interval_mistakes(document: &Document) -> Vec<Diagnostic> {
    let key = |name: &str| document.root.at(&["send", name]);
    let Some(every) = key("every") else {
        let alone = key("as").map(|_| {
            let help = "write the interval too: send = { every = \"1min\", as = \"mean\" }";
            document.mistake(
                &["send", "as"],
                "`as` says what is made of an interval, and there is none",
                help,
            )
        });
        return alone.into_iter().collect();
    };
    let mut mistakes = Vec::new();
    let period = every.as_text().and_then(Period::parse).map(|period| period.0.as_secs_f64());
    if period.is_some_and(|seconds| !(1.0..=86_400.0).contains(&seconds) || seconds.fract() != 0.0) {
        let help = "write whole seconds from \"1s\" to \"1d\", e.g. \"1min\"";
        mistakes.push(document.mistake(&["send", "every"], "an interval cannot have this length", help));
    }
    for other in ["on_change", "deadband", "at_least", "min_interval"] {
        if key(other).is_some() {
            let message = format!("`{other}` and `every` do not go together");
            let help = "write `every` and `as` for one value an interval, or the others for single samples";
            mistakes.push(document.mistake(&["send", other], message, help));
        }
    }
    mistakes
}

fn check_pattern(pattern: &str) -> Result<(), &'static str> {
    let segments: Vec<&str> = pattern.split('/').collect();
    for (index, segment) in segments.iter().enumerate() {
        match *segment {
            "" => return Err("has an empty segment"),
            "**" if index + 1 < segments.len() => return Err("has `**` before its end"),
            "*" | "**" => {}
            plain if model::path::check_segment(plain).is_err() => {
                return Err("has a segment that no path can have");
            }
            _ => {}
        }
    }
    Ok(())
}

/// The schema of a whole destination file: the common keys and the kind's own, nothing else.
pub fn schema<T: JsonSchema>() -> Json {
    let mut own = schema_of::<T>();
    let common = schema_of::<Settings>();
    for part in ["properties", "$defs"] {
        let add = common.get(part).and_then(Json::as_object).cloned().unwrap_or_default();
        if let Some(own) = own.as_object_mut() {
            let into = own.entry(part).or_insert_with(|| Json::Object(serde_json::Map::new()));
            if let Some(into) = into.as_object_mut() {
                into.extend(add);
            }
        }
    }
    if let Some(own) = own.as_object_mut() {
        own.insert("additionalProperties".into(), Json::Bool(false));
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, ValueType};

    fn read(text: &str) -> Result<Settings, Vec<String>> {
        let document = Document::parse("hq.toml", text).unwrap();
        Settings::read(&document).map_err(|all| all.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn dead_bands() {
        for (text, expected) in [
            ("0.5", Some(Deadband::Absolute(0.5))),
            ("0.5 %range", Some(Deadband::OfRange(0.005))),
            ("2%range", Some(Deadband::OfRange(0.02))),
            ("-1", None),
            ("200 %range", None),
            ("much", None),
            ("inf", None),
        ] {
            assert_eq!(Deadband::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn rules_follow_the_range_of_the_point() {
        let settings = read(
            "kind = \"mqtt\"\nsend = { on_change = true, deadband = \"0.5 %range\", at_least = \"60s\" }\nevents = [\"alarm\"]",
        )
        .unwrap();
        let mut point = Declaration::new(Path::new("a/b/c").unwrap(), ValueType::F64);
        point.range = Some((100.0, 300.0));
        let rule = settings.rule(&point);
        assert_eq!((rule.band, rule.at_least), (1.0, Some(Duration::from_secs(60))));
        point.range = None;
        assert_eq!((settings.rule(&point).band, settings.rule(&point).on_change), (0.0, true));
        assert_eq!(settings.events, vec![EventKind::Alarm]);
        assert_eq!((settings.start, settings.commands, settings.catch_up), (Start::Now, Switch::Off, None));
    }

    #[test]
    fn intervals_stand_alone_and_have_a_length() {
        let settings = read("kind = \"mqtt\"\nsend = { every = \"1min\", as = \"max\" }").unwrap();
        assert_eq!((settings.send.every, settings.send.of), (Some(Period(Duration::from_secs(60))), Of::Max));
        for (send, words) in [
            ("{ as = \"mean\" }", "there is none"),
            ("{ every = \"100ms\" }", "cannot have this length"),
            ("{ every = \"2d\" }", "cannot have this length"),
            ("{ every = \"1min\", on_change = true }", "do not go together"),
        ] {
            let found = read(&format!("kind = \"mqtt\"\nsend = {send}")).unwrap_err();
            assert!(found.len() == 1 && found[0].contains(words), "{send}: {found:?}");
        }
    }

    #[test]
    fn qualities() {
        for (status, usable, good) in [
            (Status::GOOD, true, true),
            (Status::UNCERTAIN_LAST_USABLE_VALUE, true, false),
            (Status::BAD_SENSOR_FAILURE, false, false),
        ] {
            assert!(Quality::All.passes(status));
            assert_eq!((Quality::Usable.passes(status), Quality::Good.passes(status)), (usable, good));
        }
    }

    #[test]
    fn bad_patterns_and_bands_are_told_with_their_line() {
        let found =
            read("kind = \"mqtt\"\nselect = [\"a//b\", \"**/x\", \"a b\"]\nsend = { on_change = true }")
                .unwrap_err();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|m| m.starts_with("hq.toml:2:")), "{found:?}");
    }
}
