//! Values of parameters, as clients send them in text or in binary.

use super::encode::EPOCH_US;
use super::message::{Broken, Reader};
use arrow::datatypes::DataType;
use sql::Param;

const WRONG: Broken = Broken("the value of a parameter does not fit its type");
/// Most elements of a list.
const MOST_ITEMS: usize = 100_000;

/// The value in `bytes`, of the type with number `oid`, whose column type is `kind`.
pub(super) fn param(bytes: Option<&[u8]>, binary: bool, oid: u32, kind: &DataType) -> Result<Param, Broken> {
    match bytes {
        None => Ok(Param::Null),
        Some(bytes) if binary => from_binary(bytes, oid),
        Some(bytes) => {
            from_text(std::str::from_utf8(bytes).map_err(|_| Broken("a text is not UTF-8"))?, kind)
        }
    }
}

fn from_text(text: &str, kind: &DataType) -> Result<Param, Broken> {
    Ok(match kind {
        DataType::Boolean => Param::Bool(match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => true,
            "f" | "false" | "n" | "no" | "off" | "0" => false,
            _ => return Err(WRONG),
        }),
        kind if kind.is_integer() => Param::Int(text.trim().parse().map_err(|_| WRONG)?),
        kind if kind.is_floating() => Param::Float(text.trim().parse().map_err(|_| WRONG)?),
        DataType::List(_) => Param::List(items(text)?),
        DataType::Timestamp(..) => Param::Text(with_minutes(text)),
        _ => Param::Text(text.to_owned()),
    })
}

/// `2026-01-01 00:00:00+00` is written with minutes of its offset too, as the engine reads it.
fn with_minutes(text: &str) -> String {
    let text = text.trim();
    let tail = text.len().saturating_sub(3);
    let short = text.get(tail..).is_some_and(|t| {
        t.starts_with(['+', '-']) && t.bytes().skip(1).all(|b| b.is_ascii_digit()) && text.contains(':')
    });
    if short { format!("{text}:00") } else { text.to_owned() }
}

/// `{a,"b c",NULL}`; what stands around an item is not of it (PostgreSQL, 8.15.2).
fn items(text: &str) -> Result<Vec<Option<String>>, Broken> {
    let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or(WRONG)?;
    let mut all = Vec::new();
    let (mut item, mut quoted, mut inside) = (String::new(), false, false);
    let mut chars = inner.chars();
    let mut push = |item: &mut String, quoted: &mut bool| {
        let mut text = std::mem::take(item);
        if !*quoted {
            text.truncate(text.trim_ascii_end().len());
        }
        let null = !*quoted && text.eq_ignore_ascii_case("null");
        *quoted = false;
        all.push((!null).then_some(text));
        if all.len() > MOST_ITEMS { Err(WRONG) } else { Ok(()) }
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => item.extend(chars.next()),
            '"' => {
                inside = !inside;
                quoted = true;
            }
            ',' if !inside => push(&mut item, &mut quoted)?,
            c if c.is_ascii_whitespace() && !inside && (quoted || item.is_empty()) => {}
            c => item.push(c),
        }
    }
    if !inner.is_empty() {
        push(&mut item, &mut quoted)?;
    }
    Ok(all)
}

fn from_binary(bytes: &[u8], oid: u32) -> Result<Param, Broken> {
    let mut from = Reader(bytes);
    Ok(match oid {
        16 => Param::Bool(from.u8()? != 0),
        21 => Param::Int(i64::from(from.i16()?)),
        23 => Param::Int(i64::from(from.i32()?)),
        26 | 2205 | 24 => Param::Int(i64::from(from.i32()?.cast_unsigned())),
        20 => Param::Int(from.i64()?),
        700 => Param::Float(f64::from(f32::from_bits(from.i32()?.cast_unsigned()))),
        701 => Param::Float(f64::from_bits(from.i64()?.cast_unsigned())),
        1082 => Param::Date(from.i32()?.saturating_add(10_957)),
        1114 | 1184 => Param::Time(from.i64()?.saturating_add(EPOCH_US).saturating_mul(1_000)),
        1700 => Param::Float(numeric(&mut from)?),
        17 => Param::Bytes(bytes.to_vec()),
        18 | 19 | 25 | 114 | 705 | 1042 | 1043 | 0 => Param::Text(words(bytes)?),
        1000..=1028 | 1115 | 1182 | 1185 | 1231 => list(&mut from)?,
        _ => return Err(Broken("parameters of this type are not known; send it as text")),
    })
}

