//! Addresses of data files as people write them: `N7:0`, `B3:0/4`, `T4:0.ACC` (1770-6.5.16, chapter 13).

use std::fmt;

/// How a controller's data files are addressed and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// SLC 500 and MicroLogix.
    Slc,
    /// PLC-5.
    Plc5,
}

/// What a data file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// O: words of outputs.
    Output,
    /// I: words of inputs.
    Input,
    /// S: words of the controller's status.
    Status,
    /// B: words of bits.
    Bit,
    /// T: timers of three words.
    Timer,
    /// C: counters of three words.
    Counter,
    /// R: controls of three words.
    Control,
    /// N: words, signed.
    Integer,
    /// F: floats of 32 bits.
    Float,
    /// ST: texts of up to 82 letters.
    Text,
    /// A: two letters in a word.
    Ascii,
    /// L: two words, signed.
    Long,
}

/// Kind, letters, code on the wire, bytes of an element, the only file that may hold it.
type Row = (FileKind, &'static str, u8, u8, Option<u16>);

/// Chapter 7, "protected typed logical read"; sizes from chapter 13.
const KINDS: [Row; 12] = [
    (FileKind::Output, "O", 0x8B, 2, Some(0)),
    (FileKind::Input, "I", 0x8C, 2, Some(1)),
    (FileKind::Status, "S", 0x84, 2, Some(2)),
    (FileKind::Bit, "B", 0x85, 2, None),
    (FileKind::Timer, "T", 0x86, 6, None),
    (FileKind::Counter, "C", 0x87, 6, None),
    (FileKind::Control, "R", 0x88, 6, None),
    (FileKind::Integer, "N", 0x89, 2, None),
    (FileKind::Float, "F", 0x8A, 4, None),
    (FileKind::Text, "ST", 0x8D, 84, None),
    (FileKind::Ascii, "A", 0x8E, 2, None),
    (FileKind::Long, "L", 0x91, 4, None),
];

/// Parts of an element: name, word, bit.
type Part = (&'static str, u8, Option<u8>);

const TIMER: &[Part] =
    &[("PRE", 1, None), ("ACC", 2, None), ("EN", 0, Some(15)), ("TT", 0, Some(14)), ("DN", 0, Some(13))];
const COUNTER: &[Part] = &[
    ("PRE", 1, None),
    ("ACC", 2, None),
    ("CU", 0, Some(15)),
    ("CD", 0, Some(14)),
    ("DN", 0, Some(13)),
    ("OV", 0, Some(12)),
    ("UN", 0, Some(11)),
    ("UA", 0, Some(10)),
];
const CONTROL: &[Part] = &[
    ("LEN", 1, None),
    ("POS", 2, None),
    ("EN", 0, Some(15)),
    ("EU", 0, Some(14)),
    ("DN", 0, Some(13)),
    ("EM", 0, Some(12)),
    ("ER", 0, Some(11)),
    ("UL", 0, Some(10)),
    ("IN", 0, Some(9)),
    ("FD", 0, Some(8)),
];

impl FileKind {
    fn row(self) -> Row {
        KINDS.into_iter().find(|row| row.0 == self).unwrap_or((self, "?", 0, 2, None))
    }

    /// The letters in front of an address.
    #[must_use]
    pub fn letters(self) -> &'static str {
        self.row().1
    }

    /// Its code on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        self.row().2
    }

    /// The kind with a code; older clients have other codes for outputs and inputs.
    #[must_use]
    pub fn of(code: u8) -> Option<Self> {
        match code {
            0x82 => Some(Self::Output),
            0x83 => Some(Self::Input),
            code => KINDS.into_iter().find(|row| row.2 == code).map(|row| row.0),
        }
    }

    /// Bytes of an element.
    #[must_use]
    pub fn bytes(self) -> u8 {
        self.row().3
    }

    const fn parts(self) -> &'static [Part] {
        match self {
            Self::Timer => TIMER,
            Self::Counter => COUNTER,
            Self::Control => CONTROL,
            _ => &[],
        }
    }
}

