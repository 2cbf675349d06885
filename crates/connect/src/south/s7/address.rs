//! Addresses as engineers write them: `DB10.DBD4`, `DB1.DBX0.3`, `M10.2`, `IW4`, `QB1`, `T5`, `C3`, German `EW4`, `AB1`,
//! `Z3`, TIA Portal's `%MW10` and `%IW64:P`, and facts about the CPU such as `cpu.state`.

use crate::south::tags::Wrong;
use std::fmt;
use wire::s7::{Area, Item};

/// An area, and in it a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region {
    /// Which memory.
    pub area: Area,
    /// Number of the data block, 0 elsewhere.
    pub db: u16,
}

impl Region {
    /// Bytes of one address: counters and timers are numbered words.
    pub const fn unit(self) -> u16 {
        if self.area.is_numbered() { 2 } else { 1 }
    }

    /// The variable that holds `count` addresses from `first`.
    pub fn item(self, first: u32, count: u16) -> Item {
        if self.area.is_numbered() {
            return Item::numbered(self.area, u16::try_from(first).unwrap_or(u16::MAX), count);
        }
        Item::bytes_at(self.area, self.db, first, count)
    }

    /// The whole of it in words: `DB10`, `M`, `T`.
    pub fn area_words(self) -> String {
        match self.area {
            Area::Db => format!("DB{}", self.db),
            Area::Flags => "M".into(),
            Area::Inputs => "I".into(),
            Area::Outputs => "Q".into(),
            Area::Peripheral => "PI".into(),
            Area::Counters => "C".into(),
            Area::Timers => "T".into(),
        }
    }

    /// A place in words, as it would be written: `DB10.DBB4`, `MB7`, `T3`.
    pub fn words(self, first: u32) -> String {
        match self.area {
            Area::Db => format!("DB{}.DBB{first}", self.db),
            Area::Flags => format!("MB{first}"),
            Area::Inputs => format!("IB{first}"),
            Area::Outputs => format!("QB{first}"),
            Area::Peripheral => format!("PIB{first}"),
            Area::Counters => format!("C{first}"),
            Area::Timers => format!("T{first}"),
        }
    }
}

/// What the letter before a byte number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// `X`, or none with a bit behind a dot.
    Bit(u8),
    /// `B`.
    Byte,
    /// `W`.
    Word,
    /// `D`.
    Double,
}

/// Something that the CPU tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// RUN, STOP and the like.
    State,
    /// Order number.
    Order,
    /// Firmware version.
    Firmware,
    /// Name of the station.
    System,
    /// Name of the module.
    Module,
    /// Serial number.
    Serial,
    /// Type of the module.
    Kind,
}

impl Fact {
    const WORDS: [(&'static str, Self); 7] = [
        ("state", Self::State),
        ("order", Self::Order),
        ("firmware", Self::Firmware),
        ("system", Self::System),
        ("module", Self::Module),
        ("serial", Self::Serial),
        ("type", Self::Kind),
    ];

    /// The system status list that tells it.
    pub const fn list(self) -> u16 {
        match self {
            Self::State => wire::s7::szl::STATE,
            Self::Order | Self::Firmware => wire::s7::szl::MODULE,
            _ => wire::s7::szl::COMPONENT,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, fact)| fact == self).map_or("", |(word, _)| word);
        write!(f, "cpu.{word}")
    }
}

/// Where a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// In memory.
    Memory {
        /// Where.
        region: Region,
        /// First byte; the number of a counter or timer.
        first: u32,
        /// What its letter says; `None` for counters and timers.
        width: Option<Width>,
    },
    /// In what the CPU tells about itself.
    Cpu(Fact),
}

const FORMS: &str = "write it as in the program: \"DB10.DBD4\", \"DB1.DBX0.3\", \"M10.2\", \"IW4\", \"QB1\", \"T5\", \"C3\", or \"cpu.state\"";

fn wrong(text: &str, why: &str) -> Wrong {
    Wrong::new(format!("`{text}`: {why}"), FORMS)
}

