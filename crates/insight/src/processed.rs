//! Processed reads: what a historian makes of raw samples for each interval, with the semantics of OPC UA Part 13
//! (OPC 10000-13 v1.05). Pure: samples in, one answer for each interval out.
//!
//! ```text
//!  raw:        o    o  x      o          o           x = Bad
//!  intervals: |    a    |    b    |    c    |
//!             start bound of b: between the samples around it
//! ```
//! Two kinds of bounding values (3.1.8, 3.1.9). *Interpolated* ones pass over Bad samples: the line goes from the last
//! good one to the next. *Simple* ones do not: where the sample before is Bad the bound is Bad, and a good sample before
//! a Bad one is held, with an uncertain status.

use model::Status;

/// A raw sample. A Bad one has no value that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raw {
    /// Nanoseconds.
    pub time: i64,
    /// The value; ignored when Bad.
    pub value: f64,
    /// Its quality.
    pub status: Status,
}

/// What is made of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The value at the start of the interval, between the samples around it (5.4.3.4).
    Interpolative,
    /// Mean of the good samples (5.4.3.5).
    Average,
    /// Time-weighted mean with interpolated bounds: Bad samples are bridged (5.4.3.6).
    TimeAverage,
    /// Time-weighted mean with simple bounds: Bad time does not count (5.4.3.7).
    TimeAverage2,
    /// [`Aggregate::TimeAverage2`] times the seconds that count (5.4.3.9).
    Total2,
    /// Smallest good sample (5.4.3.10).
    Minimum,
    /// Largest good sample (5.4.3.11).
    Maximum,
    /// Number of good samples (5.4.3.21).
    Count,
    /// First good sample (5.4.3.27).
    Start,
    /// Last good sample (5.4.3.28).
    End,
    /// Last minus first good sample (5.4.3.29).
    Delta,
    /// Seconds in which the value is zero (5.4.3.22).
    DurationInStateZero,
    /// Seconds in which the value is not zero (5.4.3.23).
    DurationInStateNonZero,
    /// Seconds of good time (5.4.3.31).
    DurationGood,
    /// Good time in % of the interval (5.4.3.33).
    PercentGood,
    /// [`Aggregate::TimeAverage`] times the seconds of the interval (5.4.3.8).
    Total,
    /// Largest minus smallest good sample (5.4.3.12).
    Range,
    /// How often the value became another one; Bad samples are passed over (5.4.3.24).
    NumberOfTransitions,
    /// Seconds of bad time (5.4.3.32).
    DurationBad,
    /// Bad time in % of the interval (5.4.3.34).
    PercentBad,
    /// The simple bound at the start of the interval.
    StartBound,
    /// The simple bound at the end of the interval.
    EndBound,
    /// [`Aggregate::EndBound`] minus [`Aggregate::StartBound`].
    DeltaBounds,
    /// Spread of the good samples around their mean, squared: of all there are.
    VariancePopulation,
    /// The same, of those that stand for more: two at least.
    VarianceSample,
    /// Root of [`Aggregate::VariancePopulation`].
    StandardDeviationPopulation,
    /// Root of [`Aggregate::VarianceSample`].
    StandardDeviationSample,
}

/// All aggregates with their names: those of Part 13 in the letters of SQL.
pub const AGGREGATES: [(&str, Aggregate); 27] = [
    ("interpolative", Aggregate::Interpolative),
    ("average", Aggregate::Average),
    ("time_average", Aggregate::TimeAverage),
    ("time_average2", Aggregate::TimeAverage2),
    ("total2", Aggregate::Total2),
    ("minimum", Aggregate::Minimum),
    ("maximum", Aggregate::Maximum),
    ("count", Aggregate::Count),
    ("start", Aggregate::Start),
    ("end", Aggregate::End),
    ("delta", Aggregate::Delta),
    ("duration_in_state_zero", Aggregate::DurationInStateZero),
    ("duration_in_state_non_zero", Aggregate::DurationInStateNonZero),
    ("duration_good", Aggregate::DurationGood),
    ("percent_good", Aggregate::PercentGood),
    ("total", Aggregate::Total),
    ("range", Aggregate::Range),
    ("number_of_transitions", Aggregate::NumberOfTransitions),
    ("duration_bad", Aggregate::DurationBad),
    ("percent_bad", Aggregate::PercentBad),
    ("start_bound", Aggregate::StartBound),
    ("end_bound", Aggregate::EndBound),
    ("delta_bounds", Aggregate::DeltaBounds),
    ("variance_population", Aggregate::VariancePopulation),
    ("variance_sample", Aggregate::VarianceSample),
    ("standard_deviation_population", Aggregate::StandardDeviationPopulation),
    ("standard_deviation_sample", Aggregate::StandardDeviationSample),
];

