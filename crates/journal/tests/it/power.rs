//! Power cuts at arbitrary moments on a disk that tears and forgets.

use crate::helpers::*;
use journal::{Item, Journal, Notice, Options, Record, SimDisk, Start};
use model::{Declaration, Event, EventKind, Path, PointId, Position, Shape, Time, Value, ValueType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What the world outside knows: it survives every cut.
#[derive(Default)]
struct World {
    appended: BTreeMap<Position, i64>,
    acknowledged: BTreeSet<Position>,
    numbers: BTreeMap<String, PointId>,
    tried: u32,
    cursor_saved: Position,
    cursor_acknowledged: Position,
    next: i64,
    highest: Position,
}

/// For the message: how many are missing, from where to where, and the newest that is there.
fn missing_of(wanted: &BTreeSet<Position>, seen: &BTreeMap<Position, i64>) -> String {
    let missing: Vec<_> = wanted.iter().filter(|p| !seen.contains_key(p)).collect();
    format!(
        "{} from {:?} to {:?}, newest seen {:?}",
        missing.len(),
        missing.first(),
        missing.last(),
        seen.keys().last()
    )
}

fn small() -> Options {
    Options {
        sync_interval: Duration::from_micros(200),
        sync_bytes: 2_000,
        ring_bytes: 1 << 20,
        file_bytes: 6_000,
        snapshot_bytes: 4_000,
        keep_interval: Duration::from_millis(1),
        ..options(FilePath::new("/journal"))
    }
}

impl World {
    fn check(&mut self, journal: &Journal, recovered: &journal::Recovered) {
        assert!(recovered.epoch > self.highest.epoch(), "a new epoch");
        let mut seen = BTreeMap::new();
        let mut last: BTreeMap<PointId, Value> = BTreeMap::new();
        let (mut before, mut gaps) = (Position::START, Vec::new());
        let mut reader = journal.reader(Position::START);
        while let Some(item) = reader.try_next() {
            assert!(item.position() > before, "positions increase");
            before = item.position();
            match item {
                Item::Gap { from, to, .. } => {
                    gaps.push((from, to));
                    let hit = self.acknowledged.range(from..=to).next();
                    assert_eq!(hit, None, "nothing acknowledged lies in a gap");
                }
                Item::Record { position, record } => {
                    if let Record::Samples(batch) = &record {
                        seen.insert(position, number_of(&record));
                        last.extend(batch.rows().map(|(id, _, _, value)| (id, value.clone())));
                    }
                }
            }
        }
        for position in &self.acknowledged {
            assert!(
                seen.contains_key(position),
                "{position} was acknowledged and is lost; {:?}; {:?}; {:?}; {gaps:?}",
                recovered.notices,
                journal.take_notices(),
                missing_of(&self.acknowledged, &seen)
            );
        }
        for (position, number) in &seen {
            assert_eq!(self.appended.get(position), Some(number), "nothing is invented");
        }
        let recovered: BTreeMap<_, _> = recovered.last.iter().map(|(id, l)| (*id, l.value.clone())).collect();
        assert_eq!(recovered, last, "snapshot and replay agree with the records");
        for (path, id) in &self.numbers {
            assert_eq!(journal.numbers().find(path), Some(*id), "numbers are permanent");
        }
        let cursor = journal.cursor("c", Start::Oldest).unwrap();
        assert!(cursor.position() >= self.cursor_saved, "{} {}", cursor.position(), self.cursor_saved);
        assert!(cursor.position() <= self.cursor_acknowledged);
        self.cursor_saved = cursor.position();
    }

    fn step(&mut self, journal: &Journal, disk: &SimDisk, shapes: &[Arc<Shape>], dice: &mut Dice) {
        match dice.below(30) {
            0 => disk.fail_syncs(dice.below(5), 1 + dice.below(2)),
            1 => disk.set_capacity(disk.used() + dice.below(3000)),
            2 | 3 => disk.set_capacity(u64::MAX),
            _ => {}
        }
        match dice.below(12) {
            0 => {
                let head = journal.head();
                if journal.flush().is_ok() {
                    let synced: Vec<_> =
                        self.appended.range(Position::new(head.epoch(), 0)..=head).map(|(p, _)| *p).collect();
                    self.acknowledged.extend(synced);
                }
            }
            1 => {
                let path = format!("p/{}", self.tried);
                self.tried += 1;
                let wanted = [(Path::new(&path).unwrap(), Vec::new())];
                if let Ok(ids) = journal.numbers().assign(&wanted) {
                    let new = self.numbers.values().all(|id| *id != ids[0]);
                    assert!(new, "no number is given twice");
                    self.numbers.insert(path, ids[0]);
                }
            }
            2 => {
                if let Ok(cursor) = journal.cursor("c", Start::Oldest) {
                    cursor.acknowledge(journal.head());
                    self.cursor_acknowledged = self.cursor_acknowledged.max(journal.head());
                    journal.keep();
                    self.cursor_saved = self.cursor_saved.max(cursor.saved());
                }
            }
            3 => {
                let event = Event::info(EventKind::Change, "e", "test", Time(1), "something");
                self.highest = journal.append(Record::Event(Arc::new(event)));
            }
            4 => {
                let path = Path::new("p/0").unwrap();
                let list = vec![(PointId(1), Arc::new(Declaration::new(path, ValueType::I64)))];
                self.highest = journal.append(Record::Declare(list.into()));
            }
            _ => {
                for _ in 0..=dice.below(6) {
                    let shape = &shapes[dice.below(shapes.len() as u64) as usize];
                    let position = journal.append(numbered(shape, self.next));
                    assert!(position > self.highest, "positions are never used again");
                    self.appended.insert(position, self.next);
                    (self.highest, self.next) = (position, self.next + 1);
                }
            }
        }
    }
}

fn run(seed: u64, cuts: u32) -> u32 {
    let mut dice = Dice(seed * 2 + 1);
    let mut world = World::default();
    let mut disk = SimDisk::new(seed);
    let mut torn = 0;
    for _ in 0..cuts {
        let shapes: Vec<_> = (0..5).map(|n| shape(n * 10 + 1, 1 + n * 3)).collect();
        if dice.below(4) == 0 {
            disk.cut_after(dice.below(20) + 1);
        }
        if let Ok((journal, recovered)) = Journal::open(small(), disk.shared(), clock()) {
            torn += recovered.notices.iter().filter(|n| matches!(n, Notice::TornTail { .. })).count() as u32;
            // The cut of the start is over, or has struck.
            disk.cut_after(u64::MAX);
            if !disk.is_off() {
                let pinned = journal.cursor("pin", Start::Oldest).is_ok();
                if pinned && !disk.is_off() {
                    world.check(&journal, &recovered);
                    disk.cut_after(dice.below(150) + 1);
                    for _ in 0..2000 {
                        if disk.is_off() {
                            break;
                        }
                        world.step(&journal, &disk, &shapes, &mut dice);
                    }
                }
            }
        }
        disk = disk.power_cut();
        disk.set_capacity(u64::MAX);
    }
    let (journal, recovered) =
        Journal::open(small(), disk.shared(), clock()).expect("the last start must succeed");
    world.check(&journal, &recovered);
    torn
}

#[test]
fn two_hundred_power_cuts() {
    let base: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_122);
    println!("SEED={base}");
    let mut torn = 0;
    for n in 0..40 {
        let seed = base + n;
        match std::panic::catch_unwind(|| run(seed, 5)) {
            Ok(n) => torn += n,
            Err(_) => panic!("failed with SEED={seed}"),
        }
    }
    assert!(torn > 0, "a test of torn tails must see some");
}
