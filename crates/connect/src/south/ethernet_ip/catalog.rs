//! The controller's own list of tags and structures: what it holds, and a draft of points from it.

use super::line::Line;
use super::target::Reach;
use super::value::Type;
use crate::south::budget::Budget;
use model::Fault;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use transport::Target as Address;
use wire::enip::symbol::{Symbol, Template, TemplateSize, attribute};
use wire::enip::table::class_id;
use wire::enip::{
    Elementary, Identity, Limits, Path, Request, Response, Segment, SymbolType, Tag, is_program,
};

const L: Limits = Limits::STANDARD;
/// Most symbols and structures that are kept of one controller.
const MAX_SYMBOLS: usize = 200_000;
const MAX_TEMPLATES: usize = 4_096;
/// Most parts of one definition, and its largest size in bytes.
const MAX_DEFINITION: u32 = 256 * 1024;
/// Deepest nesting of structures (Logix allows ten levels).
const MAX_DEPTH: usize = 12;

/// What a controller holds.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Who it is.
    pub identity: Identity,
    /// Its tags by scope, in lower case: the empty text for the controller's own, else `program:name`.
    scopes: BTreeMap<String, Scope>,
    structures: BTreeMap<u16, (TemplateSize, Template)>,
}

/// The tags of the controller itself, or of one program.
#[derive(Clone, Debug, Default)]
struct Scope {
    /// As the controller writes it.
    name: String,
    symbols: Vec<Symbol>,
    /// By name in lower case.
    index: HashMap<String, usize>,
}

impl Scope {
    fn new(name: &str, symbols: Vec<Symbol>) -> Self {
        let names = symbols.iter().enumerate().map(|(at, symbol)| (symbol.name.to_ascii_lowercase(), at));
        Self { name: name.to_owned(), index: names.collect(), symbols }
    }

    fn find(&self, name: &str) -> Option<&Symbol> {
        self.symbols.get(*self.index.get(&name.to_ascii_lowercase())?)
    }
}

/// One tag that can be read as one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// As it stands in `at`: `Line1.Motor.Amps`, `Counts[3]`.
    pub at: String,
    /// What it is.
    pub kind: Type,
    /// Whether the controller lets it be written from outside; `None` where it does not tell.
    pub writable: Option<bool>,
}

/// Tags of a controller as points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaves {
    /// The points, in the controller's order.
    pub leaves: Vec<Leaf>,
    /// Tags left out because there are too many of them (all elements of a large array, what lies beyond the limit).
    pub left_out: usize,
}

/// What a tag of the configuration is in the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Not there.
    Missing,
    /// An elementary value or a string.
    Value,
    /// An element of an array of BOOL: the DWORD that holds it, and its bit.
    BoolElement { word: Tag, bit: u8 },
    /// A structure: its type's name and some of its members.
    Structure { name: String, members: Vec<String> },
    /// An array of which no element is chosen.
    Array(Vec<u32>),
}

/// Reads identity and tag list of the controller at the end of a route, with `timeout` for each request and no more of them
/// than `budget` gives. Nothing is changed; requests follow one after the other.
///
/// # Errors
/// No connection, no answer, or a device without a tag list.
pub async fn list_tags(
    address: &Address,
    route: &str,
    timeout: Duration,
    budget: Arc<Budget>,
) -> Result<Catalog, Fault> {
    let route = super::route::parse(route).map_err(|wrong| Fault::Config(wrong.message.into()))?;
    let mut line = Line::open(address, timeout, budget).await?;
    let mut reach = Reach { route, connection: None, timeout };
    upload(&mut line, &mut reach, &mut false).await
}

/// Asks one thing and gives its data, all parts together if `next` says how to go on.
async fn data(line: &mut Line, reach: &mut Reach, request: &Request) -> Result<(Vec<u8>, bool), Fault> {
    let reply = reach.ask(line, request).await?;
    match Response::parse(request, &reply, &L) {
        Ok(Response::Data { data, more }) => Ok((data.to_vec(), more)),
        Ok(Response::Failed(status)) => Err(super::target::refused(status)),
        Ok(_) => Err(Fault::Protocol("an answer of another kind".into())),
        Err(error) => Err(Fault::Protocol(error.to_string().into())),
    }
}

