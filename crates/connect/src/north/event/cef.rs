//! CEF, the Common Event Format (ArcSight, version 0).

use super::{PRODUCT, VERSION, kind, severity, signature};
use model::{Event, Position};

/// Keys of the extension, in this order.
const KEYS: [&str; 15] = [
    "rt",
    "externalId",
    "cat",
    "msg",
    "end",
    "deviceExternalId",
    "deviceFacility",
    "cs1Label",
    "cs1",
    "cs2Label",
    "cs2",
    "cs3Label",
    "cs3",
    "cn1Label",
    "cn1",
];

/// What a line looks like: for those who read it.
pub fn cef_shape() -> String {
    let keys: Vec<String> = KEYS.iter().map(|key| format!("{key}=...")).collect();
    format!(
        "CEF:0|{PRODUCT}|{PRODUCT}|VERSION|SIGNATURE|TITLE|0-10|{} (what is empty is left out)",
        keys.join(" ")
    )
}

/// An event as one line of CEF.
pub fn cef(event: &Event, position: Position, site: &str) -> String {
    let severity = severity(event.severity).cef;
    let mut line = format!(
        "CEF:0|{PRODUCT}|{PRODUCT}|{VERSION}|{}|{}|{severity}|",
        header(&signature(event)),
        header(&event.title)
    );
    let state = format!("{:?}", event.state).to_ascii_lowercase();
    let refs = event.refs.join(" ");
    let values: [String; KEYS.len()] = [
        event.start.millis().to_string(),
        format!("{}:{}", event.id, event.revision),
        kind(event.kind).to_owned(),
        event.text.clone(),
        event.end.map_or_else(String::new, |end| end.millis().to_string()),
        site.to_owned(),
        event.source.clone(),
        "state".to_owned(),
        state,
        "next step".to_owned(),
        event.next.clone(),
        "concerns".to_owned(),
        refs,
        "seq".to_owned(),
        position.as_i64().to_string(),
    ];
    let filled = KEYS.iter().zip(&values).filter(|(_, value)| !value.is_empty());
    let extension: Vec<String> = filled.map(|(key, value)| format!("{key}={}", value_of(value))).collect();
    line.push_str(&extension.join(" "));
    line
}

/// In the header, `\` and `|` are escaped and a line end cannot stand.
fn header(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('|', "\\|");
    escaped.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// In the extension, `\` and `=` are escaped and line ends are `\n`.
fn value_of(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('=', "\\=").replace("\r\n", "\\n").replace('\n', "\\n");
    escaped.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::nasty;
    use super::*;

    #[test]
    fn one_line_whatever_stands_in_it() {
        let line = cef(&nasty(), Position::new(1, 5), "acme/leeds");
        assert!(line.starts_with(&format!(
            "CEF:0|Ironbridge|Ironbridge|{VERSION}|IB-S7-003|PLC \"filler\" stopped \\| by a=b\\\\c] next [31m|8|rt=1767225600123 "
        )));
        assert!(
            line.contains(" msg=It stands.\\nReally. ") && line.contains("cs2=Ask who did it."),
            "{line}"
        );
        assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line}");
    }
}