/// Reads one address.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse(text: &str) -> Result<Address, Wrong> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '%').collect();
    let upper = plain.to_ascii_uppercase();
    let upper = upper.strip_prefix("P#").unwrap_or(&upper);
    if let Some(word) = upper.strip_prefix("CPU.") {
        let fact = Fact::WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        let help = "the CPU tells cpu.state, cpu.order, cpu.firmware, cpu.system, cpu.module, cpu.serial and cpu.type";
        return fact
            .map(|(_, fact)| Address::Cpu(*fact))
            .ok_or_else(|| Wrong::new(format!("`{text}` is nothing that a CPU tells"), help));
    }
    let (body, peripheral) = match upper.strip_suffix(":P") {
        Some(body) => (body, true),
        None => (upper, false),
    };
    let address = match body.strip_prefix("DB") {
        Some(rest) => parse_db(text, rest)?,
        None => parse_other(text, body)?,
    };
    match address {
        Address::Memory { region: Region { area: Area::Inputs | Area::Outputs, .. }, first, width }
            if peripheral =>
        {
            Ok(Address::Memory { region: Region { area: Area::Peripheral, db: 0 }, first, width })
        }
        _ if peripheral => Err(wrong(text, "only inputs and outputs have `:P`")),
        address => Ok(address),
    }
}

fn parse_db(text: &str, rest: &str) -> Result<Address, Wrong> {
    let (number, place) = rest
        .split_once('.')
        .ok_or_else(|| wrong(text, "a data block needs a place in it, e.g. DB10.DBW4"))?;
    let db = number
        .parse::<u16>()
        .ok()
        .filter(|db| *db > 0)
        .ok_or_else(|| wrong(text, "data blocks have the numbers 1 to 65535"))?;
    let place = place.strip_prefix("DB").unwrap_or(place);
    let (first, width) = parse_width(text, place)?;
    Ok(Address::Memory { region: Region { area: Area::Db, db }, first, width: Some(width) })
}

fn parse_other(text: &str, body: &str) -> Result<Address, Wrong> {
    let numbered = |area, number: &str| {
        let number =
            number.parse::<u16>().map_err(|_| wrong(text, "timers and counters are numbered 0 to 65535"))?;
        Ok(Address::Memory { region: Region { area, db: 0 }, first: number.into(), width: None })
    };
    let (area, rest) = match body.split_at_checked(1) {
        Some(("T", number)) => return numbered(Area::Timers, number),
        Some(("C" | "Z", number)) => return numbered(Area::Counters, number),
        Some(("P", rest)) => match rest.split_at_checked(1) {
            Some(("I" | "E" | "Q" | "A", rest)) => (Area::Peripheral, rest),
            _ => return Err(wrong(text, "no such area")),
        },
        Some(("I" | "E", rest)) => (Area::Inputs, rest),
        Some(("Q" | "A", rest)) => (Area::Outputs, rest),
        Some(("M", rest)) => (Area::Flags, rest),
        _ => return Err(wrong(text, "no such area")),
    };
    let (first, width) = parse_width(text, rest)?;
    Ok(Address::Memory { region: Region { area, db: 0 }, first, width: Some(width) })
}

/// `W4`, `X0.3` or, as a bit, `0.3`.
fn parse_width(text: &str, place: &str) -> Result<(u32, Width), Wrong> {
    let (letter, numbers) = match place.split_at_checked(1) {
        Some(("B", rest)) => (Some(Width::Byte), rest),
        Some(("W", rest)) => (Some(Width::Word), rest),
        Some(("D", rest)) => (Some(Width::Double), rest),
        Some(("X", rest)) => (None, rest),
        _ => (None, place),
    };
    let (byte, bit) = match numbers.split_once('.') {
        Some((byte, bit)) => (byte, Some(bit)),
        None => (numbers, None),
    };
    let byte = byte
        .parse::<u32>()
        .ok()
        .filter(|byte| *byte <= Item::MAX_BYTE)
        .ok_or_else(|| wrong(text, "the byte number is missing or too large"))?;
    match (letter, bit) {
        (Some(width), None) => Ok((byte, width)),
        (Some(_), Some(_)) => {
            Err(wrong(text, "only a bit has a second number; write X, as in DBX4.3 or M4.3"))
        }
        (None, Some(bit)) => match bit.parse::<u8>() {
            Ok(bit @ 0..=7) => Ok((byte, Width::Bit(bit))),
            _ => Err(wrong(text, "a byte has the bits 0 to 7")),
        },
        (None, None) => Err(wrong(text, "B, W or D is missing before the number, or the bit behind it")),
    }
}

