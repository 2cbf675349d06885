//! Checking the chain.

use super::recover::Head;
use super::{GENESIS, MAX_LINE, Record};
use model::Time;
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// Records that are good, from the first.
    pub records: u64,
    /// Hash of the last good record.
    pub head: String,
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
}

/// Where the chain breaks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    /// Line of the file, from 1.
    pub line: u64,
    /// Number of the record that should stand there.
    pub seq: u64,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} (line {}) {}", self.seq, self.line, self.why)
    }
}

/// The state of the chain, for the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chain {
    /// Number of the newest record.
    pub records: u64,
    /// Hash of the newest record.
    pub head: String,
    /// Result of the last check since start, if there was one.
    pub verified: Option<bool>,
    /// When.
    pub checked_at: Option<Time>,
    /// What that check found.
    pub problem: Option<String>,
    /// Why nothing can be recorded at present.
    pub failure: Option<String>,
}

/// Checks the ledger at `path` from the first record to the last, and against the head remembered beside it.
pub fn verify(path: &Path) -> Verification {
    verify_up_to(path, None)
}

/// As [`verify`], reading only the first `length` bytes: what a running process knows to be whole.
pub(super) fn verify_up_to(path: &Path, length: Option<u64>) -> Verification {
    let mut result = Verification { records: 0, head: GENESIS.into(), problem: None };
    // The head is saved behind the records it names: read first, it can only be behind.
    let head = Head::load(path);
    let problem = |line: u64, seq: u64, why: String| Some(Problem { line, seq, why });
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            result.problem = problem(1, 1, format!("cannot be read: {error}"));
            return result;
        }
    };
    let mut reader = BufReader::with_capacity(1 << 16, file.take(length.unwrap_or(u64::MAX)));
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let expected = result.records + 1;
        match (&mut reader).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                result.problem = problem(number, expected, format!("cannot be read: {error}"));
                return result;
            }
        }
        match check_line(&line, expected, &result.head, head.as_ref()) {
            Ok(record) => {
                result.records = record.seq;
                result.head = record.hash;
            }
            Err(why) => {
                result.problem = problem(number, expected, why);
                return result;
            }
        }
    }
    if let Some(head) = head.filter(|head| head.seq > result.records) {
        let why = format!("is missing: {} records were written, the file ends before", head.seq);
        result.problem = problem(result.records + 1, result.records + 1, why);
    }
    result
}

fn check_line(line: &[u8], expected: u64, prev: &str, head: Option<&Head>) -> Result<Record, String> {
    let Some(line) = line.strip_suffix(b"\n") else { return Err("is torn: its line has no end".into()) };
    let record = Record::parse(line)?;
    if record.seq != expected {
        return Err(format!("is missing: record {} stands in its place", record.seq));
    }
    if record.prev != prev {
        return Err("does not continue the record before: one of them was replaced".into());
    }
    match head {
        Some(head) if head.seq == record.seq && head.hash != record.hash => {
            Err("is another one than was once written under this number".into())
        }
        _ => Ok(record),
    }
}
