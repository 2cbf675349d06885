//! From a checked file to what the driver is made from: topics, mappings, patterns, each mistake where it stands.

use super::ask::AskSpec;
use super::asks;
use super::config::{Device, Pattern as PatternKeys, Reading, Retained, Tag as Entry};
use super::payload::{Format, Mapping, Members, QualityCodes, TimeUnit, Where};
use super::topic::{Levels, Pattern, Place, covers};
use crate::south::tags::{Home, Plan, Scaling, Source, Tag, Wrong};
use model::{Path, ValueType};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most patterns of one connection: each message is held against all of them.
const MAX_PATTERNS: usize = 100;
/// How the samples of one point are read.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Where value, time and quality stand.
    pub mapping: Mapping,
    /// The type; `None`: as it comes.
    pub wanted: Option<ValueType>,
    /// How raw numbers become values.
    pub scaling: Option<Box<Scaling>>,
    /// Without a message for this long the value is doubtful.
    pub stale: Option<Duration>,
    /// What a retained message without a time is.
    pub retained: Retained,
}

/// How a write is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// To which topic.
    pub topic: String,
    /// Text before and behind the value; `None`: the value alone.
    pub around: Option<(String, String)>,
}

/// One tag.
#[derive(Debug)]
pub struct PointSpec {
    /// Index of its device.
    pub device: usize,
    /// Index into the declared points.
    pub index: usize,
    /// Its topic.
    pub topic: String,
    /// How its payloads are read.
    pub reader: Reader,
    /// How it is written.
    pub command: Option<Command>,
}

/// One pattern.
#[derive(Debug)]
pub struct PatternSpec {
    /// Index of its device.
    pub device: usize,
    /// Name of its device.
    pub device_name: String,
    /// Home of its points.
    pub home: Path,
    /// Its topics.
    pub pattern: Pattern,
    /// Where its points live below the home.
    pub place: Place,
    /// The members of a payload that are points.
    pub members: Option<Members>,
    /// Unit of all of them.
    pub unit: String,
    /// Most points.
    pub room: usize,
    /// How the payloads are read.
    pub reader: Reader,
}

/// Everything that the tables of a file say.
#[derive(Debug)]
pub struct Spec {
    /// How its topics are written.
    pub written: Levels,
    /// Names of the devices.
    pub devices: Vec<String>,
    /// Tags.
    pub points: Vec<PointSpec>,
    /// Patterns.
    pub patterns: Vec<PatternSpec>,
    /// What messages may ask for.
    pub asks: Vec<AskSpec>,
    /// Whether what they ask for is done (`commands = "on"`).
    pub commands: bool,
}

impl Spec {
    /// Nothing yet.
    pub fn new(written: Levels) -> Self {
        let (devices, points, patterns, asks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { written, devices, points, patterns, asks, commands: false }
    }
}

/// Adds another gateway whose points keep their paths below `site`.
pub fn gateway(spec: &mut Spec, site: &Path, room: usize, stale: Option<Duration>) {
    const PATH: &str = "path";
    let name = site.as_str().replace('/', "-");
    let subject = format!("{}.{{{PATH}...}}", site.as_str().replace('/', "."));
    let Ok(pattern) = Pattern::parse(&subject, Levels::Dots) else { return };
    let mapping = Mapping {
        format: Format::Ironbridge,
        value: Where::Pointer(String::new()),
        time: None,
        time_unit: TimeUnit::Ms,
        quality: None,
        codes: QualityCodes::Opc,
        separator: b',',
    };
    let reader = Reader { mapping, wanted: None, scaling: None, stale, retained: Retained::default() };
    spec.patterns.push(PatternSpec {
        device: spec.devices.len(),
        device_name: name.clone(),
        home: site.clone(),
        pattern,
        place: Place::whole(PATH),
        members: None,
        unit: String::new(),
        room,
        reader,
    });
    spec.devices.push(name);
}

/// Resolves all devices; mistakes go to the plan. `example`: what to write where no tag is, if there must be one.
pub fn resolve<'e>(
    plan: &mut Plan<'_>,
    devices: &BTreeMap<String, Device>,
    written: Levels,
    example: impl Into<Option<&'e str>>,
) -> Spec {
    let mut spec = Spec::new(written);
    for (index, (name, device)) in devices.iter().enumerate() {
        let home = plan.device(name, &device.keys);
        spec.devices.push(name.clone());
        check_separator(plan, &["device", name, "separator"], &device.reading);
        plan.tags(&home, &device.tags, |plan, tag, entry| {
            let point = point(plan, (index, written), device, tag, entry);
            spec.points.extend(point);
        });
        for (pattern, keys) in &device.patterns {
            let found = self::pattern(plan, (index, written), device, &home, (pattern, keys));
            spec.patterns.extend(found);
        }
        for (ask, keys) in &device.commands {
            let found = asks::ask(plan, (index, written), device, &home, (ask, keys));
            spec.asks.extend(found);
        }
    }
    if spec.patterns.len() > MAX_PATTERNS {
        let message = format!("a connection may have at most {MAX_PATTERNS} patterns");
        plan.mistake(&["device"], message, "use wider patterns, or another connection");
    }
    if devices.values().all(|device| device.patterns.is_empty())
        && let Some(example) = example.into()
    {
        plan.expect_tags(example);
    }
    spec
}

