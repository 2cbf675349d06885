//! The machines of the demonstration plant that speak something else than Modbus, read as its own configuration says.

use crate::support::{House, eventually};
use connect::south::Handle;
use connect::south::opcua::Certificates;
use connect::south::status::State;
use model::{Outcome, Status, Value};
use twin::{Handle as Plant, Machine, Options, Switch, demo_config, start};

/// The plant, and everything but its Modbus connections on it.
async fn read(house: &House) -> (Plant, Vec<Handle>) {
    let plant = start(Options { hmi: false, ..Options::default() }).await.unwrap();
    for der in plant.certificates() {
        Certificates::in_data(&house.data()).trust(&der).unwrap();
    }
    let files = demo_config(plant.addresses());
    let names = plant.addresses().machines.iter().map(|(name, ..)| *name);
    let handles: Vec<Handle> = names
        .map(|name| {
            let file = files.iter().find(|file| file.path == format!("connections/{name}.toml")).unwrap();
            house.start(name, &file.text)
        })
        .collect();
    assert!(handles.len() >= 9);
    eventually("every connection is up and every point Good", || handles.iter().all(good)).await;
    (plant, handles)
}

fn good(handle: &Handle) -> bool {
    let status = handle.status();
    // A method that nobody called yet has no value.
    let callable = usize::from(status.name == "checkweigher");
    status.state == State::Connected && status.good + callable == status.points && status.points >= 5
}

#[tokio::test(flavor = "multi_thread")]
async fn every_machine_is_read_as_configured() {
    let house = House::new();
    let (plant, _handles) = read(&house).await;
    let state = house.last("packaging/line-1/labeller/state").value;
    assert!((1.0..=17.0).contains(&state.as_f64().unwrap()), "{state}");
    assert_eq!(house.last("packaging/line-1/labeller/batch").value, Value::from("B-00041"));
    assert!(house.last("packaging/wrapper/label").value.as_text().unwrap().starts_with("P-0088"));
    assert_eq!(house.last("utilities/network/state").value, Value::I64(3));
    let power = house.last("utilities/roof/power");
    assert!((1.0..120.0).contains(&power.value.as_f64().unwrap()), "{}", power.value);
    // Nothing lies on it before the first carton comes.
    let weight = || house.last("packaging/line-1/checkweigher/weight").value.as_f64().unwrap();
    eventually("the first carton", || (4.0..11.0).contains(&weight())).await;
    let back = house.last("packaging/cold-store/back").value.as_f64().unwrap();
    assert!((2.0..10.0).contains(&back), "{back}");
    assert_eq!(house.last("packaging/washer/steam").value, Value::Bool(true));
    let bottles = house.last("packaging/washer/bottles").value;
    assert!((20_000..32_768).contains(&bottles.as_i64().unwrap()), "{bottles}");
    let flow = house.last("utilities/water/flow").value.as_f64().unwrap();
    assert!((5.0..12.0).contains(&flow), "{flow}");
    // What nobody wrote down is there by its birth, with its unit.
    let pressure = house.last("utilities/water/Feed/Pressure");
    assert!(pressure.status.is_good() && pressure.value.as_f64().unwrap() > 1.0, "{pressure:?}");
    let id = house.namespace.find("acme/leeds/utilities/water/Feed/Pressure").unwrap();
    assert_eq!(house.namespace.meta(id).unwrap().unit, "bar");
    plant.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_points_reach_the_model() {
    let house = House::new();
    let (plant, _handles) = read(&house).await;
    let correction = house.write("packaging/line-1/labeller/correction", Value::F64(0.5)).await;
    assert!(matches!(correction, Outcome::Confirmed { .. }), "{correction:?}");
    let turns = house.write("packaging/wrapper/turns", Value::I64(12)).await;
    assert!(matches!(turns, Outcome::Confirmed { .. }), "{turns:?}");
    let tolerance = house.write("packaging/line-1/checkweigher/tolerance", Value::F64(0.2)).await;
    assert!(matches!(tolerance, Outcome::Confirmed { .. }), "{tolerance:?}");
    let target = house.write("packaging/cold-store/target", Value::F64(5.5)).await;
    assert!(matches!(target, Outcome::Confirmed { .. }), "{target:?}");
    let bath = house.write("packaging/washer/target", Value::F64(80.0)).await;
    assert!(matches!(bath, Outcome::Confirmed { .. }), "{bath:?}");
    let level = house.write("utilities/water/target", Value::F64(82.5)).await;
    assert!(matches!(level, Outcome::Confirmed { .. }), "{level:?}");
    let tare = house.write("packaging/line-1/checkweigher/tare", Value::Bool(true)).await;
    assert_eq!(tare, Outcome::Accepted);
    eventually("the scale tares", || {
        house.last("packaging/line-1/checkweigher/state").value == Value::U64(2)
    })
    .await;
    eventually("the model takes them", || {
        let plant = plant.plant();
        let more = plant.checkweigher.tolerance == 0.2 && plant.cold_store.target == 5.5;
        let more = more && plant.washer.target == 80.0 && plant.water.target == 82.5;
        plant.labeller.correction_mm == 0.5 && plant.wrapper.turns == 12 && more
    })
    .await;
    eventually("labels sit lower", || {
        house.last("packaging/line-1/labeller/position").value.as_f64().is_some_and(|mm| mm < 0.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_seen_at_the_machine_and_at_its_port() {
    let house = House::new();
    let (plant, handles) = read(&house).await;
    plant.set_switch(Switch::Outage(Machine::Boiler), true);
    eventually("its port is down", || house.last("utilities/network/port_3").value == Value::I64(2)).await;
    assert_eq!(house.last("utilities/network/port_1").value, Value::I64(1));
    for (machine, point) in [
        (Machine::Labeller, "packaging/line-1/labeller/speed"),
        (Machine::Wrapper, "packaging/wrapper/speed"),
        (Machine::Cabinet, "utilities/network/charge"),
        (Machine::Roof, "utilities/roof/power"),
        (Machine::Checkweigher, "packaging/line-1/checkweigher/speed"),
        (Machine::ColdStore, "packaging/cold-store/power"),
        (Machine::Washer, "packaging/washer/caustic"),
        (Machine::Water, "utilities/water/level"),
    ] {
        plant.set_switch(Switch::Outage(machine), true);
        eventually(point, || house.last(point).status == Status::BAD_COMMUNICATION_ERROR).await;
        plant.set_switch(Switch::Outage(machine), false);
        eventually("it comes back", || house.last(point).status == Status::GOOD).await;
    }
    eventually("all is well", || handles.iter().all(good)).await;
}
