//! From raw numbers to engineering values and back. Pure; the same for every protocol.

use super::Wrong;
use model::unit::Conversion;
use model::{Status, Value};
use std::ops::RangeInclusive;

/// Whole numbers below it are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A straight line: value = (raw - `from`) * `times` / `over` + `offset`.
///
/// Rationale: 0.1 is no double. 878 * 0.1 is 87.80000000000001, but 878 * 1 / 10 is the double nearest to 87.8; so a
/// factor is kept as the fraction that a person meant by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    from: f64,
    times: f64,
    over: f64,
    offset: f64,
}

impl Linear {
    /// value = raw * `factor` + `offset`; `factor` must not be 0.
    pub fn new(factor: f64, offset: f64) -> Self {
        let (times, over) = fraction(factor);
        Self { from: 0.0, times, over, offset }
    }

    /// Through two points: `raw` becomes `range`.
    ///
    /// # Errors
    /// The two raw numbers are the same, or the two of the range.
    pub fn between(raw: (f64, f64), range: (f64, f64)) -> Result<Self, Wrong> {
        if raw.0 == raw.1 || range.0 == range.1 {
            return Err(Wrong::new(
                "`raw` and `range` need two different numbers each",
                "write e.g. raw = [0, 27648], range = [0, 100]",
            ));
        }
        Ok(Self { from: raw.0, times: range.1 - range.0, over: raw.1 - raw.0, offset: range.0 })
    }

    /// The engineering value of a raw number.
    pub fn value(&self, raw: f64) -> f64 {
        (raw - self.from) * self.times / self.over + self.offset
    }

    /// The raw number of an engineering value, not rounded.
    pub fn raw(&self, value: f64) -> f64 {
        (value - self.offset) * self.over / self.times + self.from
    }

    /// This line, and behind it a change of unit.
    pub(super) fn then(&self, to: &Conversion) -> Self {
        Self {
            times: self.times * to.times,
            over: self.over * to.over,
            offset: to.apply(self.offset),
            ..*self
        }
    }

    /// What one raw step is in engineering units.
    pub fn step(&self) -> f64 {
        (self.times / self.over).abs()
    }
}

/// The fraction that stands behind a factor: a decimal one, one over a whole number, else itself over 1.
fn fraction(factor: f64) -> (f64, f64) {
    for digits in 0..=15 {
        let over = 10f64.powi(digits);
        let times = (factor * over).round();
        if times != 0.0 && times.abs() < EXACT && times / over == factor {
            return (times, over);
        }
    }
    let over = (1.0 / factor).round();
    if over != 0.0 && over.abs() < EXACT && 1.0 / over == factor { (1.0, over) } else { (factor, 1.0) }
}

/// Scaling and the raw limits of a sound sensor. Raw numbers are what the device holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scaling {
    /// To engineering units; `None` leaves the number as it is.
    pub linear: Option<Linear>,
    /// Raw numbers above are a broken sensor.
    pub bad_above: Option<f64>,
    /// Raw numbers below are a broken sensor.
    pub bad_below: Option<f64>,
}

impl Scaling {
    /// The value of a decoded raw number: BadSensorFailure without a value beyond the limits. Texts and bytes pass.
    pub fn apply(&self, raw: Value) -> (Value, Status) {
        let Some(number) = raw.as_f64() else { return (raw, Status::GOOD) };
        if self.bad_above.is_some_and(|limit| number > limit)
            || self.bad_below.is_some_and(|limit| number < limit)
        {
            return (Value::None, Status::BAD_SENSOR_FAILURE);
        }
        match self.linear {
            Some(linear) => (Value::F64(linear.value(number)), Status::GOOD),
            None => (raw, Status::GOOD),
        }
    }
}

fn linear(scaling: Option<&Scaling>) -> Option<Linear> {
    scaling.and_then(|scaling| scaling.linear)
}

/// True or false, for a bit that is written.
///
/// # Errors
/// The value is neither, nor 0 or 1.
pub fn to_bool(value: &Value) -> Result<bool, String> {
    match value.as_i64() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(format!("{value} is not true or false")),
    }
}

