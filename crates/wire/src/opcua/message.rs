//! Services (OPC 10000-4), as far as the monitor looks into them.

use super::reader::{Cursor, NodeId, Problem};
use super::table::{self, Service};
use std::fmt;

/// The value of a variable (OPC 10000-6, A.1).
const VALUE: u32 = 13;
/// Deepest nesting of what a server says of its mistakes.
const MAX_INNER: u8 = 8;
/// Most bytes of a range of elements that are shown.
const MAX_RANGE: usize = 64;
/// Number of the binary encoding of the list of changes in a notification (OPC 10000-4, 7.25.2).
const DATA_CHANGES: u32 = 811;

/// Who signs in (OPC 10000-4, 7.40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum User {
    /// Nobody in particular.
    Anonymous,
    /// A user name.
    Name,
    /// A certificate.
    Certificate,
    /// A token of somebody else.
    Issued,
    /// Something else.
    Other,
}

/// What a service is about: a node and one of its attributes, or a method of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The node; of a method call, the method.
    pub node: NodeId<'a>,
    /// Of a method call, the object.
    pub object: Option<NodeId<'a>>,
    /// Number of the attribute (A.1); 0 for a method.
    pub attribute: u32,
    /// Which elements of an array, e.g. `3` or `0:9` (OPC 10000-4, 7.27); empty for all.
    pub range: &'a [u8],
    /// What is written, a variant in binary, or the arguments of a method one after the other. Empty where nothing is, or where
    /// it does not end in this chunk.
    pub value: &'a [u8],
    /// The client's own number for an item that is watched.
    pub handle: u32,
}

impl<'a> Target<'a> {
    /// The value of a node, or the elements of it in `range`.
    #[must_use]
    pub const fn value_of(node: NodeId<'a>, range: &'a [u8]) -> Self {
        Self { node, object: None, attribute: VALUE, range, value: &[], handle: 0 }
    }

    /// A method of an object.
    #[must_use]
    pub const fn method(object: NodeId<'a>, node: NodeId<'a>) -> Self {
        Self { node, object: Some(object), attribute: 0, range: &[], value: &[], handle: 0 }
    }

    /// Whether it is the node's value, not what describes it.
    #[must_use]
    pub const fn is_value(&self) -> bool {
        self.attribute == VALUE
    }

    /// What it is but for the namespace of the node, as bytes: the same for the same, whoever asks.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.node.name(&mut out);
        self.object.iter().for_each(|object| object.name(&mut out));
        out.extend_from_slice(&self.attribute.to_le_bytes());
        out.extend_from_slice(self.range);
        out
    }
}

/// As configuration writes it: `ns=2;s=Press.zones[3]`, `ns=2;s=Press calls ns=2;s=Press.start`.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.object {
            return write!(f, "{object} calls {}", self.node);
        }
        self.node.fmt(f)?;
        if !self.range.is_empty() {
            let range = self.range.get(..self.range.len().min(MAX_RANGE)).unwrap_or_default();
            write!(f, "[{}]", String::from_utf8_lossy(range))?;
        }
        if self.is_value() { Ok(()) } else { write!(f, " attribute {}", self.attribute) }
    }
}

/// A look at a message without its chunk headers. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageView<'a> {
    bytes: &'a [u8],
}

impl<'a> MessageView<'a> {
    /// Looks at the beginning of a message.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Number of the binary encoding of its type, in the standard's namespace.
    #[must_use]
    pub fn type_id(&self) -> Option<u32> {
        Cursor::new(self.bytes).node().ok()?.standard()
    }

    /// The service, and whether this is its answer.
    #[must_use]
    pub fn service(&self) -> Option<(&'static Service, bool)> {
        table::service(self.type_id()?)
    }

    /// Result of the whole service, in an answer (OPC 10000-4, 7.33).
    #[must_use]
    pub fn result(&self) -> Option<u32> {
        let mut cursor = Cursor::new(self.bytes);
        let kind = cursor.node().ok()?.standard()?;
        let answers = kind == table::FAULT || table::service(kind).is_some_and(|(_, answer)| answer);
        // Time and handle of the request stand before it.
        (answers && cursor.take(12).is_ok()).then(|| cursor.u32().ok()).flatten()
    }

