//! The folder: names of files, what is there, what is removed. Every call blocks.

use model::{Position, Time};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where files go.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The destination's name: its files begin with it.
    pub(super) name: String,
    pub(super) extension: &'static str,
    /// Folders for years, months and days.
    pub(super) by_day: bool,
    pub(super) keep: Keep,
}

/// How much stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keep {
    pub(super) age: Option<Duration>,
    pub(super) bytes: Option<u64>,
}

/// What a file holds, as its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) begin: Time,
    pub(super) first: Position,
    pub(super) last: Position,
    /// Sent again on request.
    pub(super) again: bool,
}

struct There {
    stretch: Stretch,
    path: PathBuf,
    bytes: u64,
}

impl Folder {
    /// Makes the folder, removes what a crash left half written; the last position that stands in a whole file.
    pub(super) fn open(&self) -> io::Result<Position> {
        fs::create_dir_all(&self.path)?;
        for past in [false, true] {
            match fs::remove_file(self.part(past)) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
                _ => {}
            }
        }
        let all = self.all()?;
        let live = all.iter().filter(|there| !there.stretch.again);
        Ok(live.map(|there| there.stretch.last).max().unwrap_or_default())
    }

    /// The file that is being written.
    pub(super) fn part(&self, past: bool) -> PathBuf {
        self.path.join(format!(".{}{}.part", self.name, if past { "_again" } else { "" }))
    }

    /// `NAME_20261122T190000Z_FIRST-LAST.csv`, in the folder of its day if days have some.
    fn place(&self, stretch: &Stretch) -> PathBuf {
        let stamp = stretch.begin.rfc3339();
        let part = |from: usize, to: usize| stamp.get(from..to).unwrap_or_default();
        let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
        let again = if stretch.again { "_again" } else { "" };
        let file = format!(
            "{}{again}_{year}{month}{day}T{}{}{}Z_{}-{}.{}",
            self.name,
            part(11, 13),
            part(14, 16),
            part(17, 19),
            stretch.first.as_i64(),
            stretch.last.as_i64(),
            self.extension
        );
        if self.by_day {
            self.path.join(format!("year={year}/month={month}/day={day}")).join(file)
        } else {
            self.path.join(file)
        }
    }

    /// What a name says; `None` for files that are not ours.
    fn read(&self, file: &str) -> Option<Stretch> {
        let rest = file.strip_prefix(&self.name)?.strip_suffix(self.extension)?.strip_suffix('.')?;
        let (again, rest) = match rest.strip_prefix("_again_") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix('_')?),
        };
        let (stamp, positions) = rest.split_once('_')?;
        let part = |from: usize, to: usize| stamp.get(from..to);
        let text = format!(
            "{}-{}-{}T{}:{}:{}Z",
            part(0, 4)?,
            part(4, 6)?,
            part(6, 8)?,
            part(9, 11)?,
            part(11, 13)?,
            part(13, 15)?
        );
        let (first, last) = positions.split_once('-')?;
        Some(Stretch {
            begin: Time::parse_rfc3339(&text)?,
            first: Position(first.parse().ok()?),
            last: Position(last.parse().ok()?),
            again,
        })
    }

    /// The whole files that are there, oldest first.
    fn all(&self) -> io::Result<Vec<There>> {
        let mut found = Vec::new();
        self.look(&self.path, if self.by_day { 3 } else { 0 }, &mut found)?;
        found.sort_by_key(|there| there.stretch);
        Ok(found)
    }

    fn look(&self, folder: &Path, deeper: u32, found: &mut Vec<There>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if deeper > 0 && name.contains('=') {
                self.look(&entry.path(), deeper - 1, found)?;
            } else if let Some(stretch) = self.read(&name) {
                let bytes = entry.metadata().map(|meta| meta.len()).unwrap_or_default();
                found.push(There { stretch, path: entry.path(), bytes });
            }
        }
        Ok(())
    }

    /// The part becomes a whole file, durably; which one, and how many bytes it has.
    pub(super) fn complete(&self, stretch: &Stretch) -> io::Result<(PathBuf, u64)> {
        let place = self.place(stretch);
        let folder = place.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder)?;
        fs::rename(self.part(stretch.again), &place)?;
        File::open(folder)?.sync_all()?;
        File::open(&self.path)?.sync_all()?;
        let bytes = fs::metadata(&place)?.len();
        Ok((place, bytes))
    }

    /// Removes the oldest files beyond what is kept; which ones.
    pub(super) fn retain(&self, now: Time) -> io::Result<Vec<PathBuf>> {
        if self.keep.age.is_none() && self.keep.bytes.is_none() {
            return Ok(Vec::new());
        }
        let all = self.all()?;
        let mut total: u64 = all.iter().map(|there| there.bytes).sum();
        let mut removed = Vec::new();
        for there in all {
            let old = self.keep.age.is_some_and(|age| now.since(there.stretch.begin) > age);
            if !old && self.keep.bytes.is_none_or(|most| total <= most) {
                continue;
            }
            fs::remove_file(&there.path)?;
            total = total.saturating_sub(there.bytes);
            removed.push(there.path);
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path, by_day: bool, keep: Keep) -> Folder {
        Folder { path: path.to_owned(), name: "out".into(), extension: "csv", by_day, keep }
    }

    fn stretch(hour: i64, first: u64) -> Stretch {
        let begin = Time((1_795_000_000 + hour * 3600) * 1_000_000_000);
        Stretch { begin, first: Position(first), last: Position(first + 9), again: false }
    }

    fn write(folder: &Folder, stretch: &Stretch) {
        fs::write(folder.part(stretch.again), [0; 100]).unwrap();
        folder.complete(stretch).unwrap();
    }

    #[test]
    fn names_tell_what_is_there_and_half_files_go() {
        for by_day in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let folder = folder(dir.path(), by_day, Keep::default());
            assert_eq!(folder.open().unwrap(), Position::START);
            for (hour, first) in [(0, 10), (30, 20), (60, 30)] {
                write(&folder, &stretch(hour, first));
            }
            write(&folder, &Stretch { again: true, ..stretch(61, 500) });
            fs::write(folder.part(false), "half").unwrap();
            fs::write(dir.path().join("out_of_stock.csv"), "somebody else's").unwrap();
            assert_eq!(folder.open().unwrap(), Position(39), "what was sent again does not count");
            assert!(!folder.part(false).exists());
            let all: Vec<Stretch> = folder.all().unwrap().iter().map(|there| there.stretch).collect();
            assert_eq!(all[..3], [stretch(0, 10), stretch(30, 20), stretch(60, 30)]);
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let by_size = Keep { bytes: Some(250), age: None };
        let mut folder = folder(dir.path(), true, by_size);
        folder.open().unwrap();
        (0..5).for_each(|hour| write(&folder, &stretch(hour, 10 * hour.unsigned_abs())));
        let now = stretch(5, 0).begin;
        assert_eq!(folder.retain(now).unwrap().len(), 3);
        assert_eq!(folder.all().unwrap()[0].stretch, stretch(3, 30));
        folder.keep = Keep { age: Some(Duration::from_secs(3_700)), bytes: None };
        assert_eq!(folder.retain(now).unwrap().len(), 1);
        assert!(folder.retain(now).unwrap().is_empty());
    }
}
