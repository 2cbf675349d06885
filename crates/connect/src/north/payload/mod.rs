//! What samples and events look like to the far side: one JSON object a point, one a device and scan (flat or nested
//! by asset), or text as a template says. Shared by all destinations that send messages.

pub mod json;
mod render;
pub mod template;

pub use render::{Format, Rendered, Renderer};

use model::config::{Diagnostic, Document};
use model::{Event, Position};
use schemars::JsonSchema;
use serde::Deserialize;

/// How samples are written.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PayloadKeys {
    /// "json": one object per point; "flat-json": one object per device and scan; "nested-json": the same, nested as
    /// the folders below the topic are; "template": `payload` says how
    #[serde(default)]
    pub format: FormatWord,
    /// payload for format "template", e.g. '{"v":{value},"q":"{quality}","t":{time}}'
    #[serde(default)]
    pub payload: Option<String>,
}

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
}

impl FormatWord {
    /// Whether each message is about one point.
    pub const fn is_per_point(self) -> bool {
        matches!(self, Self::Json | Self::Template)
    }

    /// The topic or subject where none is configured.
    pub const fn default_topic(self) -> &'static str {
        match self {
            Self::Json | Self::Template => "{path}",
            Self::FlatJson => "{parent}",
            Self::NestedJson => "{enterprise}/{site}/{connection}",
        }
    }
}

/// The format that the keys describe; mistakes are added.
pub fn format(keys: &PayloadKeys, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Format {
    match (keys.format, &keys.payload) {
        (FormatWord::Json, None) => return Format::Json,
        (FormatWord::FlatJson, None) => return Format::FlatJson,
        (FormatWord::NestedJson, None) => return Format::NestedJson,
        (FormatWord::Template, Some(text)) => match template::parse(text, true) {
            Ok(parts) => return Format::Template(parts),
            Err(word) => {
                let message = format!("`{{{word}}}` is no word for a payload");
                let help = format!("there are {}", template::words(true));
                mistakes.push(document.mistake(&["payload"], message, help));
            }
        },
        (FormatWord::Template, None) => {
            let help = "write `payload = '{\"v\":{value},\"t\":{time}}'`";
            mistakes.push(document.mistake(&["format"], "format \"template\" needs `payload`", help));
        }
        (_, Some(_)) => {
            let help = "write `format = \"template\"`, or leave `payload` out";
            mistakes.push(document.mistake(&["payload"], "`payload` is only for format \"template\"", help));
        }
    }
    Format::Json
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
