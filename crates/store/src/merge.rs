//! Merging: small segments of a day become one. A sample is rewritten at most twice (level 0 to 1 to 2).

use crate::catalogue::{About, Catalogue, DAY, Entry};
use crate::error::StoreError;
use crate::rollup::{self, HOUR, RollupWriter};
use crate::run::{Run, Stamps, join};
use crate::segment::read::Segment;
use crate::segment::write::{Levels, SLICE_ROWS, Writer, slice_rows};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

/// The highest level; never merged again.
pub(crate) const TOP: u8 = 2;
/// Segments with more samples are big enough.
const BIG_ROWS: u64 = 256 << 20;
/// Most inputs of one merge.
const MOST_INPUTS: usize = 64;

/// What to merge.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub inputs: Vec<Arc<Entry>>,
    pub level: u8,
    pub day: Option<i32>,
}

/// The most useful merge, if there is one. `today` is the day of the clock; `settled` says whether nothing more is
/// written to a day for the present.
pub(crate) fn plan(catalogue: &Catalogue, fan: usize, settled: impl Fn(Option<i32>) -> bool) -> Option<Job> {
    let mut days: BTreeMap<Option<i32>, Vec<Arc<Entry>>> = BTreeMap::new();
    for segment in catalogue.segments.iter().filter(|s| s.level < TOP && s.rows < BIG_ROWS) {
        days.entry(segment.day).or_default().push(Arc::clone(segment));
    }
    for (day, mut all) in days {
        all.sort_by_key(|s| (s.from, s.id));
        let of = |level: u8| all.iter().filter(|s| s.level == level).cloned().collect::<Vec<_>>();
        let (zero, one) = (of(0), of(1));
        if day.is_some() && settled(day) && (all.len() > 1 || !zero.is_empty()) {
            all.truncate(MOST_INPUTS);
            return Some(Job { inputs: all, level: TOP, day });
        }
        for (mut inputs, level) in [(zero, 1), (one, TOP)] {
            if inputs.len() >= fan {
                inputs.truncate(MOST_INPUTS);
                return Some(Job { inputs, level, day });
            }
        }
    }
    None
}

/// Times joined once for all points that share them.
#[derive(Default)]
struct Joiner {
    known: HashMap<Vec<usize>, Arc<Stamps>>,
}

impl Joiner {
    fn join(&mut self, mut runs: Vec<Arc<Run>>) -> Option<Arc<Run>> {
        runs.sort_by_key(|r| (r.stamps.time.first().copied(), r.stamps.seq.first().copied()));
        let key: Vec<usize> = runs.iter().map(|r| Arc::as_ptr(&r.stamps) as usize).collect();
        let ordered =
            runs.windows(2).all(|w| matches!(w, [a, b] if a.stamps.time.last() < b.stamps.time.first()));
        if runs.len() < 2 || !ordered {
            return join(runs);
        }
        let stamps = Arc::clone(self.known.entry(key).or_insert_with(|| {
            let mut all = Stamps { flags: crate::run::Few::All(0), ..Stamps::default() };
            runs.iter().for_each(|r| all.append(&r.stamps));
            Arc::new(all)
        }));
        let mut runs = runs.into_iter();
        let mut whole = (*runs.next()?).clone();
        let mut len = whole.len();
        for run in runs {
            whole.status.append(len, &run.status, run.len());
            whole.values.append(&run.values);
            len += run.len();
        }
        whole.stamps = stamps;
        Some(Arc::new(whole))
    }
}

