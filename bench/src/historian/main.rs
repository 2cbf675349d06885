//! The historian alone: ingest through the journal (synced), segments, merges; bytes per sample; the reads of the
//! acceptance table; the same reads over a year of daily segments.
//!
//! ```sh
//! cargo run --release -p bench --bin bench-historian              # 4 h of 1,000 tags once a second
//! cargo run --release -p bench --bin bench-historian -- --hours 0.5 # less of it
//! cargo run --release -p bench --bin bench-historian -- --gen DIR # the files that gen.py wrote into DIR
//! ```

mod data;
mod http;
mod peers;

use data::{FIRST, Files, Plant, START_MS, Source, TAGS, Walks, Year, path};
use journal::{Journal, RealDisk, Record, Start};
use model::{Batch, Clock, Declaration, Each, PointId, Status, SystemClock, Time, ValueType};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Options, Order, Store, Trend};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (mut files, mut dir, mut hours) = (None, std::env::temp_dir(), 4.0);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or("each option needs a value: --gen DIR, --dir DIR, --hours H")?;
        match arg.as_str() {
            "--gen" => files = Some(PathBuf::from(value)),
            "--dir" => dir = PathBuf::from(value),
            "--hours" => hours = value.parse()?,
            _ => return Err("options: --gen DIR, --dir DIR, --hours H".into()),
        }
    }
    let scans = (hours * 3600.0) as usize;
    let work = tempfile::tempdir_in(&dir)?;
    println!("data in {}", work.path().display());
    println!("\n1,000 tags, once a second, {hours} h (generated while it runs)");
    run(&work.path().join("plant"), &mut Plant::new(7), scans, 0.55, true)?;
    if let Some(files) = files {
        println!("\nthe files of gen.py");
        let mut files = Files::open(&files)?;
        let scans = files.scans;
        run(&work.path().join("files"), &mut files, scans, 0.55, false)?;
    }
    println!("\nTSBS-like: 1,000 integer random walks, once a second, {hours} h");
    run(&work.path().join("walks"), &mut Walks::new(11), scans, 0.39, false)?;
    println!("\n365 daily segments of 50 points");
    year(&work.path().join("year"))
}

fn cpu(clock: ClockId) -> Duration {
    let t = clock_gettime(clock);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

/// A line of /proc/self/status in MiB.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn folder_bytes(dir: &Path, end: &str) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let ours = files.filter(|f| f.file_name().to_string_lossy().ends_with(end));
    ours.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum()
}

struct Opened {
    journal: Journal,
    store: Store,
}

fn open(dir: &Path) -> Result<Opened> {
    let clock: Arc<dyn Clock> = SystemClock::shared();
    // Small files, so that some are sealed before the end.
    let options = journal::Options { file_bytes: 8 << 20, ..journal::Options::new(dir.join("journal")) };
    let (journal, _) = Journal::open(options, RealDisk::shared(), Arc::clone(&clock))?;
    // As it runs in a plant; merges of a past day begin by hand, after the measured part, and count.
    let options = Options { background: false, ..Options::default() };
    let store = Store::open(dir.join("store"), &journal, clock, options)?;
    Ok(Opened { journal, store })
}

/// Makes the points known, so that the program finds them by their paths.
fn declare(journal: &Journal) -> Result<()> {
    let paths: Vec<model::Path> = (0..TAGS as u32)
        .map(|n| model::Path::new(&path(n + FIRST)))
        .collect::<std::result::Result<_, _>>()?;
    let wanted: Vec<_> = paths.iter().map(|path| (path.clone(), Vec::new())).collect();
    let ids = journal.numbers().assign(&wanted)?;
    assert_eq!(ids.first(), Some(&PointId(FIRST)), "the numbers that the samples carry");
    let declared =
        |(id, path): (PointId, &model::Path)| (id, Arc::new(Declaration::new(path.clone(), ValueType::F64)));
    let all: Vec<_> = ids.into_iter().zip(&paths).map(declared).collect();
    journal.append(Record::Declare(all.into()));
    Ok(())
}

