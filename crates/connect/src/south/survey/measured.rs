//! `measured/NAME.toml`: what was measured of the endpoint of a connection, for the planner.
//!
//! Rationale: a file in the plant folder like all others, so that it shows in the plan, lives in git, and is forgotten by
//! removing it.

use crate::south::tags::{Plan, closed_schema};
use model::config::{Diagnostic, Document, check};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Largest file, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// Such a file of a protocol.
pub(in crate::south) trait File: DeserializeOwned + JsonSchema {
    /// When it was measured, and of which endpoint.
    fn about(&self) -> (&str, &str);

    /// What the planner keeps to, in words; empty for nothing.
    fn words(&self) -> String;

    /// What the schema does not see.
    fn mistakes(&self, _: &Document) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// That of the connection, if there is one that holds for the endpoint; and a sentence about it for the plan. Mistakes in it
/// go to the plan.
pub(in crate::south) fn load<F: File>(plan: &mut Plan<'_>, endpoint: &str) -> (Option<F>, String) {
    let file = format!("measured/{}.toml", plan.context().name);
    let path = plan.context().folder.join(&file);
    let text = match std::fs::metadata(&path) {
        Err(_) => return (None, String::new()),
        Ok(about) if about.len() > MOST_BYTES => Err("it is larger than 1 MiB".to_owned()),
        Ok(_) => std::fs::read_to_string(&path).map_err(|why| why.to_string()),
    };
    let parsed = text
        .map_err(|why| vec![Diagnostic::of_file(&file, format!("cannot be read: {why}"), "remove it")])
        .and_then(|text| parse::<F>(&file, &text));
    match parsed {
        Err(mistakes) => {
            plan.add(mistakes);
            (None, String::new())
        }
        Ok(it) if it.about().1 != endpoint => {
            let words = format!("{file} is of {}: not used; measure again, or remove it", it.about().1);
            (None, words)
        }
        Ok(it) => {
            let words = sentence(&it);
            (Some(it), words)
        }
    }
}

/// What a plan says of it.
pub(in crate::south) fn sentence(it: &impl File) -> String {
    let when = it.about().0;
    let what = it.words();
    let what = if what.is_empty() { "no limit of the device" } else { &what };
    format!("measured {}: {what}", when.get(..10).unwrap_or(when))
}

pub(in crate::south) fn parse<F: File>(file: &str, text: &str) -> Result<F, Vec<Diagnostic>> {
    let document = Document::parse(file, text)?;
    let mistakes = check(&document, &closed_schema::<F>());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let it: F = document.construct().map_err(|mistake| vec![mistake])?;
    let mistakes = it.mistakes(&document);
    if mistakes.is_empty() { Ok(it) } else { Err(mistakes) }
}

/// Keys and values in TOML, a line each, those without a value left out.
pub(in crate::south) fn text(lines: &[(&str, Option<String>)]) -> String {
    let line = |(key, value): &(&str, Option<String>)| Some(format!("{key} = {}\n", value.as_ref()?));
    lines.iter().filter_map(line).collect()
}
