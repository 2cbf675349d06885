//! Addresses as people write them.
//!
//! Two ways, and the text shows which one is meant: Modicon numbers (`40101`, `400101`: 1-based, the first digit names
//! the table) and the offset on the wire with its table in words (`holding 100`). A bare number is refused: nobody can
//! tell whether `101` counts from 0 or from 1, and half of all commissioning time is lost to that.

use crate::south::tags::Wrong;
use std::fmt;
use std::ops::RangeInclusive;
use wire::modbus::Table;

/// One register or bit, on the wire, 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Which of the four tables.
    pub table: Table,
    /// Offset on the wire, 0 to 65,535.
    pub offset: u16,
    /// Bit of a register, 0 (lowest) to 15.
    pub bit: Option<u8>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table.word(), self.offset)?;
        self.bit.map_or(Ok(()), |bit| write!(f, ".{bit}"))
    }
}

impl Address {
    /// In both notations: `holding 119.3 (40120.3)`. People look it up in manuals of either kind.
    pub(super) fn words(self) -> String {
        let bit = self.bit.map_or_else(String::new, |bit| format!(".{bit}"));
        let both = both(self.table, self.offset, self.offset);
        both.replacen(" (", &format!("{bit} ("), 1).replacen(')', &format!("{bit})"), 1)
    }
}

/// A range, both ends included, in both notations: `holding 138 (40139)`.
pub(super) fn both(table: Table, first: u16, last: u16) -> String {
    let digit = match table {
        Table::Coils => '0',
        Table::DiscreteInputs => '1',
        Table::InputRegisters => '3',
        Table::HoldingRegisters => '4',
        // No tag lies there.
        Table::Files | Table::Device => return format!("{} {first}-{last}", table.word()),
    };
    let modicon = |offset: u16| format!("{digit}{:04}", u32::from(offset) + 1);
    if first == last {
        return format!("{} {first} ({})", table.word(), modicon(first));
    }
    format!("{} {first}-{last} ({}-{})", table.word(), modicon(first), modicon(last))
}

const FORMS: &str = "write a Modicon number like \"40101\" (1-based) or the wire offset like \"holding 100\", \
                     \"input 100\", \"coil 5\", \"discrete 7\"";

/// Reads one address.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse(text: &str) -> Result<Address, Wrong> {
    let text = text.trim();
    let (place, bit) = match text.rsplit_once('.') {
        Some((place, bit)) => (place, Some(parse_bit(text, bit)?)),
        None => (text, None),
    };
    let (table, offset) = parse_place(place)?;
    if bit.is_some() && table.is_bits() {
        return Err(Wrong::new(
            format!("`{text}`: a {} is a bit already", table.word()),
            "leave out what follows the dot",
        ));
    }
    Ok(Address { table, offset, bit })
}

/// Reads a range with both ends included: `40900-40999`, `holding 899-998`, or one address.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn parse_range(text: &str) -> Result<(Table, RangeInclusive<u16>), Wrong> {
    let text = text.trim();
    let Some((from, to)) = text.split_once('-') else {
        let (table, offset) = parse_place(text)?;
        return Ok((table, offset..=offset));
    };
    let (table, first) = parse_place(from.trim())?;
    let to = to.trim();
    let worded = from.trim().contains(|c: char| c.is_ascii_alphabetic());
    let (to_table, last) = match to.parse::<u16>() {
        Ok(last) if worded => (table, last),
        _ => parse_place(to)?,
    };
    if table != to_table {
        return Err(Wrong::new(
            format!("`{text}` begins and ends in different tables"),
            "write one range per table",
        ));
    }
    if last < first {
        return Err(Wrong::new(format!("`{text}` ends before it begins"), "write the lower address first"));
    }
    Ok((table, first..=last))
}

/// Most addresses that become tags of their own.
const MOST_SINGLE: usize = 2_000;

/// Each address of some ranges as a line of TOML: a tag of its own, of the simplest type.
///
/// # Errors
/// [`Wrong`] with advice.
pub fn single_tags(ranges: &[String]) -> Result<Vec<String>, Wrong> {
    let mut tags = Vec::new();
    for text in ranges {
        let (table, range) = parse_range(text)?;
        if tags.len() + range.len() > MOST_SINGLE {
            return Err(Wrong::new(format!("more than {MOST_SINGLE} addresses"), "name a smaller range"));
        }
        let kind = if table.is_bits() { "bool" } else { "u16" };
        let word = table.word();
        tags.extend(range.map(|at| format!("{word}-{at} = {{ at = \"{word} {at}\", type = \"{kind}\" }}")));
    }
    Ok(tags)
}

fn parse_bit(text: &str, bit: &str) -> Result<u8, Wrong> {
    bit.parse().ok().filter(|bit| *bit < 16).ok_or_else(|| {
        Wrong::new(
            format!("`{text}`: a register has the bits 0 to 15"),
            "write the bit after a dot, e.g. \"40120.3\"; 0 is the lowest",
        )
    })
}

fn parse_place(text: &str) -> Result<(Table, u16), Wrong> {
    match text.split_once(|c: char| c.is_ascii_whitespace()) {
        Some((word, number)) => parse_worded(text, word, number.trim()),
        None => parse_modicon(text),
    }
}

