//! What the tests of every driver stand on: a namespace, and a running connection to look at.

use super::{Driver, Handle, Wheel, run};
use crate::kind::{Built, Security};
use journal::{Journal, Options, RealDisk};
use model::{Clock, Command, Declaration, Last, Outcome, Path, Principal, Role, Time, Value};
use namespace::{Authority, Entry, Ledger, Namespace, Settings};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Wall clock of the paused runtime.
struct RuntimeClock(Instant);
impl Clock for RuntimeClock {
    fn now(&self) -> Time {
        Time::from_millis(1_767_225_600_000).after(self.monotonic())
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

struct Everybody;
impl Authority for Everybody {
    fn may_write(&self, _: &Principal, _: &Path) -> Result<(), String> {
        Ok(())
    }
}
struct Nowhere;
impl Ledger for Nowhere {
    fn record(&self, _: Entry) -> Result<(), String> {
        Ok(())
    }
}

/// A namespace in which everybody may write, in the time of the paused runtime.
pub(super) fn namespace() -> (Namespace, tempfile::TempDir) {
    namespace_holding(64 << 20)
}

/// The same, whose journal holds so many bytes of recent records in memory.
pub(super) fn namespace_holding(ring_bytes: usize) -> (Namespace, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(RuntimeClock(Instant::now()));
    let (journal, recovered) =
        Journal::open(Options { ring_bytes, ..Options::new(dir.path()) }, Arc::new(RealDisk), clock.clone())
            .unwrap();
    let settings = Settings {
        max_skew: Duration::from_secs(5),
        writes_on: true,
        authority: Arc::new(Everybody),
        ledger: Arc::new(Nowhere),
    };
    (Namespace::open(journal, recovered, clock, settings), dir)
}

/// What may be held more after the hour than after its first minutes, in bytes: what a session leaves behind, times the
/// sessions, would be far more.
const SLACK: u64 = 12 << 20;

/// Resident bytes of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// Lets an hour pass in which devices come and go: nothing piles up. `minute` is called at the beginning of each, `came`
/// counts how often somebody came back.
pub(super) async fn an_hour_of_flapping(mut minute: impl FnMut(u32), came: impl Fn() -> u64) {
    let mut early = (0, 0);
    for number in 1..=60 {
        minute(number);
        tokio::time::sleep(Duration::from_secs(60)).await;
        if number == 10 {
            early = (resident(), came());
        }
    }
    let (late, opened) = (resident(), came());
    assert!(opened > early.1 * 4, "it went on flapping: {} times, then {opened}", early.1);
    assert!(late < early.0 + SLACK, "{} MB, then {} MB", early.0 >> 20, late >> 20);
}

/// Numbers below the one that is asked with, always the same for a seed (xorshift64).
pub(in crate::south) fn random(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    }
}

/// Cuts, grows and flips in up to so many places.
pub(in crate::south) fn spoil(bytes: &mut Vec<u8>, places: u64, random: &mut impl FnMut(u64) -> u64) {
    for _ in 0..places {
        let at = random(bytes.len() as u64 + 1) as usize;
        match random(3) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random(256) as u8),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random(8)),
        }
    }
}

/// A million inputs that were sound once; `look` gets a random number, too, for choices of its own, and says whether it was
/// understood. Enough must be understood and enough refused, or the test proves nothing.
pub(in crate::south) fn a_million(seed: u64, sound: &[&[u8]], mut look: impl FnMut(&[u8], u64) -> bool) {
    const ALL: u64 = 1_000_000;
    let (mut random, mut understood) = (random(seed), 0u64);
    for _ in 0..ALL {
        let mut bytes = sound[random(sound.len() as u64) as usize].to_vec();
        let places = random(4);
        spoil(&mut bytes, places, &mut random);
        understood += u64::from(look(&bytes, random(u64::MAX)));
    }
    assert!((ALL / 20..ALL - ALL / 20).contains(&understood), "{understood}");
}

/// A running connection `line-1`.
pub(super) struct Rig {
    pub(super) namespace: Namespace,
    pub(super) handle: Handle,
    _dir: tempfile::TempDir,
}

/// The newest sample of a point below `acme/leeds`.
pub(super) fn last(namespace: &Namespace, path: &str) -> Last {
    let id = namespace.find(&format!("acme/leeds/{path}")).unwrap_or_else(|| panic!("no point {path}"));
    namespace.last(id).unwrap()
}

/// Every value that a point below `acme/leeds` ever had, from the journal.
pub(super) fn history(namespace: &Namespace, path: &str) -> Vec<(Value, model::Status)> {
    let id = namespace.find(&format!("acme/leeds/{path}")).unwrap();
    let mut reader = namespace.journal().reader(model::Position::default());
    let mut all = Vec::new();
    while let Some(item) = reader.try_next() {
        if let journal::Item::Record { record: journal::Record::Samples(batch), .. } = item {
            all.extend(batch.rows().filter(|row| row.0 == id).map(|row| (row.3.clone(), row.2)));
        }
    }
    all
}

impl Rig {
    /// Starts a driver with its points.
    pub(super) fn start(kind: &'static str, it: Box<dyn Driver>, points: Vec<Arc<Declaration>>) -> Self {
        let (namespace, dir) = namespace();
        let built = Built {
            it,
            points,
            claims: Vec::new(),
            expected: Vec::new(),
            endpoint: "plc".into(),
            security: Security::none("pipe"),
        };
        let handle = run("line-1", kind, built, &namespace, &Arc::new(Wheel::new())).unwrap();
        Self { namespace, handle, _dir: dir }
    }

    pub(super) fn last(&self, path: &str) -> Last {
        last(&self.namespace, path)
    }

    /// Every value that a point ever had, from the journal.
    pub(super) fn history(&self, path: &str) -> Vec<(Value, model::Status)> {
        history(&self.namespace, path)
    }

    /// Lets time pass until `condition` holds, at most some minutes.
    pub(super) async fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !condition(self) {
            assert!(start.elapsed() < Duration::from_secs(500), "{what}: {:#?}", self.handle.status());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        start.elapsed()
    }

    pub(super) async fn write(&self, path: &str, value: Value) -> Outcome {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let command = Command {
            id: NUMBER.fetch_add(1, Ordering::SeqCst).to_string(),
            path: Path::new(&format!("acme/leeds/{path}")).unwrap(),
            value,
            expires: self.namespace.clock().now().after(Duration::from_secs(60)),
            reason: "test".into(),
        };
        let anna = Principal { name: "user:anna".into(), role: Role::Operator, prefix: None };
        self.namespace.command(&anna, command).await
    }
}