/// Reads what is never touched: a block (`DB99`), or a range of bytes (`DB10.DBB20-DBB39`, `MB100-110`, `T5-T9`).
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse_range(text: &str) -> Result<(Region, u32, u32), Wrong> {
    let help = "write a block \"DB99\" or a range of bytes \"DB10.DBB20-39\", \"MB100-110\", \"T5-9\"";
    let upper = text.trim().trim_start_matches('%').to_ascii_uppercase();
    if let Some(db) = upper.strip_prefix("DB").and_then(|number| number.parse::<u16>().ok()) {
        return Ok((Region { area: Area::Db, db }, 0, u32::MAX));
    }
    let (from, to) = upper.split_once('-').unwrap_or((&upper, ""));
    let Address::Memory { region, first, width } = parse(from)? else {
        return Err(Wrong::new(format!("`{text}` is no memory"), help));
    };
    if !matches!(width, None | Some(Width::Byte)) {
        return Err(Wrong::new(format!("`{text}` does not name bytes"), help));
    }
    let digits = to.trim_start_matches(|c: char| !c.is_ascii_digit());
    let last = match to {
        "" => first,
        _ => digits.parse().map_err(|_| Wrong::new(format!("`{text}` has no end"), help))?,
    };
    if last < first {
        return Err(Wrong::new(format!("`{text}` ends before it begins"), "write the lower address first"));
    }
    Ok((region, first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(area: Area, db: u16, first: u32, width: Option<Width>) -> Address {
        Address::Memory { region: Region { area, db }, first, width }
    }

    #[test]
    fn as_engineers_write_them() {
        for (text, address) in [
            ("DB10.DBD4", memory(Area::Db, 10, 4, Some(Width::Double))),
            ("db1.dbx0.3", memory(Area::Db, 1, 0, Some(Width::Bit(3)))),
            ("%DB1.DBW2", memory(Area::Db, 1, 2, Some(Width::Word))),
            ("DB65535.DBB0", memory(Area::Db, 65_535, 0, Some(Width::Byte))),
            ("P#DB7.DBX20.0", memory(Area::Db, 7, 20, Some(Width::Bit(0)))),
            ("M10.2", memory(Area::Flags, 0, 10, Some(Width::Bit(2)))),
            ("MX10.2", memory(Area::Flags, 0, 10, Some(Width::Bit(2)))),
            ("MD 100", memory(Area::Flags, 0, 100, Some(Width::Double))),
            ("IW4", memory(Area::Inputs, 0, 4, Some(Width::Word))),
            ("EW4", memory(Area::Inputs, 0, 4, Some(Width::Word))),
            ("E0.7", memory(Area::Inputs, 0, 0, Some(Width::Bit(7)))),
            ("QB1", memory(Area::Outputs, 0, 1, Some(Width::Byte))),
            ("A1.0", memory(Area::Outputs, 0, 1, Some(Width::Bit(0)))),
            ("PEW256", memory(Area::Peripheral, 0, 256, Some(Width::Word))),
            ("%IW64:P", memory(Area::Peripheral, 0, 64, Some(Width::Word))),
            ("T5", memory(Area::Timers, 0, 5, None)),
            ("C3", memory(Area::Counters, 0, 3, None)),
            ("Z3", memory(Area::Counters, 0, 3, None)),
            ("cpu.state", Address::Cpu(Fact::State)),
        ] {
            assert_eq!(parse(text), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("DB10", "needs a place"),
            ("DB0.DBW0", "1 to 65535"),
            ("DB1.DBW2.1", "only a bit"),
            ("DB1.DBX2", "B, W or D"),
            ("M10.8", "bits 0 to 7"),
            ("W4", "no such area"),
            ("MW", "byte number"),
            ("MW9999999", "byte number"),
            ("T5:P", "only inputs"),
            ("cpu.colour", "nothing that a CPU tells"),
            ("", "no such area"),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.message.contains(why), "{text}: {}", found.message);
        }
    }

    #[test]
    fn ranges() {
        let db = |db| Region { area: Area::Db, db };
        assert_eq!(parse_range("DB99"), Ok((db(99), 0, u32::MAX)));
        assert_eq!(parse_range("DB10.DBB20-DBB39"), Ok((db(10), 20, 39)));
        assert_eq!(parse_range("MB100-110"), Ok((Region { area: Area::Flags, db: 0 }, 100, 110)));
        assert_eq!(parse_range("T5"), Ok((Region { area: Area::Timers, db: 0 }, 5, 5)));
        assert!(parse_range("DB10.DBW2-4").is_err() && parse_range("MB9-3").is_err());
    }
}
