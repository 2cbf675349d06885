//! The checkweigher: a machine with an OPC UA server, encrypted, with a structure and a method.

use super::{Device, Later, Made, Opening, Point, Scene, point};
use crate::demo::tag::states;
use crate::opcua::{Rules, Server, Site, Structure, Variable, listen};
use crate::plant::{CHECKWEIGHER_STATES, Machine, Plant};
use model::Value;
use opcua::types::{Variant, VariantScalarTypeId};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The machine's own namespace.
const NAMESPACE: &str = "urn:ironbridge:twin:checkweigher";
/// The structure: weight, accepted, number of the last case.
const CASE: &str = "CaseResult";

pub(super) static MACHINE: Made = Made {
    name: "checkweigher",
    machine: Machine::Checkweigher,
    protocol: "OPC UA, encrypted",
    about: "The checkweigher: its OPC UA server tells changes, encrypted.",
    connection: |address| {
        format!(
            "kind = \"opc-ua\"\nurl = \"opc.tcp://{address}\"\nscan = {{ fast = \"250ms\", normal = \"1s\" }}\n"
        )
    },
    at: "packaging/line-1/checkweigher",
    device: "namespace = \"urn:ironbridge:twin:checkweigher\"\n",
    asset: ["Checkweigher", "Checkweigher", "Maintenance A", "line-1"],
    points,
    open,
};

fn points() -> Vec<Point> {
    let state = format!("scan = \"fast\", name = \"State\", {}", states(&CHECKWEIGHER_STATES, 0));
    vec![
        point("state", "s=State", "u64", &state, |s| Value::U64(s.plant.checkweigher.state().into())),
        point(
            "speed",
            "s=Speed",
            "f64",
            r#"unit = "/min", range = [0, 60], name = "Cases per minute""#,
            |s| Value::F64((s.plant.checkweigher.speed * 10.0).round() / 10.0),
        ),
        point("good", "s=Good", "u64", r#"name = "Good cases""#, |s| {
            Value::U64(s.plant.checkweigher.good.into())
        }),
        point("rejects", "s=Rejects", "u64", r#"name = "Rejected cases""#, |s| {
            Value::U64(s.plant.checkweigher.rejects.into())
        }),
        point(
            "offset",
            "s=Offset",
            "f64",
            r#"unit = "kg", range = [-0.1, 0.1], name = "Scale offset""#,
            |s| Value::F64((s.plant.checkweigher.offset * 1_000.0).round() / 1_000.0),
        ),
        point(
            "weight",
            "s=LastCase",
            "f64",
            r#"member = "Weight", unit = "kg", range = [0, 12], name = "Weight of the last case""#,
            |s| Value::F64(s.plant.checkweigher.weight),
        ),
        point("accepted", "s=LastCase", "bool", r#"member = "Accepted", name = "Last case accepted""#, |s| {
            Value::Bool(s.plant.checkweigher.accepted)
        }),
        point("number", "s=LastCase", "u64", r#"member = "Number", name = "Number of the last case""#, |s| {
            Value::U64(s.plant.checkweigher.number.into())
        }),
        point(
            "tolerance",
            "s=Tolerance",
            "f64",
            r#"unit = "kg", range = [0, 1], name = "Tolerance", write = { min = 0.02, max = 0.5 }"#,
            |_| Value::None,
        ),
        point("tare", "s=Checkweigher", "bool", r#"call = "s=Tare", name = "Tare", write = { }"#, |_| {
            Value::None
        }),
    ]
}

struct Checkweigher {
    server: Server,
    tare: Arc<AtomicBool>,
}

fn site(tare: &Arc<AtomicBool>) -> Site {
    let case = Structure {
        name: CASE,
        fields: vec![
            ("Weight", VariantScalarTypeId::Double),
            ("Accepted", VariantScalarTypeId::Boolean),
            ("Number", VariantScalarTypeId::UInt32),
        ],
    };
    let called = Arc::clone(tare);
    let site = Site::new("Checkweigher", NAMESPACE, Rules::default())
        .knowing(case)
        .doing("Tare", move || called.store(true, Relaxed))
        .with("State", Variable::new(0u16))
        .with("Speed", Variable { unit: "/min", range: Some((0.0, 60.0)), ..Variable::new(0f64) })
        .with("Good", Variable::new(0u32))
        .with("Rejects", Variable::new(0u32))
        .with("Offset", Variable { unit: "kg", range: Some((-0.1, 0.1)), ..Variable::new(0f64) })
        .with(
            "Tolerance",
            Variable { unit: "kg", range: Some((0.0, 1.0)), writable: true, ..Variable::new(0.12f64) },
        );
    let first = site.structure(CASE, &[Variant::from(0f64), Variant::from(true), Variant::from(0u32)]);
    site.with("LastCase", Variable::new(first.unwrap_or_default()))
}

fn open(address: SocketAddr) -> Opening {
    Box::pin(async move {
        let tare = Arc::new(AtomicBool::new(false));
        let server = listen(address, Arc::new(site(&tare))).await?;
        Ok(Box::new(Checkweigher { server, tare }) as Box<dyn Device>)
    })
}

impl Device for Checkweigher {
    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn certificate(&self) -> Option<&[u8]> {
        Some(self.server.certificate())
    }

    fn show(&self, _: &[Point], scene: &Scene<'_>) {
        let (site, machine) = (self.server.site(), &scene.plant.checkweigher);
        let tenths = |number: f64, per: f64| Variant::from((number * per).round() / per);
        let mut values = vec![
            ("State", Variant::from(machine.state())),
            ("Speed", tenths(machine.speed, 10.0)),
            ("Good", Variant::from(machine.good)),
            ("Rejects", Variant::from(machine.rejects)),
            ("Offset", tenths(machine.offset, 1_000.0)),
        ];
        let members =
            [Variant::from(machine.weight), Variant::from(machine.accepted), Variant::from(machine.number)];
        values.extend(site.structure(CASE, &members).map(|case| ("LastCase", case)));
        site.put(values, scene.wall);
    }

    fn take(&self, plant: &mut Plant) {
        if let Some(Variant::Double(tolerance)) = self.server.site().get("Tolerance") {
            plant.checkweigher.tolerance = tolerance.clamp(0.0, 1.0);
        }
        if self.tare.swap(false, Relaxed) {
            plant.checkweigher.tare();
        }
    }

    fn set_present(&self, present: bool) {
        self.server.set_present(present);
    }

    fn shutdown(self: Box<Self>) -> Later<()> {
        Box::pin(self.server.shutdown())
    }
}
