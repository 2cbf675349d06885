//! Decimal split: a double that is an integer divided by a power of ten is kept as that integer.
//!
//! Sensors count in tenths and hundredths; as doubles those have 50 random mantissa bits, as integers three. The
//! split is exact: a value is taken only if dividing gives the same bits back, so NaN, infinities, `-0.0` and
//! full-mantissa floats stay doubles.

/// Largest power of ten tried: beyond it a double has no decimal digits left to gain.
pub const MAX_SCALE: u8 = 9;
/// Powers of ten, exact as doubles.
pub const POWERS: [f64; 10] = [1., 10., 100., 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Adding it rounds a double below 2^51 to an integer in its low mantissa bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const LIMIT: f64 = 1_125_899_906_842_624.0;

/// 10^`scale`; 1 beyond the table.
pub fn power(scale: u8) -> f64 {
    POWERS.get(usize::from(scale)).copied().unwrap_or(1.0)
}

/// `v` as an integer at `power`, if that is exact to the bit.
#[inline]
fn one(v: f64, power: f64) -> (i64, bool) {
    let scaled = v * power;
    let rounded = scaled + ROUND;
    let integer = (rounded.to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64);
    let exact = scaled.abs() < LIMIT && ((rounded - ROUND) / power).to_bits() == v.to_bits();
    (integer, exact)
}

/// The integers of `values` at `scale`, and how many are exact.
fn at_scale(values: &[f64], scale: u8, out: &mut Vec<i64>) -> usize {
    let power = power(scale);
    out.clear();
    let mut exact = 0;
    out.extend(values.iter().map(|v| {
        let (integer, good) = one(*v, power);
        exact += usize::from(good);
        integer
    }));
    exact
}

/// How a run of doubles is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    /// All are integers at one scale.
    Decimal(u8, Vec<i64>),
    /// None is worth splitting.
    Real,
    /// Most are; the others stay doubles. One entry per row.
    Mixed(u8, Vec<Option<i64>>),
}

/// Splits a run, beginning with what the first values suggest.
pub fn split(values: &[f64]) -> Split {
    let mut scratch = Vec::with_capacity(values.len());
    let sample = values.get(..values.len().min(32)).unwrap_or(values);
    let mut best = (0usize, 0u8);
    for scale in 0..=MAX_SCALE {
        let exact = at_scale(sample, scale, &mut scratch);
        if exact > best.0 {
            best = (exact, scale);
        }
        if exact == sample.len() {
            break;
        }
    }
    if best.0 * 4 < sample.len() * 3 {
        return Split::Real;
    }
    let mut best_all = (0usize, best.1);
    for scale in best.1..=MAX_SCALE {
        let exact = at_scale(values, scale, &mut scratch);
        if exact == values.len() {
            return Split::Decimal(scale, scratch);
        }
        if exact > best_all.0 {
            best_all = (exact, scale);
        }
    }
    if best_all.0 * 8 < values.len() * 7 {
        return Split::Real;
    }
    let power = power(best_all.1);
    let rows = values.iter().map(|v| Some(one(*v, power)).filter(|o| o.1).map(|o| o.0)).collect();
    Split::Mixed(best_all.1, rows)
}