fn words(bytes: &[u8]) -> Result<String, Broken> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Broken("a text is not UTF-8"))
}

/// Groups of four decimal digits (the binary form of numeric); what a double cannot hold exactly is rounded.
fn numeric(from: &mut Reader<'_>) -> Result<f64, Broken> {
    let (count, weight, sign) = (from.i16()?, from.i16()?, from.i16()?.cast_unsigned());
    from.i16()?;
    if sign == 0xC000 {
        return Ok(f64::NAN);
    }
    let mut text = String::from(if sign == 0x4000 { "-0" } else { "0" });
    for _ in 0..count {
        text.push_str(&format!("{:04}", from.i16()?));
    }
    let exponent = 4 * (i32::from(weight) + 1 - i32::from(count));
    format!("{text}e{exponent}").parse().map_err(|_| WRONG)
}

fn list(from: &mut Reader<'_>) -> Result<Param, Broken> {
    let dimensions = from.i32()?;
    from.i32()?;
    let oid = from.i32()?.cast_unsigned();
    if dimensions == 0 {
        return Ok(Param::List(Vec::new()));
    }
    let count = usize::try_from(from.i32()?).map_err(|_| WRONG)?;
    from.i32()?;
    if dimensions != 1 || count > MOST_ITEMS || count * 4 > from.0.len() {
        return Err(Broken("a list has one dimension and at most 100,000 values"));
    }
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let Ok(length) = usize::try_from(from.i32()?) else {
            all.push(None);
            continue;
        };
        all.push(match from_binary(from.take(length)?, oid)? {
            Param::Null => None,
            Param::Bool(v) => Some(v.to_string()),
            Param::Int(v) => Some(v.to_string()),
            Param::Float(v) => Some(v.to_string()),
            Param::Text(v) => Some(v),
            _ => return Err(Broken("lists of this type are not known; send it as text")),
        });
    }
    Ok(Param::List(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts() {
        let utf8 = DataType::Utf8;
        assert_eq!(param(Some(b"t"), false, 16, &DataType::Boolean), Ok(Param::Bool(true)));
        assert_eq!(param(Some(b"12"), false, 20, &DataType::Int64), Ok(Param::Int(12)));
        assert!(param(Some(b"x"), false, 20, &DataType::Int64).is_err());
        assert!(param(Some(b"\xff"), false, 25, &utf8).is_err());
        assert_eq!(param(None, false, 25, &utf8), Ok(Param::Null));
        assert_eq!(with_minutes("2026-01-01 00:00:00+02"), "2026-01-01 00:00:00+02:00");
        assert_eq!(with_minutes("2026-01-01"), "2026-01-01");
        let list = items(r#"{a,"b, \"c",NULL,"NULL"}"#).unwrap();
        assert_eq!(list, [Some("a".into()), Some("b, \"c".into()), None, Some("NULL".into())]);
        assert_eq!(items("{}"), Ok(vec![]));
        let spaced = items(r#"{ "a" , b c ," d ", null }"#).unwrap();
        assert_eq!(spaced, [Some("a".into()), Some("b c".into()), Some(" d ".into()), None]);
    }

    #[test]
    fn binaries() {
        let of = |bytes: &[u8], oid| from_binary(bytes, oid);
        assert_eq!(of(&7_i16.to_be_bytes(), 21), Ok(Param::Int(7)));
        assert_eq!(of(&1.5_f64.to_be_bytes(), 701), Ok(Param::Float(1.5)));
        assert_eq!(of(&0_i64.to_be_bytes(), 1184), Ok(Param::Time(946_684_800_000_000_000)));
        // -123456.78
        assert_eq!(
            of(&[0, 3, 0, 1, 0x40, 0, 0, 2, 0, 12, 13, 128, 30, 120], 1700),
            Ok(Param::Float(-123_456.78))
        );
        // 0.00015
        let small = match of(&[0, 2, 0xff, 0xff, 0, 0, 0, 5, 0, 1, 0x13, 0x88], 1700) {
            Ok(Param::Float(v)) => v,
            other => panic!("{other:?}"),
        };
        assert!((small - 0.00015).abs() < 1e-12, "{small}");
        assert!(of(&[], 20).is_err() && of(&[1], 3_000).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, oid in 0_u32..3_000) {
            let _ = from_binary(&bytes, oid);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                let _ = items(text);
                let _ = with_minutes(text);
            }
        }
    }
}