/// How raw samples are understood (4.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A value holds until the next one, instead of a line between them.
    pub stepped: bool,
    /// Uncertain samples count as Bad ones; the default of Part 13.
    pub uncertain_is_bad: bool,
}

/// The answer of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Processed {
    /// Its value; none where there was nothing to make it of.
    pub value: Option<f64>,
    /// Good, UncertainDataSubNormal where some of the time or samples were not good, BadNoData.
    pub status: Status,
}

/// `UncertainDataSubNormal` (OPC 10000-4, 7.39).
pub const SUB_NORMAL: Status = Status(0x40A4_0000);
/// `BadNoData`.
pub const NO_DATA: Status = Status(0x809B_0000);

const NONE: Processed = Processed { value: None, status: NO_DATA };
const SECOND: f64 = 1e9;
/// How long the last sample counts, ns: the resolution of Part 13's examples.
const TICK: i64 = 1_000_000;

/// A stretch between two neighbouring samples, or from the last one on.
struct Stretch {
    from: i64,
    to: i64,
    /// Values at both ends; none where it does not count.
    values: Option<(f64, f64)>,
    /// Nothing about it is in doubt.
    good: bool,
}

/// The samples of one point, in the order of their times.
pub struct Series<'a> {
    raw: &'a [Raw],
    rules: Rules,
}

impl<'a> Series<'a> {
    /// `raw` is sorted by time and holds one sample before and one behind the times asked for, where there are any.
    pub const fn new(raw: &'a [Raw], rules: Rules) -> Self {
        Self { raw, rules }
    }

    fn counts(&self, raw: &Raw) -> bool {
        !raw.status.is_bad()
            && raw.value.is_finite()
            && (!self.rules.uncertain_is_bad || raw.status.is_good())
    }

    fn is_good(&self, raw: &Raw) -> bool {
        self.counts(raw) && raw.status.is_good()
    }

    /// The value at `time` from the samples around it that count (3.1.8), and whether nothing is in doubt.
    fn interpolated(&self, time: i64) -> Option<(f64, bool)> {
        let at = self.raw.partition_point(|raw| raw.time <= time);
        let (before, behind) = self.raw.split_at_checked(at)?;
        let skipped = before.iter().rev().take_while(|raw| !self.counts(raw)).count();
        let last = before.len().checked_sub(skipped + 1).and_then(|at| before.get(at))?;
        if last.time == time {
            return Some((last.value, self.is_good(last)));
        }
        let over = behind.iter().take_while(|raw| !self.counts(raw)).count();
        let good = skipped == 0 && self.is_good(last);
        match behind.get(over) {
            _ if self.rules.stepped => {
                // The last value is held as long as another sample is to come.
                Some((last.value, good && !behind.is_empty()))
            }
            Some(next) => {
                let part = (time - last.time) as f64 / (next.time - last.time) as f64;
                let value = last.value + (next.value - last.value) * part;
                Some((value, good && over == 0 && self.is_good(next)))
            }
            None => Some((last.value, false)),
        }
    }

