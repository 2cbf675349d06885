//! Dead letters: what the far side refused for good. Bounded in memory and on disk, counted always, kept until a person
//! has them sent again or drops them.

use crate::disk;
use model::{Position, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::ops::Deref;
use std::path::PathBuf;

/// Most dead letters that are listed; an older one falls out, which is counted.
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

/// A reject that is kept, with what is needed to find its data again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Its number, from 1; never used again.
    #[serde(default)]
    pub id: u64,
    /// What was refused.
    #[serde(flatten)]
    pub reject: Reject,
    /// First and last time of the samples of its record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(Time, Time)>,
    /// Why it could not be sent again, if somebody asked for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trouble: String,
}

impl Deref for Letter {
    type Target = Reject;

    fn deref(&self) -> &Reject {
        &self.reject
    }
}

/// How many dead letters there were, since the beginning as far as the files tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Letters {
    /// Waiting to be sent again or dropped.
    pub waiting: u64,
    /// Sent again and taken, since start.
    pub resent: u64,
    /// Dropped by a person, since start.
    pub dropped: u64,
    /// Fallen out of the list because it was full, since start.
    pub fallen_out: u64,
}

/// The newest dead letters of one destination, kept in `FILE` and `FILE.old` (one JSON object a line).
pub struct Rejects {
    file: PathBuf,
    listed: VecDeque<Letter>,
    last: u64,
    count: u64,
    unwritten: u64,
    letters: Letters,
}

