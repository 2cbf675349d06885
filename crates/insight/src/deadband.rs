//! Dead-band, rate and heartbeat: which samples of a point are worth sending.
//!
//! ```text
//!  quality changed ────────────────▶ send        (never held back: losing a device is news at once)
//!  at_least passed since last sent ─▶ send        (heartbeat)
//!  min_interval not passed ─────────▶ hold
//!  |value - last sent| > band ──────▶ send, else hold
//! ```
//! Rationale: every comparison is with the last value *sent*, not the last seen, so a slow drift cannot hide below the
//! band: what the far side holds is never further from the truth than the band (plus one `min_interval`).

use model::{Status, Time, Value};
use std::time::Duration;

/// What is worth sending, for one point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rule {
    /// Only when value or quality changed.
    pub on_change: bool,
    /// Changes up to this much, in the point's unit, are not worth sending; zero: every change is. Numbers only.
    pub band: f64,
    /// Send the value again when this long has passed since it was last sent, even if it did not change.
    pub at_least: Option<Duration>,
    /// Send values at most this often; a change of quality is sent at once.
    pub min_interval: Option<Duration>,
}

impl Rule {
    /// Whether everything passes, so that no state is needed.
    pub fn passes_all(&self) -> bool {
        !self.on_change && self.band == 0.0 && self.min_interval.is_none()
    }
}

/// What was last sent of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The value.
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// Its time.
    pub at: Time,
}

/// Why a sample passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing was sent before.
    First,
    /// The quality is another one.
    Quality,
    /// It is time to repeat it.
    Heartbeat,
    /// The value changed by more than the band, or everything is sent.
    Change,
}

/// Decides about one sample; `last` becomes the sample if it passes.
pub fn step(rule: &Rule, last: &mut Option<Sent>, value: &Value, status: Status, at: Time) -> Option<Reason> {
    let reason = decide(rule, last.as_ref(), value, status, at)?;
    *last = Some(Sent { value: value.clone(), status, at });
    Some(reason)
}

fn decide(rule: &Rule, last: Option<&Sent>, value: &Value, status: Status, at: Time) -> Option<Reason> {
    let Some(sent) = last else { return Some(Reason::First) };
    if sent.status != status {
        return Some(Reason::Quality);
    }
    let elapsed = at.since(sent.at);
    if rule.at_least.is_some_and(|period| elapsed >= period) {
        return Some(Reason::Heartbeat);
    }
    if rule.min_interval.is_some_and(|period| elapsed < period) {
        return None;
    }
    let worth = if rule.on_change || rule.band > 0.0 { differs(&sent.value, value, rule.band) } else { true };
    worth.then_some(Reason::Change)
}

/// Whether two values differ by more than `band`. NaN equals NaN and differs from every number.
fn differs(a: &Value, b: &Value, band: f64) -> bool {
    if band > 0.0
        && let (Some(x), Some(y)) = (a.as_f64(), b.as_f64())
        && !matches!(b, Value::Bool(_))
    {
        return match (x.is_nan(), y.is_nan()) {
            (true, true) => false,
            (false, false) => (x - y).abs() > band,
            _ => true,
        };
    }
    !a.same(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_millis(ms)
    }

    fn run(rule: &Rule, samples: &[(i64, f64, Status)]) -> Vec<Option<Reason>> {
        let mut last = None;
        samples
            .iter()
            .map(|(ms, v, status)| step(rule, &mut last, &Value::F64(*v), *status, at(*ms)))
            .collect()
    }

    #[test]
    fn table() {
        use Reason::{Change, First, Heartbeat, Quality};
        let good = Status::GOOD;
        let bad = Status::BAD_COMMUNICATION_ERROR;
        let minute = Some(Duration::from_secs(60));
        let second = Some(Duration::from_secs(1));
        type Case<'a> = (&'a str, Rule, &'a [(i64, f64, Status)], &'a [Option<Reason>]);
        let cases: &[Case<'_>] = &[
            ("all", Rule::default(), &[(0, 1.0, good), (1, 1.0, good)], &[Some(First), Some(Change)]),
            (
                "on change",
                Rule { on_change: true, ..Rule::default() },
                &[
                    (0, 1.0, good),
                    (1, 1.0, good),
                    (2, 1.5, good),
                    (3, 1.5, bad),
                    (4, f64::NAN, bad),
                    (5, f64::NAN, bad),
                ],
                &[Some(First), None, Some(Change), Some(Quality), Some(Change), None],
            ),
            (
                "a drift does not hide below the band",
                Rule { band: 1.0, ..Rule::default() },
                &[(0, 0.0, good), (1, 0.9, good), (2, 1.0, good), (3, 1.1, good), (4, 1.2, good)],
                &[Some(First), None, None, Some(Change), None],
            ),
            (
                "heartbeat",
                Rule { on_change: true, at_least: minute, ..Rule::default() },
                &[(0, 1.0, good), (59_999, 1.0, good), (60_000, 1.0, good), (60_001, 1.0, good)],
                &[Some(First), None, Some(Heartbeat), None],
            ),
            (
                "rate, but never for quality",
                Rule { min_interval: second, ..Rule::default() },
                &[(0, 1.0, good), (400, 2.0, good), (500, 2.0, bad), (900, 3.0, bad), (1500, 3.0, bad)],
                &[Some(First), None, Some(Quality), None, Some(Change)],
            ),
            (
                "a time that runs back does not wrap",
                Rule { on_change: true, at_least: minute, ..Rule::default() },
                &[(60_000, 1.0, good), (0, 1.0, good), (1, 2.0, good)],
                &[Some(First), None, Some(Change)],
            ),
        ];
        for (name, rule, samples, expected) in cases {
            assert_eq!(&run(rule, samples), expected, "{name}");
        }
    }

    #[test]
    fn texts_flags_and_large_integers_compare_exactly() {
        let rule = Rule { band: 5.0, ..Rule::default() };
        let mut last = None;
        for (value, passes) in [
            (Value::Bool(false), true),
            (Value::Bool(true), true),
            (Value::from("a"), true),
            (Value::from("a"), false),
            (Value::None, true),
            (Value::None, false),
        ] {
            assert_eq!(step(&rule, &mut last, &value, Status::GOOD, at(0)).is_some(), passes, "{value:?}");
        }
        let rule = Rule { on_change: true, ..Rule::default() };
        let mut last = None;
        assert!(step(&rule, &mut last, &Value::I64(i64::MAX), Status::GOOD, at(0)).is_some());
        assert!(step(&rule, &mut last, &Value::I64(i64::MAX - 1), Status::GOOD, at(0)).is_some());
    }

    /// Whatever comes, the far side is never further off than the band, and never older than the heartbeat.
    #[test]
    fn the_far_side_stays_within_band_and_heartbeat() {
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..200 {
            let band = (random() % 100) as f64 / 10.0 + 0.1;
            let rule = Rule { band, at_least: Some(Duration::from_secs(30)), ..Rule::default() };
            let (mut last, mut ms, mut value) = (None, 0_i64, 0.0_f64);
            for _ in 0..500 {
                ms += (random() % 5_000) as i64;
                value += (random() % 200) as f64 / 100.0 - 1.0;
                step(&rule, &mut last, &Value::F64(value), Status::GOOD, at(ms));
                let sent = last.as_ref().unwrap();
                assert!((sent.value.as_f64().unwrap() - value).abs() <= band);
                assert!(at(ms).since(sent.at) < Duration::from_secs(30));
            }
        }
    }
}