/// The raw whole number for a value that is written; `bounds` are those of the device's type, `name` its name.
///
/// # Errors
/// The value is no whole number (where nothing is scaled), or outside the bounds.
pub fn to_whole(
    value: &Value,
    scaling: Option<&Scaling>,
    bounds: RangeInclusive<i128>,
    name: &str,
) -> Result<i128, String> {
    let number: i128 = match (linear(scaling), value) {
        (None, Value::I64(v)) => (*v).into(),
        (None, Value::U64(v)) => (*v).into(),
        (None, _) => match value.as_i64() {
            Some(whole) => whole.into(),
            None => return Err(format!("{value} is no whole number, and {name} holds only those")),
        },
        (Some(_), _) => {
            let raw = to_double(value, scaling)?.round();
            // Beyond this a double names no single integer any more, and no raw type is wider.
            if raw.abs() >= 1.9e19 {
                return Err(format!("{value} is far outside the raw range"));
            }
            raw as i128
        }
    };
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (lowest, highest) = bounds.into_inner();
    Err(format!("{value} gives the raw number {number}; {name} holds {lowest} to {highest}"))
}

/// The raw double for a value that is written.
///
/// # Errors
/// The value is no finite number.
pub fn to_double(value: &Value, scaling: Option<&Scaling>) -> Result<f64, String> {
    let number =
        value.as_f64().filter(|v| v.is_finite()).ok_or_else(|| format!("{value} is no finite number"))?;
    Ok(linear(scaling).map_or(number, |linear| linear.raw(number)))
}

/// The raw single for a value that is written.
///
/// # Errors
/// The value is no finite number, or too large.
pub fn to_single(value: &Value, scaling: Option<&Scaling>) -> Result<f32, String> {
    let single = to_double(value, scaling)? as f32;
    if single.is_finite() { Ok(single) } else { Err(format!("{value} is outside what f32 holds")) }
}

/// How exactly a device keeps a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// As a whole number: within half a raw step.
    Whole,
    /// As an IEEE 754 single.
    Single,
    /// As an IEEE 754 double.
    Double,
}

