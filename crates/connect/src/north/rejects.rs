//! Dead letters: what the far side refused for good. Bounded in memory and on disk, counted always.

use model::{Position, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;

/// Most dead letters that are listed.
const MAX_LISTED: usize = 1_000;
/// Size at which the file becomes the older of two.
const MAX_FILE: u64 = 1024 * 1024;

/// One refused sample or event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// Its record in the journal.
    pub position: Position,
    /// The point's path, the topic, or the event's id.
    pub path: String,
    /// What the far side said.
    pub reason: String,
    /// When.
    pub time: Time,
}

/// The newest dead letters of one destination, kept in `FILE` and `FILE.old` (one JSON object a line).
pub struct Rejects {
    file: PathBuf,
    listed: VecDeque<Reject>,
    count: u64,
    unwritten: u64,
}

impl Rejects {
    /// Reads what is there; a file that cannot be read counts as empty.
    pub fn open(file: PathBuf) -> Self {
        let mut rejects = Self { listed: VecDeque::new(), count: 0, unwritten: 0, file };
        for path in [rejects.old(), rejects.file.clone()] {
            for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
                if let Ok(reject) = serde_json::from_str(line) {
                    rejects.list(reject);
                }
            }
        }
        rejects
    }

    fn old(&self) -> PathBuf {
        self.file.with_extension("old")
    }

    fn list(&mut self, reject: Reject) {
        self.count += 1;
        self.listed.push_back(reject);
        if self.listed.len() > MAX_LISTED {
            self.listed.pop_front();
        }
    }

    /// Adds some. If the file cannot be written they are listed and counted all the same.
    pub fn add(&mut self, rejects: Vec<Reject>) {
        let mut lines = Vec::new();
        for reject in &rejects {
            if serde_json::to_writer(&mut lines, reject).is_ok() {
                lines.push(b'\n');
            }
        }
        if self.append(&lines).is_err() {
            self.unwritten += rejects.len() as u64;
            tracing::warn!(file = %self.file.display(), unwritten = self.unwritten, "dead letters could not be written down");
        }
        rejects.into_iter().for_each(|reject| self.list(reject));
    }

    fn append(&self, lines: &[u8]) -> std::io::Result<()> {
        if std::fs::metadata(&self.file).is_ok_and(|meta| meta.len() + lines.len() as u64 > MAX_FILE) {
            std::fs::rename(&self.file, self.old())?;
        }
        std::fs::OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(lines)
    }

    /// How many there are, those that are no longer listed included (of earlier runs, those in the files).
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The newest, newest first.
    pub fn newest(&self) -> Vec<Reject> {
        self.listed.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(seq: u64) -> Reject {
        let reason = "x".repeat(1000);
        Reject { position: Position::new(1, seq), path: "a/b".into(), reason, time: Time(5) }
    }

    #[test]
    fn they_survive_a_restart_and_stay_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hq.rejects.jsonl");
        let mut rejects = Rejects::open(file.clone());
        for seq in 0..3_000 {
            rejects.add(vec![reject(seq)]);
        }
        assert_eq!((rejects.count(), rejects.newest().len()), (3_000, MAX_LISTED));
        let again = Rejects::open(file.clone());
        assert_eq!(again.newest(), rejects.newest());
        let size: u64 =
            [file.clone(), file.with_extension("old")].iter().map(|f| f.metadata().unwrap().len()).sum();
        assert!(size <= 2 * MAX_FILE, "{size}");
    }

    #[test]
    fn a_file_that_cannot_be_written_loses_nothing_that_is_listed() {
        let mut rejects = Rejects::open("/nonexistent/folder/x.jsonl".into());
        rejects.add(vec![reject(1)]);
        assert_eq!((rejects.count(), rejects.unwritten, rejects.newest().len()), (1, 1, 1));
    }
}
