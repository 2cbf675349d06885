//! Names over multicast DNS: questions put to one device, and what it answers (RFC 6762, RFC 6763; messages as in RFC 1035).
//!
//! Only what finding devices needs: PTR questions, and PTR, SRV and A records of an answer. Reading is bounded and tolerant:
//! what is not understood is left out.

use std::net::IpAddr;

/// The port (RFC 6762, section 3).
pub const PORT: u16 = 5353;
/// Who enumerates the types of services (RFC 6763, section 9).
pub const SERVICES: &str = "_services._dns-sd._udp.local";
/// Most records that are read of one answer.
const MOST_RECORDS: u16 = 128;
/// Most labels of a name, jumps included.
const MOST_LABELS: usize = 64;
/// Longest name, bytes (RFC 1035, section 2.3.4).
const LONGEST: usize = 255;

const PTR: u16 = 12;
const SRV: u16 = 33;
const IN: u16 = 1;
/// The highest bit of a class asks for a unicast answer, or tells to flush caches (RFC 6762, sections 5.4 and 10.2).
const CLASS_BITS: u16 = 0x7FFF;

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// `name` points to `target`.
    Pointer {
        /// Whose record.
        name: String,
        /// Where it points.
        target: String,
    },
    /// The service `name` is at `host`.
    Service {
        /// Whose record.
        name: String,
        /// Host name.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// The name under which a device's address is asked for (RFC 1035, section 3.5; RFC 3596, section 2.5).
#[must_use]
pub fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().into_iter().rev().flat_map(|byte| [byte & 0xF, byte >> 4]);
            digits.map(|digit| format!("{digit:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// A message that asks for the pointers of these names.
#[must_use]
pub fn question(id: u16, names: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = u16::try_from(names.len()).unwrap_or(u16::MAX);
    for word in [id, 0, count, 0, 0, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for name in names {
        for label in name.split('.').filter(|label| !label.is_empty()) {
            let bytes = label.as_bytes().get(..label.len().min(63)).unwrap_or_default();
            out.push(u8::try_from(bytes.len()).unwrap_or(0));
            out.extend_from_slice(bytes);
        }
        out.push(0);
        out.extend_from_slice(&PTR.to_be_bytes());
        out.extend_from_slice(&(IN | !CLASS_BITS).to_be_bytes());
    }
    out
}

/// The records of an answer; `None` if it is none, or none to `id` (answers to everybody have the id 0).
#[must_use]
pub fn answer(id: u16, message: &[u8]) -> Option<Vec<Record>> {
    let mut at = Cursor { message, at: 0 };
    let (theirs, flags) = (at.word()?, at.word()?);
    let counts = [at.word()?, at.word()?, at.word()?, at.word()?];
    if flags & 0x8000 == 0 || (theirs != id && theirs != 0) {
        return None;
    }
    let [questions, rest @ ..] = counts;
    for _ in 0..questions.min(MOST_RECORDS) {
        at.name()?;
        at.word()?;
        at.word()?;
    }
    let records = rest.into_iter().fold(0_u16, u16::saturating_add).min(MOST_RECORDS);
    let mut found = Vec::new();
    for _ in 0..records {
        match at.record() {
            Some(record) => found.extend(record),
            None => break,
        }
    }
    Some(found)
}

struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.message.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// One record; `Some(None)` for one of another type.
    fn record(&mut self) -> Option<Option<Record>> {
        let name = self.name()?;
        let (kind, class) = (self.word()?, self.word()? & CLASS_BITS);
        let _time_to_live = (self.word()?, self.word()?);
        let length = usize::from(self.word()?);
        let end = self.at.checked_add(length).filter(|end| *end <= self.message.len())?;
        let record = match (kind, class) {
            (PTR, IN) => self.name().map(|target| Record::Pointer { name, target }),
            (SRV, IN) => self.service(name),
            _ => None,
        };
        self.at = end;
        Some(record)
    }

    fn service(&mut self, name: String) -> Option<Record> {
        let _priority_and_weight = (self.word()?, self.word()?);
        let port = self.word()?;
        Some(Record::Service { name, host: self.name()?, port })
    }

    /// A name with its labels joined by dots; jumps go back only (RFC 1035, section 4.1.4).
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut behind) = (self.at, None);
        for _ in 0..MOST_LABELS {
            let length = *self.message.get(at)?;
            match length {
                0 => {
                    self.at = behind.unwrap_or(at + 1);
                    return Some(name);
                }
                1..=63 => {
                    let label = self.message.get(at + 1..at + 1 + usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(&String::from_utf8_lossy(label));
                    if name.len() > LONGEST * 3 {
                        return None;
                    }
                    at += 1 + usize::from(length);
                }
                0xC0.. => {
                    let low = *self.message.get(at + 1)?;
                    let to = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                    behind = behind.or(Some(at + 2));
                    if to >= at {
                        return None;
                    }
                    at = to;
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn questions_as_the_standard_has_them() {
        let message = question(7, &["local"]);
        assert_eq!(
            message,
            [0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5, b'l', b'o', b'c', b'a', b'l', 0, 0, 12, 0x80, 1]
        );
        assert_eq!(reverse("10.20.1.9".parse().unwrap()), "9.1.20.10.in-addr.arpa");
        assert!(reverse("fd00::1".parse().unwrap()).starts_with("1.0.0.0."));
        assert!(reverse("fd00::1".parse().unwrap()).ends_with("0.0.d.f.ip6.arpa"));
    }

    #[test]
    fn an_answer_with_jumps() {
        let mut message = vec![0, 7, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        // "a.local" at 12; PTR to "b.local" by a jump to "local" at 14.
        message.extend_from_slice(&[1, b'a', 5, b'l', b'o', b'c', b'a', b'l', 0]);
        message.extend_from_slice(&[0, 12, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'b', 0xC0, 14]);
        // SRV of "a.local" by a jump to 12: port 4840, host "a.local".
        message.extend_from_slice(&[
            0xC0, 12, 0, 33, 0x80, 1, 0, 0, 0, 9, 0, 8, 0, 0, 0, 0, 0x12, 0xE8, 0xC0, 12,
        ]);
        let records = answer(7, &message).unwrap();
        assert_eq!(
            records,
            [
                Record::Pointer { name: "a.local".into(), target: "b.local".into() },
                Record::Service { name: "a.local".into(), host: "a.local".into(), port: 4840 },
            ]
        );
        assert_eq!(answer(8, &message), None);
        assert_eq!(answer(7, &question(7, &["local"])), None, "a question is no answer");
    }

    #[test]
    fn jumps_never_go_round() {
        let mut message = vec![0, 7, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        message.extend_from_slice(&[0xC0, 12, 0, 12, 0, 1, 0, 0, 0, 9, 0, 0]);
        assert_eq!(answer(7, &message), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut message = vec![0, 7, 0x84, 0];
            message.extend(bytes);
            let records = answer(7, &message).unwrap_or_default();
            prop_assert!(records.len() <= usize::from(MOST_RECORDS));
        }
    }
}
