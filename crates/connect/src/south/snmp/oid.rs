//! Objects as people write them: numbers, or a known name with its instance.

use super::names::NAMES;
use super::types::Type;
use crate::south::tags::Wrong;
use async_snmp::Oid;
use model::config::nearest;

/// Most numbers of an object identifier (RFC 2578, 3.5).
const MOST_ARCS: usize = 128;

/// Reads one; the type comes with a known name.
///
/// # Errors
/// [`Wrong`] with advice.
pub(super) fn parse(text: &str) -> Result<(Oid, Option<Type>), Wrong> {
    let text = text.trim();
    let dotted = text.strip_prefix('.').unwrap_or(text);
    if dotted.starts_with(|first: char| first.is_ascii_digit()) {
        let arcs = numbers(text, dotted)?;
        let known = NAMES.iter().find(|(_, oid, _)| arcs.len() > oid.len() && arcs.starts_with(oid));
        return check(text, arcs).map(|oid| (oid, known.map(|(_, _, kind)| *kind)));
    }
    let (name, instance) = text.split_once('.').unwrap_or((text, ""));
    let Some((known, oid, kind)) = NAMES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)) else {
        let help = match nearest(name, NAMES.iter().map(|(known, ..)| *known)) {
            Some(near) => {
                format!("did you mean `{near}`? Otherwise write the object in numbers: \"1.3.6.1...\"")
            }
            None => "write the object in numbers: \"1.3.6.1...\", as the device's MIB file gives it".into(),
        };
        return Err(Wrong::new(format!("the object `{name}` is not known by name"), help));
    };
    if instance.is_empty() {
        let message = format!("`{text}` does not say which instance");
        let help = format!(
            "write \"{known}.0\" for an object that exists once, \"{known}.3\" for the third row of a table"
        );
        return Err(Wrong::new(message, help));
    }
    let mut arcs = oid.to_vec();
    arcs.extend(numbers(text, instance)?);
    check(text, arcs).map(|oid| (oid, Some(*kind)))
}

fn numbers(text: &str, dotted: &str) -> Result<Vec<u32>, Wrong> {
    dotted.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| {
        let help = "write whole numbers with dots between them, e.g. \"1.3.6.1.2.1.1.3.0\"";
        Wrong::new(format!("`{text}` is no object identifier"), help)
    })
}

fn check(text: &str, arcs: Vec<u32>) -> Result<Oid, Wrong> {
    let sound = matches!(arcs.as_slice(), [0..=1, 0..=39, _, ..] | [2, _, _, ..]) && arcs.len() <= MOST_ARCS;
    let oid = Oid::new(arcs);
    if sound && oid.validate_for_wire().is_ok() {
        return Ok(oid);
    }
    Err(Wrong::new(
        format!("`{text}` is no object identifier"),
        "they begin with 1.3.6.1 on nearly every device",
    ))
}