    /// Behind the header of an answer (OPC 10000-4, 7.33).
    fn answer(&self, service: u32) -> Option<Cursor<'a>> {
        if !self.service().is_some_and(|(known, answer)| answer && known.request == service) {
            return None;
        }
        let mut cursor = Cursor::new(self.bytes);
        cursor.node().ok()?;
        // Time and handle of the request, result.
        cursor.take(16).ok()?;
        cursor.diagnostic(MAX_INNER).ok()?;
        cursor.strings().ok()?;
        cursor.extension().ok()?;
        Some(cursor)
    }

    /// The values that an answer to Read brings, one for each that was asked for, variants in binary; empty for those that have
    /// none.
    pub fn values(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let counted = self.answer(table::READ).and_then(|mut cursor| Some((cursor.count().ok()?, cursor)));
        let (count, mut cursor) = counted.unwrap_or((0, Cursor::new(&[])));
        (0..count).map_while(move |_| cursor.data_value().ok())
    }

    /// The subscription that a request adds items to, or that an answer tells of.
    #[must_use]
    pub fn subscription(&self) -> Option<u32> {
        let publish = || self.answer(table::PUBLISH);
        let monitor = || self.request().filter(|_| self.type_id() == Some(table::MONITOR));
        monitor().or_else(publish)?.u32().ok()
    }

    /// The values that an answer to Publish brings: the client's number of the item, and a variant in binary, empty where there is
    /// none.
    pub fn changes(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let mut items = self.answer(table::PUBLISH).and_then(changed).into_iter().flatten();
        let mut list: (usize, Cursor<'a>) = (0, Cursor::new(&[]));
        std::iter::from_fn(move || {
            while list.0 == 0 {
                list = items.next()?;
            }
            list.0 -= 1;
            let item = list.1.u32().and_then(|handle| Ok((handle, list.1.data_value()?)));
            item.inspect_err(|_| list.0 = 0).ok()
        })
    }

    /// Behind the header of a request (OPC 10000-4, 7.32).
    fn request(&self) -> Option<Cursor<'a>> {
        let mut cursor = Cursor::new(self.bytes);
        cursor.node().ok()?;
        // Token, time, handle and diagnostics, audit entry, time-out, additional header.
        cursor.node().ok()?;
        cursor.take(16).ok()?;
        cursor.bytes().ok()?;
        cursor.u32().ok()?;
        cursor.extension().ok()?;
        Some(cursor)
    }

    /// Who signs in, in a request to activate a session.
    #[must_use]
    pub fn user(&self) -> Option<User> {
        if self.type_id()? != table::ACTIVATE_SESSION {
            return None;
        }
        let mut cursor = self.request()?;
        let user = |cursor: &mut Cursor<'a>| {
            // Signature of the client, its software certificates, locales.
            cursor.bytes()?;
            cursor.bytes()?;
            for _ in 0..cursor.count()? {
                cursor.bytes()?;
                cursor.bytes()?;
            }
            for _ in 0..cursor.count()? {
                cursor.bytes()?;
            }
            cursor.extension()
        };
        Some(match user(&mut cursor).ok()?.standard() {
            // Without a token it is nobody, too (OPC 10000-4, 5.6.3.2).
            Some(0 | 321) => User::Anonymous,
            Some(324) => User::Name,
            Some(327) => User::Certificate,
            Some(940) => User::Issued,
            _ => User::Other,
        })
    }

    /// What a request to read, write, watch or call is about, as far as it can be read.
    #[must_use]
    pub fn targets(&self) -> Nodes<'a> {
        let none = Nodes { cursor: Cursor::new(&[]), left: 0, service: 0, over: false };
        let (Some(service), Some(mut cursor)) = (self.type_id(), self.request()) else { return none };
        let before = match service {
            // Largest age and which times to return.
            table::READ => 12,
            // Subscription and which times to return.
            table::MONITOR => 8,
            table::WRITE | table::CALL => 0,
            _ => return none,
        };
        match cursor.take(before).and_then(|_| cursor.count()) {
            Ok(left) => Nodes { cursor, left, service, over: false },
            Err(_) => none,
        }
    }
}

