//! The thread that merges and applies retention.

use crate::catalogue::{Entry, rollup_name, sync_dir};
use crate::error::StoreError;
use crate::merge::{self, Job, day_of};
use crate::options::{Rule, StoreNotice};
use crate::segment::read::Segment;
use crate::store::Inner;
use model::Time;
use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often retention is looked at.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

pub(crate) fn spawn(inner: &Arc<Inner>) -> Result<JoinHandle<()>, StoreError> {
    let inner = Arc::clone(inner);
    std::thread::Builder::new()
        .name("store-keeper".into())
        .spawn(move || keep(&inner))
        .map_err(StoreError::io("thread"))
}

fn keep(inner: &Inner) {
    let mut expired_at: Option<Duration> = None;
    // When each day was last written to, as far as seen.
    let mut written: HashMap<i32, (u64, Duration)> = HashMap::new();
    while !inner.stopping.load(Ordering::SeqCst) {
        let now = inner.clock.monotonic();
        for segment in &inner.snapshot().catalogue.segments {
            if let Some(day) = segment.day.filter(|_| segment.level == 0) {
                let slot = written.entry(day).or_insert((segment.id, now));
                if segment.id > slot.0 {
                    *slot = (segment.id, now);
                }
            }
        }
        let today = day_of(inner.clock.now().0);
        let settled = |day: Option<i32>| {
            day.is_some_and(|d| {
                let quiet = written.get(&d).is_none_or(|w| now.saturating_sub(w.1) >= inner.options.settle);
                d < today && quiet
            })
        };
        let merged = merge_one(inner, &settled).unwrap_or_else(|e| {
            inner.counters.lock().merge_failures += 1;
            tracing::warn!(error = %e, "a merge of history files failed; it is tried again");
            false
        });
        if expired_at.is_none_or(|at| now.saturating_sub(at) >= EXPIRE_EVERY) {
            expired_at = Some(now);
            if let Err(e) = expire(inner) {
                tracing::warn!(error = %e, "retention failed; it is tried again");
            }
        }
        if !merged {
            written.retain(|_, w| now.saturating_sub(w.1) < inner.options.settle * 2 + EXPIRE_EVERY);
            let mut asked = inner.asked.lock();
            if !asked.stop {
                inner.merge_wake.wait_for(&mut asked, EXPIRE_EVERY / 4);
            }
        }
    }
}

/// Does the most useful merge; whether there was one.
pub(crate) fn merge_one(inner: &Inner, settled: &dyn Fn(Option<i32>) -> bool) -> Result<bool, StoreError> {
    let catalogue = inner.snapshot().catalogue;
    let Some(job) = merge::plan(&catalogue, inner.options.merge_fan.max(2), settled) else {
        return Ok(false);
    };
    let cutoffs = Cutoffs::of(inner)?;
    perform(inner, &job, &cutoffs)?;
    inner.counters.lock().merges += 1;
    Ok(true)
}

/// Merges `job` and puts the result in the place of its inputs.
fn perform(inner: &Inner, job: &Job, cutoffs: &Cutoffs) -> Result<(), StoreError> {
    let dir = inner.segments_dir();
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    let mut job = job.clone();
    let mut readable = Vec::new();
    for input in &job.inputs {
        // Not through the cache: a merge would push out what people look at.
        match Segment::open(&dir.join(input.name())) {
            Ok(segment) => {
                segments.push(Arc::new(segment));
                readable.push(Arc::clone(input));
            }
            Err(e) => inner.unreadable(input, e)?,
        }
    }
    job.inputs = readable;
    if job.inputs.is_empty() {
        return Ok(());
    }
    let id = inner.next_id.fetch_add(1, Ordering::SeqCst);
    let stop = || inner.stopping.load(Ordering::SeqCst) && inner.options.background;
    let merged = merge::run(&dir, &job, &segments, id, &|point| cutoffs.of_point(point), &stop);
    let merged = match merged {
        Ok(merged) => merged,
        Err(StoreError::Damaged { path, why }) => {
            let culprit = job.inputs.iter().find(|i| path.ends_with(i.name()));
            return match culprit {
                Some(input) => inner.unreadable(input, StoreError::Damaged { path, why }),
                None => Err(StoreError::Damaged { path, why }),
            };
        }
        Err(e) => return Err(e),
    };
    inner.reached("merged")?;
    if let Some(entry) = &merged.entry {
        let name = entry.name();
        for name in [rollup_name(&name), name] {
            let temporary = dir.join(format!("{name}.tmp"));
            fs::rename(&temporary, dir.join(&name)).map_err(StoreError::io(&temporary))?;
        }
        sync_dir(&dir)?;
    }
    inner.reached("merge renamed")?;
    let gone: Vec<u64> = job.inputs.iter().map(|i| i.id).collect();
    inner.exchange(&gone, merged.entry, merged.expired)?;
    if merged.expired > 0 {
        let before = Time(cutoffs.newest()).rfc3339();
        inner.notice(StoreNotice::Expired {
            rows: merged.expired,
            before,
            why: "age or size of a rule".into(),
        });
    }
    Ok(())
}

