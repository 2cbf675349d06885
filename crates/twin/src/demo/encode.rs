//! From a value of the model to registers, and to the words of the configuration.

use wire::modbus::Table;

use super::units::{Scene, UnitDef};
use crate::modbus::{Bank, WordOrder};

/// How a value lies in registers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    F32,
    U32,
    U16,
    /// i16 times this.
    Scaled(f64),
    /// i16 whose raw numbers stand for a range. Infinity means a broken wire.
    Ranged {
        raw: (f64, f64),
        range: (f64, f64),
    },
    Bcd16,
    Bcd32,
    /// A coil, a discrete input, or a bit of a register.
    Bool,
    /// Characters.
    Text(u16),
}

/// Where a value comes from.
pub(super) enum Get {
    Number(fn(&Scene<'_>) -> f64),
    Text(fn(&Scene<'_>) -> String),
    /// Written by clients; starts with this.
    Client(f64),
    /// In the tag list, but not in the device.
    Missing,
}

/// One tag.
pub(super) struct Tag {
    pub(super) name: &'static str,
    /// Modicon number, with `.bit` for a bit of a register.
    pub(super) at: &'static str,
    pub(super) kind: Kind,
    /// Further keys in the configuration.
    pub(super) text: String,
    pub(super) get: Get,
}

impl Tag {
    /// Table, wire offset and bit. The table of tags is ours; what cannot be read is nowhere.
    pub(super) fn place(&self) -> Option<(Table, u16, Option<u8>)> {
        let (number, bit) = match self.at.split_once('.') {
            Some((number, bit)) => (number, Some(bit.parse().ok()?)),
            None => (self.at, None),
        };
        let (table, rest) = number.split_at_checked(1)?;
        let table = match table {
            "0" => Table::Coils,
            "1" => Table::DiscreteInputs,
            "3" => Table::InputRegisters,
            _ => Table::HoldingRegisters,
        };
        Some((table, rest.parse::<u16>().ok()?.checked_sub(1)?, bit))
    }

    /// Its line in the configuration.
    pub(super) fn line(&self) -> String {
        let kind = match self.kind {
            Kind::F32 => "\"f32\"".to_owned(),
            Kind::U32 => "\"u32\"".to_owned(),
            Kind::U16 => "\"u16\"".to_owned(),
            Kind::Scaled(scale) => format!("\"i16\", scale = {scale}"),
            Kind::Ranged { raw, range } => {
                format!("\"i16\", raw = [{}, {}], range = [{}, {}]", raw.0, raw.1, range.0, range.1)
            }
            Kind::Bcd16 => "\"bcd16\"".to_owned(),
            Kind::Bcd32 => "\"bcd32\"".to_owned(),
            Kind::Bool => "\"bool\"".to_owned(),
            Kind::Text(length) => format!("\"text\", length = {length}"),
        };
        let comma = if self.text.is_empty() { "" } else { ", " };
        format!("{} = {{ at = \"{}\", type = {kind}{comma}{} }}\n", self.name, self.at, self.text)
    }
}

/// What of a bank is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Everything, set-points included: when the bank is made.
    First,
    /// What the model owns.
    Again,
}

/// Writes the tags of a unit into its bank.
pub(super) fn publish(unit: &UnitDef, tags: &[Tag], scene: &Scene<'_>, bank: &mut Bank, pass: Pass) {
    for tag in tags {
        let Some(place) = tag.place() else { continue };
        match &tag.get {
            Get::Number(get) => put_number(bank, place, tag.kind, get(scene), unit.order),
            Get::Text(get) => {
                if let Kind::Text(length) = tag.kind {
                    bank.put_text(place.1, usize::from(length).div_ceil(2), &get(scene));
                }
            }
            Get::Client(start) if pass == Pass::First => {
                put_number(bank, place, tag.kind, *start, unit.order)
            }
            Get::Client(_) | Get::Missing => {}
        }
    }
}

fn put_number(bank: &mut Bank, place: (Table, u16, Option<u8>), kind: Kind, value: f64, order: WordOrder) {
    let (table, offset, bit) = place;
    // The casts saturate, as the conversions in a PLC do.
    let words = match kind {
        Kind::F32 => order.split((value as f32).to_bits()).to_vec(),
        Kind::U32 => order.split(value as u32).to_vec(),
        Kind::U16 => vec![value as u16],
        Kind::Scaled(scale) => vec![(value / scale).round() as i16 as u16],
        Kind::Ranged { raw, range } => {
            let part = (value - range.0) / (range.1 - range.0);
            vec![(raw.0 + part * (raw.1 - raw.0)).round() as i16 as u16]
        }
        Kind::Bcd16 => vec![bcd(value as u64) as u16],
        Kind::Bcd32 => order.split(bcd(value as u64) as u32).to_vec(),
        Kind::Bool => return put_bit(bank, table, offset, bit, value != 0.0),
        Kind::Text(_) => return,
    };
    match table {
        Table::InputRegisters => bank.input.put(offset, &words),
        _ => bank.holding.put(offset, &words),
    }
}

fn put_bit(bank: &mut Bank, table: Table, offset: u16, bit: Option<u8>, on: bool) {
    match (table, bit) {
        (Table::Coils, _) => bank.coils.put(offset, &[on]),
        (Table::DiscreteInputs, _) => bank.discrete.put(offset, &[on]),
        (_, Some(bit)) => {
            let old = bank.holding.get(offset, 1).and_then(<[u16]>::first).copied().unwrap_or_default();
            let mask = 1u16 << (bit % 16);
            bank.holding.put(offset, &[if on { old | mask } else { old & !mask }]);
        }
        (_, None) => bank.holding.put(offset, &[u16::from(on)]),
    }
}

fn bcd(mut number: u64) -> u64 {
    let (mut digits, mut shift) = (0, 0);
    while number > 0 {
        digits |= (number % 10) << shift;
        number /= 10;
        shift += 4;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_as_the_configuration_says() {
        let mut bank = Bank::default();
        let holding = |offset| (Table::HoldingRegisters, offset, None);
        let level = Kind::Ranged { raw: (0.0, 27_648.0), range: (0.0, 100.0) };
        put_number(&mut bank, holding(0), level, 50.0, WordOrder::HighFirst);
        put_number(&mut bank, holding(1), level, f64::INFINITY, WordOrder::HighFirst);
        put_number(&mut bank, holding(2), Kind::Scaled(0.1), -1.26, WordOrder::HighFirst);
        put_number(&mut bank, holding(3), Kind::Bcd16, 1234.0, WordOrder::HighFirst);
        put_number(&mut bank, holding(4), Kind::U32, 65_537.0 * 3.0, WordOrder::LowFirst);
        put_number(&mut bank, (Table::HoldingRegisters, 6, Some(3)), Kind::Bool, 1.0, WordOrder::LowFirst);
        assert_eq!(bank.holding.get(0, 7), Some(&[13_824, 32_767, (-13i16) as u16, 0x1234, 3, 3, 8][..]));
    }
}
