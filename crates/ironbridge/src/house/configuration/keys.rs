//! Values of keys in a TOML text, changed without touching anything else in it.

use serde_json::Value as Json;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// The text with `set` carried out, in order.
///
/// # Errors
/// What is wrong, in words.
pub fn change<'a>(
    text: &str,
    set: impl IntoIterator<Item = (&'a [String], &'a Json)>,
) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    for (path, value) in set {
        if !heading(document.as_table_mut(), path, value) {
            put(document.as_table_mut(), path, value)?;
        }
    }
    Ok(document.to_string())
}

/// A new, empty entry such as `[device.filler]` gets a heading of its own, unless its neighbours stand in one line each.
fn heading(root: &mut Table, path: &[String], value: &Json) -> bool {
    let ([outer, key], Some(0)) = (path, value.as_object().map(serde_json::Map::len)) else { return false };
    let mut fresh = Table::new();
    fresh.set_implicit(true);
    let Item::Table(outer) = root.entry(outer).or_insert(Item::Table(fresh)) else { return false };
    if outer.contains_key(key) || outer.iter().any(|(_, entry)| entry.is_value()) {
        return false;
    }
    outer.insert(key, Item::Table(Table::new()));
    true
}

/// Keys and values of a text; null if it is no TOML.
pub fn values(text: &str) -> Json {
    let table = toml::from_str::<toml::Table>(text).ok();
    table.and_then(|table| serde_json::to_value(table).ok()).unwrap_or(Json::Null)
}

fn put(table: &mut dyn TableLike, path: &[String], value: &Json) -> Result<(), String> {
    match path {
        [] => Err("a change needs a key".into()),
        [key] if value.is_null() => {
            table.remove(key);
            Ok(())
        }
        [key] => {
            let mut fresh = to_toml(value)?;
            match table.get_mut(key) {
                Some(Item::Value(old)) => {
                    // The comment behind a value belongs to the line, not to the value.
                    *fresh.decor_mut() = old.decor().clone();
                    *old = fresh;
                }
                Some(Item::Table(_) | Item::ArrayOfTables(_)) => {
                    return Err(format!("`{key}` is a table of its own: change the keys in it"));
                }
                _ => {
                    table.insert(key, Item::Value(fresh));
                }
            }
            Ok(())
        }
        [first, rest @ ..] => {
            if table.get(first).is_none() {
                if value.is_null() {
                    return Ok(());
                }
                let mut fresh = Table::new();
                // Only the innermost of new tables gets a heading.
                fresh.set_implicit(rest.len() > 1);
                table.insert(first, Item::Table(fresh));
            }
            let inner = table.get_mut(first).and_then(Item::as_table_like_mut);
            put(inner.ok_or_else(|| format!("`{first}` is a value, not a table"))?, rest, value)
        }
    }
}

fn to_toml(value: &Json) -> Result<Value, String> {
    Ok(match value {
        Json::Null => return Err("an empty value has no place in a list or table".into()),
        Json::Bool(value) => Value::from(*value),
        Json::String(value) => Value::from(value.as_str()),
        Json::Number(value) => match (value.as_i64(), value.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(number)) if number.is_finite() => Value::from(number),
            _ => return Err(format!("{value} is too large")),
        },
        Json::Array(values) => Value::Array(values.iter().map(to_toml).collect::<Result<Array, _>>()?),
        Json::Object(values) => {
            let mut table = InlineTable::new();
            for (key, value) in values {
                table.insert(key, to_toml(value)?);
            }
            Value::InlineTable(table)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "# The line.\nkind = \"modbus-tcp\"\nhost = \"10.0.0.1\" # PLC\nscan = { fast = \"250ms\" }\n\n[device.filler]\nunit = 1 # as on the label\n";

    fn changed(set: &[(&[&str], Json)]) -> Result<String, String> {
        let set: Vec<(Vec<String>, Json)> = set
            .iter()
            .map(|(path, value)| (path.iter().map(|p| (*p).to_owned()).collect(), value.clone()))
            .collect();
        change(TEXT, set.iter().map(|(path, value)| (path.as_slice(), value)))
    }

    #[test]
    fn comments_and_order_stay() {
        let text = changed(&[
            (&["host"], json!("10.0.0.2")),
            (&["device", "filler", "unit"], json!(7)),
            (&["port"], json!(1502)),
            (&["scan", "normal"], json!("1s")),
            (&["device", "capper", "unit"], json!(2)),
        ])
        .unwrap();
        assert!(
            text.starts_with("# The line.\nkind = \"modbus-tcp\"\nhost = \"10.0.0.2\" # PLC\n"),
            "{text}"
        );
        assert!(text.contains("unit = 7 # as on the label"), "{text}");
        assert!(text.contains("[device.capper]\nunit = 2"), "{text}");
        assert_eq!(
            values(&text),
            json!({"kind": "modbus-tcp", "host": "10.0.0.2", "port": 1502, "scan": {"fast": "250ms", "normal": "1s"},
                   "device": {"filler": {"unit": 7}, "capper": {"unit": 2}}}),
            "{text}"
        );
    }

    #[test]
    fn new_entries_stand_as_their_neighbours_do() {
        let text = changed(&[
            (&["device", "capper"], json!({})),
            (&["device", "capper", "unit"], json!(2)),
            (&["device", "capper", "tags", "speed"], json!({})),
            (&["device", "capper", "tags", "speed", "at"], json!("40101")),
            (&["points", "Speed"], json!({})),
            (&["scan", "slow"], json!("10s")),
        ])
        .unwrap();
        for part in [
            "[device.capper]\nunit = 2\n",
            "[device.capper.tags]\nspeed = { at = \"40101\" }\n",
            "[points.Speed]\n",
            "scan = { fast = \"250ms\" , slow = \"10s\" }",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        let again = change(&text, [(["device".to_owned(), "filler".to_owned()].as_slice(), &json!({}))]);
        assert!(again.unwrap_err().contains("table of its own"), "what is there already is not emptied");
    }

    #[test]
    fn a_key_goes_and_what_cannot_be_is_refused() {
        let text = changed(&[(&["host"], Json::Null), (&["nowhere", "at", "all"], Json::Null)]).unwrap();
        assert_eq!(
            values(&text),
            json!({"kind": "modbus-tcp", "scan": {"fast": "250ms"}, "device": {"filler": {"unit": 1}}})
        );
        assert!(changed(&[(&["host", "name"], json!(1))]).unwrap_err().contains("`host` is a value"));
        assert!(changed(&[(&["device"], json!(1))]).unwrap_err().contains("table of its own"));
        assert!(changed(&[(&[], json!(1))]).is_err());
        assert!(change("a = ", []).is_err());
        assert_eq!(values("a = "), Json::Null);
    }
}