fn check_separator(plan: &mut Plan<'_>, keys: &[&str], reading: &Reading) {
    if reading.separator.as_ref().is_some_and(|text| separator(Some(text)).is_none()) {
        plan.mistake(keys, "`separator` is one character, not more", "write separator = \";\"");
    }
}

fn separator(text: Option<&String>) -> Option<u8> {
    match text.map_or(",", String::as_str).as_bytes() {
        [one] if one.is_ascii() => Some(*one),
        _ => None,
    }
}

fn point(
    plan: &mut Plan<'_>,
    (device, written): (usize, Levels),
    all: &Device,
    tag: &Tag<'_>,
    entry: &Entry,
) -> Option<PointSpec> {
    let mut wrong = |key: &str, message: String, help: &str| plan.wrong(tag, key, Wrong::new(message, help));
    let topic = match Pattern::parse(&entry.at, written).map(|pattern| pattern.topic()) {
        Ok(Some(topic)) => topic,
        Ok(None) => {
            let message = format!("`{}` has placeholders, so it is more than one topic", entry.at);
            wrong("at", message, "put it under [device.NAME.patterns], or write one topic");
            return None;
        }
        Err(why) => {
            let help = match written {
                Levels::Slashes => "write levels joined by `/`",
                Levels::Dots => "write tokens joined by `.`",
            };
            wrong("at", format!("`{}` is no topic: {why}", entry.at), help);
            return None;
        }
    };
    let reading = entry.reading.or(&all.reading);
    let mapping = match mapping(&reading) {
        Ok(mapping) => mapping,
        Err((key, wrong)) => {
            // A mistake in the device's keys is told once more at each of its tags that uses them.
            let own = key_is_own(&entry.reading, key);
            plan.wrong(tag, if own { key } else { "at" }, wrong);
            return None;
        }
    };
    let command = match command(entry, &mapping) {
        Ok(command) => command,
        Err((key, wrong)) => {
            plan.wrong(tag, key, wrong);
            return None;
        }
    };
    let words = format!("{topic}{}", words(&mapping));
    let slot = plan.point(tag, Source { value: entry.kind, words })?;
    let reader = Reader {
        mapping,
        wanted: Some(entry.kind),
        scaling: slot.scaling,
        stale: reading.stale.map(|stale| stale.0),
        retained: reading.retained.unwrap_or_default(),
    };
    Some(PointSpec { device, index: slot.index, topic, reader, command })
}

fn key_is_own(reading: &Reading, key: &str) -> bool {
    match key {
        "value" => reading.value.is_some(),
        "time" => reading.time.is_some(),
        "quality" => reading.quality.is_some(),
        "separator" => reading.separator.is_some(),
        _ => reading.format.is_some(),
    }
}

