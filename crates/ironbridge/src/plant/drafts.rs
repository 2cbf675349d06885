//! Types and assets that are no files of a plant yet.

use super::assets::{self, Asset};
use super::types::Types;
use model::Path;
use model::config::{Diagnostic, Document, schema_of};
use std::collections::BTreeMap;

/// What is wrong with drafts of `types/NAME.toml` and `assets/NAME.toml`, with their texts; whether their points are
/// bound is not asked.
pub fn check_drafts(files: &[(String, String)]) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    let texts: BTreeMap<&str, &str> =
        files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let read = |mistakes: &mut Vec<Diagnostic>, file: &str| {
        let text = texts.get(file).copied().unwrap_or_default();
        Document::parse(file, text).map_err(|found| mistakes.extend(found)).ok()
    };
    let types = texts.keys().filter_map(|file| file.strip_prefix("types/")?.strip_suffix(".toml"));
    Types::of(
        types.map(str::to_owned),
        |mistakes, name| Some((read(mistakes, &format!("types/{name}.toml"))?, name)),
        &mut mistakes,
    );
    let schema = schema_of::<Asset>();
    if let Ok(site) = Path::new("draft/draft") {
        for file in texts.keys().filter(|file| file.starts_with("assets/")) {
            let Some(document) = read(&mut mistakes, file) else { continue };
            assets::read(&document, &schema, &site, &mut mistakes);
        }
    }
    mistakes
}
