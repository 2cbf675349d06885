//! The audit ledger: one JSON line per record, each with the hash of the one before.
//!
//! ```text
//! {"seq":1,"time":"...","actor":..,"action":..,"object":..,"outcome":..,"detail":..,"prev":"000..","hash":"h1"}
//! {"seq":2, ...                                                            "prev":"h1",    "hash":"h2"}
//!  hash = SHA-256 over the line without its last field, closed with `}`
//! ```
//! Rationale: text that any tool can read, and any change of any byte breaks the chain at that record. The chain has no
//! key: whoever owns the machine can rewrite all of it. Against that, send the newest hash elsewhere from time to time
//! (it is on the Audit page). `ledger.head` beside it remembers the newest hash, so that a cut tail is noticed.

mod file;
mod read;
mod recover;
mod verify;

pub use file::LedgerFile;
pub use read::Page;
pub use verify::{Chain, Problem, Verification, verify};

use crate::random::hex;
use model::Time;
use namespace::Entry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// No line is longer, in bytes; one that is, is damage.
pub(crate) const MAX_LINE: usize = 64 * 1024;
/// `prev` of the first record.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// 1, 2, 3, ...
    pub seq: u64,
    /// When it was recorded, by this machine's clock.
    #[serde(with = "text_time")]
    pub time: Time,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub object: String,
    /// What became of it.
    pub outcome: String,
    /// Anything else.
    pub detail: String,
    /// Hash of the record before, hexadecimal.
    pub prev: String,
    /// Hash of this record, hexadecimal.
    pub hash: String,
}

#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    #[serde(with = "text_time")]
    time: Time,
    actor: &'a str,
    action: &'a str,
    object: &'a str,
    outcome: &'a str,
    detail: &'a str,
    prev: &'a str,
}

impl Record {
    /// The record for `entry`, with over-long texts cut.
    pub(crate) fn new(entry: &Entry, seq: u64, time: Time, prev: String) -> Self {
        let mut record = Self {
            seq,
            time,
            actor: cut(&entry.actor, 256),
            action: cut(&entry.action, 64),
            object: cut(&entry.object, 1_024),
            outcome: cut(&entry.outcome, 64),
            detail: cut(&entry.detail, 4_096),
            prev,
            hash: String::new(),
        };
        record.hash = record.computed_hash();
        record
    }

    /// The hash that belongs to the content.
    pub(crate) fn computed_hash(&self) -> String {
        hex(&Sha256::digest(self.body().as_bytes()))
    }

    fn body(&self) -> String {
        let body = Body {
            seq: self.seq,
            time: self.time,
            actor: &self.actor,
            action: &self.action,
            object: &self.object,
            outcome: &self.outcome,
            detail: &self.detail,
            prev: &self.prev,
        };
        // Strings and numbers always serialise.
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The line, without its end.
    pub(crate) fn line(&self) -> String {
        let mut line = self.body();
        line.pop();
        line.push_str(",\"hash\":\"");
        line.push_str(&self.hash);
        line.push_str("\"}");
        line
    }

    /// Reads a line (without its end) that is whole and unchanged in itself.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, String> {
        let record: Self =
            serde_json::from_slice(line).map_err(|error| format!("is no ledger record ({error})"))?;
        if record.hash != record.computed_hash() {
            return Err("was changed: its content does not fit its hash".into());
        }
        // The same content in other bytes (spaces, escapes, order) is a change as well.
        if record.line().as_bytes() != line {
            return Err("was changed: it is not written as Ironbridge writes it".into());
        }
        Ok(record)
    }

    /// Whether any text of it contains `wanted`, which is in lower case.
    pub(crate) fn contains(&self, wanted: &str) -> bool {
        [&self.actor, &self.action, &self.object, &self.outcome, &self.detail]
            .into_iter()
            .any(|text| text.to_lowercase().contains(wanted))
    }
}

/// At most `max` bytes of `text`, cut between characters and marked.
fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

mod text_time {
    use model::Time;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&time.rfc3339())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Time::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("no time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(texts: [&str; 5]) -> Entry {
        let [actor, action, object, outcome, detail] = texts.map(str::to_owned);
        Entry { actor, action, object, outcome, detail }
    }

    proptest! {
        #[test]
        fn every_record_reads_back(texts in proptest::array::uniform5(any::<String>()), seq: u64, time in 0_i64..4_000_000_000_000_000_000) {
            let entry = entry(texts.each_ref().map(String::as_str));
            let record = Record::new(&entry, seq, Time(time), GENESIS.into());
            let line = record.line();
            prop_assert!(line.len() < MAX_LINE && !line.contains('\n'));
            prop_assert_eq!(Record::parse(line.as_bytes()), Ok(record));
        }
    }

    #[test]
    fn long_texts_stay_below_the_longest_line() {
        let long = "\u{1}ü".repeat(100_000);
        let record = Record::new(&entry([&long; 5]), u64::MAX, Time(1), GENESIS.into());
        assert!(record.line().len() < MAX_LINE, "{}", record.line().len());
        assert!(record.detail.ends_with('…'));
        assert_eq!(Record::parse(record.line().as_bytes()), Ok(record));
    }

    #[test]
    fn the_same_content_in_other_bytes_is_a_change() {
        let record = Record::new(&entry(["a", "b", "c", "d", "é"]), 1, Time::ZERO, GENESIS.into());
        let line = record.line();
        for other in
            [line.replace(",\"", ", \""), line.replace('é', "\\u00e9"), line.replace("00:00Z", "00:00.0Z")]
        {
            assert_ne!(other, line);
            assert!(Record::parse(other.as_bytes()).unwrap_err().contains("changed"), "{other}");
        }
    }
}