/// A word in a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What the file holds.
    pub kind: FileKind,
    /// Number of the file.
    pub file: u16,
    /// Element; of inputs and outputs of an SLC 500, the slot.
    pub element: u16,
    /// Word of the element, from 0.
    pub word: u16,
}

/// A value in a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// Its first word.
    pub place: Place,
    /// Bit of that word, 0 to 15.
    pub bit: Option<u8>,
    /// Bytes from there on: 2, or those of a float, a long integer or a text.
    pub bytes: u8,
    family: Family,
}

/// A text that is no address, with what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoAddress {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

fn wrong(message: impl Into<String>, help: impl Into<String>) -> NoAddress {
    NoAddress { message: message.into(), help: help.into() }
}

/// An address in its parts: letters, file, element, what follows a dot, what follows a slash.
struct Split<'a> {
    letters: &'a str,
    file: &'a str,
    element: Option<&'a str>,
    dot: Option<&'a str>,
    slash: Option<&'a str>,
}

fn split(text: &str) -> Split<'_> {
    let (rest, slash) = text.split_once('/').map_or((text, None), |(rest, slash)| (rest, Some(slash)));
    let (head, tail) = rest.split_once(':').map_or((rest, None), |(head, tail)| (head, Some(tail)));
    let (element, dot) = match tail.map(|tail| (tail, tail.split_once('.'))) {
        Some((_, Some((element, dot)))) => (Some(element), Some(dot)),
        Some((element, None)) => (Some(element), None),
        None => (None, None),
    };
    let digits = head.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(head.len());
    let (letters, file) = head.split_at(digits);
    Split { letters, file, element, dot, slash }
}

impl Address {
    /// Reads an address as the programming software writes it.
    ///
    /// # Errors
    /// [`NoAddress`] with advice.
    pub fn parse(text: &str, family: Family) -> Result<Self, NoAddress> {
        const EXAMPLES: &str = "write it as in the program: \"N7:0\", \"F8:3\", \"B3:0/4\", \"T4:0.ACC\", \"C5:1/DN\", \"ST9:0\", \"I:1/3\"";
        let text = text.trim();
        let parts = split(text);
        let row = KINDS.into_iter().find(|row| row.1.eq_ignore_ascii_case(parts.letters));
        let Some((kind, .., only)) = row else {
            return Err(wrong(format!("`{text}` is no address of a data file"), EXAMPLES));
        };
        if kind == FileKind::Long && family == Family::Plc5 {
            return Err(wrong(
                format!("`{text}`: a PLC-5 has no L files"),
                "use a float (F) or two integers (N)",
            ));
        }
        let file = match (parts.file, only) {
            ("", Some(only)) => only,
            (digits, _) => number(digits, 10).filter(|file| *file <= 999).ok_or_else(|| {
                wrong(format!("`{text}` does not say the number of the data file"), EXAMPLES)
            })?,
        };
        if only.is_some_and(|only| only != file) {
            let (letters, only) = (kind.letters(), only.unwrap_or(0));
            let help = format!("write \"{letters}:{}\"", parts.element.unwrap_or("0"));
            return Err(wrong(format!("`{text}`: {letters} is always file {only}"), help));
        }
        // Inputs and outputs of a PLC-5 are counted in eights.
        let io = matches!(kind, FileKind::Input | FileKind::Output);
        let radix = if io && family == Family::Plc5 { 8 } else { 10 };
        let Some(element) = parts.element else { return bits_of_file(text, kind, file, &parts, family) };
        let element = number(element, radix).ok_or_else(|| {
            let octal = if radix == 8 { " (digits 0 to 7: it is octal)" } else { "" };
            wrong(format!("`{text}`: `{element}` is no number of an element{octal}"), EXAMPLES)
        })?;
        let place = Place { kind, file, element, word: 0 };
        let whole = Self { place, bit: None, bytes: kind.bytes(), family };
        if !kind.parts().is_empty() {
            return whole.part(text, &parts);
        }
        whole.word(text, &parts, radix)
    }

