//! Aggregates over intervals of time (OPC 10000-13): what a sample says holds until the next one (stepped). Pure.
//!
//! Rationale: samples here are told on change, so a straight line between two of them would invent values. Bad samples end
//! what came before them and count for nothing (UseSlopedExtrapolation and TreatUncertainAsBad are off).

use model::{Status, Time};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Average,
    TimeAverage,
    Minimum,
    Maximum,
    Count,
    Start,
    End,
    Range,
    PercentGood,
}

impl Kind {
    /// By the number of its node (OPC 10000-13, annex A).
    pub(super) const fn of(node: u32) -> Option<Self> {
        Some(match node {
            2342 => Self::Average,
            2343 => Self::TimeAverage,
            2346 => Self::Minimum,
            2347 => Self::Maximum,
            2350 => Self::Range,
            2352 => Self::Count,
            2357 => Self::Start,
            2358 => Self::End,
            2362 => Self::PercentGood,
            _ => return None,
        })
    }
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) at: Time,
    /// Nothing if it is bad or no number.
    pub(super) value: Option<f64>,
}

/// The result of one interval: a value and its quality.
pub(super) type Outcome = (Option<f64>, Status);

/// BadNoData: nothing is known of the interval.
const NO_DATA: Status = Status::BAD_NO_DATA;
/// Calculated by the historian (OPC 10000-4, 7.39.3: InfoType DataValue and the historian bit `Calculated`).
const CALCULATED: u32 = 0x0401;
/// UncertainDataSubNormal: only part of the interval was good.
const PARTLY: Status = Status(0x40A4_0000);

/// One interval: `samples` within it in order of time, and the one before it.
pub(super) fn of(kind: Kind, from: Time, until: Time, before: Option<Sample>, samples: &[Sample]) -> Outcome {
    let length = until.0.saturating_sub(from.0).max(1) as f64;
    let good: Vec<f64> = samples.iter().filter_map(|sample| sample.value).collect();
    let bad = good.len() < samples.len();
    let (area, held) = area(from, until, before, samples);
    let quality = |partly: bool| {
        let base = if partly { PARTLY } else { Status::GOOD };
        Status(base.0 | CALCULATED)
    };
    let of_samples = |value: Option<f64>| match value {
        Some(value) => (Some(value), quality(bad)),
        None => (None, NO_DATA),
    };
    match kind {
        Kind::Average => of_samples((!good.is_empty()).then(|| good.iter().sum::<f64>() / good.len() as f64)),
        Kind::Minimum => of_samples(good.iter().copied().reduce(f64::min)),
        Kind::Maximum => of_samples(good.iter().copied().reduce(f64::max)),
        Kind::Range => {
            let bounds = good.iter().copied().reduce(f64::max).zip(good.iter().copied().reduce(f64::min));
            of_samples(bounds.map(|(high, low)| high - low))
        }
        Kind::Count => (Some(good.len() as f64), quality(bad)),
        Kind::TimeAverage if held > 0.0 => (Some(area / held), quality(held + 1.0 < length)),
        Kind::TimeAverage => (None, NO_DATA),
        Kind::PercentGood => (Some(100.0 * held / length), quality(false)),
        Kind::Start => edge(samples.first()),
        Kind::End => edge(samples.last()),
    }
}

/// A sample as it is: its own quality counts.
fn edge(sample: Option<&Sample>) -> Outcome {
    match sample.and_then(|sample| sample.value) {
        Some(value) => (Some(value), Status::GOOD),
        None => (None, NO_DATA),
    }
}

/// Value times nanoseconds, and the nanoseconds for which there was one.
fn area(from: Time, until: Time, before: Option<Sample>, samples: &[Sample]) -> (f64, f64) {
    let (mut area, mut held) = (0.0, 0.0);
    let (mut at, mut value) = (from, before.and_then(|sample| sample.value));
    let end = Sample { at: until, value: None };
    for sample in samples.iter().chain([&end]) {
        let span = sample.at.0.saturating_sub(at.0).max(0) as f64;
        if let Some(value) = value {
            area += value * span;
            held += span;
        }
        (at, value) = (sample.at.max(at), sample.value);
    }
    (area, held)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    fn sample(seconds: i64, value: Option<f64>) -> Sample {
        Sample { at: Time(seconds * S), value }
    }

    /// The stepped data of OPC 10000-13, annex B.1 (Historian1): 10 at 2 s, 20 at 25 s, 30 at 28 s, 40 at 39 s in intervals
    /// of 16 s; what is expected follows from the definitions in clause 5.4.
    #[test]
    fn intervals_of_the_standards_example() {
        let all =
            [sample(2, Some(10.0)), sample(25, Some(20.0)), sample(28, Some(30.0)), sample(39, Some(40.0))];
        let interval = |kind, number: i64| {
            let (from, until) = (Time(number * 16 * S), Time((number + 1) * 16 * S));
            let before = all.iter().rev().find(|sample| sample.at < from).copied();
            let within: Vec<Sample> =
                all.iter().filter(|sample| sample.at >= from && sample.at < until).copied().collect();
            of(kind, from, until, before, &within)
        };
        for (kind, expected) in [
            (Kind::Average, [Some(10.0), Some(25.0), Some(40.0), None]),
            (Kind::Minimum, [Some(10.0), Some(20.0), Some(40.0), None]),
            (Kind::Maximum, [Some(10.0), Some(30.0), Some(40.0), None]),
            (Kind::Range, [Some(0.0), Some(10.0), Some(0.0), None]),
            (Kind::Count, [Some(1.0), Some(2.0), Some(1.0), Some(0.0)]),
            (Kind::Start, [Some(10.0), Some(20.0), Some(40.0), None]),
            (Kind::End, [Some(10.0), Some(30.0), Some(40.0), None]),
            // 9 s of 10, 3 s of 20, 4 s of 30; then 7 s of 30 and 9 s of 40.
            (Kind::TimeAverage, [Some(10.0), Some(16.875), Some(35.625), Some(40.0)]),
            (Kind::PercentGood, [Some(87.5), Some(100.0), Some(100.0), Some(100.0)]),
        ] {
            for (number, expected) in (0..).zip(expected) {
                assert_eq!(interval(kind, number).0, expected, "{kind:?} of interval {number}");
            }
        }
        assert_eq!(
            interval(Kind::TimeAverage, 0).1,
            Status(PARTLY.0 | CALCULATED),
            "two seconds are not known"
        );
        assert_eq!(interval(Kind::TimeAverage, 1).1, Status(CALCULATED));
        assert_eq!(interval(Kind::Average, 3).1, NO_DATA);
    }

    #[test]
    fn a_bad_sample_ends_what_came_before() {
        let within = [sample(2, Some(10.0)), sample(6, None)];
        let (from, until) = (Time(0), Time(10 * S));
        assert_eq!(of(Kind::TimeAverage, from, until, None, &within).0, Some(10.0));
        assert_eq!(of(Kind::PercentGood, from, until, None, &within).0, Some(40.0));
        let (average, status) = of(Kind::Average, from, until, None, &within);
        assert_eq!((average, status), (Some(10.0), Status(PARTLY.0 | CALCULATED)));
        assert_eq!(of(Kind::End, from, until, None, &within), (None, NO_DATA));
    }
}
