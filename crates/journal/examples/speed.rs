//! What the journal costs: `cargo run --release -p journal --example speed [SCANS]`.
//!
//! 1,000 devices of 100 tags each, one batch per device and scan, appended as fast as the disk takes them. Prints,
//! per sample: time in `append`, CPU time of the writer thread (encoding, writing), CPU time of the keeper
//! (compression), bytes as written and as sealed, and the time to read everything back from files.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use journal::{Item, Journal, Options, RealDisk, Record, Start};
use model::{Batch, Each, PointId, Position, Shape, Status, SystemClock, Time, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEVICES: u32 = 1000;
const TAGS: u32 = 100;

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Between -n and n.
    fn around(&mut self, n: i64) -> i64 {
        (self.next() % (2 * n as u64 + 1)) as i64 - n
    }
}

type Next = fn(&mut Value, &mut Dice);

/// How one value follows another.
const LOADS: &[(&str, Next)] = &[
    ("int32 from a clock (bench/modbus/mbsim)", |v, _| step(v, 1000)),
    ("int32 random walk, steps to 100", |v, dice| {
        let by = dice.around(100);
        step(v, by);
    }),
    ("int32 random walk, steps to 10,000", |v, dice| {
        let by = dice.around(10_000);
        step(v, by);
    }),
    ("16-bit noise (no step at all)", |v, dice| *v = Value::I64((dice.next() & 0xFFFF) as i64)),
    ("double, 0.1 resolution, moving", |v, dice| {
        let x = v.as_f64().unwrap_or(20.0) * 10.0 + dice.around(2) as f64;
        *v = Value::F64(x.round() / 10.0);
    }),
    ("double from noisy float32", |v, dice| {
        *v = Value::F64(f64::from(230.0 + dice.around(4000) as f32 / 1000.0))
    }),
];

fn step(v: &mut Value, by: i64) {
    *v = Value::I64(v.as_i64().unwrap_or(0) + by);
}

/// CPU time of threads by name, in nanoseconds.
fn cpu_of(name: &str) -> u64 {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| {
            let dir = task.ok()?.path();
            let comm = std::fs::read_to_string(dir.join("comm")).ok()?;
            let stat = std::fs::read_to_string(dir.join("schedstat")).ok()?;
            (comm.trim() == name).then(|| stat.split(' ').next()?.parse::<u64>().ok())?
        })
        .sum()
}

/// Appends and flushes; returns the time in `append` and the time for everything.
fn append(journal: &Journal, next: Next, scans: u64) -> (Duration, Duration) {
    let shapes: Vec<_> = (0..DEVICES)
        .map(|d| Shape::new((d * TAGS + 1..=(d + 1) * TAGS).map(PointId).collect::<Vec<_>>()))
        .collect();
    let mut values = vec![vec![Value::I64(1_000_000); TAGS as usize]; DEVICES as usize];
    let mut dice = Dice(7);
    let (mut appending, start) = (Duration::ZERO, Instant::now());
    for scan in 0..scans {
        let mut batches = Vec::with_capacity(shapes.len());
        for (shape, values) in shapes.iter().zip(&mut values) {
            values.iter_mut().for_each(|v| next(v, &mut dice));
            let at = Time(
                1_700_000_000_000_000_000 + scan as i64 * 1_000_000_000 + dice.around(500_000) + 1_000_000,
            );
            batches.push(Record::Samples(Arc::new(Batch::polled(
                shape.clone(),
                at,
                Each::All(Status::GOOD),
                values.clone(),
            ))));
        }
        let before = Instant::now();
        for record in batches {
            journal.append(record);
        }
        appending += before.elapsed();
        while journal.head().seq() - journal.synced().seq() > 10_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    journal.flush().unwrap();
    (appending, start.elapsed())
}

/// Reads everything up to `end`; returns samples and time.
fn read(journal: &Journal, end: Position) -> (u64, Duration) {
    let (mut reader, began, mut read) = (journal.reader(Position::START), Instant::now(), 0_u64);
    while reader.position() < end {
        match reader.try_next() {
            Some(Item::Record { record, .. }) => read += record.samples(),
            other => panic!("{other:?}"),
        }
    }
    (read, began.elapsed())
}

fn run(name: &str, next: Next, scans: u64) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let options = Options { max_bytes: 64 << 30, ..Options::new(dir.path()) };
    let (journal, _) = Journal::open(options, RealDisk::shared(), SystemClock::shared()).unwrap();
    journal.cursor("pin", Start::Oldest).unwrap();
    let (appending, wall) = append(&journal, next, scans);
    let n = (scans * u64::from(DEVICES * TAGS)) as f64;
    let raw = journal.stats().bytes as f64;
    let writer = cpu_of("journal-writer") as f64;
    drop(journal);
    // A new start seals the last file too.
    let options = Options { max_bytes: 64 << 30, ring_bytes: 1 << 20, ..Options::new(dir.path()) };
    let began = Instant::now();
    let (journal, recovered) = Journal::open(options, RealDisk::shared(), SystemClock::shared()).unwrap();
    let opening = began.elapsed();
    journal.keep();
    let keeper = cpu_of("journal-keeper") as f64;
    let sealed = journal.stats().bytes as f64;
    let (read, reading) = read(&journal, recovered.end);
    assert_eq!(read as f64, n);
    println!("{name}");
    println!(
        "  append            {:8.2} ns/sample   {:6.0} ns/batch of {TAGS}",
        appending.as_nanos() as f64 / n,
        appending.as_nanos() as f64 * f64::from(TAGS) / n
    );
    println!(
        "  writer CPU        {:8.2} ns/sample   {:6.1} M samples/s on one core",
        writer / n,
        1e3 * n / writer
    );
    println!("  keeper CPU        {:8.2} ns/sample   (compression at the second start)", keeper / n);
    println!("  raw, sealed       {:8.3} {:8.3} B/sample", raw / n, sealed / n);
    println!(
        "  read from files   {:8.2} ns/sample   opening {} ms",
        reading.as_nanos() as f64 / n,
        opening.as_millis()
    );
    println!(
        "  all               {:8.2} M samples/s, making the data included",
        n / wall.as_secs_f64() / 1e6
    );
}

fn main() {
    let scans = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200);
    for (name, next) in LOADS {
        run(name, *next, scans);
    }
}
