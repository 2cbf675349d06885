//! Tag lists that plants already have, as drafts of connection files.
//!
//! ```text
//!  file ─ Format::read ─▶ Tags (names, addresses, types; notes on all that did not fit) ─▶ draft of a connection file
//! ```
//! Rationale: every program has its own words for the same things. A reader translates what has an exact counterpart
//! and says what has none, with its line; nothing is dropped silently, and nothing is guessed.

mod ignition;
mod kepware;
mod l5x;
mod plain;
mod tags;
#[cfg(test)]
mod tests;
mod tia;
mod words;
mod xlsx;
pub mod xml;
pub mod zip;

use crate::draft::{Draft, Note, check, comment, quoted, segment};
use crate::south::tags::Wrong;
use std::path::Path;
use tags::Tags;

/// Largest file that is read, bytes.
pub const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Most tags of one draft.
const MOST_TAGS: usize = 50_000;
/// Most notes of one draft; the rest is counted.
const MOST_NOTES: usize = 500;

/// A tag list of another program.
pub struct Format {
    /// Name, e.g. `kepware-csv`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// File names it has.
    pub files: &'static str,
    /// Where the other program writes it.
    pub text: &'static str,
    /// Kinds of connection that it can become; the first one if nothing is said and the file does not tell.
    pub kinds: &'static [&'static str],
    read: fn(&Input<'_>) -> Result<Tags, Wrong>,
}

/// A file to import.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Name of the format.
    pub format: &'a str,
    /// File name, for messages.
    pub file: &'a str,
    /// What is in it.
    pub data: &'a [u8],
    /// Kind of connection, where the format leaves a choice.
    pub kind: Option<&'a str>,
    /// Name of the connection.
    pub name: Option<&'a str>,
    /// Name or address of the device.
    pub host: Option<&'a str>,
    /// Which device's tags, where the file has those of several.
    pub device: Option<&'a str>,
}

impl Input<'_> {
    /// What is in the file, as text.
    fn text(&self) -> String {
        let text = crate::south::tags::decode_text(self.data.to_vec());
        text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
    }
}

/// The formats.
pub static FORMATS: &[&Format] =
    &[&kepware::FORMAT, &ignition::FORMAT, &l5x::FORMAT, &tia::XML, &tia::XLSX, &plain::FORMAT];

/// Drafts a connection file from a tag list.
///
/// # Errors
/// [`Wrong`] with advice, if the file is not what it is said to be.
pub fn import(input: &Input<'_>) -> Result<Draft, Wrong> {
    let Some(format) = FORMATS.iter().find(|format| format.name == input.format) else {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        let unknown = format!("`{}` is no format of a tag list", input.format);
        return Err(Wrong::new(unknown, format!("formats: {}", names.join(", "))));
    };
    if input.data.len() > MOST_BYTES {
        return Err(Wrong::new("the file is larger than 8 MiB", "export fewer tags at a time"));
    }
    if let Some(kind) = input.kind.filter(|kind| !format.kinds.contains(kind)) {
        let cannot = format!("{} cannot become a connection of kind `{kind}`", format.title);
        return Err(Wrong::new(cannot, format!("kinds: {}", format.kinds.join(", "))));
    }
    let tags = (format.read)(input)?;
    if tags.is_empty() {
        let why = tags.notes().first().map(|note| format!(" ({})", note.text)).unwrap_or_default();
        return Err(Wrong::new(format!("no tag of `{}` can be taken over{why}", input.file), format.text));
    }
    Ok(render(input, format, tags))
}

fn render(input: &Input<'_>, format: &Format, tags: Tags) -> Draft {
    let stem = Path::new(input.file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = [input.name.unwrap_or_default(), stem, "imported"];
    let name = name.into_iter().map(|text| segment(text).to_ascii_lowercase()).find(|name| !name.is_empty());
    let name = name.unwrap_or_default();
    let mut text = comment(&format!(
        "A draft from {} ({}): nothing is read until you have reviewed it, put it into connections/ and applied it.",
        input.file, format.title
    ));
    text.push_str(&format!("kind = {}\n", quoted(tags.kind)));
    let host = input.host.unwrap_or("192.0.2.1");
    let mut notes = Vec::new();
    if input.host.is_none() {
        text.push_str("# The list does not say where the device is: write its address here.\n");
        notes.push(Note::new("The list does not say where the device is: write its address as `host`."));
    }
    text.push_str(&format!("host = {}\n", quoted(host)));
    text.push_str(&tags.to_toml());
    let (mistakes, points) = check(&name, &text, Path::new(""));
    let (more, dropped) = tags.into_notes();
    notes.extend(more);
    if dropped > 0 {
        notes.push(Note::new(format!("{dropped} more notes of the same sort are not shown.")));
    }
    Draft { file: format!("connections/{name}.toml"), text, tags: points, notes, mistakes }
}