    /// Stretches of `from..to`, bounded where samples are. With `bridge`, Bad samples are passed over (interpolated
    /// bounds); else they end a stretch and begin one that does not count (simple bounds, 3.1.9).
    fn stretches(&self, from: i64, to: i64, bridge: bool) -> Vec<Stretch> {
        let first = self.raw.partition_point(|raw| raw.time <= from);
        let mut edges: Vec<i64> = vec![from];
        edges.extend(self.raw.iter().skip(first).map(|raw| raw.time).take_while(|time| *time < to));
        edges.push(to);
        let pairs = edges.iter().zip(edges.iter().skip(1));
        pairs.filter(|(a, b)| a < b).map(|(a, b)| self.stretch(*a, *b, bridge)).collect()
    }

    fn stretch(&self, from: i64, to: i64, bridge: bool) -> Stretch {
        let at = self.raw.partition_point(|raw| raw.time <= from);
        let before = at.checked_sub(1).and_then(|at| self.raw.get(at));
        let behind = self.raw.get(at);
        let none = Stretch { from, to, values: None, good: false };
        let Some(before) = before else { return none };
        if !bridge {
            if !self.counts(before) {
                return none;
            }
            let good = self.is_good(before);
            let held = Some((before.value, before.value));
            return match behind {
                // What comes after the last sample is not known: it counts for one tick.
                None => {
                    let to = to.min(before.time.saturating_add(TICK));
                    if from < to { Stretch { to, values: held, ..none } } else { none }
                }
                Some(_) if self.rules.stepped => Stretch { values: held, good, ..none },
                Some(next) if self.counts(next) => {
                    let line = |time: i64| {
                        let part = (time - before.time) as f64 / (next.time - before.time) as f64;
                        before.value + (next.value - before.value) * part
                    };
                    Stretch { values: Some((line(from), line(to))), good: good && self.is_good(next), ..none }
                }
                // Before a Bad sample the last value is held, in doubt.
                Some(_) => Stretch { values: held, ..none },
            };
        }
        let (Some(a), Some(b)) = (self.interpolated(from), self.before(to)) else { return none };
        let held = self.rules.stepped;
        let values = if held { (a.0, a.0) } else { (a.0, b.0) };
        Stretch { values: Some(values), good: a.1 && b.1 && self.counts(before), ..none }
    }

    /// The value towards `time` from the left.
    fn before(&self, time: i64) -> Option<(f64, bool)> {
        if self.rules.stepped { self.interpolated(time.saturating_sub(1)) } else { self.interpolated(time) }
    }

    /// What `aggregate` makes of `from..to`.
    pub fn process(&self, aggregate: Aggregate, from: i64, to: i64) -> Processed {
        let begins = self.raw.first().is_none_or(|raw| raw.time >= to);
        let ended = self.raw.last().is_none_or(|raw| raw.time < from);
        match aggregate {
            Aggregate::Interpolative => match self.interpolated(from) {
                None => NONE,
                Some((value, good)) => {
                    let first = self.raw.partition_point(|raw| raw.time < from);
                    let mut here = self.raw.iter().skip(first).take_while(|raw| raw.time == from);
                    let exact = here.find(|raw| self.counts(raw));
                    Processed {
                        value: Some(value),
                        status: exact.map_or_else(|| doubt(good), |raw| raw.status),
                    }
                }
            },
            Aggregate::TimeAverage => self.mean(&self.stretches(from, to, true)),
            Aggregate::Total => {
                let mean = self.mean(&self.stretches(from, to, true));
                Processed { value: mean.value.map(|v| v * seconds(to - from)), ..mean }
            }
            Aggregate::TimeAverage2 | Aggregate::Total2 if begins || ended => NONE,
            Aggregate::TimeAverage2 => self.mean(&self.stretches(from, to, false)),
            Aggregate::Total2 => {
                let all = self.stretches(from, to, false);
                let seconds: f64 = all.iter().filter(|s| s.values.is_some()).map(Stretch::seconds).sum();
                let mean = self.mean(&all);
                Processed { value: mean.value.map(|v| v * seconds), ..mean }
            }
            Aggregate::DurationInStateZero
            | Aggregate::DurationInStateNonZero
            | Aggregate::DurationGood
            | Aggregate::PercentGood
            | Aggregate::DurationBad
            | Aggregate::PercentBad
                if begins || ended =>
            {
                NONE
            }
            Aggregate::DurationInStateZero => self.duration(from, to, |value| value == 0.0),
            Aggregate::DurationInStateNonZero => self.duration(from, to, |value| value != 0.0),
            Aggregate::DurationGood => {
                Processed { value: Some(self.good_seconds(from, to)), status: Status::GOOD }
            }
            Aggregate::PercentGood => {
                let part = self.good_seconds(from, to) / seconds(to - from);
                Processed { value: Some(part * 100.0), status: Status::GOOD }
            }
            Aggregate::DurationBad => {
                Processed { value: Some(self.bad_seconds(from, to)), status: Status::GOOD }
            }
            Aggregate::PercentBad => {
                let part = self.bad_seconds(from, to) / seconds(to - from);
                Processed { value: Some(part * 100.0), status: Status::GOOD }
            }
            Aggregate::NumberOfTransitions => self.transitions(from, to),
            Aggregate::StartBound => self.bound(from).unwrap_or(NONE),
            Aggregate::EndBound => self.bound(to).unwrap_or(NONE),
            Aggregate::DeltaBounds => match self.bound(from).zip(self.bound(to)) {
                Some((a, b)) => Processed {
                    value: a.value.zip(b.value).map(|(a, b)| b - a),
                    status: doubt(a.status.is_good() && b.status.is_good()),
                },
                None => NONE,
            },
            _ => self.of_samples(aggregate, from, to),
        }
    }

