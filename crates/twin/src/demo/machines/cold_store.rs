//! The cold store: a controller with a small MQTT broker inside, one topic for each value.

use super::{Device, Later, Made, Opening, Point, Scene, point};
use crate::demo::tag::states;
use crate::mqtt::{Server, Site, listen};
use crate::plant::{COLD_STORE_STATES, Machine, Plant};
use model::Value;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where the set-point stands, and where a new one is sent.
const TARGET: &str = "cold-store/target";
const SET: &str = "cold-store/target/set";

pub(super) static MACHINE: Made = Made {
    name: "cold-store",
    machine: Machine::ColdStore,
    protocol: "MQTT 3.1.1, with its own small broker",
    about: "The cold store: its controller brings a small MQTT broker along.",
    connection: |address| format!("kind = \"mqtt-in\"\nurl = \"mqtt://{address}\"\nversion = \"3.1.1\"\n"),
    at: "packaging/cold-store",
    device: "retained = \"good\"                      # its own broker: what it keeps is what is true\n",
    asset: ["ColdStore", "Cold store", "Packaging", "line-1"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"State\", {}", states(&COLD_STORE_STATES, 0));
    vec![
        point("state", "cold-store/state", "u64", &state, |s| Value::U64(s.plant.cold_store.state().into())),
        point("front", "cold-store/zone/front", "f64", ZONE_FRONT, |s| tenths(s.plant.cold_store.zones[0])),
        point("back", "cold-store/zone/back", "f64", ZONE_BACK, |s| tenths(s.plant.cold_store.zones[1])),
        point(
            "humidity",
            "cold-store/humidity",
            "f64",
            r#"format = "raw", unit = "%", range = [0, 100], name = "Humidity""#,
            |s| tenths(s.plant.cold_store.humidity),
        ),
        point(
            "power",
            "cold-store/power",
            "f64",
            r#"format = "raw", unit = "kW", range = [0, 8], name = "Compressor""#,
            |s| tenths(s.plant.cold_store.power),
        ),
        point("door", "cold-store/door", "bool", r#"format = "raw", name = "Door open""#, |s| {
            Value::Bool(s.plant.cold_store.door_open)
        }),
        point(
            "target",
            TARGET,
            "f64",
            r#"format = "raw", unit = "Cel", range = [0, 10], name = "Target", command = "cold-store/target/set", write = { min = 2, max = 8 }"#,
            |s| tenths(s.plant.cold_store.target),
        ),
    ]
}

const ZONE_FRONT: &str =
    r#"format = "raw", unit = "Cel", range = [-5, 25], name = "Temperature at the front""#;
const ZONE_BACK: &str = r#"format = "raw", unit = "Cel", range = [-5, 25], name = "Temperature at the back""#;

fn tenths(number: f64) -> Value {
    Value::F64((number * 10.0).round() / 10.0)
}

struct ColdStore(Server);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        Ok(Box::new(ColdStore(listen(address, Arc::new(Site::default())).await?)) as Box<dyn Device>)
    })
}

impl Device for ColdStore {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        for point in points {
            let value = (point.get)(scene);
            if value != Value::None {
                self.0.device().put(point.at, value.to_string());
            }
        }
    }

    fn take(&self, plant: &mut Plant) {
        for (topic, payload) in self.0.device().commands() {
            let wanted = std::str::from_utf8(&payload).ok().and_then(|text| text.trim().parse::<f64>().ok());
            if let Some(wanted) = wanted.filter(|wanted| topic == SET && wanted.is_finite()) {
                plant.cold_store.target = wanted.clamp(0.0, 10.0);
            }
        }
    }

    fn set_present(&self, present: bool) {
        self.0.device().set_silent(!present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}
