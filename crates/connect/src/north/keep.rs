//! The small file that a destination keeps beside its cursor: ranges still to be sent, and numbers that a protocol
//! must not forget (Sparkplug's bdSeq).

use super::progress::Saved;
use crate::disk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
}

/// Reads and replaces `NAME.json`.
#[derive(Clone, Debug)]
pub struct Keep {
    file: PathBuf,
    content: Content,
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
        let content = match std::fs::read(&file) {
            Err(_) => Content::default(),
            Ok(bytes) => match serde_json::from_slice::<Content>(&bytes) {
                Ok(content) if content.version > VERSION => {
                    return Err(format!("{} was written by a newer version of Ironbridge", file.display()));
                }
                Ok(content) => content,
                Err(why) => {
                    tracing::warn!(file = %file.display(), %why, "a destination's file was set aside");
                    let _ = std::fs::rename(&file, file.with_extension("corrupt"));
                    Content::default()
                }
            },
        };
        Ok(Self { file, content })
    }

    /// The ranges, if any were kept.
    pub fn progress(&self) -> Option<Saved> {
        self.content.progress.clone()
    }

    /// A number, if it was kept.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.content.numbers.get(name).copied()
    }

    /// Sets the ranges; returns whether they are others than before.
    pub fn set_progress(&mut self, saved: Saved) -> bool {
        let saved = Some(saved).filter(|saved| !saved.ranges.is_empty());
        let changed = self.content.progress != saved;
        self.content.progress = saved;
        changed
    }

    /// Sets a number.
    pub fn set_number(&mut self, name: &str, value: u64) {
        self.content.numbers.insert(name.into(), value);
    }

    /// Replaces the file; durable on return. Blocks: call it where that is allowed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self) -> std::io::Result<()> {
        let content = Content { version: VERSION, ..self.content.clone() };
        disk::replace(&self.file, &serde_json::to_vec_pretty(&content)?)
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
        let mut keep = Keep::open(dir.path(), "hq").unwrap();
        let range = Range { from: Position::new(1, 1), to: Position::new(1, 9), until: 5 };
        let saved = Saved { live: Position::new(1, 20), ranges: vec![range] };
        assert!(keep.set_progress(saved.clone()) && !keep.set_progress(saved.clone()));
        keep.set_number("bdSeq", 7);
        keep.write().unwrap();
        let again = Keep::open(dir.path(), "hq").unwrap();
        assert_eq!(
            (again.progress(), again.number("bdSeq"), again.number("x")),
            (Some(saved), Some(7), None)
        );
        std::fs::write(dir.path().join("hq.json"), b"{ half").unwrap();
        assert_eq!(Keep::open(dir.path(), "hq").unwrap().progress(), None);
        assert!(dir.path().join("hq.corrupt").exists());
        std::fs::write(dir.path().join("hq.json"), b"{\"version\":99}").unwrap();
        assert!(Keep::open(dir.path(), "hq").unwrap_err().contains("newer"));
    }
}
