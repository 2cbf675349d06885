//! What was downloaded: structures and tags.

use std::collections::{BTreeMap, HashMap};
use wire::enip::symbol::{Member, Symbol, Template};
use wire::enip::{Elementary, SymbolType, Tag};

/// First template instance of structures that a programmer defines.
const FIRST_TEMPLATE: u16 = 0x100;
/// Template instance and handle of the built-in STRING.
const STRING: u16 = 0xFCE;
/// Characters of a STRING.
const STRING_CHARS: u16 = 82;

/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Elementary.
    Elementary(Elementary),
    /// A structure of the program, by its template instance.
    Structure(u16),
}

impl From<Elementary> for Type {
    fn from(kind: Elementary) -> Self {
        Self::Elementary(kind)
    }
}

/// A structure.
#[derive(Debug, Clone)]
pub(super) struct Structure {
    pub(super) template: Template,
    pub(super) bytes: usize,
    pub(super) handle: u16,
}

/// A tag and its value.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) symbol: Symbol,
    pub(super) kind: Type,
    pub(super) data: Vec<u8>,
}

/// A tag that is not there, or an element outside its array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the program has no {0}")]
pub struct NoSuchTag(pub String);

/// Tags and structures, built step by step.
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) name: String,
    pub(super) structures: BTreeMap<u16, Structure>,
    /// By scope: empty for the controller, else `Program:Name`; each by instance.
    pub(super) scopes: BTreeMap<String, BTreeMap<u32, Stored>>,
    /// Instances by scope and name in lower case.
    pub(super) names: HashMap<(String, String), u32>,
    next_template: u16,
    next_instance: u32,
}