    /// A part of a timer, counter or control.
    fn part(self, text: &str, parts: &Split<'_>) -> Result<Self, NoAddress> {
        let known = self.place.kind.parts();
        let names: Vec<&str> = known.iter().map(|part| part.0).collect();
        let help = || {
            let first = names.get(1).copied().unwrap_or_default();
            let shown = text.split(['.', '/']).next().unwrap_or(text);
            format!("write one of its parts, e.g. \"{shown}.{first}\"; there are {}", names.join(", "))
        };
        let name = match (parts.dot, parts.slash) {
            (Some(name), None) | (None, Some(name)) => name,
            (None, None) => return Err(wrong(format!("`{text}` has several values"), help())),
            (Some(_), Some(_)) => return Err(wrong(format!("`{text}` names two parts"), help())),
        };
        let part = known.iter().find(|part| part.0.eq_ignore_ascii_case(name));
        let Some((_, word, bit)) = part else {
            return Err(wrong(format!("`{text}`: there is no part `{name}`"), help()));
        };
        Ok(Self { place: Place { word: u16::from(*word), ..self.place }, bit: *bit, bytes: 2, ..self })
    }

    /// A word, or a bit of it.
    fn word(self, text: &str, parts: &Split<'_>, radix: u32) -> Result<Self, NoAddress> {
        let kind = self.place.kind;
        let slots = matches!(kind, FileKind::Input | FileKind::Output) && self.family == Family::Slc;
        let word = match parts.dot {
            None => 0,
            Some(word) if slots => number(word, 10).filter(|word| *word < 256).ok_or_else(|| {
                wrong(format!("`{text}`: `{word}` is no word of a slot"), "write slot and word as \"I:1.0\"")
            })?,
            Some(part) => {
                let help = "a bit is written behind a slash, as in \"N7:0/3\"";
                return Err(wrong(format!("`{text}`: there is no part `{part}`"), help));
            }
        };
        let place = Place { word, ..self.place };
        let Some(bit) = parts.slash else { return Ok(Self { place, ..self }) };
        if kind.bytes() != 2 || kind == FileKind::Ascii {
            let help = "leave out what follows the slash, or read the bit in a B or N file";
            return Err(wrong(format!("`{text}`: {} has no bits to choose from", kind.letters()), help));
        }
        let bit = number(bit, radix).and_then(|bit| u8::try_from(bit).ok()).filter(|bit| *bit < 16);
        let bit = bit.ok_or_else(|| {
            let bits = if radix == 8 { "0 to 17, in octal" } else { "0 to 15" };
            wrong(format!("`{text}`: a word has the bits {bits}"), "write the word, a slash and the bit")
        })?;
        Ok(Self { place, bit: Some(bit), ..self })
    }

    /// Where the value begins in its file, in bytes; of inputs and outputs of an SLC 500, in its slot.
    #[must_use]
    pub fn offset(&self) -> u32 {
        let Place { kind, element, word, .. } = self.place;
        let element = if self.by_slot() { 0 } else { u32::from(element) };
        element * u32::from(kind.bytes()) + u32::from(word) * 2
    }

    /// Whether its element is a slot, whose words are counted for themselves.
    #[must_use]
    pub fn by_slot(&self) -> bool {
        matches!(self.place.kind, FileKind::Input | FileKind::Output) && self.family == Family::Slc
    }
}

/// `B3/20`: a bit counted from the beginning of the file.
fn bits_of_file(
    text: &str,
    kind: FileKind,
    file: u16,
    parts: &Split<'_>,
    family: Family,
) -> Result<Address, NoAddress> {
    let letters = kind.letters();
    let help = format!("write \"{letters}{file}:0\" for the first element");
    let bit = parts.slash.filter(|_| kind == FileKind::Bit);
    let bit = bit
        .and_then(|bit| number(bit, 10))
        .ok_or_else(|| wrong(format!("`{text}` does not say which element of the file"), help))?;
    let place = Place { kind, file, element: bit / 16, word: 0 };
    let bit = u8::try_from(bit % 16).ok();
    Ok(Address { place, bit, bytes: 2, family })
}