/// Cuts runs at a time, keeping shared times shared.
fn cut(runs: &[Arc<Run>], at: i64) -> (Vec<Arc<Run>>, Vec<Arc<Run>>) {
    let mut known: HashMap<usize, (usize, Arc<Stamps>, Arc<Stamps>)> = HashMap::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for run in runs {
        let (row, head, tail) = known.entry(Arc::as_ptr(&run.stamps) as usize).or_insert_with(|| {
            let row = run.stamps.lower(at);
            (row, Arc::new(run.stamps.slice(0, row)), Arc::new(run.stamps.slice(row, run.len())))
        });
        let part = |stamps: &Arc<Stamps>, from: usize, to: usize| {
            let (values, status) = (run.values.slice(from, to), run.status.slice(from, to));
            Arc::new(Run { point: run.point, stamps: Arc::clone(stamps), values, status })
        };
        if *row > 0 {
            before.push(part(head, 0, *row));
        }
        if *row < run.len() {
            after.push(part(tail, *row, run.len()));
        }
    }
    (before, after)
}

/// Where the runs of a scan group stand.
struct Source {
    segment: usize,
    group: usize,
    runs: Vec<usize>,
    from: i64,
    rows: usize,
}

/// What the merge of one group holds in memory.
struct GroupMerge<'a> {
    key: u64,
    writer: &'a mut Writer<BufWriter<File>>,
    rollups: &'a mut RollupWriter,
    keep_from: &'a dyn Fn(u32) -> i64,
    expired: u64,
    stop: &'a dyn Fn() -> bool,
}

impl GroupMerge<'_> {
    /// Joins what is buffered and writes it: all of it, or whole slices of what is before `until`.
    fn write(
        &mut self,
        buffer: &mut BTreeMap<u32, Vec<Arc<Run>>>,
        until: Option<i64>,
    ) -> Result<(), StoreError> {
        let mut joiner = Joiner::default();
        let mut runs: Vec<Arc<Run>> =
            std::mem::take(buffer).into_values().filter_map(|r| joiner.join(r)).collect();
        if let Some(until) = until {
            let like = runs.iter().max_by_key(|r| r.len()).map(|r| Arc::clone(&r.stamps));
            let step = slice_rows(runs.len());
            let border = like.map_or(until, |like| {
                let whole = like.lower(until) / step * step;
                like.time.get(whole).copied().unwrap_or(until).min(until)
            });
            let (before, after) = cut(&runs, border);
            for run in after {
                buffer.entry(run.point).or_default().push(run);
            }
            runs = before;
        }
        let mut kept = Vec::with_capacity(runs.len());
        for run in runs {
            let run = self.without_expired(run);
            if !run.is_empty() {
                let mut buckets = Vec::new();
                // A bucket cut by a slice is written twice; readers add the parts.
                rollup::add_run(&run, i64::MIN, i64::MAX, 0, HOUR, &mut buckets);
                self.rollups.add(run.point, &buckets)?;
                kept.push(run);
            }
        }
        self.writer.group(self.key, &kept)
    }

    fn without_expired(&mut self, run: Arc<Run>) -> Arc<Run> {
        let gone = run.stamps.lower((self.keep_from)(run.point));
        self.expired += gone as u64;
        if gone == 0 { run } else { Arc::new(run.slice(gone, run.len())) }
    }

    fn merge(&mut self, segments: &[Arc<Segment>], mut sources: Vec<Source>) -> Result<(), StoreError> {
        sources.sort_by_key(|s| s.from);
        let mut buffer: BTreeMap<u32, Vec<Arc<Run>>> = BTreeMap::new();
        let mut rows = 0;
        for (at, source) in sources.iter().enumerate() {
            if (self.stop)() {
                return Err(StoreError::Journal("stopped".into()));
            }
            let Some(segment) = segments.get(source.segment) else { continue };
            let mut reader = segment.group(source.group)?;
            for run in &source.runs {
                let run = reader.run(*run)?;
                buffer.entry(run.point).or_default().push(Arc::new(run));
            }
            rows += source.rows;
            let next = sources.get(at + 1).map(|s| s.from);
            if let Some(next) = next.filter(|_| rows >= 2 * SLICE_ROWS) {
                // Overlapping inputs must not pile up: then all goes out, and readers sort.
                let until = if rows >= 8 * SLICE_ROWS { None } else { Some(next) };
                self.write(&mut buffer, until)?;
                rows = buffer.values().flatten().map(|r| r.len()).sum();
            }
        }
        self.write(&mut buffer, None)
    }
}