/// Sends everything; the CPU time of making the values.
fn send(opened: &Opened, source: &mut dyn Source, scans: usize) -> Duration {
    let shapes = source.shapes().to_vec();
    let mut making = Duration::ZERO;
    let mut sent = 0u64;
    for t in 0..scans {
        let before = cpu(ClockId::ThreadCPUTime);
        let scan = source.scan(t);
        making += cpu(ClockId::ThreadCPUTime) - before;
        for (shape, (ms, values)) in shapes.iter().zip(scan) {
            sent += values.len() as u64;
            let batch =
                Batch::polled(Arc::clone(shape), Time::from_millis(ms), Each::All(Status::GOOD), values);
            opened.journal.append(Record::Samples(Arc::new(batch)));
        }
        // A source that is faster than the disk waits, as a device would be polled later: nothing may be dropped.
        while t % 16 == 0 && sent - opened.store.stats().samples > 400_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    making
}

fn run(dir: &Path, source: &mut dyn Source, scans: usize, most_bytes: f64, queries: bool) -> Result<()> {
    let opened = open(dir)?;
    declare(&opened.journal)?;
    for name in peers::DESTINATIONS {
        // The journal keeps what they have not had yet.
        opened.journal.cursor(&format!("destination/{name}"), Start::Oldest)?;
    }
    let (start, busy) = (Instant::now(), cpu(ClockId::ProcessCPUTime));
    let making = send(&opened, source, scans);
    opened.journal.flush()?;
    opened.store.flush();
    let flushed = opened.store.stats();
    opened.store.compact()?;
    let (wall, busy) = (start.elapsed(), cpu(ClockId::ProcessCPUTime) - busy);
    let stats = opened.store.stats();
    let samples = (scans * TAGS) as f64;
    assert_eq!(stats.rows as f64, samples, "every sample is in a segment");
    let cost = (busy - making).as_secs_f64();
    println!(
        "  ingest          {:>8.2} M samples/core-s   (at least 4: {:.2}x)   {:.1} s wall, {:.2} core-s without {:.2} for making the values",
        samples / cost / 1e6,
        samples / cost / 4e6,
        wall.as_secs_f64(),
        cost,
        making.as_secs_f64()
    );
    let bytes = stats.bytes as f64 / samples;
    let segments = folder_bytes(&dir.join("store/segments"), ".parquet") as f64 / samples;
    println!(
        "  size            {bytes:>8.3} B/sample           (at most {most_bytes}: {:.2}x)   files {segments:.3}; before merging {:.3}; {} files, then {}",
        bytes / most_bytes,
        flushed.bytes as f64 / samples,
        flushed.segments,
        stats.segments
    );
    println!(
        "  memory          {:>8.0} MiB at most         (at most 256), {:.0} now",
        memory("VmHWM"),
        memory("VmRSS")
    );
    let sealed = opened.journal.stats();
    println!(
        "  journal         {:>8.2} B/sample on disk, sealed files at {:.2} of their raw size",
        sealed.bytes as f64 / samples,
        sealed.sealed_ratio
    );
    if queries {
        reads(&opened.store, scans)?;
        opened.store.close();
        opened.journal.close()?;
        let again = open(dir)?;
        println!("  after a restart, first of each kind:");
        first_reads(&again.store, scans)?;
        again.store.close();
        again.journal.close()?;
        peers::deliver(dir, samples as usize)?;
        http::reads(dir, scans)?;
    }
    Ok(())
}

fn median(times: u32, mut work: impl FnMut(u32) -> Result<usize>) -> Result<(f64, f64, usize)> {
    let mut all = Vec::new();
    let mut count = 0;
    for i in 0..times {
        let start = Instant::now();
        count = work(i)?;
        all.push(start.elapsed().as_secs_f64() * 1e3);
    }
    all.sort_by(f64::total_cmp);
    Ok((bench::quantile(&all, 0.5), all.last().copied().unwrap_or(0.0), count))
}

fn line(name: &str, limit: f64, (median, worst, count): (f64, f64, usize)) {
    println!(
        "  {name:<32} {median:>8.3} ms median  (at most {limit}: {:.2}x)  worst {worst:.3} ms  {count} values",
        median / limit
    );
}

const HOUR_MS: i64 = 3_600_000;

fn raw(store: &Store, point: u32, to_ms: i64) -> Result<usize> {
    let (from, to) = (Time::from_millis(to_ms - HOUR_MS), Time::from_millis(to_ms));
    Ok(store.range(PointId(point + FIRST), from, to, usize::MAX, Order::Ascending)?.len())
}

fn average(store: &Store, point: u32, to_ms: i64) -> Result<usize> {
    let (from, to) = (Time::from_millis(to_ms - 4 * HOUR_MS), Time::from_millis(to_ms));
    let buckets = store.aggregate(&[PointId(point + FIRST)], from, to, Duration::from_secs(60))?;
    Ok(buckets.iter().flatten().filter_map(store::Bucket::mean).count())
}

fn hourly(store: &Store, points: &[PointId], to_ms: i64) -> Result<usize> {
    let (from, to) = (Time::from_millis(to_ms - 4 * HOUR_MS), Time::from_millis(to_ms));
    Ok(store
        .aggregate(points, from, to, Duration::from_secs(3600))?
        .iter()
        .flatten()
        .filter(|b| b.good > 0)
        .count())
}

fn hundred(i: u32) -> Vec<PointId> {
    (0..100).map(|n| PointId((n * 10 + i % 10) % TAGS as u32 + FIRST)).collect()
}

fn reads(store: &Store, scans: usize) -> Result<()> {
    let end = START_MS + scans as i64 * 1000;
    // A different point each time: the figures are not those of one cached column.
    line("one point raw 1 h", 1.0, median(200, |i| raw(store, i * 5 % 1000, end))?);
    line("one point 1-min average 4 h", 1.0, median(200, |i| average(store, i * 5 % 1000, end))?);
    line("100 points hourly max 4 h", 5.0, median(50, |i| hourly(store, &hundred(i), end))?);
    let all: Vec<PointId> = (0..TAGS as u32).map(|n| PointId(n + FIRST)).collect();
    let last = |_| Ok(all.iter().filter_map(|p| store.latest(*p, true).ok().flatten()).count());
    line("last value of 1,000, from disk", 1.0, median(5, last)?);
    println!("  {:<32} the last values of a running plant come from memory, not from here", "");
    Ok(())
}

fn first_reads(store: &Store, scans: usize) -> Result<()> {
    let end = START_MS + scans as i64 * 1000;
    line("one point raw 1 h, cold", 1.0, median(1, |_| raw(store, 350, end))?);
    line("1-min average 4 h, cold", 1.0, median(1, |_| average(store, 411, end))?);
    line("100 hourly max 4 h, cold", 5.0, median(1, |i| hourly(store, &hundred(i), end))?);
    Ok(())
}

fn year(dir: &Path) -> Result<()> {
    let opened = open(dir)?;
    let mut source = Year::new();
    let shapes = source.shapes().to_vec();
    let start = Instant::now();
    for day in 0..365usize {
        for t in day * 1440..(day + 1) * 1440 {
            for (shape, (ms, values)) in shapes.iter().zip(source.scan(t)) {
                let batch =
                    Batch::polled(Arc::clone(shape), Time::from_millis(ms), Each::All(Status::GOOD), values);
                opened.journal.append(Record::Samples(Arc::new(batch)));
            }
        }
        opened.store.flush();
    }
    opened.store.compact()?;
    let stats = opened.store.stats();
    println!(
        "  {} samples in {} segments, {:.3} B/sample, made in {:.1} s",
        stats.rows,
        stats.segments,
        stats.bytes as f64 / stats.rows as f64,
        start.elapsed().as_secs_f64()
    );
    let store = &opened.store;
    let end = |i: u32| START_MS + (1 + i64::from(i * 37 % 365)) * 24 * HOUR_MS;
    line("one point raw 1 h", 1.0, median(300, |i| raw(store, i % 50, end(i)))?);
    line("one point 1-min average 4 h", 1.0, median(300, |i| average(store, i % 50, end(i)))?);
    let fifty: Vec<PointId> = (0..50).map(|n| PointId(n + FIRST)).collect();
    line("50 points hourly max 4 h", 5.0, median(100, |i| hourly(store, &fifty, end(i)))?);
    let trend = |i: u32| {
        let all = store.trend(
            PointId(i % 50 + FIRST),
            Time::from_millis(START_MS),
            Time::from_millis(START_MS + 365 * 24 * HOUR_MS),
            800,
        )?;
        Ok(match all {
            Trend::Raw(samples) => samples.len(),
            Trend::Buckets { buckets, .. } => buckets.len(),
        })
    };
    line("trend of the year, first", 100.0, median(1, trend)?);
    line("trend of the year, another point", 100.0, median(20, trend)?);
    line("trend of the year, again", 100.0, median(20, |_| trend(7))?);
    println!(
        "  {:<32} {:.0} MiB at most, cache {:.1} MiB",
        "memory",
        memory("VmHWM"),
        store.stats().cache_bytes as f64 / 1048576.0
    );
    opened.store.close();
    Ok(())
}
