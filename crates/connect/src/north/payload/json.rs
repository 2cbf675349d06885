//! JSON written by hand, byte by byte: no allocation per value.

use model::{Time, Value};

/// A value as a JSON literal. NaN and infinities become the texts that protobuf's JSON mapping uses; bytes become
/// lower-case hexadecimal text.
pub fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::I64(v) => integer(out, *v),
        Value::U64(v) => out.extend_from_slice(itoa::Buffer::new().format(*v).as_bytes()),
        Value::F64(v) => float(out, *v),
        Value::Text(v) => text(out, v),
        Value::Bytes(v) => {
            out.push(b'"');
            for byte in v.iter() {
                for digit in [byte >> 4, byte & 15] {
                    out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
                }
            }
            out.push(b'"');
        }
    }
}

/// A whole number.
pub fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value > 0.0 {
        out.extend_from_slice(b"\"Infinity\"");
    } else {
        out.extend_from_slice(b"\"-Infinity\"");
    }
}

/// A text in quotes.
pub fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escaped(out, text);
    out.push(b'"');
}

/// A text without quotes, as it stands between them.
pub fn escaped(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
                out.extend_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
}

/// Milliseconds since 1970 with as many digits behind the point as are not zero (at most 6), exactly.
pub fn millis(out: &mut Vec<u8>, time: Time) {
    integer(out, time.millis());
    let mut nanos = time.0.rem_euclid(1_000_000);
    if nanos == 0 {
        return;
    }
    out.push(b'.');
    let mut scale = 100_000;
    while nanos > 0 {
        out.push(b'0' + u8::try_from(nanos / scale).unwrap_or(0));
        nanos %= scale;
        scale /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Value) -> String {
        let mut out = Vec::new();
        super::value(&mut out, &value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values() {
        for (value, expected) in [
            (Value::None, "null"),
            (Value::Bool(true), "true"),
            (Value::I64(i64::MIN), "-9223372036854775808"),
            (Value::U64(u64::MAX), "18446744073709551615"),
            (Value::F64(0.1), "0.1"),
            (Value::F64(3.0), "3.0"),
            (Value::F64(-0.0), "-0.0"),
            (Value::F64(1e300), "1e300"),
            (Value::F64(f64::NAN), "\"NaN\""),
            (Value::F64(f64::NEG_INFINITY), "\"-Infinity\""),
            (Value::from("a\"b\\c\n\u{1}\u{e9}"), "\"a\\\"b\\\\c\\n\\u0001\u{e9}\""),
            (Value::Bytes(vec![0, 0xAB].into()), "\"00ab\""),
        ] {
            assert_eq!(of(value), expected);
        }
    }

    #[test]
    fn every_number_is_read_back_bit_for_bit_by_another_parser() {
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = f64::from_bits(seed ^ (seed >> 29));
            if number.is_finite() {
                let read: f64 = of(Value::F64(number)).parse().unwrap();
                assert_eq!(read.to_bits(), number.to_bits());
                serde_json::from_str::<serde_json::Value>(&of(Value::F64(number))).unwrap();
            }
        }
    }

    #[test]
    fn times_are_exact() {
        for (nanos, expected) in [
            (0, "0"),
            (1_767_225_600_123_000_000, "1767225600123"),
            (1_767_225_600_123_456_789, "1767225600123.456789"),
            (1_500_000, "1.5"),
            (1_000_001, "1.000001"),
        ] {
            let mut out = Vec::new();
            millis(&mut out, Time(nanos));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