impl Rejects {
    /// Reads what is there; a file that cannot be read counts as empty.
    pub fn open(file: PathBuf) -> Self {
        let (listed, letters) = (VecDeque::new(), Letters::default());
        let mut rejects = Self { listed, last: 0, count: 0, unwritten: 0, letters, file };
        for path in [rejects.old(), rejects.file.clone()] {
            for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
                if let Ok(letter) = serde_json::from_str(line) {
                    rejects.list(letter);
                }
            }
        }
        rejects.letters.fallen_out = 0;
        rejects
    }

    fn old(&self) -> PathBuf {
        self.file.with_extension("old")
    }

    /// A letter of an older version has no number yet.
    fn list(&mut self, mut letter: Letter) {
        if letter.id <= self.last {
            letter.id = self.last + 1;
        }
        self.last = letter.id;
        self.count += 1;
        self.listed.push_back(letter);
        if self.listed.len() > MAX_LISTED {
            self.listed.pop_front();
            self.letters.fallen_out += 1;
        }
    }

    /// Adds some, of records whose samples have times in `span`. If the file cannot be written they are listed and
    /// counted all the same.
    pub fn add(&mut self, rejects: Vec<Reject>, span: impl Fn(Position) -> Option<(Time, Time)>) {
        let mut lines = Vec::new();
        let count = rejects.len() as u64;
        for reject in rejects {
            let span = span(reject.position);
            let letter = Letter { id: self.last + 1, span, trouble: String::new(), reject };
            if serde_json::to_writer(&mut lines, &letter).is_ok() {
                lines.push(b'\n');
            }
            self.list(letter);
        }
        if self.append(&lines).is_err() {
            self.unwritten += count;
            tracing::warn!(file = %self.file.display(), unwritten = self.unwritten, "dead letters could not be written down");
        }
    }

    fn append(&self, lines: &[u8]) -> std::io::Result<()> {
        if std::fs::metadata(&self.file).is_ok_and(|meta| meta.len() + lines.len() as u64 > MAX_FILE) {
            std::fs::rename(&self.file, self.old())?;
        }
        std::fs::OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(lines)
    }

    /// Takes letters off the list: the far side has them now (`resent`), or a person dropped them. Returns how many
    /// there were. Blocks.
    pub fn remove(&mut self, ids: &BTreeSet<u64>, resent: bool) -> u64 {
        let before = self.listed.len();
        self.listed.retain(|letter| !ids.contains(&letter.id));
        let gone = (before - self.listed.len()) as u64;
        let counter = if resent { &mut self.letters.resent } else { &mut self.letters.dropped };
        *counter += gone;
        if gone > 0 {
            self.rewrite();
        }
        gone
    }

    /// Says why a letter could not be sent again. Blocks.
    pub fn trouble(&mut self, id: u64, why: &str) {
        if let Some(letter) = self.listed.iter_mut().find(|letter| letter.id == id) {
            letter.trouble = why.into();
            self.rewrite();
        }
    }

    fn rewrite(&mut self) {
        let mut lines = Vec::new();
        for letter in &self.listed {
            if serde_json::to_writer(&mut lines, letter).is_ok() {
                lines.push(b'\n');
            }
        }
        let done = disk::replace(&self.file, &lines).and_then(|()| match std::fs::remove_file(self.old()) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why),
            _ => Ok(()),
        });
        if let Err(why) = done {
            tracing::warn!(file = %self.file.display(), %why, "the list of dead letters could not be written; after a restart it is as before");
        }
    }

    /// How many were refused, those that are no longer listed included (of earlier runs, those in the files).
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What became of them.
    pub fn letters(&self) -> Letters {
        Letters { waiting: self.listed.len() as u64, ..self.letters }
    }

    /// Those with these numbers (`None`: all), oldest first.
    pub fn pick(&self, ids: Option<&BTreeSet<u64>>) -> Vec<Letter> {
        let wanted = |letter: &&Letter| ids.is_none_or(|ids| ids.contains(&letter.id));
        self.listed.iter().filter(wanted).cloned().collect()
    }

    /// The newest, newest first.
    pub fn newest(&self) -> Vec<Letter> {
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
            rejects.add(vec![reject(seq)], |_| Some((Time(1), Time(2))));
        }
        assert_eq!((rejects.count(), rejects.newest().len()), (3_000, MAX_LISTED));
        assert_eq!((rejects.letters().waiting, rejects.letters().fallen_out), (1_000, 2_000));
        let again = Rejects::open(file.clone());
        assert_eq!(again.newest(), rejects.newest());
        let size: u64 =
            [file.clone(), file.with_extension("old")].iter().map(|f| f.metadata().unwrap().len()).sum();
        assert!(size <= 2 * MAX_FILE, "{size}");
    }

    #[test]
    fn a_file_that_cannot_be_written_loses_nothing_that_is_listed() {
        let mut rejects = Rejects::open("/nonexistent/folder/x.jsonl".into());
        rejects.add(vec![reject(1)], |_| None);
        assert_eq!((rejects.count(), rejects.unwritten, rejects.newest().len()), (1, 1, 1));
    }

    #[test]
    fn what_was_sent_again_or_dropped_is_gone_after_a_restart_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hq.rejects.jsonl");
        let mut rejects = Rejects::open(file.clone());
        rejects.add((1..=5).map(reject).collect(), |_| None);
        assert_eq!(rejects.remove(&BTreeSet::from([1, 3]), true), 2);
        assert_eq!(rejects.remove(&BTreeSet::from([3, 5, 77]), false), 1);
        rejects.trouble(4, "gone");
        assert_eq!(rejects.letters(), Letters { waiting: 2, resent: 2, dropped: 1, fallen_out: 0 });
        let mut again = Rejects::open(file);
        let ids: Vec<u64> = again.pick(None).iter().map(|letter| letter.id).collect();
        assert_eq!(ids, [2, 4]);
        assert_eq!(again.pick(Some(&BTreeSet::from([4])))[0].trouble, "gone");
        again.add(vec![reject(9)], |_| None);
        assert_eq!(again.newest()[0].id, 5, "after the restart only what is listed is known");
    }

    /// A line as it was written before letters had numbers.
    #[test]
    fn letters_of_an_older_version_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hq.rejects.jsonl");
        std::fs::write(
            &file,
            "{\"position\":17592186044417,\"path\":\"a/b\",\"reason\":\"no\",\"time\":5}\n",
        )
        .unwrap();
        let letter = Rejects::open(file).newest().remove(0);
        assert_eq!((letter.id, letter.path.as_str(), letter.span), (1, "a/b", None));
    }
}
