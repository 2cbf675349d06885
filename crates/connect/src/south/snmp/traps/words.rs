//! What traps are called, and how loud they are. Pure.

use async_snmp::{Oid, Value as Wire, VarBind};
use model::EventKind;
use model::event::severity;

/// Objects of a trap that are told; the rest is counted.
const MOST_OBJECTS: usize = 12;
/// Characters of one value that are told.
const MOST_TEXT: usize = 120;

/// Below it stand the traps that every device may send (RFC 3418, 2; RFC 2863).
const STANDARD: [u32; 9] = [1, 3, 6, 1, 6, 3, 1, 1, 5];
/// Below it stand those of power supplies (RFC 1628, upsTraps).
const UPS: [u32; 8] = [1, 3, 6, 1, 2, 1, 33, 2];

/// Name, kind, severity and next step of a trap.
pub(super) fn meaning(trap: &Oid) -> (String, EventKind, u16, &'static str) {
    let fault = |name: &str, severity, next| (name.to_owned(), EventKind::Fault, severity, next);
    let standard = trap.arcs().strip_prefix(&STANDARD[..]);
    let ups = trap.arcs().strip_prefix(&UPS[..]);
    match (standard, ups) {
        (Some([1]), _) => {
            fault("coldStart: it was switched on", severity::LOW, "If nobody did, look at its power supply.")
        }
        (Some([2]), _) => {
            fault("warmStart: it has restarted", severity::LOW, "If nobody did, look at its own log.")
        }
        (Some([3]), _) => fault(
            "linkDown: a port has no link",
            severity::MEDIUM,
            "Look at the cable and at what hangs on that port.",
        ),
        (Some([4]), _) => fault("linkUp: a port has its link again", severity::INFO, ""),
        (Some([5]), _) => (
            "authenticationFailure: somebody showed it a wrong community or password".to_owned(),
            EventKind::Finding,
            severity::MEDIUM,
            "Find out who asks it: a tool with an old password, or somebody who should not.",
        ),
        (_, Some([0, 1] | [1])) => fault(
            "upsTrapOnBattery: it runs on its battery",
            severity::HIGH,
            "Look at the mains; save what must be saved before the battery is empty.",
        ),
        (_, Some([0, 2] | [2])) => {
            fault("upsTrapTestCompleted: its battery test is done", severity::INFO, "")
        }
        (_, Some([0, 3] | [3])) => fault(
            "upsTrapAlarmEntryAdded: it has an alarm",
            severity::MEDIUM,
            "Look at its own list of alarms.",
        ),
        (_, Some([0, 4] | [4])) => fault("upsTrapAlarmEntryRemoved: an alarm is over", severity::INFO, ""),
        _ => fault(&format!("trap {trap}"), severity::LOW, "The device's MIB file says what it means."),
    }
}

/// The objects that a trap carries, in words.
pub(super) fn objects(varbinds: &[VarBind]) -> String {
    let told: Vec<String> = varbinds
        .iter()
        .take(MOST_OBJECTS)
        .map(|bind| format!("{} = {}", bind.oid, value(&bind.value)))
        .collect();
    let more = varbinds.len().saturating_sub(MOST_OBJECTS);
    match (told.is_empty(), more) {
        (true, _) => "It carries nothing else.".to_owned(),
        (_, 0) => format!("It carries {}.", told.join(", ")),
        _ => format!("It carries {} and {more} more.", told.join(", ")),
    }
}

fn value(wire: &Wire) -> String {
    let text = match wire {
        Wire::OctetString(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => format!("\"{text}\""),
            _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
        },
        other => other.to_string(),
    };
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
