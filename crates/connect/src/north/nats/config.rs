//! The keys of `kind = "nats"`.

use super::Nats;
use super::stream::Stream;
use crate::kind::{Built, Context};
use crate::nats::{ServerKeys, Servers};
use crate::north::payload::{self, PayloadKeys, template};
use crate::north::{Sink, settings};
use model::Path;
use model::config::{Diagnostic, Document, Period};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

/// Longest subject that is configured.
const MAX_SUBJECT: usize = 500;

#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// how the cluster is reached
    #[serde(flatten)]
    server: ServerKeys,
    #[serde(flatten)]
    shape: PayloadKeys,
    /// subject with {path} {below} {parent} {name} {connection} {device} {enterprise} {site}, folders become tokens; if
    /// left out "{path}", "{parent}" for "flat-json", "{enterprise}.{site}.{connection}" for "nested-json" and "sparkplug"
    #[serde(default)]
    subject: Option<String>,
    /// subject for events; "ENTERPRISE.SITE._ironbridge.events" if left out
    #[serde(default)]
    events_subject: Option<String>,
    /// the stream that keeps the messages; made if it is not there
    #[serde(default)]
    stream: StreamKeys,
    /// most messages under way without acknowledgement, 1 to 65,536
    #[serde(default = "window")]
    #[schemars(range(min = 1, max = 65_536))]
    window: u32,
}

/// How the stream is made; one that is there stays as it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamKeys {
    /// its name; ENTERPRISE_SITE if left out
    pub(super) name: Option<String>,
    /// the subjects that it takes; those that this destination publishes to if left out
    #[serde(default)]
    pub(super) subjects: Vec<String>,
    /// the JetStream domain in which it is, where `url` names a leaf node and the stream is at the hub
    pub(super) domain: Option<String>,
    /// copies in the cluster, 1 to 5
    #[schemars(range(min = 1, max = 5))]
    pub(super) replicas: Option<u32>,
    /// how long messages are kept, e.g. "30d"; for ever if left out
    pub(super) max_age: Option<Period>,
    /// most bytes that are kept; the oldest go
    pub(super) max_bytes: Option<u64>,
    /// within which time the stream leaves out a message that it has already, "2min" if left out
    pub(super) duplicates: Option<Period>,
}

const fn window() -> u32 {
    4_096
}

pub(super) fn schema() -> Json {
    settings::schema::<Keys>()
}

pub(super) fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let servers = Servers::read(&keys.server, document, context, &mut mistakes);
    let format = payload::format(&keys.shape, document, &mut mistakes);
    let default = keys.shape.format.default_topic().replace('/', ".");
    let text = keys.subject.as_deref().unwrap_or(&default);
    let subject = template::parse(text, false).unwrap_or_else(|word| {
        let help = format!("there are {}", template::words(false));
        mistakes.push(document.mistake(&["subject"], format!("`{{{word}}}` is no word for a subject"), help));
        Vec::new()
    });
    let own = context.site.as_str().replace('/', ".");
    let events_subject = keys.events_subject.clone().unwrap_or_else(|| format!("{own}._ironbridge.events"));
    let plain = text.replace(['{', '}'], "");
    for (key, subject) in [("subject", plain.as_str()), ("events_subject", events_subject.as_str())] {
        if !wire::nats::is_subject(subject) || subject.len() > MAX_SUBJECT {
            let help = "write tokens joined by `.`, without spaces, `*` and `>`";
            mistakes.push(document.mistake(&[key], format!("`{key}` is no subject to publish to"), help));
        }
    }
    let cover = cover(&subject, &context.site);
    if keys.stream.subjects.is_empty() && cover == ">" {
        let help = "write `stream = { subjects = [\"plant.>\"] }`, or begin `subject` with a fixed word";
        mistakes.push(document.mistake(&["subject"], "the subjects of the stream cannot be told", help));
    }
    let origin = format!("{}:{}", context.site, context.name);
    let stream = Stream::new(&keys.stream, &context.site, &origin, vec![cover, events_subject.clone()]);
    if !stream.is_named_well() {
        let help = "write letters, digits, `-` and `_`, e.g. \"PLANT\"";
        mistakes.push(document.mistake(&["stream"], "this is no name for a stream or a domain", help));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let (endpoint, security) = (servers.endpoint(), servers.security());
    let sink = Nats {
        servers,
        stream,
        site: context.site.clone(),
        origin,
        format,
        subject,
        events_subject,
        window: usize::try_from(keys.window).unwrap_or(1).max(1),
        proofs: super::Proofs::default(),
    };
    Ok(Built::destination(sink, endpoint, security))
}

/// The subjects that a template can become: its fixed beginning and `>`, or one word that is all of it.
fn cover(parts: &[template::Part], site: &Path) -> String {
    use template::{Part, PointWord};
    let mut fixed = String::new();
    for part in parts {
        match part {
            Part::Text(text) => fixed.push_str(text),
            Part::Point(PointWord::Enterprise) => fixed.push_str(site.segments().next().unwrap_or_default()),
            Part::Point(PointWord::Site) => {
                fixed.push_str(&site.as_str().split_once('/').map_or("", |(_, rest)| rest).replace('/', "."));
            }
            Part::Point(PointWord::Path | PointWord::Parent) => {
                fixed.push_str(&site.as_str().replace('/', "."));
                fixed.push('.');
                break;
            }
            Part::Point(_) | Part::Sample(_) => break,
        }
    }
    let is_fixed = |part: &Part| matches!(part, Part::Text(_) | Part::Point(PointWord::Enterprise));
    match fixed.rsplit_once('.') {
        Some((whole, _)) if !whole.is_empty() => format!("{whole}.>"),
        None if parts.iter().all(is_fixed) => fixed,
        _ => ">".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_takes_what_is_published() {
        let site = Path::new("acme/leeds").unwrap();
        for (subject, expected) in [
            ("{path}", "acme.leeds.>"),
            ("{enterprise}.{site}.{connection}", "acme.leeds.>"),
            ("plant.{device}.x", "plant.>"),
            ("plant.raw-{device}", "plant.>"),
            ("{device}.x", ">"),
            ("plant", "plant"),
            ("plant{device}", ">"),
        ] {
            assert_eq!(cover(&template::parse(subject, false).unwrap(), &site), expected, "{subject}");
        }
    }
}
