//! The bottle washer: an SLC 5/05 with numbered data files, and nobody who remembers its program.

use super::{Device, Later, Made, Opening, Point, Scene, host, point};
use crate::demo::tag::states;
use crate::enip::{Controller, DataFiles, Server, listen};
use crate::plant::{Machine, Plant, WASHER_STATES};
use model::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use wire::enip::pccc::{Family, FileKind};

/// The set-point.
const TARGET: &str = "F8:10";

pub(super) static MACHINE: Made = Made {
    name: "washer",
    machine: Machine::Washer,
    protocol: "PCCC over EtherNet/IP (SLC 500)",
    about: "The bottle washer: an old SLC 5/05.",
    connection: |address| {
        format!("{}scan = {{ fast = \"500ms\", normal = \"1s\" }}\n", host("pccc", address))
    },
    at: "packaging/washer",
    device: "",
    asset: ["BottleWasher", "Bottle washer", "Maintenance A", "line-1"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"State\", {}", states(&WASHER_STATES, 0));
    vec![
        point("state", "N7:0", "", &state, |s| Value::I64(s.plant.washer.state().into())),
        point(
            "speed",
            "N7:1",
            "",
            r#"unit = "/min", scan = "fast", range = [0, 600], name = "Bottles per minute""#,
            |s| Value::I64(s.plant.washer.speed as i64),
        ),
        point("bottles", "C5:0.ACC", "", r#"name = "Bottles washed""#, |s| {
            Value::I64(s.plant.washer.bottles().into())
        }),
        point(
            "caustic",
            "F8:0",
            "",
            r#"unit = "Cel", range = [0, 100], name = "Temperature of the bath""#,
            |s| Value::F64(s.plant.washer.caustic),
        ),
        point(
            "strength",
            "F8:1",
            "",
            r#"unit = "mS/cm", range = [0, 200], name = "Strength of the bath""#,
            |s| Value::F64(s.plant.washer.strength),
        ),
        point("rinse", "F8:2", "", r#"unit = "bar", range = [0, 6], name = "Rinsing water""#, |s| {
            Value::F64(s.plant.washer.rinse)
        }),
        point("steam", "B3:0/4", "", r#"name = "Steam valve open""#, |s| Value::Bool(s.plant.washer.steam())),
        point(
            "target",
            TARGET,
            "",
            r#"unit = "Cel", range = [0, 100], name = "Target of the bath", write = { min = 60, max = 85 }"#,
            |_| Value::None,
        ),
    ]
}

struct Washer(Server);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let files = DataFiles::new(Family::Slc)
            .with(FileKind::Bit, 3, 2)
            .with(FileKind::Counter, 5, 1)
            .with(FileKind::Integer, 7, 10)
            .with(FileKind::Float, 8, 11);
        files.set(TARGET, &78f32.to_le_bytes());
        Ok(Box::new(Washer(listen(address, Arc::new(Controller::with_files(files))).await?))
            as Box<dyn Device>)
    })
}

impl Washer {
    fn files(&self) -> Option<&DataFiles> {
        self.0.device().files()
    }

    /// Sets or clears a bit, `B3:0/4`, and leaves its neighbours.
    fn put_bit(files: &DataFiles, at: &str, on: bool) -> bool {
        let Some((word, bit)) = at.split_once('/') else { return false };
        let Some(mask) = bit.parse().ok().and_then(|bit| 1u16.checked_shl(bit)) else { return false };
        let is = files.get(word).and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u16::from_le_bytes);
        files.set(word, &if on { is | mask } else { is & !mask }.to_le_bytes())
    }
}

impl Device for Washer {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        let Some(files) = self.files() else { return };
        for point in points {
            let shown = match (point.get)(scene) {
                Value::F64(number) => files.set(point.at, &(number as f32).to_le_bytes()),
                Value::I64(number) => files.set(point.at, &(number as i16).to_le_bytes()),
                Value::Bool(on) => Self::put_bit(files, point.at, on),
                _ => continue,
            };
            if !shown {
                tracing::warn!(at = point.at, "the simulated washer has no such address");
            }
        }
    }

    fn take(&self, plant: &mut Plant) {
        let set = self.files().and_then(|files| files.get(TARGET)?.first_chunk().copied());
        let wanted = set.map(f32::from_le_bytes).filter(|wanted| wanted.is_finite());
        if let Some(wanted) = wanted {
            plant.washer.target = f64::from(wanted).clamp(0.0, 95.0);
        }
    }

    fn set_present(&self, present: bool) {
        self.0.device().set_silent(!present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}
