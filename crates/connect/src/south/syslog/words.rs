//! From a message to an event. Pure.

use super::config::Means;
use model::event::severity;
use model::{Event, EventKind, Time, text};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::syslog::{FACILITIES, Message, SEVERITIES, is_security};

/// Characters of a title and of a text.
const TITLE: usize = 140;
const TEXT: usize = 1_000;

/// Who said it, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct From<'a> {
    /// Name of the connection.
    pub connection: &'a str,
    /// Name of the device.
    pub device: &'a str,
    /// Its address, or the file.
    pub address: &'a str,
    /// When it came.
    pub at: Time,
}

/// What tells one thing from another: digits aside, for they count, name ports and processes.
pub(super) fn key(device: usize, message: &Message<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    (device, message.facility, message.severity, message.app, message.id).hash(&mut hash);
    let mut digit = false;
    for c in message.text.chars().take(TEXT) {
        let is_digit = c.is_ascii_digit();
        if !(digit && is_digit) {
            (if is_digit { '#' } else { c }).hash(&mut hash);
        }
        digit = is_digit;
    }
    hash.finish()
}

/// The event of a message.
pub(super) fn event(from: &From<'_>, key: u64, message: &Message<'_>, means: Means) -> Event {
    let kind = if is_security(message.facility) { EventKind::Finding } else { means.event() };
    let source = format!("connection/{}", from.connection);
    let id = format!("{source}/{}/log/{key:016x}-{:x}", from.device, from.at.0);
    let said = match message.app {
        "" => text::clean(message.text, TITLE),
        app => format!("{}: {}", text::clean(app, 48), text::clean(message.text, TITLE)),
    };
    let said = if message.text.trim().is_empty() { "a message without text".to_owned() } else { said };
    let mut event = Event::info(kind, id, source, from.at, format!("{}: {said}", from.device));
    event.severity = severity::from_syslog(message.severity);
    let level = format!("{}.{}", name(&FACILITIES, message.facility), name(&SEVERITIES, message.severity));
    let mut about = format!("Sent by {} as {level}", from.address);
    if !message.host.is_empty() {
        about.push_str(&format!(", calls itself {}", text::clean(message.host, 80)));
    }
    if !message.stamp.is_empty() {
        about.push_str(&format!(", its clock said {}", text::clean(message.stamp, 40)));
    }
    about.push_str(&format!(": {}", text::clean(message.text, TEXT)));
    if !message.data.is_empty() {
        about.push_str(&format!(" {}", text::clean(message.data, TEXT)));
    }
    let next = match event.severity {
        severity::INFO => "",
        _ => "The device's own log says what came before it, its manual what it means.",
    };
    event.explained(about + ".", next)
}

fn name(names: &[&'static str], number: u8) -> &'static str {
    names.get(usize::from(number)).copied().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: From<'static> = From {
        connection: "it-log",
        device: "firewall",
        address: "10.20.0.1",
        at: Time(1_700_000_000_000_000_000),
    };

    #[test]
    fn numbers_do_not_make_another_event() {
        let of = |text: &str| key(0, &Message::parse(text));
        assert_eq!(of("<4>port 12 is down"), of("<4>port 7 is down"));
        assert_ne!(of("<4>port 12 is down"), of("<4>port 12 is up"));
        assert_ne!(of("<4>port 12 is down"), of("<3>port 12 is down"));
    }

    #[test]
    fn an_event_says_who_and_nothing_hostile() {
        let message =
            Message::parse("<36>1 2026-11-22T16:00:00Z fw\u{202E}1 sshd - - - Failed \x1b[2Jpassword");
        let told = event(&FROM, 7, &message, Means::Fault);
        assert_eq!((told.kind, told.severity), (EventKind::Finding, severity::LOW));
        assert_eq!(told.title, "firewall: sshd: Failed ·[2Jpassword");
        assert!(
            told.text.starts_with("Sent by 10.20.0.1 as auth.warning, calls itself fw·1"),
            "{}",
            told.text
        );
        let quiet = event(&FROM, 7, &Message::parse("<30>up"), Means::Change);
        assert_eq!(
            (quiet.kind, quiet.severity, quiet.next.as_str()),
            (EventKind::Change, severity::INFO, "")
        );
    }
}