/// What a merge made.
pub(crate) struct Merged {
    /// The new segment; `None` if retention left nothing.
    pub entry: Option<Entry>,
    /// Samples that retention dropped.
    pub expired: u64,
}

fn sources_of(segments: &[Arc<Segment>]) -> BTreeMap<u64, Vec<Source>> {
    let mut all: BTreeMap<u64, Vec<Source>> = BTreeMap::new();
    for (s, segment) in segments.iter().enumerate() {
        for (g, group) in segment.index().groups.iter().enumerate() {
            let mut here: BTreeMap<u64, Source> = BTreeMap::new();
            for (r, run) in group.runs.iter().enumerate() {
                let source = here.entry(run.group).or_insert_with(|| Source {
                    segment: s,
                    group: g,
                    runs: Vec::new(),
                    from: run.from,
                    rows: 0,
                });
                source.runs.push(r);
                source.from = source.from.min(run.from);
                source.rows += run.rows as usize;
            }
            for (key, source) in here {
                all.entry(key).or_default().push(source);
            }
        }
    }
    all
}

/// Merges open `segments` into a temporary file in `dir`; the caller renames it and its rollups.
pub(crate) fn run(
    dir: &Path,
    job: &Job,
    segments: &[Arc<Segment>],
    id: u64,
    keep_from: &dyn Fn(u32) -> i64,
    stop: &dyn Fn() -> bool,
) -> Result<Merged, StoreError> {
    let mut entry = Entry {
        id,
        level: job.level,
        day: job.day,
        first: job.inputs.iter().map(|i| i.first).min().unwrap_or(0),
        last: job.inputs.iter().map(|i| i.last).max().unwrap_or(0),
        from: job.inputs.iter().map(|i| i.from).min().unwrap_or(0),
        to: job.inputs.iter().map(|i| i.to).max().unwrap_or(0),
        rows: 0,
        bytes: 0,
        rollup: 0,
    };
    let temporary = dir.join(format!("{}.tmp", entry.name()));
    let rollup_path = dir.join(format!("{}.tmp", crate::catalogue::rollup_name(&entry.name())));
    let file = File::create(&temporary).map_err(StoreError::io(&temporary))?;
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, file), Levels::SMALL)?;
    let mut rollups = RollupWriter::create(&rollup_path)?;
    let mut sources: Vec<(u64, Vec<Source>)> = sources_of(segments).into_iter().collect();
    let first_point = |s: &Source| Some(segments.get(s.segment)?.info(s.group, *s.runs.first()?)?.point);
    sources.sort_by_key(|(key, all)| (*key != 0, all.iter().filter_map(first_point).min()));
    let mut expired = 0;
    for (key, group) in sources {
        let mut merge =
            GroupMerge { key, writer: &mut writer, rollups: &mut rollups, keep_from, expired: 0, stop };
        merge.merge(segments, group)?;
        expired += merge.expired;
    }
    let replaces = job.inputs.iter().map(|i| i.id).collect();
    let (out, rows, (from, to)) = writer.finish(|rows, (from, to)| {
        About { entry: Entry { rows, from, to, ..entry.clone() }, replaces, with: Vec::new() }.text()
    })?;
    let file = out.into_inner().map_err(|e| StoreError::io(&temporary)(e.into_error()))?;
    file.sync_all().map_err(StoreError::io(&temporary))?;
    entry.bytes = file.metadata().map_err(StoreError::io(&temporary))?.len();
    (entry.rows, entry.from, entry.to) = (rows, from, to);
    entry.rollup = rollups.finish()?;
    if rows == 0 {
        for path in [temporary, rollup_path] {
            std::fs::remove_file(&path).map_err(StoreError::io(&path))?;
        }
        return Ok(Merged { entry: None, expired });
    }
    Ok(Merged { entry: Some(entry), expired })
}

/// Day of a time.
pub(crate) fn day_of(time: i64) -> i32 {
    i32::try_from(time.div_euclid(DAY)).unwrap_or(i32::MAX)
}
