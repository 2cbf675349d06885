//! Against the example data and results of OPC 10000-13 Annex A (A.1: historians; A.2, A.4, A.5, A.20: results).

use super::*;

const UNCERTAIN: Status = Status(0x4000_0000);
const BAD: Status = Status(0x8000_0000);

fn raw(seconds: i64, value: f64, status: Status) -> Raw {
    Raw { time: seconds * 1_000_000_000, value, status }
}

fn good(seconds: i64, value: f64) -> Raw {
    raw(seconds, value, Status::GOOD)
}

/// A.1.1: seconds after 12:00:00.
fn historian1() -> Vec<Raw> {
    let mut all =
        vec![raw(0, f64::NAN, NO_DATA), good(10, 10.0), good(20, 20.0), good(30, 30.0), raw(40, 40.0, BAD)];
    all.extend([good(50, 50.0), good(60, 60.0), raw(70, 70.0, UNCERTAIN), good(80, 80.0), good(90, 90.0)]);
    all
}

/// A.1.2, and A.1.3 with steps.
fn historian2() -> Vec<Raw> {
    let values = [(2, 10.0), (25, 20.0), (28, 25.0), (39, 30.0), (48, 40.0), (52, 50.0), (72, 60.0)];
    let mut all = vec![raw(0, f64::NAN, NO_DATA)];
    all.extend(values.map(|(at, value)| good(at, value)));
    all.extend([
        raw(42, f64::NAN, BAD),
        raw(77, 70.0, UNCERTAIN),
        good(83, 70.0),
        good(86, 80.0),
        good(90, 90.0),
    ]);
    all.sort_by_key(|one| one.time);
    all
}

/// A.1.4: flags.
fn historian4() -> Vec<Raw> {
    let flags = [
        (2, 1.0),
        (25, 0.0),
        (28, 1.0),
        (39, 1.0),
        (48, 1.0),
        (52, 0.0),
        (72, 0.0),
        (83, 1.0),
        (86, 0.0),
        (90, 1.0),
    ];
    let mut all = vec![raw(0, f64::NAN, NO_DATA), raw(42, f64::NAN, BAD), raw(77, 1.0, UNCERTAIN)];
    all.extend(flags.map(|(at, value)| good(at, value)));
    all.sort_by_key(|one| one.time);
    all
}

const LINES: Rules = Rules { stepped: false, uncertain_is_bad: false };
const STRICT: Rules = Rules { stepped: false, uncertain_is_bad: true };
const STEPS: Rules = Rules { stepped: true, uncertain_is_bad: true };

/// `expected`: value and a letter for each interval: `g` Good, `u` UncertainDataSubNormal, `U` Uncertain, `-` BadNoData.
fn check(raw: &[Raw], rules: Rules, aggregate: Aggregate, width: i64, expected: &[(f64, char)]) {
    let series = Series::new(raw, rules);
    for (at, (value, letter)) in expected.iter().enumerate() {
        let from = at as i64 * width;
        let found = series.process(aggregate, from * 1_000_000_000, (from + width) * 1_000_000_000);
        let (want, status) = match letter {
            'g' => (Some(*value), Status::GOOD),
            'u' => (Some(*value), SUB_NORMAL),
            'U' => (Some(*value), UNCERTAIN),
            _ => (None, NO_DATA),
        };
        let near = match (found.value, want) {
            (Some(a), Some(b)) => (a - b).abs() < 0.0006,
            (a, b) => a.is_none() && b.is_none(),
        };
        assert!(
            near && found.status == status,
            "{aggregate:?} at {from} s: {found:?}, expected {value} {letter}"
        );
    }
}