    /// Time-weighted mean of what counts.
    fn mean(&self, stretches: &[Stretch]) -> Processed {
        let (mut area, mut seconds, mut good) = (0.0, 0.0, true);
        for stretch in stretches {
            good &= stretch.good;
            if let Some((a, b)) = stretch.values {
                area += (a + b) / 2.0 * stretch.seconds();
                seconds += stretch.seconds();
            }
        }
        if seconds == 0.0 {
            return NONE;
        }
        Processed { value: Some(area / seconds), status: doubt(good) }
    }

    /// Seconds in a state: values hold until the next sample.
    fn duration(&self, from: i64, to: i64, wanted: impl Fn(f64) -> bool) -> Processed {
        let held = Series { raw: self.raw, rules: Rules { stepped: true, ..self.rules } };
        let (mut seconds, mut good) = (0.0, true);
        for stretch in held.stretches(from, to, false) {
            good &= stretch.good;
            if stretch.values.is_some_and(|(value, _)| wanted(value)) {
                seconds += stretch.seconds();
            }
        }
        Processed { value: Some(seconds), status: doubt(good) }
    }

    fn good_seconds(&self, from: i64, to: i64) -> f64 {
        let held = Series { raw: self.raw, rules: Rules { stepped: true, ..self.rules } };
        held.stretches(from, to, false)
            .iter()
            .filter(|s| s.values.is_some() && s.good)
            .map(Stretch::seconds)
            .sum()
    }

    fn bad_seconds(&self, from: i64, to: i64) -> f64 {
        let held = Series { raw: self.raw, rules: Rules { stepped: true, ..self.rules } };
        let stretches = held.stretches(from, to, false);
        let known: f64 = stretches.iter().filter(|s| s.values.is_some()).map(Stretch::seconds).sum();
        seconds(to - from) - known
    }

    /// The simple bound at `time` (3.1.9): none where the sample before is Bad, or there is none around it.
    fn bound(&self, time: i64) -> Option<Processed> {
        let at = self.raw.partition_point(|raw| raw.time <= time);
        let exact = at.checked_sub(1).and_then(|at| self.raw.get(at)).filter(|raw| raw.time == time);
        if let Some(raw) = exact.filter(|raw| self.counts(raw)) {
            return Some(Processed { value: Some(raw.value), status: raw.status });
        }
        let stretch = self.stretch(time, time.saturating_add(1), false);
        stretch.values.map(|(value, _)| Processed { value: Some(value), status: doubt(stretch.good) })
    }

