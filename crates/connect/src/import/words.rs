//! Addresses of other programs in ours.

/// A type word of Kepware, Ignition, TIA or Logix in the words of our kinds; `None` has no counterpart.
///
/// Sources: KEPServerEX help, "Data types"; Ignition 8.1 user manual, "Tag data types"; TIA Portal help, "Elementary data
/// types"; Rockwell 1756-RM084, "Data type". One table, because they mean the same with the same word.
pub(super) fn type_of(word: &str) -> Option<&'static str> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "boolean" | "bool" => "bool",
        "sint" | "int1" => "i8",
        "usint" | "byte" => "u8",
        "short" | "int" | "int2" => "i16",
        "word" | "uint" => "u16",
        "long" | "dint" | "int4" => "i32",
        "dword" | "udint" => "u32",
        "llong" | "lint" | "int8" => "i64",
        "qword" | "ulint" | "lword" => "u64",
        "float" | "real" | "float4" => "f32",
        "double" | "lreal" | "float8" => "f64",
        "bcd" => "bcd16",
        "lbcd" => "bcd32",
        _ => return None,
    })
}

/// A Modbus address as Kepware writes it: `40001`, `400001`, `400001.3`, `400100.16H` (a text of 16 characters).
///
/// Source: Kepware "Modbus TCP/IP Ethernet driver help", section "Address descriptions".
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ModbusAddress {
    pub(super) at: String,
    /// Characters of a text, and whether the first one stands in the low byte.
    pub(super) text: Option<(u16, bool)>,
    pub(super) bits: bool,
}

/// Reads an address of Kepware's Modbus drivers.
pub(super) fn kepware_modbus(text: &str) -> Result<ModbusAddress, String> {
    let text = text.trim();
    if text.contains('[') {
        return Err(format!("`{text}` is an array: name its elements one by one"));
    }
    let (place, rest) = text.split_once('.').map_or((text, None), |(place, rest)| (place, Some(rest)));
    let digits = place.len();
    if !(5..=6).contains(&digits) || !place.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("`{text}` is no Modbus address that can be taken over"));
    }
    let bits = place.starts_with(['0', '1']);
    let whole = |at: String| ModbusAddress { at, text: None, bits };
    match rest {
        None => Ok(whole(place.to_owned())),
        Some(bit) if bit.parse::<u8>().is_ok_and(|bit| bit < 16) && !bits => {
            Ok(whole(format!("{place}.{}", bit.trim_start_matches('0').parse::<u8>().unwrap_or(0))))
        }
        Some(length) => {
            let low_first = length.ends_with(['L', 'l']);
            let number = length.trim_end_matches(['H', 'h', 'L', 'l']);
            match number.parse::<u16>() {
                Ok(characters @ 1..=250) if number != length => Ok(ModbusAddress {
                    at: place.to_owned(),
                    text: Some((characters, low_first)),
                    bits: false,
                }),
                _ => Err(format!("`{text}`: what follows the dot is neither a bit nor a length of a text")),
            }
        }
    }
}