/// The lists of changes in an answer to Publish (OPC 10000-4, 5.13.5, 7.21), each with the number of its items.
fn changed(mut cursor: Cursor<'_>) -> Option<impl Iterator<Item = (usize, Cursor<'_>)>> {
    // Subscription; sequence numbers that may be asked for again; whether there is more; sequence number and time.
    cursor.u32().ok()?;
    let available = cursor.count().ok()?;
    cursor.take(available.checked_mul(4)?).ok()?;
    cursor.take(13).ok()?;
    let count = cursor.count().ok()?;
    let lists = (0..count).map_while(move |_| {
        let (kind, body) = cursor.object().ok()?;
        let mut inner = Cursor::new(if kind.standard() == Some(DATA_CHANGES) { body } else { &[] });
        Some(inner.count().map_or((0, inner), |count| (count, inner)))
    });
    Some(lists)
}

/// What a request is about, one after the other.
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    cursor: Cursor<'a>,
    left: usize,
    service: u32,
    /// What follows cannot be read.
    over: bool,
}

impl<'a> Nodes<'a> {
    /// How many are announced and were not told yet.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// The next one, and what of it went wrong behind its name.
    fn step(&mut self) -> Result<(Target<'a>, Result<(), Problem>), Problem> {
        let cursor = &mut self.cursor;
        let node = cursor.node()?;
        if self.service == table::CALL {
            // The object came first.
            let mut target = Target::method(node, cursor.node()?);
            let rest = arguments(cursor).map(|value| target.value = value);
            return Ok((target, rest));
        }
        let attribute = cursor.u32()?;
        let mut target = Target { attribute, ..Target::value_of(node, cursor.bytes()?) };
        let rest = match self.service {
            table::WRITE => cursor.data_value().map(|value| target.value = value),
            table::MONITOR => monitored(cursor).map(|handle| target.handle = handle),
            _ => cursor.qualified_name(),
        };
        Ok((target, rest))
    }
}

/// The arguments of a method.
fn arguments<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Problem> {
    let count = cursor.count()?;
    let from = cursor.rest();
    (0..count).try_for_each(|_| cursor.argument())?;
    Ok(from.get(..from.len() - cursor.remaining()).unwrap_or_default())
}

/// How an item is watched; the client's number for it.
fn monitored(cursor: &mut Cursor<'_>) -> Result<u32, Problem> {
    cursor.qualified_name()?;
    // Mode; handle; sampling interval; filter; queue size and which end of it is discarded.
    cursor.u32()?;
    let handle = cursor.u32()?;
    cursor.take(8)?;
    cursor.extension()?;
    cursor.take(5)?;
    Ok(handle)
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Target<'a>;

    fn next(&mut self) -> Option<Target<'a>> {
        if self.over {
            return None;
        }
        let left = self.left.checked_sub(1)?;
        let step = self.step();
        self.over = !matches!(step, Ok((_, Ok(()))));
        let (target, _) = step.ok()?;
        self.left = left;
        Some(target)
    }
}

/// A variant as a whole number, where it is one (OPC 10000-6, 5.1.2, 5.2.2.16).
#[must_use]
pub fn whole(variant: &[u8]) -> Option<i64> {
    let (kind, bytes) = variant.split_first()?;
    let signed = |sign: bool, size: usize| {
        let mut wide = [if sign && bytes.last()? >> 7 == 1 { 0xFF } else { 0 }; 8];
        wide.get_mut(..size)?.copy_from_slice(bytes);
        let number = i64::from_le_bytes(wide);
        (sign || number >= 0).then_some(number)
    };
    match (kind, bytes.len()) {
        (1 | 3, 1) => signed(false, 1),
        (2, 1) => signed(true, 1),
        (4, 2) => signed(true, 2),
        (5, 2) => signed(false, 2),
        (6, 4) => signed(true, 4),
        (7, 4) => signed(false, 4),
        (8, 8) => signed(true, 8),
        (9, 8) => signed(false, 8),
        _ => None,
    }
}

/// One line for a person.
impl fmt::Display for MessageView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.service(), self.type_id()) {
            (Some((service, _)), _) => f.write_str(service.name)?,
            (None, Some(table::FAULT)) => f.write_str("Service fault")?,
            (None, Some(number)) => write!(f, "service {number}")?,
            (None, None) => return f.write_str("Message"),
        }
        let mut targets = self.targets();
        match targets.next() {
            Some(first) if targets.left > 0 => write!(f, ": {} and {} more", first.node, targets.left),
            Some(first) => write!(f, ": {}", first.node),
            None => Ok(()),
        }
    }
}