fn parse_worded(text: &str, word: &str, number: &str) -> Result<(Table, u16), Wrong> {
    let table = [Table::HoldingRegisters, Table::InputRegisters, Table::Coils, Table::DiscreteInputs]
        .into_iter()
        .find(|table| table.word().eq_ignore_ascii_case(word))
        .ok_or_else(|| Wrong::new(format!("`{word}` in `{text}` is no Modbus table"), FORMS))?;
    let offset = number.parse().map_err(|_| {
        Wrong::new(
            format!("`{number}` in `{text}` is no wire offset"),
            "a wire offset is a whole number from 0 to 65535",
        )
    })?;
    Ok((table, offset))
}

fn parse_modicon(text: &str) -> Result<(Table, u16), Wrong> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Wrong::new(format!("`{text}` is no Modbus address"), FORMS));
    }
    if !matches!(text.len(), 5 | 6) {
        let help = format!("{FORMS}; is it \"holding {text}\"?");
        return Err(Wrong::new(
            format!("`{text}` does not say its table, nor whether it counts from 0 or from 1"),
            help,
        ));
    }
    let (first, rest) = text.split_at(1);
    let table = match first {
        "0" => Table::Coils,
        "1" => Table::DiscreteInputs,
        "3" => Table::InputRegisters,
        "4" => Table::HoldingRegisters,
        _ => {
            let message = format!("`{text}` is no Modicon number: the first digit names the table");
            return Err(Wrong::new(
                message,
                "0 = coil, 1 = discrete input, 3 = input register, 4 = holding register",
            ));
        }
    };
    match rest.parse::<u32>() {
        Ok(number @ 1..=65_536) => Ok((table, u16::try_from(number - 1).unwrap_or(u16::MAX))),
        _ => {
            let message = format!("`{text}`: Modicon numbers count from 1 to 65536 in each table");
            Err(Wrong::new(
                message,
                format!("the first one is \"{first}0001\"; the wire offset 0 is \"{} 0\"", table.word()),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Table::{Coils, DiscreteInputs, HoldingRegisters, InputRegisters};

    #[test]
    fn both_notations() {
        for (text, table, offset, bit) in [
            ("40101", HoldingRegisters, 100, None),
            ("400101", HoldingRegisters, 100, None),
            ("465536", HoldingRegisters, 65_535, None),
            ("40120.3", HoldingRegisters, 119, Some(3)),
            ("30001", InputRegisters, 0, None),
            ("00005", Coils, 4, None),
            ("10008", DiscreteInputs, 7, None),
            ("holding 100", HoldingRegisters, 100, None),
            ("Holding  65535.15", HoldingRegisters, 65_535, Some(15)),
            ("input 100", InputRegisters, 100, None),
            ("coil 5", Coils, 5, None),
            (" discrete 7 ", DiscreteInputs, 7, None),
        ] {
            assert_eq!(parse(text), Ok(Address { table, offset, bit }), "{text}");
        }
        assert_eq!(parse("40120.3").unwrap().to_string(), "holding 119.3");
    }

    #[test]
    fn people_see_both_notations() {
        assert_eq!(both(HoldingRegisters, 138, 138), "holding 138 (40139)");
        assert_eq!(both(HoldingRegisters, 899, 998), "holding 899-998 (40900-40999)");
        assert_eq!(both(Coils, 4, 4), "coil 4 (00005)");
        assert_eq!(both(InputRegisters, 65_535, 65_535), "input 65535 (365536)");
        assert_eq!(parse("40120.3").unwrap().words(), "holding 119.3 (40120.3)");
        assert_eq!(parse("coil 5").unwrap().words(), "coil 5 (00006)");
        for (table, offset) in [(HoldingRegisters, 9_998), (HoldingRegisters, 9_999), (DiscreteInputs, 0)] {
            let text = both(table, offset, offset);
            let (worded, modicon) = text.split_once(" (").unwrap();
            assert_eq!(parse(worded), parse(modicon.trim_end_matches(')')), "{text}");
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        for (text, part) in [
            ("101", "is it \"holding 101\"?"),
            ("7", "holding 7"),
            ("4010100", "does not say its table"),
            ("40000", "the first one is \"40001\""),
            ("20001", "first digit names the table"),
            ("465537", "count from 1 to 65536"),
            ("holding 65536", "no wire offset"),
            ("hodling 1", "no Modbus table"),
            ("40101.16", "bits 0 to 15"),
            ("coil 5.1", "a bit already"),
            ("", "no Modbus address"),
            ("MW100", "no Modbus address"),
            ("-1", "no Modbus address"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert!(format!("{} | {}", wrong.message, wrong.help).contains(part), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn ranges_become_single_tags() {
        let tags = single_tags(&["holding 5-6".into(), "00001".into()]).unwrap();
        assert_eq!(
            tags,
            [
                "holding-5 = { at = \"holding 5\", type = \"u16\" }",
                "holding-6 = { at = \"holding 6\", type = \"u16\" }",
                "coil-0 = { at = \"coil 0\", type = \"bool\" }"
            ]
        );
        assert!(single_tags(&["holding 0-9999".into()]).is_err());
    }

    #[test]
    fn ranges() {
        assert_eq!(parse_range("40900-40999"), Ok((HoldingRegisters, 899..=998)));
        assert_eq!(parse_range("holding 900-999"), Ok((HoldingRegisters, 900..=999)));
        assert_eq!(parse_range("coil 3"), Ok((Coils, 3..=3)));
        assert!(parse_range("40999-40900").is_err());
        assert!(parse_range("40900-30999").is_err());
        assert!(parse_range("900-999").is_err());
    }
}
