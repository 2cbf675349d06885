//! The files as they were applied last, kept in the data folder: what changed since then, and what a destination was
//! made from before it was changed.

use crate::backup::private_folder;
use similar::TextDiff;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use web::shapes::FileDiff;

/// Folders of a plant that hold configuration, below its root.
const FOLDERS: [&str; 6] = ["", "connections", "destinations", "assets", "types", "measured"];
/// Largest file that is compared by line, in bytes.
const LARGEST: usize = 16 << 20;
/// Longest diff of one file, in bytes.
const LONGEST_DIFF: usize = 64 << 10;
/// Files in one answer.
const MOST_FILES: usize = 100;
/// A comparison that takes longer becomes a coarse one.
const PATIENCE: Duration = Duration::from_millis(300);

/// The kept files.
pub struct Applied(PathBuf);

impl Applied {
    /// Kept below the data folder.
    pub fn new(data: &Path) -> Self {
        Self(data.join("applied"))
    }

    /// A file as it was applied last.
    pub fn text(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(file)).ok()
    }

    /// Keeps the files of `plant` as applied.
    ///
    /// # Errors
    /// The disk does not take them; then the next plan shows too much, nothing else.
    pub fn keep(&self, plant: &Path) -> io::Result<()> {
        let (new, old) = (files(plant)?, files(&self.0).unwrap_or_default());
        private_folder(&self.0)?;
        for file in old.keys().filter(|file| !new.contains_key(*file)) {
            std::fs::remove_file(self.0.join(file))?;
        }
        for (file, size) in new {
            let text = std::fs::read(plant.join(&file))?;
            let place = self.0.join(&file);
            if old.get(&file) == Some(&size) && std::fs::read(&place).is_ok_and(|kept| kept == text) {
                continue;
            }
            place.parent().map_or(Ok(()), private_folder)?;
            let fresh = place.with_extension("new");
            std::fs::write(&fresh, &text)?;
            std::fs::rename(&fresh, &place)?;
        }
        Ok(())
    }

    /// What `plant` says otherwise than what was applied last. Nothing if nothing was ever applied.
    ///
    /// # Errors
    /// The folders cannot be read.
    pub fn diff(&self, plant: &Path) -> io::Result<Vec<FileDiff>> {
        if !self.0.exists() {
            return Ok(Vec::new());
        }
        let (new, old) = (files(plant)?, files(&self.0)?);
        let mut found = Vec::new();
        for file in new.keys().chain(old.keys().filter(|file| !new.contains_key(*file))) {
            let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap_or_default();
            let (before, after) = (read(&self.0), read(plant));
            if before != after && found.len() < MOST_FILES {
                found.push(FileDiff { file: file.clone(), diff: unified(file, &before, &after) });
            }
        }
        Ok(found)
    }
}

/// The configuration files of a folder with their sizes.
fn files(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for sub in FOLDERS {
        let entries = match std::fs::read_dir(folder.join(sub)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !sub.is_empty() => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let wanted = (name.ends_with(".toml") || name.ends_with(".csv")) && !name.starts_with('.');
            let meta = entry.metadata()?;
            if wanted && meta.is_file() {
                let file = if sub.is_empty() { name } else { format!("{sub}/{name}") };
                found.insert(file, meta.len());
            }
        }
    }
    Ok(found)
}

fn unified(file: &str, before: &[u8], after: &[u8]) -> String {
    if before.len().max(after.len()) > LARGEST {
        return String::new();
    }
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let compared = TextDiff::configure().timeout(PATIENCE).diff_lines(&*before, &*after);
    let mut text = compared.unified_diff().context_radius(2).header(file, file).to_string();
    if text.len() > LONGEST_DIFF {
        let end = (0..=LONGEST_DIFF).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n... the rest is left out\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_since_the_last_apply_is_told_by_line() {
        let (plant, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |file: &str, text: &str| {
            let path = plant.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("ironbridge.toml", "site = \"x\"\n");
        write("connections/line-1.toml", "kind = \"modbus-tcp\"\nhost = \"192.0.2.1\"\n");
        write("connections/tags.csv", "name,at\n");
        write("notes.txt", "not ours");
        let applied = Applied::new(data.path());
        assert!(applied.diff(plant.path()).unwrap().is_empty(), "nothing was applied yet");
        applied.keep(plant.path()).unwrap();
        assert!(applied.diff(plant.path()).unwrap().is_empty());
        write("connections/line-1.toml", "kind = \"modbus-tcp\"\nhost = \"192.0.2.2\"\n");
        write("destinations/hq.toml", "kind = \"mqtt\"\n");
        std::fs::remove_file(plant.path().join("connections/tags.csv")).unwrap();
        let found = applied.diff(plant.path()).unwrap();
        let names: Vec<&str> = found.iter().map(|one| one.file.as_str()).collect();
        assert_eq!(names, ["connections/line-1.toml", "destinations/hq.toml", "connections/tags.csv"]);
        assert!(
            found[0].diff.contains("-host = \"192.0.2.1\"\n+host = \"192.0.2.2\"\n"),
            "{}",
            found[0].diff
        );
        applied.keep(plant.path()).unwrap();
        assert!(applied.diff(plant.path()).unwrap().is_empty());
        assert_eq!(applied.text("destinations/hq.toml").as_deref(), Some("kind = \"mqtt\"\n"));
        assert!(applied.text("connections/tags.csv").is_none());
    }
}
