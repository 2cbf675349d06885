//! The water treatment: a skid whose maker put an edge gateway in, which speaks Sparkplug B on a small broker of its own.

use super::{Device, Later, Made, Opening, Point, Scene, point};
use crate::demo::tag::states;
use crate::mqtt::{Server, Site, listen};
use crate::plant::{Machine, Plant, WATER_STATES};
use crate::sparkplug::{Metric, Node};
use model::Value;
use std::net::SocketAddr;
use std::sync::Arc;

const GROUP: &str = "aquapur";
const NODE: &str = "osmosis-12";
const TARGET: &str = "Tank/Target";

pub(super) static MACHINE: Made = Made {
    name: "water",
    machine: Machine::Water,
    protocol: "Sparkplug B, on its own small broker",
    about: "The water treatment: a skid with an edge gateway of its maker. What is not written down appears by its birth.",
    connection: |address| {
        format!("kind = \"sparkplug-host\"\nurl = \"mqtt://{address}\"\nversion = \"3.1.1\"\n")
    },
    at: "utilities/water",
    device: "edge = \"aquapur/osmosis-12\"\n",
    asset: ["WaterTreatment", "Water treatment", "Utilities", "utilities"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"State\", {}", states(&WATER_STATES, 0));
    vec![
        point("state", "State", "i64", &state, |s| Value::I64(s.plant.water.state().into())),
        point(
            "conductivity",
            "Permeate/Conductivity",
            "f64",
            r#"unit = "uS/cm", range = [0, 50], name = "Conductivity""#,
            |s| rounded(s.plant.water.conductivity, 10.0),
        ),
        point(
            "flow",
            "Permeate/Flow",
            "f64",
            r#"unit = "m3/h", range = [0, 12], name = "Water made""#,
            |s| rounded(s.plant.water.flow, 100.0),
        ),
        point(
            "level",
            "Tank/Level",
            "f64",
            r#"unit = "%", range = [0, 100], name = "Level of the tank""#,
            |s| rounded(s.plant.water.level, 100.0),
        ),
        point("total", "Permeate/Total", "f64", r#"unit = "m3", name = "Water made in all""#, |s| {
            rounded(s.plant.water.total, 1_000.0)
        }),
        point(
            "target",
            TARGET,
            "f64",
            r#"unit = "%", range = [0, 100], name = "Level to keep", write = { min = 40, max = 90 }"#,
            |s| rounded(s.plant.water.target, 10.0),
        ),
    ]
}

/// What nobody wrote down: the birth makes these points.
fn found(plant: &Plant) -> [Metric<'static>; 2] {
    let metric = |name, unit, value| Metric { name, unit, value };
    [
        metric("Feed/Pressure", "bar", rounded(plant.water.pressure, 10.0)),
        metric("Feed/Temperature", "Cel", rounded(plant.water.temperature, 10.0)),
    ]
}

fn rounded(number: f64, parts: f64) -> Value {
    Value::F64((number * parts).round() / parts)
}

struct Water {
    server: Server,
    node: Node,
}

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let server = listen(address, Arc::new(Site::default())).await?;
        Ok(Box::new(Water { server, node: Node::new(GROUP, NODE) }) as Box<dyn Device>)
    })
}

impl Device for Water {
    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        let written =
            points.iter().map(|point| Metric { name: point.at, unit: "", value: (point.get)(scene) });
        let metrics: Vec<Metric<'_>> = written.chain(found(scene.plant)).collect();
        self.node.show(self.server.device(), &metrics, scene.wall);
    }

    fn take(&self, plant: &mut Plant) {
        for (name, value) in self.node.commands(self.server.device()) {
            if let Some(wanted) = value.as_f64().filter(|wanted| name == TARGET && wanted.is_finite()) {
                plant.water.target = wanted.clamp(20.0, 95.0);
            }
        }
    }

    fn set_present(&self, present: bool) {
        self.server.device().set_silent(!present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.server.shutdown())
    }
}
