//! The air-handling unit of the packaging hall: a BACnet/IP controller with priorities.

use super::{Device, Later, Made, Opening, Point, Scene, host, point};
use crate::bacnet::{Conduct, Device as Controller, Object, Rules, Server, Site, listen};
use crate::demo::tag::states;
use crate::plant::{AIR_HANDLING_STATES, Machine, Plant};
use model::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use wire::bacnet::table::{object_type_number, property};
use wire::bacnet::{ObjectId, Value as Wire};

/// The set-point and the fan, which people command.
const SETPOINT: &str = "AV1";
const FAN: &str = "BO1";
/// Engineering units (21): degrees Celsius, percent, cubic metres per hour, pascals.
const UNITS: [(&str, u32); 4] = [("Cel", 62), ("%", 98), ("m3/h", 135), ("Pa", 53)];

pub(super) static MACHINE: Made = Made {
    name: "air-handling",
    machine: Machine::AirHandling,
    protocol: "BACnet/IP",
    about: "The air-handling unit of the packaging hall: a BACnet controller that tells changes.",
    connection: |address| {
        let head = host("bacnet-ip", address);
        format!("{head}scan = {{ normal = \"2s\" }}\n")
    },
    at: "utilities/air-handling",
    device: "instance = 1001\ncov = true\n",
    asset: ["AirHandling", "Air handling, packaging hall", "Utilities", "utilities"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("name = \"State\", {}", states(&AIR_HANDLING_STATES, 1));
    vec![
        point("supply", "AI1", "", r#"unit = "Cel", range = [10, 40], name = "Supply air""#, |s| {
            Value::F64(s.plant.air_handling.supply)
        }),
        point("extract", "AI2", "", r#"unit = "Cel", range = [10, 40], name = "Extract air""#, |s| {
            Value::F64(s.plant.air_handling.extract)
        }),
        point("outdoor", "AI3", "", r#"unit = "Cel", range = [-20, 40], name = "Outdoor air""#, |s| {
            Value::F64(s.plant.roof.temperature)
        }),
        point("flow", "AI4", "", r#"unit = "m3/h", range = [0, 16000], name = "Air flow""#, |s| {
            Value::F64(s.plant.air_handling.flow)
        }),
        point(
            "filter",
            "AI5",
            "",
            r#"unit = "Pa", range = [0, 400], name = "Pressure over the filter""#,
            |s| Value::F64(s.plant.air_handling.filter),
        ),
        point("filter_dirty", "BI1", "", r#"name = "Filter dirty""#, |s| {
            Value::Bool(s.plant.air_handling.filter_dirty())
        }),
        point("heating", "AO1", "", r#"unit = "%", range = [0, 100], name = "Heating valve""#, |s| {
            Value::F64(s.plant.air_handling.heating)
        }),
        point("cooling", "AO2", "", r#"unit = "%", range = [0, 100], name = "Cooling valve""#, |s| {
            Value::F64(s.plant.air_handling.cooling)
        }),
        point("state", "MSV1", "", &state, |s| Value::U64(u64::from(s.plant.air_handling.state()) + 1)),
        point("fan", FAN, "", r#"name = "Fan", priority = 10, write = {}"#, |_| Value::None),
        point(
            "setpoint",
            SETPOINT,
            "",
            r#"unit = "Cel", range = [16, 26], name = "Set-point of the supply air", priority = 10, write = { min = 16, max = 26 }"#,
            |_| Value::None,
        ),
        point("held", "AV1 held", "", r#"name = "Our set-point counts", priority = 10, write = {}"#, |_| {
            Value::None
        }),
    ]
}

/// The object of an address like `AI1`; `None` for what is no object's value.
fn object(at: &str) -> Option<ObjectId> {
    let (kind, instance) = at.split_at(at.find(|c: char| c.is_ascii_digit())?);
    Some(ObjectId::new(object_type_number(kind)?, instance.parse().ok()?))
}

/// The unit that a point's configuration names.
fn unit(text: &str) -> Option<u32> {
    UNITS.iter().find(|(name, _)| text.contains(&format!("unit = \"{name}\""))).map(|(_, number)| *number)
}

/// The display name in a point's configuration.
fn title(text: &str) -> &str {
    text.split_once("name = \"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(name, _)| name)
}

fn objects() -> impl Iterator<Item = (ObjectId, Object)> {
    points().into_iter().filter_map(|point| {
        let id = object(point.at)?;
        let commandable = matches!(point.at, SETPOINT | FAN);
        let first = match (id.kind, point.at) {
            (_, SETPOINT) => Wire::Real(20.0),
            (_, FAN) => Wire::Enumerated(1),
            (0..=2, _) => Wire::Real(0.0),
            (3..=5, _) => Wire::Enumerated(0),
            _ => Wire::Unsigned(1),
        };
        let mut object = Object::new(title(&point.text), first);
        object.increment = if point.text.contains("m3/h") { 50.0 } else { 0.1 };
        if let Some(unit) = unit(&point.text) {
            object = object.with(property::UNITS, vec![Wire::Enumerated(unit)]);
        }
        if id.kind == 19 {
            let texts = AIR_HANDLING_STATES.map(|state| Wire::Text(state.into()));
            object = object.with(property::STATE_TEXT, texts.into());
        }
        Some((id, if commandable { object.commandable() } else { object }))
    })
}

struct AirHandling(Server, Arc<Controller>);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let controller = Arc::new(Controller::new(1_001, Rules::default(), objects()));
        let server = listen(address, Site::new(Arc::clone(&controller))).await?;
        Ok(Box::new(AirHandling(server, controller)) as Box<dyn Device>)
    })
}

impl AirHandling {
    fn value(&self, at: &str) -> Option<Wire> {
        self.1.with(object(at)?, |object| object.value.first().cloned()).flatten()
    }
}

impl Device for AirHandling {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        for point in points {
            let shown = match (point.get)(scene) {
                Value::F64(number) => Wire::Real(number as f32),
                Value::U64(number) => Wire::Unsigned(number),
                Value::Bool(on) => Wire::Enumerated(on.into()),
                _ => continue,
            };
            if let Some(id) = object(point.at) {
                self.1.with(id, |object| object.value = vec![shown]);
            }
        }
    }

    fn take(&self, plant: &mut Plant) {
        if let Some(Wire::Real(setpoint)) = self.value(SETPOINT) {
            plant.air_handling.setpoint = setpoint.into();
        }
        if let Some(Wire::Enumerated(on)) = self.value(FAN) {
            plant.air_handling.fan = on == 1;
        }
    }

    fn set_present(&self, present: bool) {
        self.1.set_conduct(if present { Conduct::Sound } else { Conduct::Silent });
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}
