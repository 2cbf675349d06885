//! The monitor about itself, as points under `_ironbridge/monitor/`, every 10 s.

use crate::house::House;
use connect::draft::segment;
use model::{Batch, Declaration, Each, Path, PointId, Shape, Status, Value, ValueType};
use std::sync::Arc;
use std::time::Duration;

/// Own health is slow: at most 0.1 Hz a point.
const PERIOD: Duration = Duration::from_secs(10);

/// Of the whole: name, unit, what it means.
const WHOLE: [(&str, &str, &str); 3] = [
    ("messages-per-second", "/s", "messages of control protocols that the monitor read"),
    ("assets", "", "machines that the monitor has seen since it started"),
    ("findings-open", "", "findings that somebody should look at"),
];
/// Of each interface.
const EACH: [(&str, &str, &str); 4] = [
    ("packets-per-second", "/s", "packets that passed"),
    ("bits-per-second", "bit/s", "bits that passed"),
    ("dropped", "", "packets for which the ring had no room, since start: lost"),
    ("not-decoded", "", "packets that were left out in floods, since start"),
];

/// Publishes until told to stop.
pub async fn watch(house: Arc<House>) {
    let watching = house.watching.clone();
    let mut declarations = Vec::new();
    let mut declare = |path: String, unit: &str, text: &str| {
        let Ok(path) = Path::new(&path) else { return };
        let mut point = Declaration::new(path, ValueType::F64);
        (point.unit, point.description) = (unit.into(), text.into());
        (point.connection, point.scan) = ("_ironbridge".into(), PERIOD);
        declarations.push(point);
    };
    for (name, unit, text) in WHOLE {
        declare(format!("_ironbridge/monitor/{name}"), unit, text);
    }
    for tap in &watching.taps {
        for (name, unit, text) in EACH {
            declare(format!("_ironbridge/monitor/{}/{name}", segment(&tap.name)), unit, text);
        }
    }
    let ids = match house.namespace.declare(declarations) {
        Ok(ids) => ids,
        Err(why) => return tracing::error!(%why, "the monitor's health cannot be recorded"),
    };
    let shape = Shape::new(ids.into_iter().collect::<Vec<PointId>>());
    let mut tick = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            () = house.supervisor.stopped() => return,
            _ = tick.tick() => {}
        }
        let seen = watching.seen.load();
        let open: usize = watching.findings.lock().open_by_level().values().sum();
        let mut values = vec![seen.messages_per_second, seen.report.assets.len() as f64, open as f64];
        for figures in watching.taps.iter().map(|tap| tap.figures()) {
            let (packets, bits) = figures.rates;
            values.extend([packets, bits, figures.dropped as f64, figures.left_out as f64]);
        }
        let values: Vec<Value> = values.into_iter().map(Value::F64).collect();
        let batch = Batch::polled(shape.clone(), house.clock.now(), Each::All(Status::GOOD), values);
        house.namespace.publish(batch);
    }
}
