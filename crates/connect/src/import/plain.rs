//! Our own CSV tag lists, as a spreadsheet writes them: checked, and written out as a connection file.

use super::tags::{Entry, Tags};
use super::{Format, Input};
use crate::south::modbus::Tag;
use crate::south::tags::{Wrong, read as read_list};
use serde_json::Value as Json;

/// Plain CSV.
pub(super) static FORMAT: Format = Format {
    name: "csv",
    title: "CSV tag list",
    files: "*.csv",
    text: "the first line names the columns; `tag` and `at` are needed",
    kinds: &["modbus-tcp"],
    read,
};

fn read(input: &Input<'_>) -> Result<Tags, Wrong> {
    let list = read_list::<Tag>(input.file, &input.text()).map_err(|mistakes| {
        let all: Vec<String> = mistakes.iter().take(20).map(ToString::to_string).collect();
        let more = mistakes.len().saturating_sub(20);
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        Wrong::new(format!("{}{more}", all.join("\n")), FORMAT.text)
    })?;
    let mut tags = Tags::new("modbus-tcp");
    let device = tags.device(input.device.unwrap_or("device"), &[("unit", 1.into())]);
    for row in &list.rows {
        let line = Some(model::config::line_of(&list.text, row.span.start));
        let entry = serde_json::to_value(&row.entry).unwrap_or_default();
        tags.add(device, &row.tag.split('/').collect::<Vec<_>>(), line, tidy(entry));
    }
    Ok(tags)
}

/// Without what says nothing.
fn tidy(entry: Json) -> Entry {
    let Json::Object(entry) = entry else { return Entry::new() };
    let says = |value: &Json| match value {
        Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        _ => true,
    };
    let empty_states = |key: &str, value: &Json| {
        key == "states" && value.as_object().is_some_and(|states| states.is_empty())
    };
    entry.into_iter().filter(|(key, value)| says(value) && !empty_states(key, value)).collect()
}
