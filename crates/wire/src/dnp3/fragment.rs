//! The application layer (clause 4.2): a look at one fragment.

use super::object::{Header, Headers, Range};
use super::table::{self, Access, Function, RESPONSE};
use std::fmt;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Not even control and function.
    Empty,
    /// No function of the standard.
    Function(u8),
    /// A response without internal indications.
    NoIndications,
    /// No object of the standard: group and variation.
    Object(u8, u8),
    /// A qualifier that is not possible (here).
    Qualifier(u8),
    /// The range ends before it begins.
    Range(u32, u32),
    /// An object header that is cut short.
    ShortHeader,
    /// Fewer data than the headers announce.
    ShortData,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no function code"),
            Self::Function(code) => write!(f, "function {code} does not exist"),
            Self::NoIndications => f.write_str("a response without internal indications"),
            Self::Object(group, variation) => {
                write!(f, "object group {group} variation {variation} does not exist")
            }
            Self::Qualifier(code) => write!(f, "qualifier {code:#04x} is not possible here"),
            Self::Range(start, stop) => write!(f, "the range {start} to {stop} runs backwards"),
            Self::ShortHeader => f.write_str("an object header is cut short"),
            Self::ShortData => f.write_str("fewer data than announced"),
        }
    }
}

/// A look at a fragment. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentView<'a> {
    bytes: &'a [u8],
}

impl<'a> FragmentView<'a> {
    /// Looks at a fragment.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Sequence number, 0 to 15.
    #[must_use]
    pub fn sequence(&self) -> Option<u8> {
        self.bytes.first().map(|control| control & 15)
    }

    /// Whether it is an unsolicited response, or confirms one (UNS).
    #[must_use]
    pub fn is_unsolicited(&self) -> bool {
        self.bytes.first().is_some_and(|control| control & 0x10 != 0)
    }

    /// Function code.
    #[must_use]
    pub fn function_code(&self) -> Option<u8> {
        self.bytes.get(1).copied()
    }

    /// The facts about the function, if it exists.
    #[must_use]
    pub fn function(&self) -> Option<&'static Function> {
        table::function(self.function_code()?)
    }

    /// Whether an outstation sent it.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.function_code().is_some_and(|code| code >= RESPONSE)
    }

    /// Internal indications of a response: the first byte in the high half.
    #[must_use]
    pub fn indications(&self) -> Option<u16> {
        self.is_response()
            .then(|| self.bytes.get(2..)?.first_chunk().map(|iin| u16::from_be_bytes(*iin)))
            .flatten()
    }

    /// Object headers with their data.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        let start = if self.is_response() { 4 } else { 2 };
        let data = self.function().is_some_and(|function| function.data);
        Headers::new(self.bytes.get(start..).unwrap_or_default(), data)
    }

    /// Whether it changes the outstation.
    #[must_use]
    pub fn changes_device(&self) -> bool {
        self.function().is_some_and(|function| {
            !matches!(function.access, Access::Read | Access::Session | Access::Freeze | Access::Security)
        })
    }

    /// The first thing that is not as it should be.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let Some(code) = self.function_code() else { return Some(Problem::Empty) };
        if self.function().is_none() {
            return Some(Problem::Function(code));
        }
        if self.is_response() && self.indications().is_none() {
            return Some(Problem::NoIndications);
        }
        self.headers().find_map(Result::err)
    }
}

fn points(f: &mut fmt::Formatter<'_>, header: &Header<'_>) -> fmt::Result {
    match table::group_name(header.group) {
        Some(name) => f.write_str(name)?,
        None => write!(f, "group {}", header.group)?,
    }
    match (header.group, header.range) {
        (60, _) => write!(f, " {}", header.variation.saturating_sub(1)),
        (_, Range::All) => Ok(()),
        (_, Range::Indexes(first, last)) if first == last => write!(f, " {first}"),
        (_, Range::Indexes(first, last)) => write!(f, " {first}..{last}"),
        (_, Range::Count(count)) => match header.indexes().next() {
            Some(first) if count == 1 => write!(f, " {first}"),
            Some(first) => write!(f, " {first} and {} more", count - 1),
            None => write!(f, " ({count})"),
        },
    }
}

/// One line for a person: "Direct Operate: binary output 3".
impl fmt::Display for FragmentView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.function(), self.function_code()) {
            (Some(function), _) => f.write_str(function.name)?,
            (None, Some(code)) => write!(f, "function {code}")?,
            (None, None) => return f.write_str("(empty)"),
        }
        for (index, header) in self.headers().flatten().take(3).enumerate() {
            f.write_str(if index == 0 { ": " } else { ", " })?;
            points(f, &header)?;
        }
        if self.headers().flatten().nth(3).is_some() { f.write_str(" and more") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_a_person() {
        let line = |bytes: &[u8]| FragmentView::new(bytes).to_string();
        assert_eq!(line(&[0xC0, 1, 60, 2, 6, 60, 3, 6]), "Read: class data 1, class data 2");
        let crob = [0xC1, 5, 12, 1, 0x28, 1, 0, 3, 0, 0x41, 1, 100, 0, 0, 0, 100, 0, 0, 0, 0];
        assert_eq!(line(&crob), "Direct Operate: binary output 3");
        assert_eq!(FragmentView::new(&crob).problem(), None);
        assert_eq!(line(&[0xC0, 129, 0, 0, 30, 2, 0, 1, 2, 1, 5, 0, 1, 6, 0]), "Response: analog input 1..2");
        assert_eq!(line(&[]), "(empty)");
    }

    #[test]
    fn problems_are_named() {
        let problem = |bytes: &[u8]| FragmentView::new(bytes).problem();
        assert_eq!(problem(&[0xC0]), Some(Problem::Empty));
        assert_eq!(problem(&[0xC0, 99]), Some(Problem::Function(99)));
        assert_eq!(problem(&[0xC0, 129, 0]), Some(Problem::NoIndications));
        assert_eq!(problem(&[0xC1, 1, 37, 50, 6]), Some(Problem::Object(37, 50)));
        assert_eq!(problem(&[0xC1, 1, 30, 0, 0, 5, 2]), Some(Problem::Range(5, 2)));
        assert_eq!(problem(&[0xC1, 5, 12, 1, 0x28, 1, 0, 3, 0, 1]), Some(Problem::ShortData));
        assert_eq!(problem(&[0xC1, 1, 30, 0, 1, 5]), Some(Problem::ShortHeader));
        assert_eq!(problem(&[0xC1, 1, 30, 0, 6]), None);
    }
}
