//! The labeller: a Siemens S7-1200 whose data block 10 holds everything.

use super::{Device, Later, Made, Opening, Point, Scene, host, point};
use crate::demo::tag::{packml_states, reason_of, state_of, states};
use crate::plant::packml::REASONS;
use crate::plant::{Machine, Plant};
use crate::s7::{Behaviour, Conduct, Cpu, Memory, Rules, Server, listen};
use model::Value;
use std::net::SocketAddr;
use std::sync::Arc;

/// The data block.
const DB: u16 = 10;
/// Byte of the set-point in it.
const CORRECTION: usize = 40;

pub(super) static MACHINE: Made = Made {
    name: "labeller",
    machine: Machine::Labeller,
    protocol: "Siemens S7",
    about: "The labeller: a Siemens S7-1200.",
    connection: |address| {
        let head = host("s7", address);
        format!("{head}slot = 1\nscan = {{ fast = \"250ms\", normal = \"1s\", slow = \"10s\" }}\n")
    },
    at: "packaging/line-1/labeller",
    device: "",
    asset: ["Labeller", "Labeller", "Maintenance A", "line-1"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"State\", scan = \"fast\", {}", packml_states());
    let reason = format!("name = \"Stop reason\", {}", states(&REASONS, 0));
    vec![
        point(
            "speed",
            "DB10.DBD0",
            "REAL",
            r#"unit = "/min", scan = "fast", range = [0, 600], name = "Labels per minute""#,
            |s| Value::F64(s.plant.labeller.station.speed),
        ),
        point("state", "DB10.DBW4", "INT", &state, |s| Value::F64(state_of(&s.plant.labeller.station))),
        point("stop_reason", "DB10.DBW6", "INT", &reason, |s| {
            Value::F64(reason_of(&s.plant.labeller.station))
        }),
        point("good", "DB10.DBD8", "UDINT", r#"name = "Good labels""#, |s| {
            Value::U64(s.plant.labeller.station.good.into())
        }),
        point("rejects", "DB10.DBD12", "UDINT", r#"name = "Rejected labels""#, |s| {
            Value::U64(s.plant.labeller.station.rejects.into())
        }),
        point("roll", "DB10.DBD16", "REAL", r#"range = [0, 8000], name = "Labels on the roll""#, |s| {
            Value::F64(s.plant.labeller.roll.max(0.0))
        }),
        point(
            "position",
            "DB10.DBD20",
            "REAL",
            r#"unit = "mm", range = [-3, 3], name = "Label position""#,
            |s| Value::F64(s.plant.labeller.position_mm),
        ),
        point(
            "drive_temp",
            "DB10.DBW24",
            "INT",
            r#"scale = 0.1, unit = "Cel", range = [0, 90], name = "Drive temperature""#,
            |s| Value::F64((s.plant.labeller.drive_temp * 10.0).round()),
        ),
        point("batch", "DB10.DBB26", "STRING", r#"length = 12, name = "Batch""#, |s| {
            Value::Text(s.plant.line.batch_id().into())
        }),
        point(
            "correction",
            "DB10.DBD40",
            "REAL",
            r#"unit = "mm", range = [-3, 3], name = "Position correction", write = { min = -2, max = 2, step = 1 }"#,
            |_| Value::None,
        ),
    ]
}

struct Labeller(Server);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let mut memory = Memory::default();
        memory.put(DB, CORRECTION, &0f32.to_be_bytes());
        "IB7 214-1AG40-0XB0".clone_into(&mut memory.identity.order);
        "CPU 1214C".clone_into(&mut memory.identity.module);
        let cpu = Cpu::new(1, memory).with(Rules { place: Some((0, 1)), ..Rules::default() });
        Ok(Box::new(Labeller(listen(address, Arc::new(cpu)).await?)) as Box<dyn Device>)
    })
}

impl Device for Labeller {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        // All in one step, so that no reader sees half of it.
        self.0.device().memory(|memory| {
            for point in points {
                let Some(at) = offset(point.at) else { continue };
                if let Some(bytes) = bytes(point.kind, &(point.get)(scene)) {
                    memory.put(DB, at, &bytes);
                }
            }
        });
    }

    fn take(&self, plant: &mut Plant) {
        let set = self.0.device().memory(|memory| {
            let bytes = memory.blocks.get(&DB)?.bytes.get(CORRECTION..)?.first_chunk::<4>().copied()?;
            Some(f64::from(f32::from_be_bytes(bytes))).filter(|set| set.is_finite())
        });
        if let Some(set) = set {
            plant.labeller.correction_mm = set.clamp(-3.0, 3.0);
        }
    }

    fn set_present(&self, present: bool) {
        let conduct = if present { Conduct::Sound } else { Conduct::Silent };
        if self.0.device().behaviour().conduct != conduct {
            self.0.device().set_behaviour(Behaviour::of(conduct));
        }
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}

/// Byte in the block: what stands behind the last letter of the address.
fn offset(at: &str) -> Option<usize> {
    at.rsplit(|letter: char| letter.is_ascii_alphabetic()).next()?.parse().ok()
}

/// A value as it lies in the block, high byte first. The casts saturate, as the conversions in a PLC do.
fn bytes(kind: &str, value: &Value) -> Option<Vec<u8>> {
    if let Value::Text(text) = value {
        let length = u8::try_from(text.len()).ok()?;
        return Some([&[12, length], text.as_bytes()].concat());
    }
    let number = value.as_f64()?;
    Some(match kind {
        "REAL" => (number as f32).to_be_bytes().to_vec(),
        "INT" => (number as i16).to_be_bytes().to_vec(),
        _ => (number as u32).to_be_bytes().to_vec(),
    })
}
