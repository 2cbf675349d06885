//! Rockwell's L5X: a controller's tags, with the members of its own data types.
//!
//! Source: Rockwell 1756-RM084, "Logix 5000 Controllers Import/Export Reference Manual": `Controller`, `DataTypes`, `Tags`,
//! `Programs`; members that Studio 5000 hides (`Hidden="true"`) hold the bits of others and are no tags.

use super::tags::{Tags, entry, put_text};
use super::words::type_of;
use super::xml::{self, child};
use super::{Format, Input};
use crate::draft::Note;
use crate::south::tags::Wrong;
use roxmltree::{Document, Node};
use std::collections::HashMap;

/// Rockwell L5X.
pub(super) static FORMAT: Format = Format {
    name: "l5x",
    title: "Rockwell L5X",
    files: "*.L5X",
    text: "in Studio 5000, save the controller, a program or its tags as L5X",
    kinds: &["ethernet-ip"],
    read,
};

/// Deepest nesting of types.
const DEEPEST: usize = 8;
/// Most values that are looked at.
const MOST_VALUES: usize = 200_000;
/// Most elements of an array that become tags.
const MOST_ELEMENTS: usize = 256;

/// The document, without entities of its own.
pub(super) fn parse<'a>(text: &'a str, file: &str, help: &str) -> Result<Document<'a>, Wrong> {
    xml::parse(text).map_err(|why| Wrong::new(format!("`{file}` is no XML that can be read: {why}"), help))
}

fn read(input: &Input<'_>) -> Result<Tags, Wrong> {
    let text = input.text();
    let document = parse(&text, input.file, FORMAT.text)?;
    let Some(controller) = child(document.root_element(), "Controller") else {
        return Err(Wrong::new(format!("`{}` has no `Controller`: it is no L5X", input.file), FORMAT.text));
    };
    let mut tags = Tags::new("ethernet-ip");
    let device = tags.device(controller.attribute("Name").unwrap_or("controller"), &[]);
    let mut reading =
        Reading { tags, device, types: types(controller), document: &document, budget: MOST_VALUES };
    for tag in children(controller, "Tags", "Tag") {
        reading.tag(tag, None);
    }
    for program in children(controller, "Programs", "Program") {
        for tag in children(program, "Tags", "Tag") {
            reading.tag(tag, program.attribute("Name"));
        }
    }
    Ok(reading.tags)
}

fn children<'a, 'd>(
    node: Node<'a, 'd>,
    list: &str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'd>> {
    child(node, list)
        .into_iter()
        .flat_map(move |list| list.children().filter(move |child| child.has_tag_name(name)))
}

/// A member: name, data type, elements of an array (0: none).
type Member = (String, String, usize);

fn types(controller: Node<'_, '_>) -> HashMap<String, Vec<Member>> {
    let members = |of: Node<'_, '_>| {
        children(of, "Members", "Member")
            .filter(|member| member.attribute("Hidden") != Some("true"))
            .filter_map(|member| {
                let elements = member.attribute("Dimension").and_then(|text| text.parse().ok()).unwrap_or(0);
                Some((
                    member.attribute("Name")?.to_owned(),
                    member.attribute("DataType")?.to_owned(),
                    elements,
                ))
            })
            .collect()
    };
    let mut types: HashMap<String, Vec<Member>> = children(controller, "DataTypes", "DataType")
        .filter_map(|data_type| Some((data_type.attribute("Name")?.to_ascii_uppercase(), members(data_type))))
        .collect();
    // What every controller has (1756-RM003, "Timer and counter instructions").
    let own = |names: &[(&str, &str)]| {
        names.iter().map(|(name, kind)| ((*name).into(), (*kind).into(), 0)).collect()
    };
    types.insert(
        "TIMER".into(),
        own(&[("PRE", "DINT"), ("ACC", "DINT"), ("EN", "BOOL"), ("TT", "BOOL"), ("DN", "BOOL")]),
    );
    types.insert(
        "COUNTER".into(),
        own(&[
            ("PRE", "DINT"),
            ("ACC", "DINT"),
            ("CU", "BOOL"),
            ("CD", "BOOL"),
            ("DN", "BOOL"),
            ("OV", "BOOL"),
            ("UN", "BOOL"),
        ]),
    );
    types
}