/// Whether what was read back is what was written: the same, or as near as the device's type can hold it.
pub fn agrees(written: &Value, read: &Value, scaling: Option<&Scaling>, precision: Precision) -> bool {
    if written.same(read) {
        return true;
    }
    let (Some(a), Some(b)) = (written.as_f64(), read.as_f64()) else { return false };
    let step = linear(scaling).map_or(0.0, |linear| linear.step());
    let size = a.abs().max(b.abs());
    let allowed = match precision {
        Precision::Whole => step * 0.501,
        Precision::Single => size * 2.4e-7 + step * 2.4e-7,
        Precision::Double => size * 4.5e-16 + step * 2.4e-7,
    };
    (a - b).abs() <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tenth_is_a_tenth() {
        let tenth = Linear::new(0.1, 0.0);
        assert_eq!(tenth.value(878.0), 87.8);
        assert_eq!(tenth.raw(87.8), 878.0);
        assert_eq!(Linear::new(0.3, 0.0).value(878.0), 263.4);
        assert_eq!(Linear::new(-0.01, 0.0).value(12_345.0), -123.45);
        assert_eq!(Linear::new(1.0 / 3.0, 0.0).value(9.0), 3.0);
        assert_eq!(Linear::new(2.5, -40.0).value(20.0), 10.0);
        assert_eq!(Linear::between((0.0, 1_000.0), (0.0, 100.0)).unwrap().value(878.0), 87.8);
        let current = Linear::between((4_000.0, 20_000.0), (-50.0, 150.0)).unwrap();
        assert_eq!((current.value(4_000.0), current.value(20_000.0)), (-50.0, 150.0));
        assert!(Linear::between((5.0, 5.0), (0.0, 1.0)).is_err());
    }

    #[test]
    fn limits_of_a_sensor_are_raw() {
        let linear = Some(Linear::between((0.0, 27_648.0), (0.0, 100.0)).unwrap());
        let scaling = Scaling { linear, bad_above: Some(32_511.0), bad_below: Some(-4_864.0) };
        assert_eq!(scaling.apply(Value::I64(13_824)), (Value::F64(50.0), Status::GOOD));
        assert_eq!(scaling.apply(Value::I64(32_767)), (Value::None, Status::BAD_SENSOR_FAILURE));
        assert_eq!(scaling.apply(Value::I64(-4_865)), (Value::None, Status::BAD_SENSOR_FAILURE));
        assert_eq!(scaling.apply(Value::from("x")), (Value::from("x"), Status::GOOD));
        let limits = Scaling { linear: None, ..scaling };
        assert_eq!(limits.apply(Value::U64(7)), (Value::U64(7), Status::GOOD));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let scaling = Scaling { linear: Some(Linear::new(0.1, 0.0)), ..Scaling::default() };
        let i16_range = || i128::from(i16::MIN)..=i128::from(i16::MAX);
        assert_eq!(to_whole(&Value::F64(-12.34), Some(&scaling), i16_range(), "i16"), Ok(-123));
        let why = to_whole(&Value::F64(4_000.0), Some(&scaling), i16_range(), "i16").unwrap_err();
        assert_eq!(why, "4000 gives the raw number 40000; i16 holds -32768 to 32767");
        assert!(
            to_whole(&Value::F64(1.5), None, i16_range(), "i16").unwrap_err().contains("no whole number")
        );
        assert!(to_whole(&Value::F64(f64::MAX), Some(&scaling), i16_range(), "i16").is_err());
        assert_eq!(to_whole(&Value::U64(u64::MAX), None, 0..=u64::MAX.into(), "u64"), Ok(u64::MAX.into()));
        assert!(to_double(&Value::F64(f64::NAN), None).is_err());
        assert!(to_single(&Value::F64(1e39), None).is_err());
        assert!(to_bool(&Value::I64(2)).is_err());
        assert_eq!(to_bool(&Value::I64(1)), Ok(true));
    }

    #[test]
    fn read_backs_agree_within_the_type() {
        let scaling = Scaling { linear: Some(Linear::new(0.1, 0.0)), ..Scaling::default() };
        let near =
            |a: f64, b: f64, scaling, precision| agrees(&Value::F64(a), &Value::F64(b), scaling, precision);
        assert!(near(-12.34, -12.3, Some(&scaling), Precision::Whole));
        assert!(!near(-12.4, -12.3, Some(&scaling), Precision::Whole));
        assert!(near(0.1, f64::from(0.1f32), None, Precision::Single));
        assert!(!near(0.1, 0.1001, None, Precision::Single));
        assert!(!agrees(&Value::U64(5), &Value::U64(6), None, Precision::Whole));
        assert!(agrees(&Value::from("a"), &Value::from("a"), None, Precision::Whole));
    }

    proptest! {
        /// Decimal scales give the double nearest to the decimal value, and the raw number comes back.
        #[test]
        fn decimal_scales_are_exact(raw in -2_147_483_648i64..=2_147_483_647, digits in 0u32..=6) {
            let factor: f64 = format!("1e-{digits}").parse().unwrap();
            let linear = Linear::new(factor, 0.0);
            let expected: f64 = format!("{raw}e-{digits}").parse().unwrap();
            prop_assert_eq!(linear.value(raw as f64), expected);
            prop_assert_eq!(linear.raw(expected).round(), raw as f64);
        }

        #[test]
        fn any_line_comes_back(raw in -65_536i32..=65_536, factor in prop_oneof![-1e3..-1e-3, 1e-3..1e3], offset in -1e4..1e4) {
            let linear = Linear::new(factor, offset);
            prop_assert_eq!(linear.raw(linear.value(raw.into())).round(), f64::from(raw));
            let plain = f64::from(raw) * factor + offset;
            prop_assert!((linear.value(raw.into()) - plain).abs() <= 1e-9 * (1.0 + plain.abs()));
        }
    }
}
