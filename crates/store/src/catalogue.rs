//! Which segments there are: a small file, replaced as a whole at every change. What is not in it does not exist.

use crate::error::StoreError;
use crate::segment::read::Segment;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of the catalogue file.
const FORMAT: u32 = 1;
const NAME: &str = "catalogue.json";
/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000_000;

/// One segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Number, never used again.
    pub id: u64,
    /// 0: written from the head; 1 and 2: merged once and twice.
    pub level: u8,
    /// Day since 1970 (UTC) of its samples; `None`: several days.
    pub day: Option<i32>,
    /// First journal position that went in.
    pub first: u64,
    /// Last one.
    pub last: u64,
    /// Earliest time, ns.
    pub from: i64,
    /// Latest time, ns.
    pub to: i64,
    /// Samples.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its rollup file; 0 if it has none.
    #[serde(default)]
    pub rollup: u64,
}

impl Entry {
    /// File name.
    pub fn name(&self) -> String {
        let day = self
            .day
            .map_or_else(|| "mixed".into(), |d| model::Time(i64::from(d) * DAY).rfc3339()[..10].to_string());
        format!("{day}.{:08}.L{}.parquet", self.id, self.level)
    }
}

/// What a segment says about itself; enough to make a lost catalogue anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub entry: Entry,
    /// Numbers of the segments that it replaces.
    pub replaces: Vec<u64>,
    /// Numbers of the segments written with it from the same positions.
    pub with: Vec<u64>,
}

impl About {
    /// As the file's metadata keep it.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    format: u32,
    /// Next number.
    pub next: u64,
    /// Last journal position that is in segments.
    pub consumed: u64,
    /// Samples dropped by retention since the beginning.
    pub expired: u64,
    /// In no order.
    pub segments: Vec<Arc<Entry>>,
}

/// What opening found besides the list.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Unfinished files of an interrupted flush or merge, removed.
    pub unfinished: Vec<String>,
    /// Files of the list that are not there.
    pub missing: Vec<String>,
    /// The list itself was damaged and made anew.
    pub rebuilt: Option<String>,
}

/// Writes `bytes` as `name` in `dir` so that after a crash there is the old or the new file.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = dir.join(format!("{name}.tmp"));
    let mut file = File::create(&temporary).map_err(StoreError::io(&temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(StoreError::io(&temporary))?;
    drop(file);
    fs::rename(&temporary, dir.join(name)).map_err(StoreError::io(&temporary))?;
    sync_dir(dir)
}

/// Makes names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(StoreError::io(dir))
}

fn names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let list = fs::read_dir(dir).map_err(StoreError::io(dir))?;
    Ok(list.filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect())
}

impl Catalogue {
    /// Reads the list of `dir`, or makes it anew from the segments; removes what a crash left unfinished
    /// (`clean`).
    pub(crate) fn open(dir: &Path, clean: bool) -> Result<(Self, Found), StoreError> {
        let mut found = Found::default();
        let path = dir.join(NAME);
        let list = match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<Self>(&bytes) {
                Ok(list) if list.format > FORMAT => {
                    return Err(StoreError::Newer { path, found: list.format, known: FORMAT });
                }
                Ok(list) => list,
                Err(e) => {
                    let aside = format!("{NAME}.corrupt");
                    found.rebuilt = Some(format!("{NAME}: {e}; kept as {aside}"));
                    if clean {
                        fs::rename(&path, dir.join(aside)).map_err(StoreError::io(&path))?;
                    }
                    Self::rebuild(dir)?
                }
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::rebuild(dir)?,
            Err(e) => return Err(StoreError::io(&path)(e)),
        };
        let list = list.sweep(dir, clean, &mut found)?;
        Ok((list, found))
    }

    fn sweep(mut self, dir: &Path, clean: bool, found: &mut Found) -> Result<Self, StoreError> {
        let there: HashSet<String> = names(dir)?.into_iter().collect();
        self.segments.retain(|s| {
            let keep = there.contains(&s.name());
            if !keep {
                found.missing.push(s.name());
            }
            keep
        });
        let mine: HashSet<String> =
            self.segments.iter().flat_map(|s| [s.name(), rollup_name(&s.name())]).collect();
        for name in there {
            let ours = name.ends_with(".parquet") || name.ends_with(".tmp");
            if ours && !mine.contains(&name) {
                if clean {
                    fs::remove_file(dir.join(&name)).map_err(StoreError::io(dir))?;
                }
                found.unfinished.push(name);
            }
        }
        Ok(self)
    }

    /// From what the segments say about themselves.
    fn rebuild(dir: &Path) -> Result<Self, StoreError> {
        let mut all = Vec::new();
        for name in names(dir)? {
            if name.ends_with(".parquet") && !name.ends_with(".1h.parquet") {
                match Segment::open(&dir.join(&name)) {
                    Ok(segment) => all.extend(serde_json::from_str::<About>(segment.about()).ok()),
                    Err(e @ StoreError::Newer { .. }) => return Err(e),
                    // Not in the list, it would be taken for unfinished and removed: set it aside instead.
                    Err(_) => set_aside(dir, &name)?,
                }
            }
        }
        let ids: HashSet<u64> = all.iter().map(|a| a.entry.id).collect();
        let replaced: HashSet<u64> = all.iter().flat_map(|a| a.replaces.iter().copied()).collect();
        let whole = |a: &About| a.with.iter().all(|w| ids.contains(w) || replaced.contains(w));
        let live: Vec<&About> = all.iter().filter(|a| !replaced.contains(&a.entry.id) && whole(a)).collect();
        Ok(Self {
            format: FORMAT,
            next: ids.iter().max().map_or(1, |m| m + 1),
            consumed: live.iter().map(|a| a.entry.last).max().unwrap_or(0),
            expired: 0,
            segments: live.into_iter().map(|a| Arc::new(a.entry.clone())).collect(),
        })
    }

    /// Writes the list of `dir`.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        let list = Self { format: FORMAT, ..self.clone() };
        let bytes = serde_json::to_vec(&list)
            .map_err(|e| StoreError::Damaged { path: dir.join(NAME), why: e.to_string() })?;
        replace(dir, NAME, &bytes)
    }
}

/// Renames a damaged file, so that nobody takes it for a segment and nobody loses it.
pub(crate) fn set_aside(dir: &Path, name: &str) -> Result<(), StoreError> {
    let from: PathBuf = dir.join(name);
    fs::rename(&from, dir.join(format!("{name}.corrupt"))).map_err(StoreError::io(&from))
}

/// Name of the rollup file of a segment.
pub(crate) fn rollup_name(segment: &str) -> String {
    segment.replace(".parquet", ".1h.parquet")
}
