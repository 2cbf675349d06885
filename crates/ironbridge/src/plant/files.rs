//! The files of a plant folder.

use model::config::{Diagnostic, Document};
use std::path::Path;

/// Most files of one kind in a plant folder.
const MAX_FILES: usize = 20_000;

pub(super) fn parse(file: &str, text: &str, mistakes: &mut Vec<Diagnostic>) -> Option<Document> {
    Document::parse(file, text).map_err(|found| mistakes.extend(found)).ok()
}

/// Names of the TOML files of a subfolder, without `.toml`, in order.
pub(super) fn names(folder: &Path, sub: &str, mistakes: &mut Vec<Diagnostic>) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join(sub)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    if names.len() > MAX_FILES {
        let help = "put more devices behind one connection file";
        mistakes.push(Diagnostic::of_file(sub, format!("more than {MAX_FILES} files"), help));
        names.truncate(MAX_FILES);
    }
    names
}

/// The text of one file.
pub(super) fn text(folder: &Path, sub: &str, name: &str, mistakes: &mut Vec<Diagnostic>) -> Option<String> {
    let shown = shown(sub, name);
    if let Err(error) = model::path::check_segment(name) {
        mistakes.push(Diagnostic::of_file(
            &shown,
            error.to_string(),
            "rename the file: its name is the connection's name",
        ));
        return None;
    }
    let read = std::fs::read_to_string(folder.join(&shown));
    read.map_err(|error| {
        let help = "make the file readable, or remove it";
        mistakes.push(Diagnostic::of_file(&shown, format!("cannot be read: {error}"), help));
    })
    .ok()
}

pub(super) fn shown(sub: &str, name: &str) -> String {
    format!("{sub}/{name}.toml")
}

/// One file, parsed. One at a time: the trees of a large plant are hundreds of megabytes.
pub(super) fn document(
    folder: &Path,
    sub: &str,
    name: &str,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Document> {
    let text = text(folder, sub, name, mistakes)?;
    parse(&shown(sub, name), &text, mistakes)
}