    /// Changes of the value from one sample that counts to the next, the first of them before the interval.
    fn transitions(&self, from: i64, to: i64) -> Processed {
        let first = self.raw.partition_point(|raw| raw.time < from);
        let before = self.raw.get(..first).unwrap_or_default().iter().rev().find(|raw| self.counts(raw));
        let (mut last, mut count, mut bad, mut any) = (before.map(|raw| raw.value), 0_u64, false, false);
        for raw in self.raw.iter().skip(first).take_while(|raw| raw.time < to) {
            any = true;
            if !self.counts(raw) {
                bad = true;
                continue;
            }
            bad |= !raw.status.is_good();
            count += u64::from(last.is_some_and(|last| last != raw.value));
            last = Some(raw.value);
        }
        if !any && last.is_none() {
            return NONE;
        }
        Processed { value: Some(count as f64), status: doubt(!bad) }
    }

    /// Of the samples that lie in the interval.
    fn of_samples(&self, aggregate: Aggregate, from: i64, to: i64) -> Processed {
        let first = self.raw.partition_point(|raw| raw.time < from);
        let inside = self.raw.iter().skip(first).take_while(|raw| raw.time < to);
        let (mut count, mut bad, mut sum) = (0_u64, false, 0.0);
        // Mean and squared distance from it so far (Welford).
        let (mut mean, mut spread) = (0.0, 0.0);
        let mut ends: Option<(f64, f64)> = None;
        let mut range: Option<(f64, f64)> = None;
        for raw in inside {
            if !self.counts(raw) {
                bad = true;
                continue;
            }
            bad |= !raw.status.is_good();
            count += 1;
            sum += raw.value;
            let off = raw.value - mean;
            mean += off / count as f64;
            spread += off * (raw.value - mean);
            ends = Some((ends.map_or(raw.value, |(first, _)| first), raw.value));
            range = Some(range.map_or((raw.value, raw.value), |(low, high): (f64, f64)| {
                (low.min(raw.value), high.max(raw.value))
            }));
        }
        let value = match aggregate {
            Aggregate::Count if count > 0 || bad => Some(count as f64),
            Aggregate::Average if count > 0 => Some(sum / count as f64),
            Aggregate::Minimum => range.map(|(low, _)| low),
            Aggregate::Maximum => range.map(|(_, high)| high),
            Aggregate::Start => ends.map(|(first, _)| first),
            Aggregate::End => ends.map(|(_, last)| last),
            Aggregate::Delta => ends.map(|(first, last)| last - first),
            Aggregate::Range => range.map(|(low, high)| high - low),
            Aggregate::VariancePopulation if count > 0 => Some(spread / count as f64),
            Aggregate::StandardDeviationPopulation if count > 0 => Some((spread / count as f64).sqrt()),
            Aggregate::VarianceSample if count > 1 => Some(spread / (count - 1) as f64),
            Aggregate::StandardDeviationSample if count > 1 => Some((spread / (count - 1) as f64).sqrt()),
            _ => None,
        };
        value.map_or(NONE, |value| Processed { value: Some(value), status: doubt(!bad) })
    }
}

impl Stretch {
    fn seconds(&self) -> f64 {
        seconds(self.to - self.from)
    }
}

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / SECOND
}

const fn doubt(good: bool) -> Status {
    if good { Status::GOOD } else { SUB_NORMAL }
}

/// What a counter counted from its first to its last good sample. Where it falls it began anew: at zero, or, if `top`
/// is its largest value, after that (a meter with five digits: 99,999). `None` without two good samples.
pub fn counted(values: impl IntoIterator<Item = f64>, top: Option<f64>) -> Option<f64> {
    let mut values = values.into_iter().filter(|v| v.is_finite());
    let mut last = values.next()?;
    let mut sum = None;
    for value in values {
        let step = match top {
            _ if value >= last => value - last,
            Some(top) if top >= last => top - last + value + 1.0,
            _ => value,
        };
        *sum.get_or_insert(0.0) += step;
        last = value;
    }
    sum
}

#[cfg(test)]
mod tests;