/// From which time on samples of each point are kept.
pub(crate) struct Cutoffs {
    of: HashMap<u32, i64>,
    /// Of points that no declaration names: the most general rule, if it is `**`.
    rest: i64,
}

impl Cutoffs {
    fn of_point(&self, point: u32) -> i64 {
        self.of.get(&point).copied().unwrap_or(self.rest)
    }

    fn newest(&self) -> i64 {
        self.of.values().copied().max().unwrap_or(i64::MIN).max(self.rest)
    }

    fn of(inner: &Inner) -> Result<Self, StoreError> {
        let rules = &inner.options.retention;
        let mut limits = Vec::new();
        let mut by_rule: HashMap<u32, usize> = HashMap::new();
        if !rules.is_empty() {
            for point in inner.metadata.lock().newest() {
                if let Some(rule) = rules.iter().position(|r| point.declaration.path.matches(&r.pattern)) {
                    by_rule.insert(point.point.0, rule);
                }
            }
        }
        for (at, rule) in rules.iter().enumerate() {
            limits.push(limit(inner, rule, at, &by_rule)?);
        }
        let all = rules.iter().position(|r| r.pattern == "**");
        Ok(Self {
            of: by_rule.into_iter().map(|(p, r)| (p, limits.get(r).copied().unwrap_or(i64::MIN))).collect(),
            rest: all.and_then(|r| limits.get(r).copied()).unwrap_or(i64::MIN),
        })
    }
}

/// The oldest time that a rule keeps.
fn limit(inner: &Inner, rule: &Rule, at: usize, by_rule: &HashMap<u32, usize>) -> Result<i64, StoreError> {
    let by_age = rule.max_age.map_or(i64::MIN, |age| inner.clock.now().before(age).0);
    let Some(most) = rule.max_bytes else { return Ok(by_age) };
    let mut segments = inner.snapshot().catalogue.segments.clone();
    segments.sort_by_key(|s| std::cmp::Reverse(s.to));
    let mut bytes = 0.0;
    for entry in segments {
        let Some(segment) = inner.segment(&entry)? else { continue };
        let runs = segment.index().groups.iter().flat_map(|g| &g.runs);
        let rows: u64 = runs.filter(|r| by_rule.get(&r.point) == Some(&at)).map(|r| u64::from(r.rows)).sum();
        bytes += entry.bytes as f64 * rows as f64 / entry.rows.max(1) as f64;
        if bytes > most as f64 {
            return Ok(by_age.max(entry.to.saturating_add(1)));
        }
    }
    Ok(by_age)
}

fn drop_whole(inner: &Inner, entry: &Entry, why: &str) -> Result<(), StoreError> {
    inner.exchange(&[entry.id], None, entry.rows)?;
    let before = Time(entry.to.saturating_add(1)).rfc3339();
    inner.notice(StoreNotice::Expired { rows: entry.rows, before, why: why.into() });
    Ok(())
}

/// Applies retention.
pub(crate) fn expire(inner: &Inner) -> Result<(), StoreError> {
    by_rules(inner)?;
    let mut segments = inner.snapshot().catalogue.segments.clone();
    segments.sort_by_key(|s| s.to);
    let mut bytes: u64 = segments.iter().map(|s| s.bytes + s.rollup).sum();
    for entry in segments {
        if bytes <= inner.options.max_bytes {
            break;
        }
        bytes -= entry.bytes + entry.rollup;
        drop_whole(inner, &entry, "history had reached its bound in bytes")?;
    }
    let limit = inner.clock.now().before(inner.options.events_max_age);
    let gone = inner.events.lock().expire(limit)?;
    if !gone.is_empty() {
        let why = format!("events of {} were older than their bound", gone.join(", "));
        inner.notice(StoreNotice::Expired { rows: 0, before: limit.rfc3339(), why });
    }
    Ok(())
}

fn by_rules(inner: &Inner) -> Result<(), StoreError> {
    if inner.options.retention.is_empty() {
        return Ok(());
    }
    let cutoffs = Cutoffs::of(inner)?;
    let newest = cutoffs.newest();
    for entry in inner.snapshot().catalogue.segments.clone() {
        if entry.to >= newest {
            continue;
        }
        let Some(segment) = inner.segment(&entry)? else { continue };
        let points = segment.points();
        let gone = points.iter().filter(|p| cutoffs.of_point(**p) > entry.to).count();
        if gone == points.len() {
            drop_whole(inner, &entry, "older than its rule allows")?;
        } else if gone > 0 {
            let job = Job { inputs: vec![Arc::clone(&entry)], level: entry.level, day: entry.day };
            perform(inner, &job, &cutoffs)?;
        }
    }
    Ok(())
}