/// A Siemens address without `%`, in the form `DB10.DBD4`, `MW10`, `I0.0`; German letters become English ones.
///
/// Takes what TIA writes (`%MD10`) and what Kepware's Siemens driver writes (`DB1,REAL4`, `DB1,X0.3`, `DB1.DBW2`).
/// Sources: TIA Portal help, "Addressing operands"; Kepware "Siemens TCP/IP Ethernet driver help", "S7-300 addressing".
pub(super) fn siemens(text: &str) -> Result<(String, Option<&'static str>), String> {
    let plain = text.trim().trim_start_matches('%').to_ascii_uppercase();
    let wrong = || format!("`{}` is no Siemens address that can be taken over", text.trim());
    if plain.contains('[') {
        return Err(format!("`{}` is an array: name its elements one by one", text.trim()));
    }
    if let Some(rest) = plain.strip_prefix("DB") {
        let (number, inside) = rest.split_once([',', '.']).ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let letters: String = inside.chars().take_while(char::is_ascii_alphabetic).collect();
        let place = inside.get(letters.len()..).unwrap_or_default();
        let (size, kind) = inside_block(&letters).ok_or_else(wrong)?;
        is_place(place, size == "X").then_some(()).ok_or_else(wrong)?;
        return Ok((format!("DB{number}.DB{size}{place}"), kind));
    }
    let letters: String = plain.chars().take_while(char::is_ascii_alphabetic).collect();
    let place = plain.get(letters.len()..).unwrap_or_default();
    let (area, size) = letters.split_at_checked(1).ok_or_else(wrong)?;
    let area = match area {
        "E" => "I",
        "A" => "Q",
        "Z" => "C",
        "I" | "Q" | "M" | "T" | "C" => area,
        _ => return Err(wrong()),
    };
    let size = if size == "X" { "" } else { size };
    let bit = size.is_empty() && !matches!(area, "T" | "C");
    if !matches!(size, "" | "B" | "W" | "D") || !is_place(place, bit) {
        return Err(wrong());
    }
    Ok((format!("{area}{size}{place}"), bit.then_some("bool")))
}

/// Size letter and type of a word inside a data block.
fn inside_block(letters: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match letters {
        "DBX" | "X" | "BOOL" => ("X", Some("bool")),
        "DBB" | "B" => ("B", None),
        "DBW" | "W" => ("W", None),
        "DBD" | "D" => ("D", None),
        "BYTE" => ("B", Some("u8")),
        "INT" => ("W", Some("i16")),
        "WORD" => ("W", Some("u16")),
        "DINT" => ("D", Some("i32")),
        "DWORD" => ("D", Some("u32")),
        "REAL" => ("D", Some("f32")),
        _ => return None,
    })
}

/// `4`, or with a bit `4.3`.
fn is_place(text: &str, bit: bool) -> bool {
    let number = |text: &str| !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((byte, which)) => {
            bit && number(byte) && matches!(which, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7")
        }
        None => !bit && number(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modbus_as_kepware_writes_it() {
        let at = |text: &str| kepware_modbus(text).map(|address| (address.at, address.text));
        assert_eq!(at("400001"), Ok(("400001".into(), None)));
        assert_eq!(at("40001.03"), Ok(("40001.3".into(), None)));
        assert_eq!(at("400200.16H"), Ok(("400200".into(), Some((16, false)))));
        assert_eq!(at("400200.16L"), Ok(("400200".into(), Some((16, true)))));
        assert_eq!(at("000005"), Ok(("000005".into(), None)));
        for wrong in ["400001[10]", "H4001", "4x", "400001.99", "400001.xH", "1", ""] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn siemens_as_people_write_it() {
        for (text, at, kind) in [
            ("%MD10", "MD10", None),
            ("%I0.0", "I0.0", Some("bool")),
            ("%E0.0", "I0.0", Some("bool")),
            ("AW4", "QW4", None),
            ("MX10.2", "M10.2", Some("bool")),
            ("%T5", "T5", None),
            ("Z3", "C3", None),
            ("DB1,REAL4", "DB1.DBD4", Some("f32")),
            ("DB1,X0.3", "DB1.DBX0.3", Some("bool")),
            ("DB10.DBW2", "DB10.DBW2", None),
        ] {
            assert_eq!(siemens(text), Ok((at.into(), kind)), "{text}");
        }
        for wrong in ["", "%", "DB1", "DBx,W2", "DB1,W", "M10", "MW10.1", "X5", "DB1,REAL4[3]", "M1.8"] {
            assert!(siemens(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn types_have_one_meaning() {
        for (word, kind) in
            [("Short", "i16"), ("DINT", "i32"), ("Float4", "f32"), ("LReal", "f64"), ("Boolean", "bool")]
        {
            assert_eq!(type_of(word), Some(kind));
        }
        assert_eq!(type_of("Char"), None);
    }
}
