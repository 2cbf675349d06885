//! Ironbridge about itself: points under `_ironbridge/`, every 10 s, and the journal's notices as events.

use super::House;
use journal::{Notice, State};
use model::event::severity;
use model::{Batch, Declaration, Each, Event, EventKind, Path, PointId, Shape, Status, Value, ValueType};
use namespace::Namespace;
use std::sync::Arc;
use std::time::Duration;

/// Own health is slow: at most 0.1 Hz a point.
const PERIOD: Duration = Duration::from_secs(10);
/// The first look: a rate needs some time.
const FIRST: Duration = Duration::from_secs(1);
/// How often notices of the journal become events.
const NOTICES: Duration = Duration::from_millis(500);

/// (path, unit, what it means)
const POINTS: &[(&str, &str, &str)] = &[
    ("_ironbridge/samples-per-second", "/s", "samples taken in, averaged over 10 s"),
    ("_ironbridge/cpu", "%", "processor time of Ironbridge; 100 % is one core"),
    ("_ironbridge/memory", "MB", "resident memory of Ironbridge"),
    ("_ironbridge/points-good", "%", "live points whose quality is Good"),
    ("_ironbridge/connections-lost", "", "connections that are not connected"),
    ("_ironbridge/journal/sync-latency", "ms", "duration of the last sync to disk"),
    ("_ironbridge/journal/size", "MB", "size of the journal on disk"),
    ("_ironbridge/journal/lost-samples", "", "samples that a failing disk cost since start"),
    ("_ironbridge/disk/free", "MB", "free space of the data folder's disk"),
    ("_ironbridge/tasks-failed", "", "tasks that failed inside Ironbridge since start"),
];

/// Publishes own health until told to stop.
pub async fn watch(house: Arc<House>) {
    let declarations = POINTS.iter().filter_map(|(path, unit, text)| {
        let mut point = Declaration::new(Path::new(path).ok()?, ValueType::F64);
        (point.unit, point.description) = ((*unit).into(), (*text).into());
        (point.connection, point.scan) = ("_ironbridge".into(), PERIOD);
        Some(point)
    });
    let ids = match house.namespace.declare(declarations) {
        Ok(ids) => ids,
        Err(why) => return tracing::error!(%why, "own health cannot be recorded"),
    };
    let shape = Shape::new(ids.into_iter().collect::<Vec<PointId>>());
    // What it took to start is no load.
    let mut before =
        Before { samples: house.namespace.samples(), cpu: cpu_time(), at: house.clock.monotonic() };
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + FIRST, PERIOD);
    loop {
        tokio::select! {
            () = house.supervisor.stopped() => return,
            _ = tick.tick() => {}
        }
        let values = measure(&house, &mut before);
        let values: Vec<Value> = values.into_iter().map(Value::F64).collect();
        house.namespace.publish(Batch::polled(
            shape.clone(),
            house.clock.now(),
            Each::All(Status::GOOD),
            values,
        ));
    }
}

struct Before {
    samples: u64,
    cpu: Duration,
    at: Duration,
}

/// One value for each of [`POINTS`].
fn measure(house: &House, before: &mut Before) -> [f64; 10] {
    let stats = house.namespace.journal().stats();
    let tree = house.namespace.points();
    let quality = house.namespace.count_quality(tree.ids());
    let (now, samples, cpu) = (house.clock.monotonic(), house.namespace.samples(), cpu_time());
    let seconds = (now - before.at).as_secs_f64().max(1e-3);
    let rate = samples.saturating_sub(before.samples) as f64 / seconds;
    let load = (cpu.saturating_sub(before.cpu)).as_secs_f64() / seconds * 100.0;
    *before = Before { samples, cpu, at: now };
    [
        rate,
        load,
        memory_mb(),
        quality.good as f64 * 100.0 / quality.total().max(1) as f64,
        house.connections_lost() as f64,
        stats.sync_latency.as_secs_f64() * 1e3,
        stats.bytes as f64 / 1e6,
        stats.lost_samples as f64,
        stats.free_bytes as f64 / 1e6,
        house.supervisor.panics() as f64,
    ]
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    // Fields 14 and 15 of /proc/self/stat, in ticks of 10 ms; the name in field 2 may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |n: usize| -> u64 {
        let after = stat.rsplit(')').next().unwrap_or_default();
        after.split_whitespace().nth(n).and_then(|t| t.parse().ok()).unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1000.0
}

/// Makes events of what the journal notices, and one lasting event of a failing disk.
pub async fn notices(house: Arc<House>) {
    let mut tick = tokio::time::interval(NOTICES);
    let mut failing: Option<Event> = None;
    loop {
        tokio::select! {
            () = house.supervisor.stopped() => return,
            _ = tick.tick() => {}
        }
        for (number, notice) in house.namespace.journal().take_notices().iter().enumerate() {
            tell(&house.namespace, number, notice);
        }
        for (number, notice) in house.store.take_notices().iter().enumerate() {
            let at = house.clock.now();
            let mut event = Event::info(
                EventKind::Fault,
                format!("history/{}/{number}", at.0),
                "history",
                at,
                notice.title(),
            );
            event.severity = severity::MEDIUM;
            house.namespace.event(event.explained(notice.detail(), notice.next_step()));
        }
        let stats = house.namespace.journal().stats();
        let now = house.clock.now();
        match (&failing, stats.state) {
            (None, State::Failing) => {
                let id = format!("journal/failing/{}", now.millis());
                let event = Event::active(EventKind::Fault, id, "journal", now, severity::CRITICAL, "The disk does not take data")
                    .explained(
                        format!("{}. Values are shown and kept in memory, but not recorded; what does not fit is counted.", stats.text),
                        "Free space on the disk of the data folder, or replace it.",
                    );
                house.namespace.event(event.clone());
                failing = Some(event);
            }
            (Some(event), state) if state != State::Failing => {
                house.namespace.event(event.cleared(now));
                failing = None;
            }
            _ => {}
        }
    }
}

fn tell(namespace: &Namespace, number: usize, notice: &Notice) {
    let now = namespace.clock().now();
    let id = format!("journal/{}/{number}", now.0);
    let mut event = Event::info(EventKind::Fault, id, "journal", now, notice.title());
    event.severity = match notice {
        Notice::CursorJumped { .. } | Notice::Lost { .. } | Notice::WriteFailed { .. } => severity::HIGH,
        Notice::CorruptFile { .. } | Notice::CorruptRange { .. } => severity::MEDIUM,
        Notice::TornTail { .. } | Notice::WriteRecovered { .. } | Notice::Trouble { .. } => severity::LOW,
    };
    event.text = notice.to_string();
    event.next = notice.next_step().to_owned();
    tracing::warn!(what = event.title, "journal");
    namespace.event(event);
}