/// What stands behind the topic in the words for people.
fn words(mapping: &Mapping) -> String {
    match &mapping.value {
        Where::Pointer(pointer) if pointer.is_empty() => String::new(),
        Where::Pointer(pointer) => format!(" {pointer}"),
        Where::Column(column) if mapping.format == Format::Csv => format!(" column {}", column + 1),
        Where::Column(_) => String::new(),
    }
}

/// Where everything stands, from the keys of a reading.
pub(super) fn mapping(reading: &Reading) -> Result<Mapping, (&'static str, Wrong)> {
    let format = reading.format.unwrap_or_default();
    let place = |key: &'static str, text: Option<&String>| match (format, text) {
        (_, None) => Ok(None),
        (Format::Raw, Some(_)) => {
            let message = format!("`{key}` has no place in a raw payload, which is the value alone");
            Err((key, Wrong::new(message, "leave it out, or write format = \"json\"")))
        }
        (Format::Ironbridge, Some(_)) => {
            let message =
                format!("`{key}` has no place here: a gateway's messages say where everything stands");
            Err((key, Wrong::new(message, "leave it out, or write format = \"json\"")))
        }
        (Format::Json | Format::Xml, Some(text)) if text.is_empty() || text.starts_with('/') => {
            Ok(Some(Where::Pointer(text.clone())))
        }
        (Format::Json | Format::Xml, Some(text)) => {
            let message = format!("`{text}` is no JSON pointer (RFC 6901)");
            Err((key, Wrong::new(message, format!("write {key} = \"/{text}\""))))
        }
        (Format::Csv, Some(text)) => match text.parse::<usize>() {
            Ok(column @ 1..=10_000) => Ok(Some(Where::Column(column - 1))),
            _ => {
                let message = format!("`{text}` is no number of a column");
                Err((key, Wrong::new(message, format!("write {key} = \"1\" for the first column"))))
            }
        },
    };
    let first = match format {
        Format::Json | Format::Xml | Format::Ironbridge => Where::Pointer(String::new()),
        Format::Raw | Format::Csv => Where::Column(0),
    };
    let one = || Wrong::new("`separator` is one character, not more", "write separator = \";\"");
    Ok(Mapping {
        format,
        value: place("value", reading.value.as_ref())?.unwrap_or(first),
        time: place("time", reading.time.as_ref())?,
        time_unit: reading.time_unit.unwrap_or_default(),
        quality: place("quality", reading.quality.as_ref())?,
        codes: reading.quality_codes.unwrap_or_default(),
        separator: separator(reading.separator.as_ref()).ok_or_else(|| ("separator", one()))?,
    })
}

fn command(entry: &Entry, mapping: &Mapping) -> Result<Option<Command>, (&'static str, Wrong)> {
    let writes = entry.keys.write.is_some();
    let Some(topic) = &entry.command else {
        let wrong = |key, message, help: &str| Err((key, Wrong::new(message, help)));
        return match (writes, &entry.payload) {
            (true, _) => wrong(
                "write",
                "`write` needs `command`: the topic to which a write is published",
                "write command = \"plant/oven/target/set\"",
            ),
            (false, Some(_)) => {
                wrong("payload", "`payload` needs `write` and `command`", "leave it out, or write both")
            }
            (false, None) => Ok(None),
        };
    };
    if !writes {
        let help = "write write = {} to allow writing, or leave `command` out";
        return Err(("command", Wrong::new("`command` without `write`: nothing may be written", help)));
    }
    let topic = match Pattern::parse(topic, Levels::Slashes).map(|pattern| pattern.topic()) {
        Ok(Some(topic)) if !topic.starts_with('$') => topic,
        _ => {
            let help = "write levels joined by `/`, without `+`, `#`, braces or a leading `$`";
            return Err(("command", Wrong::new(format!("`{topic}` is no topic to publish to"), help)));
        }
    };
    if entry.kind == ValueType::Bytes {
        return Err(("write", Wrong::new("bytes cannot be written", "leave `write` out")));
    }
    let around = match &entry.payload {
        None if mapping.format == Format::Json && entry.kind == ValueType::Text => {
            Some((String::new(), String::new()))
        }
        None => None,
        Some(text) => match text.split_once("{value}") {
            Some((before, behind)) if !behind.contains("{value}") => Some((before.into(), behind.into())),
            _ => {
                let help = "write e.g. payload = '{\"target\":{value}}'";
                return Err(("payload", Wrong::new("`payload` must hold {value} once", help)));
            }
        },
    };
    Ok(Some(Command { topic, around }))
}

