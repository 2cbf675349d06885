//! Short ways to write a tag.

use super::encode::{Get, Kind, Tag};
use super::units::Scene;
use crate::plant::Station;
use crate::plant::packml::{REASONS, STATES};

pub(super) const F32: Kind = Kind::F32;
pub(super) const U32: Kind = Kind::U32;
pub(super) const U16: Kind = Kind::U16;
/// i16 in tenths.
pub(super) const TENTH: Kind = Kind::Scaled(0.1);

pub(super) fn tag(
    name: &'static str,
    at: &'static str,
    kind: Kind,
    text: &'static str,
    get: fn(&Scene<'_>) -> f64,
) -> Tag {
    Tag { name, at, kind, text: text.to_owned(), get: Get::Number(get) }
}

pub(super) fn text(
    name: &'static str,
    at: &'static str,
    get: fn(&Scene<'_>) -> String,
    label: &'static str,
) -> Tag {
    Tag { name, at, kind: Kind::Text(16), text: label.to_owned(), get: Get::Text(get) }
}

/// A set-point: the client's, not the model's.
pub(super) fn setpoint(
    name: &'static str,
    at: &'static str,
    kind: Kind,
    text: &'static str,
    start: f64,
) -> Tag {
    Tag { name, at, kind, text: text.to_owned(), get: Get::Client(start) }
}

pub(super) fn states(names: &[&str], first: usize) -> String {
    let pairs: Vec<String> =
        names.iter().enumerate().map(|(i, name)| format!("{} = \"{name}\"", i + first)).collect();
    format!("states = {{ {} }}", pairs.join(", "))
}

pub(super) fn packml_states() -> String {
    let names: Vec<String> = STATES.iter().map(|s| format!("{s:?}")).collect();
    states(&names.iter().map(String::as_str).collect::<Vec<_>>(), 1)
}

/// State, reason, good and rejected pieces of a machine.
pub(super) fn packml(at: [&'static str; 4], get: [fn(&Scene<'_>) -> f64; 4], pieces: &str) -> Vec<Tag> {
    let [state_at, reason_at, good_at, rejects_at] = at;
    let [state, reason, good, rejects] = get;
    let make = |name, at, kind, text, get| Tag { name, at, kind, text, get: Get::Number(get) };
    vec![
        make(
            "state",
            state_at,
            U16,
            format!("name = \"State\", scan = \"fast\", {}", packml_states()),
            state,
        ),
        make(
            "stop_reason",
            reason_at,
            U16,
            format!("name = \"Stop reason\", {}", states(&REASONS, 0)),
            reason,
        ),
        make("good", good_at, U32, format!("name = \"Good {pieces}\""), good),
        make("rejects", rejects_at, U32, format!("name = \"Rejected {pieces}\""), rejects),
    ]
}

pub(super) fn state_of(station: &Station) -> f64 {
    f64::from(station.machine.state().number())
}

pub(super) fn reason_of(station: &Station) -> f64 {
    f64::from(station.machine.reason() as u16)
}

pub(super) fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
