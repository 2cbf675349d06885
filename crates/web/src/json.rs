//! JSON written straight into one buffer: for the answers that are large or frequent.

use model::{Time, Value};

/// Largest integer that every JSON reader takes exactly (2^53).
const EXACT: u64 = 1 << 53;

/// Writes JSON. The caller places commas and braces with [`Writer::raw`].
#[derive(Default)]
pub(crate) struct Writer(String);

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    pub fn finish(self) -> String {
        self.0
    }

    /// Text that is JSON already.
    pub fn raw(&mut self, json: &str) {
        self.0.push_str(json);
    }

    pub fn u64(&mut self, value: u64) {
        self.0.push_str(itoa::Buffer::new().format(value));
    }

    pub fn i64(&mut self, value: i64) {
        self.0.push_str(itoa::Buffer::new().format(value));
    }

    /// A whole number; what a double does not hold exactly becomes text.
    pub fn whole(&mut self, value: i64) {
        if value.unsigned_abs() <= EXACT {
            self.i64(value)
        } else {
            self.text(itoa::Buffer::new().format(value))
        }
    }

    pub fn bool(&mut self, value: bool) {
        self.0.push_str(if value { "true" } else { "false" });
    }

    /// A number; what JSON cannot say (NaN, infinities) becomes text, because it is a reading and not nothing.
    pub fn f64(&mut self, value: f64) {
        if value.is_finite() {
            self.0.push_str(ryu::Buffer::new().format_finite(value));
        } else if value.is_nan() {
            self.0.push_str("\"NaN\"");
        } else {
            self.0.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
        }
    }

    pub fn text(&mut self, text: &str) {
        self.0.push('"');
        if !text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
            self.0.push_str(text);
            self.0.push('"');
            return;
        }
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let short = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..0x20 => "",
                _ => continue,
            };
            self.0.push_str(text.get(plain..at).unwrap_or_default());
            plain = at + 1;
            if short.is_empty() {
                self.0.push_str(&format!("\\u{byte:04x}"));
            } else {
                self.0.push_str(short);
            }
        }
        self.0.push_str(text.get(plain..).unwrap_or_default());
        self.0.push('"');
    }

    pub fn text_or_null(&mut self, text: &str) {
        if text.is_empty() { self.raw("null") } else { self.text(text) }
    }

    /// Milliseconds with the fraction exactly as it is.
    pub fn time(&mut self, time: Time) {
        let (mut whole, mut rest) = (time.0.div_euclid(1_000_000), time.0.rem_euclid(1_000_000));
        if whole < 0 && rest > 0 {
            (whole, rest) = (whole + 1, 1_000_000 - rest);
            if whole == 0 {
                self.0.push('-');
            }
        }
        self.i64(whole);
        if rest != 0 {
            let digits = format!("{rest:06}");
            self.0.push('.');
            self.0.push_str(digits.trim_end_matches('0'));
        }
    }

    /// A time, null where there is none.
    pub fn time_or_null(&mut self, time: Time) {
        if time == Time::ZERO { self.raw("null") } else { self.time(time) }
    }

    /// A value of a point, see `shapes::PointLive::value`.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::None => self.raw("null"),
            Value::Bool(v) => self.bool(*v),
            Value::I64(v) => self.whole(*v),
            Value::U64(v) if *v <= EXACT => self.u64(*v),
            Value::F64(v) => self.f64(*v),
            Value::Text(v) => self.text(v),
            Value::U64(_) | Value::Bytes(_) => self.text(&value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Writer)) -> String {
        let mut out = Writer::default();
        write(&mut out);
        out.finish()
    }

    #[test]
    fn values() {
        let check = |value: Value, expected: &str| assert_eq!(written(|w| w.value(&value)), expected);
        check(Value::None, "null");
        check(Value::F64(f64::NAN), "\"NaN\"");
        check(Value::F64(f64::NEG_INFINITY), "\"-Infinity\"");
        check(Value::I64(-3), "-3");
        check(Value::I64(i64::MIN), "\"-9223372036854775808\"");
        check(Value::U64(u64::MAX), "\"18446744073709551615\"");
        check(Value::U64(1 << 53), "9007199254740992");
        check(Value::Bytes([0xAB, 0].as_slice().into()), "\"ab00\"");
    }

    #[test]
    fn times_keep_their_fraction() {
        let check = |nanos: i64, expected: &str| assert_eq!(written(|w| w.time(Time(nanos))), expected);
        check(1_767_225_600_123_456_789, "1767225600123.456789");
        check(1_767_225_600_000_000_000, "1767225600000");
        check(1_500_000, "1.5");
        check(-1, "-0.000001");
        check(-1_500_000, "-1.5");
        check(-2_000_000, "-2");
    }

    proptest! {
        #[test]
        fn text_reads_back(text in any::<String>()) {
            let json = written(|w| w.text(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn numbers_read_back(value in any::<f64>(), time in any::<i64>()) {
            if value.is_finite() {
                let json = written(|w| w.f64(value));
                prop_assert_eq!(json.parse::<f64>().unwrap().to_bits(), value.to_bits());
            }
            let json = written(|w| w.time(Time(time)));
            let back: f64 = json.parse().unwrap();
            prop_assert!((back - time as f64 / 1e6).abs() <= 1.0);
        }
    }
}
