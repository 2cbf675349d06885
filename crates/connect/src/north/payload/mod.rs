//! What samples and events look like to the far side: one message a point (JSON, Avro, Protocol Buffers, text as a template
//! says), or one a device and scan (JSON flat or nested by asset, a Sparkplug payload). Shared by all destinations that
//! send messages.

mod avro;
pub mod contract;
pub mod json;
pub(in crate::north) mod metric;
mod protobuf;
mod render;
mod scan;
pub mod template;

pub use render::{Format, Naming, Rendered, Renderer};
pub use scan::Scan;

use model::config::{Diagnostic, Document};
use model::{Event, Position};
use schemars::JsonSchema;
use serde::Deserialize;

/// How samples are written.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PayloadKeys {
    /// "json": one object per point; "flat-json": one object per device and scan; "nested-json": the same, nested as
    /// the folders below the topic are; "sparkplug": one Sparkplug B payload per device and scan, without births;
    /// "avro", "protobuf": one record per point in bytes; "template": `payload` says how
    #[serde(default)]
    pub format: FormatWord,
    /// payload for format "template", e.g. '{"v":{value},"q":"{quality}","t":{time}}'
    #[serde(default)]
    pub payload: Option<String>,
}

const PATH: &str = "{path}";
const PARENT: &str = "{parent}";
const CONNECTION: &str = "{enterprise}/{site}/{connection}";

/// The words for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FormatWord {
    /// One object per point.
    #[default]
    Json,
    /// One flat object per device and scan.
    FlatJson,
    /// One nested object per device and scan.
    NestedJson,
    /// As `payload` says.
    Template,
    /// One Avro record per point.
    Avro,
    /// One Protocol Buffers message per point.
    Protobuf,
    /// One Sparkplug payload per device and scan.
    Sparkplug,
}

impl FormatWord {
    /// Whether each message is about one point.
    pub const fn is_per_point(self) -> bool {
        matches!(self, Self::Json | Self::Template | Self::Avro | Self::Protobuf)
    }

    /// The topic or subject where none is configured.
    pub const fn default_topic(self) -> &'static str {
        match self {
            Self::Json | Self::Template | Self::Avro | Self::Protobuf => PATH,
            Self::FlatJson => PARENT,
            Self::NestedJson | Self::Sparkplug => CONNECTION,
        }
    }
}

/// The format that the keys describe; mistakes are added.
pub fn format(keys: &PayloadKeys, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Format {
    named_format((keys.format, &keys.payload), ("format", "payload"), document, mistakes)
}

/// The same where the two keys have other names.
pub(in crate::north) fn named_format(
    wanted: (FormatWord, &Option<String>),
    (format, payload): (&str, &str),
    document: &Document,
    mistakes: &mut Vec<Diagnostic>,
) -> Format {
    match wanted {
        (FormatWord::Template, Some(text)) => match template::parse(text, true) {
            Ok(parts) => return Format::Template(parts),
            Err(word) => {
                let message = format!("`{{{word}}}` is no word for a payload");
                let help = format!("there are {}", template::words(true));
                mistakes.push(document.mistake(&[payload], message, help));
            }
        },
        (FormatWord::Template, None) => {
            let help = format!("write `{payload} = '{{\"v\":{{value}},\"t\":{{time}}}}'`");
            let message = format!("{format} \"template\" needs `{payload}`");
            mistakes.push(document.mistake(&[format], message, help));
        }
        (_, Some(_)) => {
            let help = format!("write `{format} = \"template\"`, or leave `{payload}` out");
            let message = format!("`{payload}` is only for {format} \"template\"");
            mistakes.push(document.mistake(&[payload], message, help));
        }
        (FormatWord::Avro, None) => return Format::Avro,
        (FormatWord::Protobuf, None) => return Format::Protobuf,
        (FormatWord::FlatJson, None) => return Format::Scan(Scan::Flat),
        (FormatWord::NestedJson, None) => return Format::Scan(Scan::Nested),
        (FormatWord::Sparkplug, None) => return Format::Scan(Scan::Sparkplug),
        (FormatWord::Json, None) => {}
    }
    Format::Json
}

impl Format {
    /// As [`FormatWord::default_topic`].
    pub const fn default_topic(&self) -> &'static str {
        match self {
            Self::Json | Self::Template(_) | Self::Avro | Self::Protobuf => PATH,
            Self::Scan(Scan::Flat) => PARENT,
            Self::Scan(Scan::Nested | Scan::Sparkplug) => CONNECTION,
        }
    }

    /// The media type of a message.
    pub const fn media(&self) -> &'static str {
        match self {
            Self::Json | Self::Scan(Scan::Flat | Scan::Nested) => "application/json",
            Self::Template(_) => "text/plain; charset=utf-8",
            Self::Avro => "application/avro",
            Self::Protobuf | Self::Scan(Scan::Sparkplug) => "application/protobuf",
        }
    }

    /// Its word in the configuration.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Template(_) => "template",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
            Self::Scan(Scan::Flat) => "flat-json",
            Self::Scan(Scan::Nested) => "nested-json",
            Self::Scan(Scan::Sparkplug) => "sparkplug",
        }
    }

    /// Whether its contract names points.
    pub const fn names_points(&self) -> bool {
        matches!(self, Self::Scan(Scan::Flat | Scan::Nested))
    }
}

/// An event as one JSON object: times in milliseconds since 1970, `seq` as text.
pub fn event(event: &Event, position: Position, historical: bool) -> Vec<u8> {
    let mut json = serde_json::to_value(event).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        object.insert("start".into(), event.start.millis_f64().into());
        object.insert("end".into(), event.end.map(model::Time::millis_f64).into());
        object.insert("seq".into(), position.as_i64().to_string().into());
        object.insert("historical".into(), historical.into());
    }
    serde_json::to_vec(&json).unwrap_or_default()
}
