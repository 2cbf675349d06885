//! Down-sampling: one value of a point for each interval, made of what history holds, by OPC UA Part 13.
//!
//! ```text
//!  samples:    o  o x  o |  o   o    |        x = Bad
//!  intervals:  [ a       )[ b        )        value of a at the time of its start
//! ```
//! Rationale: made of history, not of what passes by, so an interval is the same after a restart, an outage or when it is
//! sent again. Its key is (point, start of the interval, 0): nothing that happens on the way changes it.

use super::history::{History, Recorded};
use super::settings::Of;
use insight::processed::{Aggregate, Processed, Raw, Rules, SUB_NORMAL, Series};
use model::{PointId, Position, Status, Time, Value, ValueType};
use std::collections::BTreeMap;
use std::time::Duration;

/// Samples that are in memory at most while intervals are made, unless a single point has more in one.
const MOST: usize = 200_000;
/// Samples of one point in one interval at most.
const MOST_OF_ONE: usize = 5_000_000;

/// The start of the interval in which `time` lies.
pub(super) fn floor(time: Time, every: Duration) -> Time {
    let every = i64::try_from(every.as_nanos()).unwrap_or(i64::MAX).max(1);
    Time(time.0.div_euclid(every) * every)
}

/// The values of all `points` for one interval; points without a sample in it are left out.
///
/// # Errors
/// In words: history cannot be read, or holds more than fits.
pub(super) fn interval(
    history: &dyn History,
    points: &[(PointId, ValueType)],
    (from, to): (Time, Time),
    of: Of,
) -> Result<Vec<Recorded>, String> {
    let mut out = Vec::new();
    let (mut rest, mut width) = (points, points.len().max(1));
    while !rest.is_empty() {
        let (part, after) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        let ids: Vec<PointId> = part.iter().map(|(id, _)| *id).collect();
        let most = if part.len() == 1 { MOST_OF_ONE } else { MOST };
        let Some(found) = history.samples(&ids, from, to, most)? else {
            if part.len() == 1 {
                return Err(format!("a point has more than {MOST_OF_ONE} samples in one interval"));
            }
            width = (width / 2).max(1);
            continue;
        };
        let mut by_point: BTreeMap<PointId, Vec<Recorded>> = BTreeMap::new();
        found.into_iter().for_each(|row| by_point.entry(row.point).or_default().push(row));
        for (point, value_type) in part {
            let mut rows = by_point.remove(point).unwrap_or_default();
            rows.sort_by_key(|row| (row.time, row.position));
            if of == Of::TimeMean
                && let Some(before) = history.before(*point, from)?
            {
                rows.insert(0, before);
            }
            out.extend(value(&rows, *value_type, (from, to), of).map(|(value, status)| Recorded {
                point: *point,
                time: from,
                received: to,
                position: Position::START,
                status,
                value,
                historical: false,
            }));
        }
        rest = after;
    }
    Ok(out)
}

/// What is made of the samples of one point, in the order of their times; `None` if there is none.
fn value(
    rows: &[Recorded],
    value_type: ValueType,
    (from, to): (Time, Time),
    of: Of,
) -> Option<(Value, Status)> {
    let last = rows.last()?;
    let number = !matches!(value_type, ValueType::Text | ValueType::Bytes);
    let good = |row: &&Recorded| row.status.is_good();
    match of {
        _ if !number && of != Of::Count => {
            Some((if last.status.is_bad() { Value::None } else { last.value.clone() }, last.status))
        }
        Of::First | Of::Last => {
            let kept = if of == Of::First { rows.iter().find(good) } else { rows.iter().rfind(good) };
            let whole = rows.iter().all(|row| row.status.is_good());
            let doubt = if whole { Status::GOOD } else { SUB_NORMAL };
            Some(kept.map_or((Value::None, insight::processed::NO_DATA), |row| (row.value.clone(), doubt)))
        }
        _ => {
            let mut raw: Vec<Raw> = rows.iter().map(|row| raw(row, number)).collect();
            if of == Of::TimeMean {
                // The last value holds to the end of the interval.
                raw.extend(raw.last().map(|last| Raw { time: to.0, ..*last }));
            }
            let rules = Rules { stepped: true, uncertain_is_bad: true };
            let made = Series::new(&raw, rules).process(aggregate(of), from.0, to.0);
            Some(typed(made, value_type, of))
        }
    }
}

fn raw(row: &Recorded, number: bool) -> Raw {
    let value = if number { row.value.as_f64().unwrap_or(f64::NAN) } else { 0.0 };
    Raw { time: row.time.0, value, status: row.status }
}

const fn aggregate(of: Of) -> Aggregate {
    match of {
        Of::Mean => Aggregate::Average,
        Of::TimeMean => Aggregate::TimeAverage2,
        Of::Min => Aggregate::Minimum,
        Of::Max => Aggregate::Maximum,
        Of::First => Aggregate::Start,
        Of::Last => Aggregate::End,
        Of::Delta => Aggregate::Delta,
        Of::Count => Aggregate::Count,
    }
}