struct Reading<'d> {
    tags: Tags,
    device: usize,
    types: HashMap<String, Vec<Member>>,
    document: &'d Document<'d>,
    /// Values that may still be looked at: types that hold each other multiply.
    budget: usize,
}

impl Reading<'_> {
    fn tag(&mut self, tag: Node<'_, '_>, program: Option<&str>) {
        let name = tag.attribute("Name").unwrap_or_default();
        let line = usize::try_from(self.document.text_pos_at(tag.range().start).row).ok();
        let place = program.map_or_else(|| name.to_owned(), |program| format!("Program:{program}.{name}"));
        let left_out = |reading: &mut Self, why: String| {
            reading.tags.note(Note { line, text: format!("`{place}` is left out: {why}.") });
        };
        if let Some(of) = tag.attribute("AliasFor") {
            return left_out(self, format!("it is another name for `{of}`"));
        }
        if tag.attribute("ExternalAccess") == Some("None") {
            return left_out(self, "its external access is None, so the controller does not give it".into());
        }
        let kind = tag.attribute("DataType").unwrap_or_default();
        let dimensions = tag.attribute("Dimensions").unwrap_or_default();
        if dimensions.split_ascii_whitespace().count() > 1 {
            return left_out(self, "it is an array with more than one dimension".into());
        }
        let elements = dimensions.trim().parse().unwrap_or(0);
        let description = child(tag, "Description").and_then(|node| node.text()).unwrap_or_default();
        let path: Vec<String> = program.into_iter().chain([name]).map(str::to_owned).collect();
        self.value(&At { place, path, line, description }, kind, elements, 0);
    }

    /// One value: an atom, or everything in it.
    fn value(&mut self, at: &At<'_>, kind: &str, elements: usize, depth: usize) {
        let (place, line) = (&at.place, at.line);
        match self.budget {
            0 => return,
            1 => self.tags.note(Note {
                line,
                text: format!("From `{place}` on nothing is taken over: it is too much."),
            }),
            _ => {}
        }
        self.budget -= 1;
        if elements > 0 {
            if elements > MOST_ELEMENTS {
                let text = format!(
                    "`{place}` has {elements} elements: only the first {MOST_ELEMENTS} are in the draft."
                );
                self.tags.note(Note { line, text });
            }
            for index in 0..elements.min(MOST_ELEMENTS) {
                self.value(&at.below(&format!("[{index}]"), &index.to_string()), kind, 0, depth);
            }
            return;
        }
        let atom = if kind.eq_ignore_ascii_case("STRING") { Some("text") } else { type_of(kind) };
        if atom.is_some() || kind.eq_ignore_ascii_case("BIT") {
            let mut entry = entry(place, Some(atom.unwrap_or("bool")));
            put_text(&mut entry, "description", at.description);
            let names: Vec<&str> = at.path.iter().map(String::as_str).collect();
            return self.tags.add(self.device, &names, line, entry);
        }
        match self.types.get(&kind.to_ascii_uppercase()).cloned() {
            Some(members) if depth < DEEPEST => {
                for (name, kind, elements) in members {
                    self.value(&at.below(&format!(".{name}"), &name), &kind, elements, depth + 1);
                }
            }
            Some(_) => self
                .tags
                .note(Note { line, text: format!("`{place}` is left out: its types nest too deep.") }),
            None => {
                let text = format!("`{place}` is left out: the file does not say what a `{kind}` holds.");
                self.tags.note(Note { line, text });
            }
        }
    }
}

/// Where a value stands.
struct At<'a> {
    /// For the controller.
    place: String,
    /// For people.
    path: Vec<String>,
    line: Option<usize>,
    description: &'a str,
}

impl At<'_> {
    fn below(&self, suffix: &str, segment: &str) -> Self {
        let path = self.path.iter().cloned().chain([segment.to_owned()]).collect();
        Self {
            place: format!("{}{suffix}", self.place),
            path,
            line: self.line,
            description: self.description,
        }
    }
}