impl Program {
    /// A program without tags, but with what every controller has besides them: STRING, a task, maps.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let elementary = |kind| SymbolType::elementary(kind, 0);
        let members = vec![
            Member { name: "LEN".into(), kind: elementary(Elementary::Dint), info: 0, offset: 0 },
            Member { name: "DATA".into(), kind: elementary(Elementary::Sint), info: STRING_CHARS, offset: 4 },
        ];
        let template = Template { name: "ASCIISTRING82".into(), members };
        let string = Structure { template, bytes: 88, handle: STRING };
        let mut program = Self {
            name: name.into(),
            structures: BTreeMap::from([(STRING, string)]),
            scopes: BTreeMap::new(),
            names: HashMap::new(),
            next_template: FIRST_TEMPLATE,
            next_instance: 1,
        };
        for (name, kind) in [("Task:MainTask", 0x1070), ("Map:Local", 0x1069), ("__DEFVAL_00000101", 0x10C4)]
        {
            program.add("", name, SymbolType(kind), Type::Elementary(Elementary::Dint), [0; 3]);
        }
        program
    }

    /// The built-in STRING: at most 82 characters.
    #[must_use]
    pub const fn string() -> Type {
        Type::Structure(STRING)
    }

    /// Defines a structure of members: name, type and elements (0: not an array). BOOL members share hidden bytes, all
    /// others lie at a multiple of their size, as a controller packs them.
    pub fn structure(&mut self, name: &str, members: &[(&str, Type, u16)]) -> Type {
        let (mut packed, mut at) = (Vec::new(), 0usize);
        let mut bits: Option<(usize, u16)> = None;
        for (member, kind, elements) in members {
            if *kind == Type::Elementary(Elementary::Bool) {
                let (host, bit) = match bits {
                    Some((host, bit)) if bit < 8 => (host, bit),
                    _ => {
                        let hidden = format!("ZZZZZZZZZZ{name}{}", packed.len());
                        let kind = SymbolType::elementary(Elementary::Sint, 0);
                        packed.push(Member { name: hidden, kind, info: 0, offset: offset(at) });
                        at += 1;
                        (at - 1, 0)
                    }
                };
                let kind = SymbolType::elementary(Elementary::Bool, 0);
                packed.push(Member { name: (*member).into(), kind, info: bit, offset: offset(host) });
                bits = Some((host, bit + 1));
                continue;
            }
            bits = None;
            let size = self.size(*kind);
            // Single values lie at a multiple of their size; arrays and structures at whole words.
            let align = match kind {
                Type::Elementary(_) if *elements == 0 => size,
                _ if size == 8 => 8,
                _ => 4,
            };
            at = at.next_multiple_of(align.max(1));
            let dimensions = u16::from(*elements > 0);
            packed.push(Member {
                name: (*member).into(),
                kind: symbol_type(*kind, dimensions),
                info: *elements,
                offset: offset(at),
            });
            at += size * usize::from((*elements).max(1));
        }
        let template = Template { name: name.into(), members: packed };
        let mut definition = Vec::new();
        template.emit(&mut definition);
        let instance = self.next_template;
        self.next_template += 1;
        let structure = Structure { template, bytes: at.next_multiple_of(4), handle: checksum(&definition) };
        self.structures.insert(instance, structure);
        Type::Structure(instance)
    }

    /// Adds a tag. `scope` is empty for the controller, else a program's name; `dimensions` are 0 where there is none.
    /// An array of BOOL is one of DWORD, as on a controller.
    pub fn tag(&mut self, scope: &str, name: &str, kind: impl Into<Type>, dimensions: [u32; 3]) {
        let kind = kind.into();
        let scope = if scope.is_empty() { String::new() } else { format!("Program:{scope}") };
        if !scope.is_empty() && !self.scopes.contains_key(&scope) {
            self.add("", &scope, SymbolType(0x1068), Type::Elementary(Elementary::Dint), [0; 3]);
        }
        let count = dimensions.iter().filter(|d| **d > 0).count();
        let symbol_type = symbol_type(kind, u16::try_from(count).unwrap_or(3));
        self.add(&scope, name, symbol_type, kind, dimensions);
    }

    /// Forbids writing a tag from outside (External Access = Read Only).
    pub fn read_only(&mut self, tag: &str) {
        for stored in self.scopes.values_mut().flat_map(BTreeMap::values_mut) {
            if stored.symbol.name.eq_ignore_ascii_case(tag) {
                stored.symbol.access = Some(2);
            }
        }
    }

    fn add(&mut self, scope: &str, name: &str, symbol_type: SymbolType, kind: Type, dimensions: [u32; 3]) {
        let instance = self.next_instance;
        // Instances grow with gaps, as on a controller where tags were deleted; few enough that thousands of tags stay
        // below 65,536, beyond which pycomm3 encodes a reserved format.
        self.next_instance += if instance.is_multiple_of(50) { 20 } else { 1 };
        let elements: usize = dimensions.iter().filter(|d| **d > 0).map(|d| *d as usize).product();
        let data = vec![0; self.size(kind) * elements];
        let symbol = Symbol { instance, name: name.into(), kind: symbol_type, dimensions, access: Some(0) };
        self.names.insert((scope.into(), name.to_ascii_lowercase()), instance);
        self.scopes.entry(scope.into()).or_default().insert(instance, Stored { symbol, kind, data });
    }

    /// Bytes of one value.
    pub(super) fn size(&self, kind: Type) -> usize {
        match kind {
            Type::Elementary(kind) => kind.size(),
            Type::Structure(instance) => {
                self.structures.get(&instance).map_or(0, |structure| structure.bytes)
            }
        }
    }

    /// The value of a tag as its bytes; of an array, from the element named (or the first) to its end.
    ///
    /// # Errors
    /// [`NoSuchTag`].
    pub fn get(&self, tag: &str) -> Result<Vec<u8>, NoSuchTag> {
        let missing = || NoSuchTag(tag.into());
        let path = Tag::parse(tag).map_err(|_| missing())?.path();
        let place = self.find(&path).map_err(|_| missing())?;
        self.read(&place, place.elements).ok_or_else(missing)
    }

    /// Sets the bytes of a tag, from the element named on.
    ///
    /// # Errors
    /// [`NoSuchTag`], also when the bytes reach beyond it.
    pub fn set(&mut self, tag: &str, data: &[u8]) -> Result<(), NoSuchTag> {
        let missing = || NoSuchTag(tag.into());
        let path = Tag::parse(tag).map_err(|_| missing())?.path();
        let place = self.find(&path).map_err(|_| missing())?;
        self.write(&place, 0, data).ok_or_else(missing)
    }

    /// Sets a STRING.
    ///
    /// # Errors
    /// [`NoSuchTag`].
    pub fn set_text(&mut self, tag: &str, text: &str) -> Result<(), NoSuchTag> {
        let text = text.as_bytes();
        let text = text.get(..text.len().min(usize::from(STRING_CHARS))).unwrap_or_default();
        let mut data = u32::try_from(text.len()).unwrap_or(0).to_le_bytes().to_vec();
        data.extend_from_slice(text);
        data.resize(88, 0);
        self.set(tag, &data)
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn symbol_type(kind: Type, dimensions: u16) -> SymbolType {
    match kind {
        Type::Elementary(kind) => SymbolType::elementary(kind, dimensions),
        Type::Structure(instance) => SymbolType::structure(instance, dimensions),
    }
}

/// Another definition, another handle (CRC-16/ARC, as good as the controller's own).
fn checksum(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
        }
    }
    crc
}