/// Reads it all; `begun` becomes true with the first part of the tag list.
pub(super) async fn upload(line: &mut Line, reach: &mut Reach, begun: &mut bool) -> Result<Catalog, Fault> {
    let path = Path::object(class_id::IDENTITY, 1);
    let (bytes, _) = data(line, reach, &Request::GetAttributesAll { path }).await?;
    let identity =
        Identity::parse_attributes(&bytes).map_err(|error| Fault::Protocol(error.to_string().into()))?;
    let mut catalog = Catalog { identity, ..Catalog::default() };
    let own = symbols(line, reach, "", begun).await?;
    let programs: Vec<String> = own.iter().filter(|s| is_program(&s.name)).map(|s| s.name.clone()).collect();
    catalog.scopes.insert(String::new(), Scope::new("", own));
    for program in programs {
        let tags = symbols(line, reach, &program, begun).await?;
        catalog.scopes.insert(program.to_ascii_lowercase(), Scope::new(&program, tags));
    }
    let mut wanted: BTreeSet<u16> =
        catalog.user_tags().filter_map(|(_, symbol)| symbol.kind.template()).collect();
    while let Some(instance) = wanted.pop_first() {
        if catalog.structures.len() >= MAX_TEMPLATES {
            break;
        }
        let (size, template) = structure(line, reach, instance).await?;
        let inner = template.members.iter().filter_map(|member| member.kind.template());
        wanted.extend(inner.filter(|it| *it != instance && !catalog.structures.contains_key(it)));
        catalog.structures.insert(instance, (size, template));
    }
    Ok(catalog)
}

async fn symbols(
    line: &mut Line,
    reach: &mut Reach,
    scope: &str,
    begun: &mut bool,
) -> Result<Vec<Symbol>, Fault> {
    let mut attributes =
        vec![attribute::NAME, attribute::TYPE, attribute::DIMENSIONS, attribute::EXTERNAL_ACCESS];
    let mut found: Vec<Symbol> = Vec::new();
    let mut from = 0;
    loop {
        let mut path = Path::object(class_id::SYMBOL, from);
        if !scope.is_empty() {
            path.0.insert(0, Segment::Symbol(scope.into()));
        }
        let request = Request::GetInstanceAttributeList { path, attributes: attributes.clone() };
        let (bytes, more) = match data(line, reach, &request).await {
            Ok(part) => part,
            // Firmware below 18 does not know external access.
            Err(Fault::Exception { .. }) if attributes.len() == 4 && found.is_empty() => {
                attributes.pop();
                continue;
            }
            Err(fault) => return Err(fault),
        };
        let part = Symbol::parse_list(&bytes, &attributes)
            .map_err(|error| Fault::Protocol(error.to_string().into()))?;
        *begun = true;
        let last = part.last().map(|symbol| symbol.instance);
        found.extend(part);
        match last {
            Some(last) if more && last >= from && found.len() < MAX_SYMBOLS => from = last.saturating_add(1),
            _ if more && found.len() < MAX_SYMBOLS => {
                return Err(Fault::Protocol("the tag list does not come forward".into()));
            }
            _ => return Ok(found),
        }
    }
}

async fn structure(
    line: &mut Line,
    reach: &mut Reach,
    instance: u16,
) -> Result<(TemplateSize, Template), Fault> {
    let broken = |error: wire::enip::Error| Fault::Protocol(error.to_string().into());
    let path = Path::object(class_id::TEMPLATE, instance.into());
    let attributes = TemplateSize::ATTRIBUTES.to_vec();
    let (bytes, _) = data(line, reach, &Request::GetAttributeList { path: path.clone(), attributes }).await?;
    let size = TemplateSize::parse(&bytes).map_err(broken)?;
    let wanted = size.definition_bytes().min(MAX_DEFINITION);
    let mut definition = Vec::new();
    loop {
        let offset = u32::try_from(definition.len()).unwrap_or(u32::MAX);
        let bytes = u16::try_from(wanted.saturating_sub(offset)).unwrap_or(u16::MAX);
        let (part, more) =
            data(line, reach, &Request::ReadTemplate { path: path.clone(), offset, bytes }).await?;
        let stuck = part.is_empty();
        definition.extend(part);
        if !more || stuck || definition.len() >= wanted as usize {
            break;
        }
    }
    let template = Template::parse(&definition, size.members).map_err(broken)?;
    Ok((size, template))
}

impl Catalog {
    /// Tags that a programmer made, and those of modules: scope and symbol.
    fn user_tags(&self) -> impl Iterator<Item = (&str, &Symbol)> {
        let all =
            self.scopes.values().flat_map(|scope| scope.symbols.iter().map(|tag| (scope.name.as_str(), tag)));
        all.filter(|(_, symbol)| {
            let name = symbol.name.as_str();
            let inner =
                ["Program:", "Routine:", "Task:", "Map:", "Cxn:"].iter().any(|head| name.starts_with(head));
            !symbol.kind.is_system() && !inner && !name.starts_with("__") && symbol.access != Some(3)
        })
    }

    /// Number of tags that a programmer made.
    #[must_use]
    pub fn tags(&self) -> usize {
        self.user_tags().count()
    }

    /// The tags as points: members of structures and elements of arrays are points of their own. Arrays of more than
    /// `array_limit` elements are left out, and what lies beyond `limit` points.
    #[must_use]
    pub fn leaves(&self, limit: usize, array_limit: u32) -> Leaves {
        let mut found = Leaves::default();
        for (scope, symbol) in self.user_tags() {
            let at = if scope.is_empty() { symbol.name.clone() } else { format!("{scope}.{}", symbol.name) };
            let writable = symbol.access.map(|access| access == 0);
            let dimensions: Vec<u32> = symbol.dimensions.iter().copied().filter(|d| *d > 0).collect();
            let mut walk = Walk { catalog: self, found: &mut found, limit, array_limit, writable };
            walk.array(&at, symbol.kind, &dimensions, 0);
        }
        found
    }

