//! Looking around in a controller: its tag list as a draft of a connection file.

use super::catalog::{Catalog, Leaf, list_tags};
use super::config::{Device, File};
use crate::draft::{Draft, Note, check, comment, free_name, quoted, segment};
use crate::kind::Context;
use crate::south::tags::Plan;
use crate::south::{BrowseError, Browser};
use futures_util::FutureExt;
use model::config::Document;
use std::collections::HashSet;
use transport::Target;

/// Most tags of one controller.
const MOST_TAGS: usize = 20_000;
/// Largest array whose elements become tags of their own.
const LARGEST_ARRAY: u32 = 64;

/// Looks around in Logix controllers.
pub static BROWSER: Browser =
    Browser { kind: "ethernet-ip", browse: |document, context, _| browse(document, context).boxed() };

/// Reads the tag list of each controller that the file names, and drafts. Nothing is changed on the controller.
async fn browse(document: &Document, context: &Context) -> Result<Draft, BrowseError> {
    let file: File = super::KIND.read(document).map_err(BrowseError::File)?;
    let plan = Plan::new(document, context, &file.keys);
    let timing = plan.timing();
    plan.finish().map_err(BrowseError::File)?;
    let target = Target::Tcp { host: file.host.clone(), port: file.port };
    let _permit = context.budget.permit_now().map_err(BrowseError::Device)?;
    let mut text = document.text.to_string();
    let mut notes = Vec::new();
    for (name, device) in &file.device {
        let route = match (&device.route, device.slot) {
            (Some(route), _) => route.clone(),
            (None, slot) => format!("1,{}", slot.unwrap_or(0)),
        };
        let listed = list_tags(&target, &route, timing.timeout, context.budget.clone()).await;
        let catalog = listed.map_err(BrowseError::Device)?;
        text = with_tags(&text, name, device, &catalog, &mut notes);
    }
    let (mistakes, tags) = check(&context.name, &text, &context.folder);
    Ok(Draft { file: format!("connections/{}.toml", context.name), text, tags, notes, mistakes })
}

/// The file with the tags of a controller that it does not have yet.
fn with_tags(text: &str, name: &str, device: &Device, catalog: &Catalog, notes: &mut Vec<Note>) -> String {
    let found = catalog.leaves(MOST_TAGS, LARGEST_ARRAY);
    let known: HashSet<String> = device.tags.values().map(|tag| tag.at.to_ascii_lowercase()).collect();
    let mut taken: HashSet<String> = device.tags.keys().map(|tag| tag.to_ascii_lowercase()).collect();
    let fresh: Vec<&Leaf> =
        found.leaves.iter().filter(|leaf| !known.contains(&leaf.at.to_ascii_lowercase())).collect();
    let writable = fresh.iter().filter(|leaf| leaf.writable == Some(true)).count();
    let lines: String = fresh.iter().map(|leaf| line(leaf, &mut taken)).collect();
    let identity = &catalog.identity;
    let (major, minor) = identity.revision;
    notes.push(Note::new(format!(
        "`{name}` is {}, firmware {major}.{minor:03}: {} tags, {} points of them new here.",
        identity.name,
        catalog.tags(),
        fresh.len()
    )));
    if found.left_out > 0 {
        notes.push(Note::new(format!(
            "`{name}`: {} tags are left out: arrays of more than {LARGEST_ARRAY} elements, what is beyond {MOST_TAGS} points, or of \
             a type that cannot be a point. Write the elements that you need, e.g. at = \"Counts[3]\".",
            found.left_out
        )));
    }
    if writable > 0 {
        notes.push(Note::new(format!(
            "`{name}`: the controller lets {writable} of them be written. Here all are only read, until you add \
             write = {{ min = .., max = .. }}."
        )));
    }
    insert(text, name, device, &lines, notes)
}

fn line(leaf: &Leaf, taken: &mut HashSet<String>) -> String {
    let tag = free_name(&segment(&leaf.at), taken);
    format!("{tag} = {{ at = {}, type = {} }}\n", quoted(&leaf.at), quoted(leaf.kind.name()))
}

/// Puts lines behind the header of the device's tags, or below everything if it has none yet.
fn insert(text: &str, name: &str, device: &Device, lines: &str, notes: &mut Vec<Note>) -> String {
    let headers = [format!("[device.{name}.tags]"), format!("[device.\"{name}\".tags]")];
    let is_header = |line: &str| {
        let bare = line.split('#').next().unwrap_or_default().trim();
        headers.iter().any(|header| header == bare)
    };
    if text.lines().any(is_header) {
        let with =
            |line: &str| if is_header(line) { format!("{line}\n{lines}") } else { format!("{line}\n") };
        return text.lines().map(with).collect();
    }
    if device.tags.is_empty() {
        return format!("{}\n\n[device.{name}.tags]\n{lines}", text.trim_end());
    }
    let note = format!(
        "`{name}` has its tags in one line, so the new ones stand below as a comment: move them to it."
    );
    notes.push(Note::new(note));
    format!("{}\n\n{}", text.trim_end(), comment(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(text: &str) -> (String, Device) {
        let document = Document::parse("connections/x.toml", text).unwrap();
        let file: File = super::super::KIND.read(&document).unwrap();
        file.device.into_iter().next().unwrap()
    }

    #[test]
    fn tags_go_where_the_file_has_them() {
        let head = "kind = \"ethernet-ip\"\nhost = \"h\"\n[device.plc]\n";
        for (text, expected) in [
            (head.to_owned(), format!("{head}\n[device.plc.tags]\nb = 1\n")),
            (format!("{head}[device.plc.tags] # all\n"), format!("{head}[device.plc.tags] # all\nb = 1\n")),
            (
                format!("{head}tags = {{ a = {{ at = \"A\" }} }}\n"),
                format!("{head}tags = {{ a = {{ at = \"A\" }} }}\n\n# b = 1\n"),
            ),
        ] {
            let (name, device) = device(&text);
            assert_eq!(insert(&text, &name, &device, "b = 1\n", &mut Vec::new()), expected);
        }
    }
}
