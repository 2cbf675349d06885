//! From the head to first-level segments: one file per day touched, all from the same journal positions.

use crate::catalogue::{About, Catalogue, DAY, Entry, sync_dir};
use crate::error::StoreError;
use crate::head::Frozen;
use crate::merge::day_of;
use crate::run::{Run, Stamps};
use crate::segment::write::{Levels, Writer};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

/// Days that get a file of their own in one flush; the rest goes into one mixed file.
const MOST_DAYS: usize = 3;

type Groups = Vec<(u64, Vec<Arc<Run>>)>;

/// Rows per day.
fn days(frozen: &Frozen) -> BTreeMap<i32, usize> {
    let mut days = BTreeMap::new();
    let mut last: Option<(*const Stamps, Vec<(i32, usize)>)> = None;
    for run in frozen.groups.iter().flat_map(|(_, runs)| runs) {
        let key = Arc::as_ptr(&run.stamps);
        if last.as_ref().is_none_or(|l| l.0 != key) {
            let mut counts = Vec::new();
            let mut at = 0;
            while let Some(time) = run.stamps.time.get(at) {
                let day = day_of(*time);
                let end = run.stamps.lower((i64::from(day) + 1).saturating_mul(DAY)).max(at + 1);
                counts.push((day, end - at));
                at = end;
            }
            last = Some((key, counts));
        }
        for (day, rows) in last.iter().flat_map(|l| &l.1) {
            *days.entry(*day).or_insert(0) += rows;
        }
    }
    days
}

/// Rows with a time in `from..to`, or outside all of `without`.
fn part(groups: &Groups, keep: impl Fn(&Stamps) -> Vec<(usize, usize)>) -> Groups {
    let mut known: HashMap<usize, Vec<(usize, usize, Arc<Stamps>)>> = HashMap::new();
    let mut out = Groups::new();
    for (key, runs) in groups {
        let mut kept = Vec::new();
        for run in runs {
            let parts = known.entry(Arc::as_ptr(&run.stamps) as usize).or_insert_with(|| {
                let cut = |(a, b)| (a, b, Arc::new(run.stamps.slice(a, b)));
                keep(&run.stamps).into_iter().map(cut).collect()
            });
            for (a, b, stamps) in parts {
                let (values, status) = (run.values.slice(*a, *b), run.status.slice(*a, *b));
                kept.push(Arc::new(Run { point: run.point, stamps: Arc::clone(stamps), values, status }));
            }
        }
        if !kept.is_empty() {
            out.push((*key, kept));
        }
    }
    out
}

fn day_rows(stamps: &Stamps, day: i32) -> (usize, usize) {
    let start = i64::from(day).saturating_mul(DAY);
    (stamps.lower(start), stamps.lower(start.saturating_add(DAY)))
}

/// The frozen head by day; `None` for the mixed rest.
fn parts(frozen: &Frozen) -> Vec<(Option<i32>, Groups)> {
    let days = days(frozen);
    if let (1, Some((day, _))) = (days.len(), days.first_key_value()) {
        return vec![(Some(*day), frozen.groups.clone())];
    }
    let mut by_rows: Vec<(usize, i32)> = days.iter().map(|(day, rows)| (*rows, *day)).collect();
    by_rows.sort_unstable_by(|a, b| b.cmp(a));
    let own: Vec<i32> = by_rows.iter().take(MOST_DAYS).map(|d| d.1).collect();
    let mut out = Vec::new();
    for day in &own {
        let of_day = |s: &Stamps| Some(day_rows(s, *day)).filter(|(a, b)| b > a).into_iter().collect();
        out.push((Some(*day), part(&frozen.groups, of_day)));
    }
    if days.len() > own.len() {
        let rest = |s: &Stamps| {
            let mut gaps: Vec<(usize, usize)> = own.iter().map(|d| day_rows(s, *d)).collect();
            gaps.sort_unstable();
            let (mut at, mut keep) = (0, Vec::new());
            for (a, b) in gaps {
                keep.push((at, a.max(at)));
                at = b.max(at);
            }
            keep.push((at, s.len()));
            keep.retain(|(a, b)| b > a);
            keep
        };
        out.push((None, part(&frozen.groups, rest)));
    }
    out
}

/// Names of the points at which a crash test may stop a flush or a merge.
pub type Step<'a> = &'a dyn Fn(&'static str) -> Result<(), StoreError>;

/// Writes the files of a flush; afterwards they have their names, but the catalogue does not know them.
pub(crate) fn write(
    dir: &Path,
    frozen: &Frozen,
    mut next: u64,
    step: Step<'_>,
) -> Result<Vec<Entry>, StoreError> {
    let parts = parts(frozen);
    let ids: Vec<u64> = (next..next + parts.len() as u64).collect();
    let mut entries = Vec::new();
    for (day, groups) in parts {
        let mut entry = Entry {
            id: next,
            level: 0,
            day,
            first: frozen.first.0,
            last: frozen.last.0,
            from: 0,
            to: 0,
            rows: 0,
            bytes: 0,
            rollup: 0,
        };
        next += 1;
        let path = dir.join(entry.name());
        let temporary = dir.join(format!("{}.tmp", entry.name()));
        let file = File::create(&temporary).map_err(StoreError::io(&temporary))?;
        let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, file), Levels::FAST)?;
        for (key, runs) in &groups {
            writer.group(*key, runs)?;
        }
        let (out, rows, (from, to)) = writer.finish(|rows, (from, to)| {
            About {
                entry: Entry { rows, from, to, ..entry.clone() },
                replaces: Vec::new(),
                with: ids.clone(),
            }
            .text()
        })?;
        step("written")?;
        let file = out.into_inner().map_err(|e| StoreError::io(&temporary)(e.into_error()))?;
        file.sync_all().map_err(StoreError::io(&temporary))?;
        (entry.rows, entry.from, entry.to) = (rows, from, to);
        entry.bytes = file.metadata().map_err(StoreError::io(&temporary))?.len();
        step("synced")?;
        fs::rename(&temporary, &path).map_err(StoreError::io(&temporary))?;
        step("renamed")?;
        entries.push(entry);
    }
    sync_dir(dir)?;
    Ok(entries)
}

/// Adds `entries` to the catalogue and writes it: the moment at which the flush has happened.
pub(crate) fn commit(
    dir: &Path,
    catalogue: &mut Catalogue,
    entries: Vec<Entry>,
    last: u64,
) -> Result<(), StoreError> {
    let mut new = catalogue.clone();
    new.next = new.next.max(entries.iter().map(|e| e.id + 1).max().unwrap_or(0));
    new.segments.extend(entries.into_iter().map(Arc::new));
    new.consumed = new.consumed.max(last);
    new.save(dir)?;
    *catalogue = new;
    Ok(())
}