fn pattern(
    plan: &mut Plan<'_>,
    (device, written): (usize, Levels),
    all: &Device,
    home: &Home<'_>,
    (name, keys): (&str, &PatternKeys),
) -> Option<PatternSpec> {
    let reading = keys.reading.or(&all.reading);
    let parts = pattern_parts(keys, &reading, written).map_err(|(key, wrong)| {
        plan.mistake(&["device", home.name, "patterns", name, key], wrong.message, wrong.help);
    });
    let (pattern, members, mapping, place) = parts.ok()?;
    Some(PatternSpec {
        device,
        device_name: home.name.to_owned(),
        home: home.at().clone(),
        pattern,
        place,
        members,
        unit: keys.unit.clone(),
        room: keys.max_points,
        reader: Reader {
            mapping,
            wanted: keys.kind,
            scaling: None,
            stale: reading.stale.map(|stale| stale.0),
            retained: reading.retained.unwrap_or_default(),
        },
    })
}

type PatternParts = (Pattern, Option<Members>, Mapping, Place);

fn pattern_parts(
    keys: &PatternKeys,
    reading: &Reading,
    written: Levels,
) -> Result<PatternParts, (&'static str, Wrong)> {
    let wrong = |key, message: String, help: &str| Err((key, Wrong::new(message, help)));
    let pattern = match Pattern::parse(&keys.at, written) {
        Ok(pattern) => pattern,
        Err(why) => {
            let message = format!("`{}` is no pattern: {why}", keys.at);
            let help = match written {
                Levels::Slashes => "write e.g. at = \"plant/{machine}/{tag}\"",
                Levels::Dots => "write e.g. at = \"plant.{machine}.{tag}\"",
            };
            return wrong("at", message, help);
        }
    };
    let members = match Members::parse(reading.value.as_deref().unwrap_or_default()) {
        Ok(members) => members,
        Err(why) => return wrong("value", why, "write e.g. value = \"/metrics/{tag}\""),
    };
    let mapping = mapping(reading)?;
    if !matches!(mapping.format, Format::Json | Format::Xml | Format::Ironbridge)
        && (keys.kind.is_none() || members.is_some())
    {
        let message = "only JSON and XML say what their values are and have names for them".to_owned();
        return wrong("at", message, "write type = \"f64\" or another, and no braces in `value`");
    }
    let mut names = pattern.names();
    if let Some(members) = &members {
        if names.contains(&members.name.as_str()) {
            let message = format!("the placeholder {{{}}} stands twice", members.name);
            return wrong("value", message, "give it another name");
        }
        names.push(&members.name);
    }
    if names.is_empty() {
        let message = "this pattern has no placeholder, so it is one topic".to_owned();
        return wrong("at", message, "put it under [device.NAME.tags]");
    }
    let place = match keys.path.as_deref().map(|text| Place::parse(text, &names)) {
        None => Place::of(&names),
        Some(Ok(place)) => place,
        Some(Err(why)) => {
            return wrong("path", format!("`path`: {why}"), "write e.g. path = \"{machine}/{tag}\"");
        }
    };
    Ok((pattern, members, mapping, place))
}

/// The filters that bring every topic, none that another covers.
pub fn filters(spec: &Spec) -> Vec<String> {
    let mut wide: Vec<String> = Vec::new();
    for filter in spec.patterns.iter().map(|pattern| pattern.pattern.filter()) {
        if !wide.iter().any(|known| covers(known, &filter, spec.written)) {
            wide.retain(|known| !covers(&filter, known, spec.written));
            wide.push(filter);
        }
    }
    let mut topics: Vec<String> = spec.points.iter().map(|point| point.topic.clone()).collect();
    topics.sort_unstable();
    topics.dedup();
    topics.retain(|topic| !wide.iter().any(|known| covers(known, topic, spec.written)));
    wide.extend(topics);
    wide
}
