//! Models of other programs, as drafts of `types/` and `assets/`.
//!
//! ```text
//!  file ─ reader ─▶ Outline (types, things, points; notes on what did not fit) ─ settle ─▶ files to review
//! ```
//! Rationale: what feeds a point no model says in a way that a driver can use. So a draft has names, units, ranges and
//! descriptions, and leaves each binding to a person; nothing is guessed, and what is left out is said.

mod outline;
mod settle;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use outline::{DEEPEST, Outline, Own, Sort, Thing};

use super::{aas, nodeset};
use connect::draft::Note;
use connect::south::tags::Wrong;

/// Largest text of a model, bytes: as it is, or unpacked.
pub(crate) const MOST_TEXT: u64 = 16 << 20;
/// Largest file, bytes; packages hold manuals and drawings beside the model.
pub const MOST_BYTES: usize = 64 << 20;

/// A format of models.
pub struct Format {
    /// Name, e.g. `aasx`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// File names it has.
    pub files: &'static str,
    /// Where the other program writes it.
    pub text: &'static str,
    read: fn(&[u8]) -> Result<Outline, String>,
}

/// The formats.
pub static FORMATS: &[Format] = &[
    Format {
        name: "aas",
        title: "Asset Administration Shells (JSON or XML)",
        files: "*.json, *.xml",
        text: "save the environment as JSON or XML of version 3 (IDTA 01001-3)",
        read: aas::read,
    },
    Format {
        name: "aasx",
        title: "Asset Administration Shells (AASX package)",
        files: "*.aasx",
        text: "save the package with a model of version 3 (IDTA 01005-3)",
        read: aas::read_package,
    },
    Format {
        name: "nodeset2",
        title: "OPC UA NodeSet2",
        files: "*.xml",
        text: "export the address space or the information model as NodeSet2 XML (OPC 10000-6, annex F)",
        read: nodeset::read,
    },
];

/// Files to review. Nothing of the plant is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drafts {
    /// `types/NAME.toml` and `assets/NAME.toml` with their text, types first.
    pub files: Vec<(String, String)>,
    /// Points that wait for a tag.
    pub unbound: usize,
    /// What could not be taken over, and what to look at.
    pub notes: Vec<Note>,
    /// What `check` says to the files, bindings aside; empty if it has no mistakes.
    pub mistakes: Vec<String>,
}

/// The format of that name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// The format that a file's name and first words tell; names alone do not: many programs write `.json` and `.xml`.
pub fn guess(file: &str, data: &[u8]) -> Option<&'static str> {
    let file = file.to_ascii_lowercase();
    let start = String::from_utf8_lossy(data.get(..data.len().min(64 << 10)).unwrap_or_default());
    if file.ends_with(".aasx") {
        Some("aasx")
    } else if start.contains("<UANodeSet") {
        Some("nodeset2")
    } else if ["\"assetAdministrationShells\"", "\"submodels\"", "admin-shell.io/aas/"]
        .iter()
        .any(|word| start.contains(word))
    {
        Some("aas")
    } else {
        None
    }
}

/// Drafts types and assets from a model.
///
/// # Errors
/// The file is not what it is said to be, or holds nothing that can be taken over; with advice.
pub fn import(format: &Format, file: &str, data: &[u8]) -> Result<Drafts, Wrong> {
    if data.len() > MOST_BYTES {
        return Err(Wrong::new(
            format!("`{file}` is larger than {} MiB", MOST_BYTES >> 20),
            "export a part of it",
        ));
    }
    let outline = (format.read)(data).map_err(|why| {
        Wrong::new(format!("`{file}` cannot be read as {}: {why}", format.title), format.text)
    })?;
    let (plan, notes) = settle::settle(outline);
    if plan.is_empty() {
        let why = notes.first().map(|note| format!(" ({})", note.text)).unwrap_or_default();
        return Err(Wrong::new(format!("nothing of `{file}` can be taken over{why}"), format.text));
    }
    let (files, unbound) = write::files(&plan, &format!("{file} ({})", format.title));
    let mistakes = crate::plant::check_drafts(&files).iter().map(ToString::to_string).collect();
    Ok(Drafts { files, unbound, notes, mistakes })
}

/// The text of a file, if it is not too much.
pub(crate) fn text(data: &[u8]) -> Result<String, String> {
    if data.len() as u64 > MOST_TEXT {
        return Err(format!("it is larger than {} MiB", MOST_TEXT >> 20));
    }
    let text = connect::south::tags::decode_text(data.to_vec());
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
