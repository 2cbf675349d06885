//! The small file that a destination keeps beside its cursor: ranges still to be sent, what was asked to be sent again,
//! and numbers that a protocol must not forget (Sparkplug's bdSeq).

use super::progress::Saved;
use super::status::Replay;
use crate::disk;
use model::Time;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of the file; a newer one is refused.
const VERSION: u32 = 1;

/// What stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    version: u32,
    #[serde(default)]
    progress: Option<Saved>,
    #[serde(default)]
    numbers: BTreeMap<String, u64>,
    /// What is sent again, or was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Replay>,
    /// Down-sampling: all intervals before this time are delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intervals: Option<Time>,
}

/// Reads and replaces `NAME.json`. Clones share it.
#[derive(Clone, Debug)]
pub struct Keep(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    content: Mutex<Content>,
    /// One writer at a time, so that the newest content is what stays.
    writing: Mutex<()>,
}

impl Keep {
    /// Opens the file of a destination in `folder`, which is created when missing.
    ///
    /// # Errors
    /// In words: the folder cannot be made, or the file is of a newer version. A file that cannot be understood is set
    /// aside as `NAME.corrupt`; the durable cursor alone is then enough to lose nothing.
    pub fn open(folder: &Path, name: &str) -> Result<Self, String> {
        std::fs::create_dir_all(folder)
            .map_err(|why| format!("the folder {} cannot be made: {why}", folder.display()))?;
        let file = folder.join(format!("{name}.json"));
        let content = disk::load(&file, VERSION)?;
        Ok(Self(Arc::new(Inner { file, content: Mutex::new(content), writing: Mutex::new(()) })))
    }

    /// The ranges, if any were kept.
    pub fn progress(&self) -> Option<Saved> {
        self.0.content.lock().progress.clone()
    }

    /// A number, if it was kept.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.content.lock().numbers.get(name).copied()
    }

    /// Sets the ranges; returns whether they are others than before.
    pub fn set_progress(&self, saved: Saved) -> bool {
        let saved = Some(saved).filter(|saved| !saved.ranges.is_empty());
        let mut content = self.0.content.lock();
        let changed = content.progress != saved;
        content.progress = saved;
        changed
    }

    /// Sets a number.
    pub fn set_number(&self, name: &str, value: u64) {
        self.0.content.lock().numbers.insert(name.into(), value);
    }

    /// What is sent again, or was last.
    pub fn replay(&self) -> Option<Replay> {
        self.0.content.lock().replay.clone()
    }

    /// Sets what is sent again.
    pub fn set_replay(&self, replay: Option<Replay>) {
        self.0.content.lock().replay = replay;
    }

    /// Down-sampling: all intervals before this time are delivered.
    pub fn intervals(&self) -> Option<Time> {
        self.0.content.lock().intervals
    }

    /// Sets how far intervals are delivered.
    pub fn set_intervals(&self, done: Time) {
        self.0.content.lock().intervals = Some(done);
    }

    /// Replaces the file; durable on return. Blocks: call it where that is allowed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self) -> std::io::Result<()> {
        let _alone = self.0.writing.lock();
        let content = Content { version: VERSION, ..self.0.content.lock().clone() };
        disk::replace(&self.0.file, &serde_json::to_vec_pretty(&content)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::progress::Range;
    use super::*;
    use model::Position;

    #[test]
    fn it_remembers_and_survives_rubbish() {
        let dir = tempfile::tempdir().unwrap();
        let keep = Keep::open(dir.path(), "hq").unwrap();
        let range = Range { from: Position::new(1, 1), to: Position::new(1, 9), until: 5 };
        let saved = Saved { live: Position::new(1, 20), ranges: vec![range] };
        assert!(keep.set_progress(saved.clone()) && !keep.set_progress(saved.clone()));
        keep.set_number("bdSeq", 7);
        let replay = Replay { from: Time(1), to: Time(9), done: Time(4), ..Replay::default() };
        keep.set_replay(Some(replay.clone()));
        keep.set_intervals(Time(60));
        keep.write().unwrap();
        let again = Keep::open(dir.path(), "hq").unwrap();
        assert_eq!(
            (again.progress(), again.number("bdSeq"), again.number("x")),
            (Some(saved), Some(7), None)
        );
        assert_eq!(again.replay(), Some(replay));
        assert_eq!(again.intervals(), Some(Time(60)));
        std::fs::write(dir.path().join("hq.json"), b"{ half").unwrap();
        assert_eq!(Keep::open(dir.path(), "hq").unwrap().progress(), None);
        assert!(dir.path().join("hq.corrupt").exists());
        std::fs::write(dir.path().join("hq.json"), b"{\"version\":99}").unwrap();
        assert!(Keep::open(dir.path(), "hq").unwrap_err().contains("newer"));
    }
}