/// The smallest of whole numbers is a whole number again; a mean is not.
fn typed(made: Processed, value_type: ValueType, of: Of) -> (Value, Status) {
    let Some(number) = made.value else { return (Value::None, made.status) };
    let value = match (of, value_type) {
        (Of::Count, _) | (Of::Min | Of::Max | Of::Delta, ValueType::I64) => Value::I64(number as i64),
        (Of::Min | Of::Max, ValueType::U64) => Value::U64(number as u64),
        (Of::Min | Of::Max, ValueType::Bool) => Value::Bool(number != 0.0),
        _ => Value::F64(number),
    };
    (value, made.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insight::processed::NO_DATA;

    struct Fixed(Vec<Recorded>);

    impl History for Fixed {
        fn samples(
            &self,
            points: &[PointId],
            from: Time,
            to: Time,
            most: usize,
        ) -> Result<Option<Vec<Recorded>>, String> {
            let rows =
                self.0.iter().filter(|row| points.contains(&row.point) && row.time >= from && row.time < to);
            let rows: Vec<Recorded> = rows.cloned().collect();
            Ok((rows.len() <= most).then_some(rows))
        }
        fn before(&self, point: PointId, time: Time) -> Result<Option<Recorded>, String> {
            Ok(self
                .0
                .iter()
                .filter(|row| row.point == point && row.time < time)
                .max_by_key(|row| row.time)
                .cloned())
        }
        fn events(
            &self,
            _: Time,
            _: Time,
            _: usize,
        ) -> Result<Option<Vec<super::super::history::Told>>, String> {
            Ok(Some(Vec::new()))
        }
        fn taken(&self) -> Position {
            Position::END
        }
        fn oldest(&self) -> Option<Time> {
            None
        }
    }

    const S: i64 = 1_000_000_000;

    fn row(second: i64, value: impl Into<Value>, status: Status) -> Recorded {
        Recorded {
            point: PointId(1),
            time: Time(second * S),
            received: Time(second * S),
            position: Position::new(1, second.unsigned_abs() + 1),
            status,
            value: value.into(),
            historical: false,
        }
    }

    fn made(rows: Vec<Recorded>, value_type: ValueType, of: Of) -> Vec<(i64, Value, Status)> {
        let made =
            interval(&Fixed(rows), &[(PointId(1), value_type)], (Time(60 * S), Time(120 * S)), of).unwrap();
        assert!(made.iter().all(|row| row.position == Position::START));
        made.into_iter().map(|row| (row.time.0 / S, row.value, row.status)).collect()
    }

    /// Worked out by hand: 20 s at 2 (from before), 20 s at 4, 20 s at 9; the mean of the samples is (4 + 9) / 2.
    #[test]
    fn a_minute_of_a_number() {
        let rows = vec![
            row(30, 2.0, Status::GOOD),
            row(80, 4.0, Status::GOOD),
            row(100, 9.0, Status::GOOD),
            row(120, 50.0, Status::GOOD),
        ];
        for (of, expected) in [
            (Of::Mean, Value::F64(6.5)),
            (Of::TimeMean, Value::F64(5.0)),
            (Of::Min, Value::F64(4.0)),
            (Of::Max, Value::F64(9.0)),
            (Of::First, Value::F64(4.0)),
            (Of::Last, Value::F64(9.0)),
            (Of::Delta, Value::F64(5.0)),
            (Of::Count, Value::I64(2)),
        ] {
            assert_eq!(made(rows.clone(), ValueType::F64, of), [(60, expected, Status::GOOD)], "{of:?}");
        }
    }

    #[test]
    fn quality_is_not_thrown_away() {
        let bad = Status::BAD_SENSOR_FAILURE;
        let rows = vec![row(70, 4.0, Status::GOOD), row(80, 0.0, bad), row(90, 8.0, Status::GOOD)];
        for (of, expected) in [(Of::Mean, 6.0), (Of::Last, 8.0), (Of::First, 4.0), (Of::Max, 8.0)] {
            assert_eq!(made(rows.clone(), ValueType::F64, of), [(60, Value::F64(expected), SUB_NORMAL)]);
        }
        for of in [Of::Mean, Of::Last, Of::Min] {
            assert_eq!(made(vec![row(70, 1.0, bad)], ValueType::F64, of), [(60, Value::None, NO_DATA)]);
        }
        assert_eq!(
            made(vec![row(10, 1.0, Status::GOOD)], ValueType::F64, Of::Mean),
            [],
            "nothing came, nothing is said"
        );
    }

    #[test]
    fn types_stay_what_they_are() {
        let rows = vec![row(70, Value::I64(3), Status::GOOD), row(80, Value::I64(-4), Status::GOOD)];
        assert_eq!(made(rows.clone(), ValueType::I64, Of::Min), [(60, Value::I64(-4), Status::GOOD)]);
        assert_eq!(made(rows, ValueType::I64, Of::Mean), [(60, Value::F64(-0.5), Status::GOOD)]);
        let texts = vec![row(70, "A", Status::GOOD), row(80, "B", Status::GOOD)];
        assert_eq!(made(texts.clone(), ValueType::Text, Of::Mean), [(60, Value::from("B"), Status::GOOD)]);
        assert_eq!(made(texts, ValueType::Text, Of::Count), [(60, Value::I64(2), Status::GOOD)]);
        let flags = vec![row(70, Value::Bool(true), Status::GOOD), row(80, Value::Bool(false), Status::GOOD)];
        assert_eq!(made(flags.clone(), ValueType::Bool, Of::Max), [(60, Value::Bool(true), Status::GOOD)]);
        assert_eq!(made(flags, ValueType::Bool, Of::Mean), [(60, Value::F64(0.5), Status::GOOD)]);
    }

    #[test]
    fn intervals_begin_at_whole_multiples() {
        let minute = Duration::from_secs(60);
        assert_eq!(floor(Time(119 * S), minute), Time(60 * S));
        assert_eq!(floor(Time(120 * S), minute), Time(120 * S));
        assert_eq!(floor(Time(-S), minute), Time(-60 * S));
    }
}
