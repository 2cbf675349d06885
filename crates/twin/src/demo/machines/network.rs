//! The network cabinet: a switch and its power supply behind one SNMP agent. A machine that is off the network shows as a
//! port that is down.

use super::{Device, Later, Made, Opening, Point, Scene, host, point};
use crate::plant::{Cabinet, Machine};
use crate::snmp::{Agent, Server, listen};
use async_snmp::Value as Object;
use model::Value;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who may ask; there is no password, because a demonstration has no secrets.
const USER: &str = "demo";
/// The objects, by the names that the configuration uses.
const OBJECTS: [(&str, &[u32]); 7] = [
    ("sysDescr", &[1, 3, 6, 1, 2, 1, 1, 1]),
    ("sysUpTime", &[1, 3, 6, 1, 2, 1, 1, 3]),
    ("ifOperStatus", &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8]),
    ("ifHCInOctets", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6]),
    ("ifHCOutOctets", &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10]),
    ("upsEstimatedMinutesRemaining", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 3]),
    ("upsEstimatedChargeRemaining", &[1, 3, 6, 1, 2, 1, 33, 1, 2, 4]),
];
/// upsOutputSource, upsOutputPercentLoad of line 1, upsInputVoltage of line 1 (RFC 1628, 4.3 and 4.4).
const SOURCE: &str = "1.3.6.1.2.1.33.1.4.1.0";
const LOAD: &str = "1.3.6.1.2.1.33.1.4.4.1.5.1";
const INPUT: &str = "1.3.6.1.2.1.33.1.3.3.1.3.1";

pub(super) static MACHINE: Made = Made {
    name: "network",
    machine: Machine::Cabinet,
    protocol: "SNMP version 3, user demo",
    about: "The network cabinet: switch and power supply. Without passwords, which only a demonstration may do.",
    connection: |address| {
        let head = host("snmp", address);
        format!("{head}version = \"3\"\nuser = \"{USER}\"\nscan = {{ normal = \"2s\", slow = \"10s\" }}\n")
    },
    at: "utilities/network",
    device: "",
    asset: ["Network", "Network cabinet", "Plant IT", "utilities"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let port = |name, at, label, get| {
        let text = format!("name = \"Port {label}\", states = {{ 1 = \"Up\", 2 = \"Down\" }}");
        Point { name, at, kind: "", text, get }
    };
    let mut points = vec![
        point(
            "state",
            SOURCE,
            "integer",
            r#"name = "Power supply", states = { 2 = "Off", 3 = "Normal", 5 = "Battery" }"#,
            |_| Value::I64(3),
        ),
        point(
            "charge",
            "upsEstimatedChargeRemaining.0",
            "",
            r#"unit = "%", range = [0, 100], name = "Battery charge""#,
            |s| whole(s.plant.cabinet.charge),
        ),
        point(
            "minutes",
            "upsEstimatedMinutesRemaining.0",
            "",
            r#"unit = "min", name = "Battery lasts""#,
            |s| whole(s.plant.cabinet.minutes()),
        ),
        point("load", LOAD, "integer", r#"unit = "%", range = [0, 100], name = "Power supply load""#, |s| {
            whole(s.plant.cabinet.load)
        }),
        point("input", INPUT, "integer", r#"unit = "V", range = [0, 260], name = "Mains voltage""#, |s| {
            whole(s.plant.cabinet.input)
        }),
        point(
            "uptime",
            "sysUpTime.0",
            "",
            r#"scale = 0.01, unit = "s", scan = "slow", name = "Switch runs for""#,
            |s| Value::U64((s.plant.cabinet.up_s * 100.0) as u64),
        ),
    ];
    points.extend([
        port("port_1", "ifOperStatus.1", "1: filler", |s| status(&s.plant.cabinet, 0)),
        port("port_2", "ifOperStatus.2", "2: palletiser", |s| status(&s.plant.cabinet, 1)),
        port("port_3", "ifOperStatus.3", "3: boiler", |s| status(&s.plant.cabinet, 2)),
        port("port_4", "ifOperStatus.4", "4: compressors", |s| status(&s.plant.cabinet, 3)),
        port("port_5", "ifOperStatus.5", "5: meters", |s| status(&s.plant.cabinet, 4)),
        port("port_6", "ifOperStatus.6", "6: office", |s| status(&s.plant.cabinet, 5)),
        point("office_in", "ifHCInOctets.6", "", r#"unit = "By", name = "From the office""#, |s| {
            Value::U64(s.plant.cabinet.ports.last().map_or(0, |port| port.received))
        }),
        point("office_out", "ifHCOutOctets.6", "", r#"unit = "By", name = "To the office""#, |s| {
            Value::U64(s.plant.cabinet.ports.last().map_or(0, |port| port.sent))
        }),
    ]);
    points
}

fn whole(number: f64) -> Value {
    Value::I64(number.round() as i64)
}

fn status(cabinet: &Cabinet, port: usize) -> Value {
    Value::I64(if cabinet.ports.get(port).is_some_and(|port| port.up) { 1 } else { 2 })
}

struct Network(Server);

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let agent = Arc::new(Agent::default());
        if let Some(oid) = numbers("sysDescr.0") {
            agent.put(&oid, Object::OctetString("Ironbridge simulation, network cabinet".into()));
        }
        Ok(Box::new(Network(listen(address, USER, agent).await?)) as Box<dyn Device>)
    })
}

impl Device for Network {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn show(&self, points: &[Point], scene: &Scene<'_>) {
        for point in points {
            let Some(oid) = numbers(point.at) else { continue };
            let object = match (point.get)(scene) {
                Value::I64(number) => Object::Integer(number as i32),
                Value::U64(number) if point.name == "uptime" => Object::TimeTicks(number as u32),
                Value::U64(number) => Object::Counter64(number),
                _ => continue,
            };
            self.0.agent().put(&oid, object);
        }
    }

    fn set_present(&self, present: bool) {
        self.0.set_present(present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.0.shutdown())
    }
}

/// The numbers of an object that is written as numbers, or as a name and an instance.
fn numbers(at: &str) -> Option<Vec<u32>> {
    let (name, instance) = at.split_once('.')?;
    let named = OBJECTS.iter().find(|(known, _)| *known == name).map(|(_, numbers)| *numbers);
    let rest = if named.is_some() { instance } else { at };
    let rest: Result<Vec<u32>, _> = rest.split('.').map(str::parse).collect();
    Some([named.unwrap_or_default(), &rest.ok()?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_an_object() {
        for point in points() {
            assert!(numbers(point.at).is_some_and(|numbers| numbers.len() >= 9), "{}", point.at);
        }
        assert_eq!(numbers("ifOperStatus.3"), numbers("1.3.6.1.2.1.2.2.1.8.3"));
    }
}