#[test]
fn interpolative() {
    let mut one = vec![(0.0, '-'), (0.0, '-')];
    one.extend([
        (10.0, 'g'),
        (15.0, 'g'),
        (20.0, 'g'),
        (25.0, 'g'),
        (30.0, 'g'),
        (35.0, 'u'),
        (40.0, 'u'),
        (45.0, 'u'),
    ]);
    one.extend([
        (50.0, 'g'),
        (55.0, 'g'),
        (60.0, 'g'),
        (65.0, 'u'),
        (70.0, 'U'),
        (75.0, 'u'),
        (80.0, 'g'),
        (85.0, 'g'),
    ]);
    one.extend([(90.0, 'g'), (90.0, 'u')]);
    check(&historian1(), LINES, Aggregate::Interpolative, 5, &one);
    let mut two = vec![(0.0, '-'), (11.304, 'g'), (13.478, 'g'), (15.652, 'g'), (17.826, 'g'), (20.0, 'g')];
    two.extend([
        (25.909, 'g'),
        (28.182, 'g'),
        (31.111, 'u'),
        (36.667, 'u'),
        (45.0, 'g'),
        (51.5, 'g'),
        (54.0, 'g'),
    ]);
    two.extend([
        (56.5, 'g'),
        (59.0, 'g'),
        (62.727, 'u'),
        (67.273, 'u'),
        (76.667, 'g'),
        (90.0, 'g'),
        (90.0, 'u'),
    ]);
    check(&historian2(), STRICT, Aggregate::Interpolative, 5, &two);
    let mut three =
        vec![(0.0, '-'), (10.0, 'g'), (10.0, 'g'), (10.0, 'g'), (10.0, 'g'), (20.0, 'g'), (25.0, 'g')];
    three.extend([
        (25.0, 'g'),
        (30.0, 'g'),
        (30.0, 'u'),
        (40.0, 'g'),
        (50.0, 'g'),
        (50.0, 'g'),
        (50.0, 'g'),
        (50.0, 'g'),
    ]);
    three.push((60.0, 'g'));
    check(&historian2(), STEPS, Aggregate::Interpolative, 5, &three);
}

#[test]
fn time_average() {
    let mut one = vec![
        (0.0, '-'),
        (0.0, '-'),
        (12.5, 'g'),
        (17.5, 'g'),
        (22.5, 'g'),
        (27.5, 'g'),
        (32.5, 'u'),
        (37.5, 'u'),
    ];
    one.extend([
        (42.5, 'u'),
        (47.5, 'u'),
        (52.5, 'g'),
        (57.5, 'g'),
        (62.5, 'u'),
        (67.5, 'u'),
        (72.5, 'u'),
        (77.5, 'u'),
    ]);
    one.extend([(82.5, 'g'), (87.5, 'g'), (90.0, 'u'), (90.0, 'u')]);
    check(&historian1(), LINES, Aggregate::TimeAverage, 5, &one);
    check(&historian2(), STRICT, Aggregate::TimeAverage, 5, &[(10.652, 'u')]);
}

#[test]
fn time_average_with_simple_bounds() {
    let mut one = vec![
        (0.0, '-'),
        (0.0, '-'),
        (12.5, 'g'),
        (17.5, 'g'),
        (22.5, 'g'),
        (27.5, 'g'),
        (30.0, 'u'),
        (30.0, 'u'),
    ];
    one.extend([
        (0.0, '-'),
        (0.0, '-'),
        (52.5, 'g'),
        (57.5, 'g'),
        (62.5, 'u'),
        (67.5, 'u'),
        (72.5, 'u'),
        (77.5, 'u'),
    ]);
    one.extend([(82.5, 'g'), (87.5, 'g'), (90.0, 'u'), (0.0, '-')]);
    check(&historian1(), LINES, Aggregate::TimeAverage2, 5, &one);
    let two = [(10.652, 'u'), (12.391, 'g'), (14.565, 'g'), (16.739, 'g'), (18.913, 'g')];
    check(&historian2(), STRICT, Aggregate::TimeAverage2, 5, &two);
}

#[test]
fn duration_in_state() {
    let expected = [(14.0, 'u'), (13.0, 'g'), (10.0, 'u'), (4.0, 'g'), (0.0, 'u'), (3.001, 'u'), (0.0, '-')];
    check(&historian4(), STEPS, Aggregate::DurationInStateNonZero, 16, &expected);
}