/// Digits only, no sign.
fn number(text: &str, radix: u32) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| u16::from_str_radix(text, radix).ok()).flatten()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { kind, file, element, word } = self.place;
        f.write_str(kind.letters())?;
        let octal = matches!(kind, FileKind::Input | FileKind::Output) && self.family == Family::Plc5;
        if kind.row().4.is_none() {
            write!(f, "{file}")?;
        }
        if octal {
            write!(f, ":{element:03o}")?
        } else {
            write!(f, ":{element}")?
        }
        let part = kind.parts().iter().find(|part| u16::from(part.1) == word && part.2 == self.bit);
        match (part, self.bit) {
            (Some((name, _, None)), _) => return write!(f, ".{name}"),
            (Some((name, ..)), _) => return write!(f, "/{name}"),
            _ => {}
        }
        if word > 0 {
            write!(f, ".{word}")?;
        }
        match self.bit {
            Some(bit) if octal => write!(f, "/{bit:o}"),
            Some(bit) => write!(f, "/{bit}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_they_are_written() {
        for (text, shown, file, element, word, bit, bytes, offset) in [
            ("N7:0", "N7:0", 7, 0, 0, None, 2, 0),
            ("n7:12", "N7:12", 7, 12, 0, None, 2, 24),
            ("N10:3/15", "N10:3/15", 10, 3, 0, Some(15), 2, 6),
            ("F8:3", "F8:3", 8, 3, 0, None, 4, 12),
            ("L19:2", "L19:2", 19, 2, 0, None, 4, 8),
            ("B3:1/4", "B3:1/4", 3, 1, 0, Some(4), 2, 2),
            ("B3/20", "B3:1/4", 3, 1, 0, Some(4), 2, 2),
            ("T4:1.ACC", "T4:1.ACC", 4, 1, 2, None, 2, 10),
            ("T4:1/dn", "T4:1/DN", 4, 1, 0, Some(13), 2, 6),
            ("C5:0.PRE", "C5:0.PRE", 5, 0, 1, None, 2, 2),
            ("R6:2.POS", "R6:2.POS", 6, 2, 2, None, 2, 16),
            ("ST9:1", "ST9:1", 9, 1, 0, None, 84, 84),
            ("A10:0", "A10:0", 10, 0, 0, None, 2, 0),
            ("S:1/15", "S:1/15", 2, 1, 0, Some(15), 2, 2),
            ("S2:37", "S:37", 2, 37, 0, None, 2, 74),
            ("I:1.2/3", "I:1.2/3", 1, 1, 2, Some(3), 2, 4),
            ("O:0/3", "O:0/3", 0, 0, 0, Some(3), 2, 0),
        ] {
            let address = Address::parse(text, Family::Slc).unwrap();
            let Place { file: f, element: e, word: w, .. } = address.place;
            assert_eq!((f, e, w), (file, element, word), "{text}");
            assert_eq!((address.bit, address.bytes, address.offset()), (bit, bytes, offset), "{text}");
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(Address::parse(shown, Family::Slc).unwrap(), address);
        }
    }

    #[test]
    fn inputs_of_a_plc_5_are_octal() {
        let address = Address::parse("I:017/10", Family::Plc5).unwrap();
        assert_eq!((address.place.element, address.bit, address.offset()), (15, Some(8), 30));
        assert_eq!(address.to_string(), "I:017/10");
        assert!(Address::parse("I:018", Family::Plc5).unwrap_err().message.contains("octal"));
    }

    #[test]
    fn what_is_no_address_says_what_to_write() {
        for (text, why) in [
            ("", "no address of a data file"),
            ("X7:0", "no address of a data file"),
            ("N:0", "number of the data file"),
            ("N7", "which element"),
            ("N7/20", "which element"),
            ("N7:x", "no number of an element"),
            ("N7:99999", "no number of an element"),
            ("N7:0/16", "bits 0 to 15"),
            ("N7:0.ACC", "no part `ACC`"),
            ("F8:0/1", "no bits to choose from"),
            ("T4:0", "several values"),
            ("T4:0.ABC", "no part `ABC`"),
            ("I3:0", "always file 1"),
            ("N1000:0", "number of the data file"),
        ] {
            let wrong = Address::parse(text, Family::Slc).unwrap_err();
            assert!(wrong.message.contains(why), "{text}: {wrong}");
            assert!(!wrong.help.is_empty());
        }
        assert!(Address::parse("L9:0", Family::Plc5).is_err());
    }
}
