//! One syslog message (RFC 5424, 6).

use super::{kind, severity, signature};
use model::{Event, Position, Time};
use schemars::JsonSchema;
use serde::Deserialize;

/// Where the message is filed at the collector (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Facility {
    /// 1
    User,
    /// 3
    Daemon,
    /// 10
    Authpriv,
    /// 16
    #[default]
    Local0,
    /// 17
    Local1,
    /// 18
    Local2,
    /// 19
    Local3,
    /// 20
    Local4,
    /// 21
    Local5,
    /// 22
    Local6,
    /// 23
    Local7,
}

impl Facility {
    const fn code(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Daemon => 3,
            Self::Authpriv => 10,
            Self::Local0 => 16,
            Self::Local1 => 17,
            Self::Local2 => 18,
            Self::Local3 => 19,
            Self::Local4 => 20,
            Self::Local5 => 21,
            Self::Local6 => 22,
            Self::Local7 => 23,
        }
    }
}

/// The name of our structured data. 32473 is the number that RFC 5612 keeps for examples: we have none of our own.
const DATA: &str = "ironbridge@32473";
/// What stands in it, in this order.
const KEYS: [&str; 8] = ["site", "kind", "id", "revision", "state", "source", "seq", "next"];

/// What a message looks like, `behind` the header: for those who read it.
pub fn syslog_shape(host: &str, behind: &str) -> String {
    let data: String = KEYS.iter().map(|key| format!(" {key}=\"...\"")).collect();
    format!("RFC 5424: <PRI>1 TIME {} ironbridge - SIGNATURE [{DATA}{data}] {behind}", name(host, 255))
}

/// An event as a message from `host`; `text` is what stands behind the header, without control characters.
pub fn syslog(
    event: &Event,
    position: Position,
    site: &str,
    host: &str,
    facility: Facility,
    text: &str,
) -> String {
    let priority = facility.code() * 8 + severity(event.severity).syslog;
    let at = event.end.unwrap_or(event.start);
    let state = format!("{:?}", event.state).to_ascii_lowercase();
    let mut line = format!(
        "<{priority}>1 {} {} ironbridge - {} [{DATA}",
        stamp(at),
        name(host, 255),
        name(&signature(event), 32)
    );
    let revision = event.revision.to_string();
    let seq = position.as_i64().to_string();
    let values: [&str; KEYS.len()] =
        [site, kind(event.kind), &event.id, &revision, &state, &event.source, &seq, &event.next];
    for (key, value) in KEYS.iter().zip(values) {
        line.push_str(&format!(" {key}=\"{}\"", parameter(value)));
    }
    line.push_str("] ");
    line.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
    line
}

/// At most six digits of a second are allowed.
fn stamp(time: Time) -> String {
    Time(time.0 - time.0.rem_euclid(1_000)).rfc3339()
}

/// Printable ASCII without spaces, or `-`.
fn name(text: &str, most: usize) -> String {
    let plain: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if plain.is_empty() { "-".into() } else { plain }
}

/// `"`, `\` and `]` are escaped.
fn parameter(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' | ']' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::nasty;
    use super::*;

    #[test]
    fn a_message_as_the_standard_says() {
        let mut event = nasty();
        event.id = "a\"b]c\\d".into();
        let line =
            syslog(&event, Position::new(0, 5), "acme/leeds", "gate way", Facility::Local0, &event.title);
        assert_eq!(
            line,
            "<131>1 2026-01-01T00:00:00.123Z gateway ironbridge - finding-monitor [ironbridge@32473 site=\"acme/leeds\" \
             kind=\"finding\" id=\"a\\\"b\\]c\\\\d\" revision=\"1\" state=\"active\" source=\"monitor\" seq=\"5\" \
             next=\"Ask who did it.\"] PLC \"filler\" stopped | by a=b\\c] next [31m"
        );
    }
}