#[test]
fn figures_of_samples_and_of_good_time() {
    let all = historian1();
    let series = Series::new(&all, LINES);
    let of = |aggregate, from: i64, to: i64| {
        let found = series.process(aggregate, from * 1_000_000_000, to * 1_000_000_000);
        (found.value, found.status)
    };
    assert_eq!(of(Aggregate::Count, 0, 60), (Some(4.0), SUB_NORMAL));
    assert_eq!(of(Aggregate::Average, 10, 40), (Some(20.0), Status::GOOD));
    assert_eq!(of(Aggregate::Minimum, 10, 40), (Some(10.0), Status::GOOD));
    assert_eq!(of(Aggregate::Maximum, 10, 60), (Some(50.0), SUB_NORMAL));
    assert_eq!(of(Aggregate::Delta, 10, 40), (Some(20.0), Status::GOOD));
    assert_eq!(of(Aggregate::Start, 41, 49), (None, NO_DATA));
    assert_eq!(of(Aggregate::DurationGood, 0, 40), (Some(30.0), Status::GOOD));
    assert_eq!(of(Aggregate::PercentGood, 0, 40), (Some(75.0), Status::GOOD));
    assert_eq!(of(Aggregate::PercentGood, 40, 50), (Some(0.0), Status::GOOD));
    assert_eq!(of(Aggregate::Total2, 10, 20).0, Some(150.0));
    assert_eq!(of(Aggregate::PercentGood, 100, 110), (None, NO_DATA));
    assert_eq!(Series::new(&[], LINES).process(Aggregate::TimeAverage, 0, 1), NONE);
}

#[test]
fn counters_that_roll_over() {
    assert_eq!(counted([10.0, 12.0, 15.0], None), Some(5.0));
    assert_eq!(counted([99_990.0, 99_999.0, 4.0, 10.0], Some(99_999.0)), Some(20.0));
    assert_eq!(counted([50.0, 60.0, 3.0], None), Some(13.0), "it began anew at zero");
    assert_eq!(counted([5.0], None), None);
    assert_eq!(counted([5.0, f64::NAN, 7.0], None), Some(2.0));
}

/// Not in the annex: what follows from the definitions, by hand.
#[test]
fn spreads_bounds_and_changes() {
    let all = [good(0, 2.0), good(4, 4.0), raw(6, 9.0, BAD), good(8, 4.0), good(9, 6.0), good(20, 6.0)];
    let expected = [
        (Aggregate::Range, Some(4.0), SUB_NORMAL),
        (Aggregate::VariancePopulation, Some(2.0), SUB_NORMAL),
        (Aggregate::VarianceSample, Some(8.0 / 3.0), SUB_NORMAL),
        (Aggregate::StandardDeviationPopulation, Some(2.0_f64.sqrt()), SUB_NORMAL),
        (Aggregate::StandardDeviationSample, Some((8.0_f64 / 3.0).sqrt()), SUB_NORMAL),
        (Aggregate::NumberOfTransitions, Some(2.0), SUB_NORMAL),
        (Aggregate::DurationBad, Some(2.0), Status::GOOD),
        (Aggregate::PercentBad, Some(20.0), Status::GOOD),
        (Aggregate::DurationGood, Some(8.0), Status::GOOD),
        (Aggregate::StartBound, Some(2.0), Status::GOOD),
        (Aggregate::EndBound, Some(6.0), Status::GOOD),
        (Aggregate::DeltaBounds, Some(4.0), Status::GOOD),
        // Bridged: 2 for 4 s, 4 for 5 s, 6 for 1 s.
        (Aggregate::Total, Some(34.0), SUB_NORMAL),
    ];
    let series = Series::new(&all, STEPS);
    for (aggregate, value, status) in expected {
        let found = series.process(aggregate, 0, 10_000_000_000);
        let near = found.value.zip(value).is_some_and(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near && found.status == status, "{aggregate:?}: {found:?}");
    }
    let within = series.process(Aggregate::StartBound, 7_000_000_000, 8_000_000_000);
    assert_eq!((within.value, within.status), (None, NO_DATA), "the sample before is Bad");
    let one = series.process(Aggregate::VarianceSample, 0, 4_000_000_000);
    assert_eq!((one.value, one.status), (None, NO_DATA), "one sample has no spread");
}