    fn symbol(&self, tag: &Tag) -> Option<(&Symbol, usize)> {
        let program = tag.program();
        let scope = self.scopes.get(&program.unwrap_or("").to_ascii_lowercase())?;
        let first = usize::from(program.is_some());
        Some((scope.find(&tag.steps.get(first)?.name)?, first))
    }

    /// What a tag of the configuration is here.
    pub(super) fn look_up(&self, tag: &Tag) -> Known {
        let Some((symbol, first)) = self.symbol(tag) else { return Known::Missing };
        let mut kind = symbol.kind;
        let mut dimensions: Vec<u32> = symbol.dimensions.iter().copied().filter(|d| *d > 0).collect();
        for (index, step) in tag.steps.iter().enumerate().skip(first) {
            if index > first {
                let Some((_, template)) = kind.template().and_then(|it| self.structures.get(&it)) else {
                    return Known::Missing;
                };
                let Some(member) = template.members.iter().find(|m| m.name.eq_ignore_ascii_case(&step.name))
                else {
                    return Known::Missing;
                };
                kind = member.kind;
                let array = member.info > 0 && kind.kind() != Some(Elementary::Bool);
                dimensions = if array { vec![member.info.into()] } else { Vec::new() };
            }
            match step.elements.as_slice() {
                [] => {}
                [element] if kind.kind() == Some(Elementary::Dword) && index + 1 == tag.steps.len() => {
                    return bool_element(tag, *element);
                }
                _ => dimensions.clear(),
            }
        }
        if !dimensions.is_empty() {
            return Known::Array(dimensions);
        }
        match kind.template().and_then(|it| self.structures.get(&it)) {
            Some((_, template)) if template.text_length().is_none() => {
                let members = template.members.iter().filter(|m| !m.is_hidden()).map(|m| m.name.clone());
                Known::Structure { name: template.name.clone(), members: members.take(5).collect() }
            }
            _ => Known::Value,
        }
    }
}

/// Arrays of BOOL are arrays of DWORD: element 40 is bit 8 of the second.
fn bool_element(tag: &Tag, element: u32) -> Known {
    let mut word = tag.clone();
    if let Some(step) = word.steps.last_mut() {
        step.elements = vec![element / 32];
    }
    Known::BoolElement { word, bit: u8::try_from(element % 32).unwrap_or(0) }
}

/// Collects points from tags.
struct Walk<'a> {
    catalog: &'a Catalog,
    found: &'a mut Leaves,
    limit: usize,
    array_limit: u32,
    writable: Option<bool>,
}

impl Walk<'_> {
    fn array(&mut self, at: &str, kind: SymbolType, dimensions: &[u32], depth: usize) {
        let bits = kind.kind() == Some(Elementary::Dword) && dimensions.len() == 1;
        let count: u64 =
            dimensions.iter().map(|d| u64::from(*d)).product::<u64>() * if bits { 32 } else { 1 };
        if dimensions.is_empty() {
            return self.value(at, kind, depth);
        }
        if count > u64::from(self.array_limit) {
            self.found.left_out += 1;
            return;
        }
        for number in 0..count {
            let mut rest = number;
            let mut index: Vec<String> = Vec::new();
            for size in dimensions.iter().rev() {
                let size = if bits { count } else { u64::from(*size).max(1) };
                index.push((rest % size).to_string());
                rest /= size;
            }
            index.reverse();
            let at = format!("{at}[{}]", index.join(","));
            if bits { self.leaf(at, Type::Bool) } else { self.value(&at, kind, depth) }
        }
    }

    fn value(&mut self, at: &str, kind: SymbolType, depth: usize) {
        let Some(template) = kind.template() else {
            match kind.kind() {
                Some(kind) => self.leaf(at.to_owned(), Type::of(kind)),
                None => self.found.left_out += 1,
            }
            return;
        };
        let Some((_, template)) = self.catalog.structures.get(&template).filter(|_| depth < MAX_DEPTH) else {
            self.found.left_out += 1;
            return;
        };
        if template.text_length().is_some() {
            return self.leaf(at.to_owned(), Type::Text);
        }
        for member in template.members.iter().filter(|member| !member.is_hidden()) {
            let array = member.info > 0 && member.kind.kind() != Some(Elementary::Bool);
            let dimensions: &[u32] = if array { &[u32::from(member.info)] } else { &[] };
            self.array(&format!("{at}.{}", member.name), member.kind, dimensions, depth + 1);
        }
    }

    fn leaf(&mut self, at: String, kind: Type) {
        if self.found.leaves.len() < self.limit {
            self.found.leaves.push(Leaf { at, kind, writable: self.writable });
        } else {
            self.found.left_out += 1;
        }
    }
}
