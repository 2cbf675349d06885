//! Tag lists that plants already have, as drafts of connection files.
//!
//! ```text
//!  file ─ Format::read ─▶ Tags (names, addresses, types; notes on all that did not fit) ─▶ draft of a connection file
//! ```
//! Rationale: every program has its own words for the same things. A reader translates what has an exact counterpart
//! and says what has none, with its line; nothing is dropped silently, and nothing is guessed.

use crate::draft::Draft;
use crate::south::tags::Wrong;

/// Largest file that is read, bytes.
pub const MOST_BYTES: usize = 8 * 1024 * 1024;
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

/// The formats.
pub static FORMATS: &[&Format] = &[];

/// Drafts a connection file from a tag list.
///
/// # Errors
/// [`Wrong`] with advice, if the file is not what it is said to be.
pub fn import(input: &Input<'_>) -> Result<Draft, Wrong> {
    let unknown = format!("`{}` is no format of a tag list", input.format);
    Err(Wrong::new(unknown, "formats: none yet"))
}
