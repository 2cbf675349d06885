//! Services (OPC 10000-4), as far as the monitor looks into them.

use super::reader::{Cursor, NodeId, Problem};
use super::table::{self, Service};
use std::fmt;

/// The value of a variable (OPC 10000-6, A.1).
const VALUE: u32 = 13;

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

/// What a service is about: a node and one of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The node; of a method call, the method.
    pub node: NodeId<'a>,
    /// Whether it is its value, not what describes it.
    pub is_value: bool,
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
        let none = Nodes { cursor: Cursor::new(&[]), left: 0, service: 0 };
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
            Ok(left) => Nodes { cursor, left, service },
            Err(_) => none,
        }
    }
}

/// What a request is about, one after the other.
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    cursor: Cursor<'a>,
    left: usize,
    service: u32,
}

impl<'a> Nodes<'a> {
    fn step(&mut self) -> Result<Target<'a>, Problem> {
        let cursor = &mut self.cursor;
        let node = cursor.node()?;
        if self.service == table::CALL {
            // The object came first.
            let method = cursor.node()?;
            for _ in 0..cursor.count()? {
                cursor.argument()?;
            }
            return Ok(Target { node: method, is_value: false });
        }
        let is_value = cursor.u32()? == VALUE;
        cursor.bytes()?;
        match self.service {
            table::WRITE => cursor.data_value()?,
            table::MONITOR => {
                cursor.qualified_name()?;
                // Mode, handle, sampling interval; filter; queue size and which end of it is discarded.
                cursor.take(16)?;
                cursor.extension()?;
                cursor.take(5)?;
            }
            _ => cursor.qualified_name()?,
        }
        Ok(Target { node, is_value })
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Target<'a>;

    fn next(&mut self) -> Option<Target<'a>> {
        self.left = self.left.checked_sub(1)?;
        let step = self.step();
        if step.is_err() {
            self.left = 0;
        }
        step.ok()
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
