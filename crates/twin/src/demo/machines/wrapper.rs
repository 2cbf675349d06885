//! The stretch wrapper: a CompactLogix with tags of its controller and of a program.

use super::{Device, Later, Made, Opening, Point, Scene, host, point};
use crate::demo::tag::{packml_states, states};
use crate::enip::{Controller, Program, Server, listen};
use crate::plant::packml::REASONS;
use crate::plant::{Machine, Plant};
use model::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use wire::enip::Elementary;

/// The set-point.
const TURNS: &str = "Wrapper.TurnsPerPallet";

pub(super) static MACHINE: Made = Made {
    name: "wrapper",
    machine: Machine::Wrapper,
    protocol: "EtherNet/IP",
    about: "The stretch wrapper: a CompactLogix.",
    connection: |address| {
        let head = host("ethernet-ip", address);
        format!("{head}scan = {{ fast = \"250ms\", normal = \"1s\" }}\n")
    },
    at: "packaging/wrapper",
    device: "",
    asset: ["StretchWrapper", "Stretch wrapper", "Maintenance B", "line-1"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"State\", scan = \"fast\", {}", packml_states());
    let reason = format!("name = \"Stop reason\", {}", states(&REASONS, 0));
    vec![
        point(
            "speed",
            "Wrapper.Speed",
            "",
            r#"unit = "/min", scan = "fast", range = [0, 15], name = "Table speed""#,
            |s| Value::F64(s.plant.wrapper.speed),
        ),
        point("state", "Wrapper.State", "", &state, |s| {
            Value::I64(s.plant.wrapper.machine.state().number().into())
        }),
        point("stop_reason", "Wrapper.Reason", "", &reason, |s| {
            Value::I64(s.plant.wrapper.machine.reason() as i64)
        }),
        point(
            "tension",
            "Wrapper.FilmTension",
            "",
            r#"unit = "N", range = [0, 150], name = "Film tension""#,
            |s| Value::F64(s.plant.wrapper.tension),
        ),
        point(
            "film",
            "Wrapper.FilmLeft",
            "",
            r#"unit = "m", range = [0, 1500], name = "Film on the roll""#,
            |s| Value::F64(s.plant.wrapper.film_m),
        ),
        point("pallets", "Program:Main.PalletCount", "", r#"name = "Pallets wrapped""#, |s| {
            Value::I64(s.plant.wrapper.pallets.into())
        }),
        point("label", "Program:Main.PalletLabel", "text", r#"name = "Pallet in the machine""#, |s| {
            Value::Text(s.plant.wrapper.label().into())
        }),
        point(
            "turns",
            TURNS,
            "",
            r#"range = [1, 30], name = "Turns per pallet", write = { min = 4, max = 20 }"#,
            |_| Value::None,
        ),
    ]
}

struct Wrapper(Server);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let mut program = Program::new("Wrapper");
        let (real, dint) = (Elementary::Real.into(), Elementary::Dint.into());
        let members = [
            ("Speed", real, 0),
            ("State", dint, 0),
            ("Reason", dint, 0),
            ("FilmTension", real, 0),
            ("FilmLeft", real, 0),
            ("TurnsPerPallet", dint, 0),
        ];
        let kind = program.structure("UDT_Wrapper", &members);
        program.tag("", "Wrapper", kind, [0; 3]);
        program.tag("Main", "PalletCount", Elementary::Dint, [0; 3]);
        program.tag("Main", "PalletLabel", Program::string(), [0; 3]);
        program.set(TURNS, &9i32.to_le_bytes()).map_err(io::Error::other)?;
        let controller = Arc::new(Controller::new(program));
        Ok(Box::new(Wrapper(listen(address, controller).await?)) as Box<dyn Device>)
    })
}

impl Device for Wrapper {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        for point in points {
            let shown = match (point.get)(scene) {
                Value::F64(number) => self.0.device().set(point.at, &(number as f32).to_le_bytes()),
                Value::I64(number) => self.0.device().set(point.at, &(number as i32).to_le_bytes()),
                Value::Text(text) => self.0.device().set_text(point.at, &text),
                _ => continue,
            };
            if let Err(error) = shown {
                tracing::warn!(%error, "the simulated wrapper");
            }
        }
    }

    fn take(&self, plant: &mut Plant) {
        let set = self.0.device().get(TURNS).ok().and_then(|bytes| bytes.first_chunk::<4>().copied());
        if let Some(set) = set {
            plant.wrapper.turns = i32::from_le_bytes(set);
        }
    }

    fn set_present(&self, present: bool) {
        self.0.device().set_silent(!present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}
