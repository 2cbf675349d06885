//! Suricata's EVE records: what an intrusion detection saw. Pure.
//!
//! The fields are those of "EVE JSON Format" in Suricata's user guide.

use super::words::From;
use model::event::severity;
use model::{Event, EventKind, text};
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A record, as far as it is read. Others than alerts are counted, not told.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    event_type: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    src_ip: String,
    src_port: Option<u16>,
    #[serde(default)]
    dest_ip: String,
    dest_port: Option<u16>,
    #[serde(default)]
    proto: String,
    #[serde(default)]
    app_proto: String,
    alert: Option<Alert>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    #[serde(default)]
    action: String,
    #[serde(default)]
    gid: u64,
    #[serde(default)]
    signature_id: u64,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    category: String,
    /// 1 is the most severe; 255 where the rule says nothing.
    severity: Option<u16>,
}

impl Record {
    /// A line or a message that is such a record.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.trim_start().strip_prefix("@cee:").unwrap_or(line).trim_start();
        line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten()
    }

    /// What is told of it: a key that says whether it was said before, the severity, and the event.
    pub(super) fn alert(&self) -> Option<(u64, u16, impl FnOnce(&From<'_>) -> Event + '_)> {
        let alert = self.alert.as_ref().filter(|_| self.event_type == "alert")?;
        let mut hash = DefaultHasher::new();
        (alert.gid, alert.signature_id, &self.src_ip, &self.dest_ip, self.dest_port).hash(&mut hash);
        let (key, level) = (hash.finish(), alert.severity());
        Some((key, level, move |from: &From<'_>| self.event(alert, key, level, from)))
    }

    fn event(&self, alert: &Alert, key: u64, level: u16, from: &From<'_>) -> Event {
        let source = format!("connection/{}", from.connection);
        // Of the record itself, so that a line that is read twice after a crash is told once.
        let mut hash = DefaultHasher::new();
        (key, &self.timestamp, self.src_port).hash(&mut hash);
        let id = format!("{source}/{}/alert/{:016x}", from.device, hash.finish());
        let (source_end, target) = (end(&self.src_ip, None), end(&self.dest_ip, self.dest_port));
        let title =
            format!("{}: {}, {source_end} to {target}", from.device, text::clean(&alert.signature, 140));
        let mut event = Event::info(EventKind::Finding, id, source, from.at, title);
        event.severity = level;
        event.refs = [&self.src_ip, &self.dest_ip].into_iter().map(|ip| text::clean(ip, 45)).collect();
        let what = [&self.proto, &self.app_proto].map(|word| text::clean(word, 20)).join(" ");
        let category = match alert.category.as_str() {
            "" => String::new(),
            category => format!(" ({})", text::clean(category, 80)),
        };
        let done = if alert.action == "blocked" { "It was blocked." } else { "It was let through." };
        let about = format!(
            "Suricata's rule {}:{}{category} fits traffic from {} to {target}, {}, at {} by its clock. {done} Reported by {}.",
            alert.gid,
            alert.signature_id,
            end(&self.src_ip, self.src_port),
            what.trim(),
            text::clean(&self.timestamp, 40),
            from.address,
        );
        event.explained(about, "Who is at these addresses? The network's asset page says what else they did.")
    }
}

impl Alert {
    fn severity(&self) -> u16 {
        match self.severity {
            Some(1) => severity::HIGH,
            Some(2) => severity::MEDIUM,
            _ => severity::LOW,
        }
    }
}

fn end(ip: &str, port: Option<u16>) -> String {
    let ip = text::clean(ip, 45);
    port.map_or(
        ip.clone(),
        |port| if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::testing::a_million;
    use model::Time;

    const LINE: &str = r#"{"timestamp":"2026-11-22T10:00:00.000001+0000","flow_id":1,"event_type":"alert","src_ip":"10.0.0.5","src_port":40001,"dest_ip":"10.20.1.11","dest_port":502,"proto":"TCP","app_proto":"modbus","alert":{"action":"allowed","gid":1,"signature_id":2250008,"rev":2,"signature":"SURICATA Modbus unsolicited\u001b","category":"Generic Protocol Command Decode","severity":3},"payload":"AAA="}"#;

    #[test]
    fn an_alert_is_a_finding() {
        let record = Record::parse(LINE).unwrap();
        let (key, level, event) = record.alert().unwrap();
        let from = From { connection: "ids", device: "sensor", address: "eve.json", at: Time(7) };
        let told = event(&from);
        assert_eq!((told.kind, told.severity, level), (EventKind::Finding, severity::LOW, severity::LOW));
        assert_eq!(told.title, "sensor: SURICATA Modbus unsolicited·, 10.0.0.5 to 10.20.1.11:502");
        assert!(told.text.contains("rule 1:2250008 (Generic Protocol Command Decode)"), "{}", told.text);
        assert_eq!(told.refs, ["10.0.0.5", "10.20.1.11"]);
        // The same from another port is the same thing, to another machine it is not.
        let again = Record::parse(&LINE.replace("40001", "40002")).unwrap();
        assert_eq!(again.alert().unwrap().0, key);
        let other = Record::parse(&LINE.replace("10.20.1.11", "10.20.1.12")).unwrap();
        assert_ne!(other.alert().unwrap().0, key);
    }

    #[test]
    fn a_million_hostile_records() {
        let from = From { connection: "ids", device: "sensor", address: "eve.json", at: Time(7) };
        a_million(0xE7E, &[LINE.as_bytes()], |bytes, _| {
            let text = String::from_utf8_lossy(bytes);
            let Some(record) = Record::parse(&text) else { return false };
            let Some((_, level, event)) = record.alert() else { return false };
            let told = event(&from);
            assert!((severity::LOW..=severity::HIGH).contains(&level), "{level}");
            assert!(told.title.len() + told.text.len() < 2_000, "{told:?}");
            assert!(
                !told.title.contains(char::is_control) && !told.text.contains(char::is_control),
                "{told:?}"
            );
            true
        });
    }

    #[test]
    fn what_is_no_alert_is_not_told() {
        for line in [r#"{"event_type":"stats","stats":{}}"#, r#"{"event_type":"alert"}"#] {
            assert!(Record::parse(line).unwrap().alert().is_none(), "{line}");
        }
        for line in ["", "x", "{", "[]", "{}", r#"{"event_type":7}"#] {
            assert!(Record::parse(line).is_none(), "{line}");
        }
    }
}
