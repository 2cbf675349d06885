//! `connections`: how each does, in words.

use super::Running;
use super::ask::{list, text, write};
use super::client::{Client, ClientError};
use super::table::Table;
use serde_json::Value as Json;
use std::io::Write;

/// `connections`: each with its state, and in words what is wrong and what to do next.
pub async fn connections(
    name: Option<&str>,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/connections").await?;
    let all = list(&answer, "connections").iter();
    let wanted: Vec<&Json> = all.filter(|one| name.is_none_or(|name| text(one, "name") == name)).collect();
    let mut table = Table::new(&["connection", "kind", "state", "points", "good", "bad", "endpoint"]);
    for one in &wanted {
        let cells = ["name", "kind", "state", "points", "good", "bad", "endpoint"];
        table.push(cells.iter().map(|key| text(one, key)).collect());
    }
    let empty = match name {
        Some(name) => format!("no connection is called {name}: `ironbridge connections` lists all"),
        None => "no connection yet: add a file under connections/ and apply it (ironbridge schema lists the kinds)".into(),
    };
    write(out, &table.render(&empty))?;
    wanted.into_iter().try_for_each(|one| write(out, &trouble(one, name.is_some())))
}

/// What is wrong with a connection, in words; `all` tells what is not wrong, too.
fn trouble(one: &Json, all: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let devices = list(one, "devices");
    let well = text(one, "state") == "connected"
        && devices.iter().all(|device| ["ok", "paused"].contains(&text(device, "state").as_str()));
    if let Some(error) = one.get("last_error").filter(|error| error.is_object() && !well) {
        lines.extend(["title", "meaning", "next"].map(|key| text(error, key)));
    }
    for device in devices {
        let (name, state) = (text(device, "name"), text(device, "state"));
        if all || (state != "ok" && text(one, "state") == "connected") {
            lines.push(format!("device {name}: {state}"));
        }
        let refused = list(device, "quarantined").iter();
        lines.extend(refused.map(|one| format!("{}: {}", text(one, "address"), text(one, "reason"))));
    }
    let doubtful = list(one, "doubtful").iter();
    lines.extend(doubtful.map(|point| format!("{}: {}", text(point, "path"), text(point, "quality"))));
    if all {
        lines.extend(left_out(one));
    }
    if all && let Some(security) = one.get("security") {
        lines.push(format!("security: {}", text(security, "text")));
    }
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|line| format!("  {}\n", model::text::clean(line, usize::MAX)));
    format!("\n{}:\n{}", text(one, "name"), lines.collect::<String>())
}

/// What came by itself and was not taken, in words.
fn left_out(one: &Json) -> Option<String> {
    let counts = one.get("left_out")?;
    let words = [
        ("rejected", "rejected (sent by somebody who may not, or too fast)"),
        ("no_room", "without room"),
        ("unclaimed", "read by no tag"),
        ("repeated", "there already"),
    ];
    let said: Vec<String> = words
        .iter()
        .filter_map(|(key, words)| {
            let count = counts.get(*key)?.as_u64().filter(|count| *count > 0)?;
            Some(format!("{count} {words}"))
        })
        .collect();
    (!said.is_empty()).then(|| format!("not taken since the start: {}", said.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trouble_is_told_in_words_and_calm_is_silent() {
        let calm = json!({"name": "a", "state": "connected", "devices": [{"name": "d", "state": "ok", "quarantined": []}],
            "doubtful": [], "last_error": {"title": "over", "meaning": "m", "next": "n"}, "security": {"text": "open"}});
        assert_eq!(trouble(&calm, false), "");
        assert_eq!(trouble(&calm, true), "\na:\n  device d: ok\n  security: open\n");
        let lost = json!({"name": "b", "state": "lost", "devices": [{"name": "d", "state": "waiting",
            "quarantined": [{"address": "DB9.DBW0 INT", "reason": "There is no such block."}]}],
            "doubtful": [{"path": "a/b/c", "quality": "BadTypeMismatch"}],
            "last_error": {"title": "no answer", "meaning": "old values", "next": "look"}});
        assert_eq!(
            trouble(&lost, false),
            "\nb:\n  no answer\n  old values\n  look\n  DB9.DBW0 INT: There is no such block.\n  a/b/c: BadTypeMismatch\n"
        );
        let traps = json!({"name": "c", "state": "connected", "devices": [],
            "left_out": {"rejected": 3, "no_room": 0, "unclaimed": 1}});
        assert_eq!(trouble(&traps, false), "");
        assert_eq!(
            trouble(&traps, true),
            "\nc:\n  not taken since the start: 3 rejected (sent by somebody who may not, or too fast), 1 read by no tag\n"
        );
    }
}
