//! The roof: photovoltaic inverter and weather station with one web service.

use super::{Device, Later, Made, Opening, Point, Scene, point};
use crate::demo::tag::states;
use crate::http::{Server, Site, listen};
use crate::plant::{INVERTER_STATES, Machine};
use model::Value;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) static MACHINE: Made = Made {
    name: "roof",
    machine: Machine::Roof,
    protocol: "HTTP, JSON at /status and /weather",
    about: "The roof: inverter and weather station, one web service.",
    connection: |address| {
        format!("kind = \"http\"\nurl = \"http://{address}\"\nscan = {{ normal = \"2s\" }}\n")
    },
    at: "utilities/roof",
    device: "time = \"/time\"                      # the documents carry their own time\n",
    asset: ["Photovoltaics", "Photovoltaics and weather", "Utilities", "utilities"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"Inverter\", {}", states(&INVERTER_STATES, 0));
    vec![
        point("state", "/status#/state", "u64", &state, |s| Value::U64(s.plant.roof.state().into())),
        point(
            "power",
            "/status#/power/total",
            "f64",
            r#"scale = 0.001, unit = "kW", range = [0, 120], name = "Feeding in""#,
            |s| tenths(s.plant.roof.power * 1000.0),
        ),
        point(
            "energy",
            "/status#/energy_wh",
            "u64",
            r#"scale = 0.001, unit = "kW.h", name = "Energy""#,
            |s| Value::U64(s.plant.roof.energy_wh as u64),
        ),
        point(
            "temperature",
            "/weather#/outdoor/temperature",
            "f64",
            r#"unit = "Cel", range = [-20, 40], name = "Outdoor temperature""#,
            |s| tenths(s.plant.roof.temperature),
        ),
        point(
            "humidity",
            "/weather#/outdoor/humidity",
            "f64",
            r#"unit = "%", range = [0, 100], name = "Humidity""#,
            |s| tenths(s.plant.roof.humidity),
        ),
        point("wind", "/weather#/wind", "f64", r#"unit = "m/s", range = [0, 30], name = "Wind""#, |s| {
            tenths(s.plant.roof.wind)
        }),
        point(
            "light",
            "/weather#/light",
            "f64",
            r#"unit = "W/m2", range = [0, 1200], name = "Light""#,
            |s| tenths(s.plant.roof.light),
        ),
    ]
}

fn tenths(number: f64) -> Value {
    Value::F64((number * 10.0).round() / 10.0)
}

struct Roof(Server);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        Ok(Box::new(Roof(listen(address, Arc::new(Site::default())).await?)) as Box<dyn Device>)
    })
}

impl Device for Roof {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        let mut documents: BTreeMap<&str, Json> = BTreeMap::new();
        for point in points {
            let Some((path, pointer)) = point.at.split_once('#') else { continue };
            let time = || Json::Object(Map::from_iter([("time".to_owned(), scene.wall.to_string().into())]));
            let mut place = documents.entry(path).or_insert_with(time);
            for member in pointer.split('/').skip(1) {
                let Json::Object(members) = place else { break };
                place = members.entry(member).or_insert_with(|| Json::Object(Map::new()));
            }
            *place = match (point.get)(scene) {
                Value::F64(number) => number.into(),
                Value::U64(number) => number.into(),
                _ => Json::Null,
            };
        }
        for (path, document) in documents {
            self.0.device().put(path, document.to_string());
        }
    }

    fn set_present(&self, present: bool) {
        self.0.device().set_silent(!present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}
