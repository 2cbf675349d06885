//! Commands: priorities, release, honest outcomes.

use super::plant::{ahu, plant};
use model::{Outcome, Status, Value};
use std::sync::Arc;
use twin::bacnet::{Conduct, Device, Object, Rules};
use wire::bacnet::table::{class, code};
use wire::bacnet::{ObjectId, Value as Wire};

const SETPOINT: ObjectId = ObjectId::new(2, 3);
const TAGS: &str = "setpoint = { at = \"AV3\", priority = 10, write = { min = 16, max = 26 } }\nheld = { at = \"AV3 held\", priority = 10, write = {} }\nfan = { at = \"BO1\", write = {} }\nsupply = { at = \"AI1\", write = {} }\n";

#[tokio::test(start_paused = true)]
async fn a_value_is_commanded_at_its_priority_and_given_up_again() {
    for rules in [Rules::default(), Rules { many: false, ..Rules::default() }] {
        let device = ahu(rules);
        let plant = plant(&device, "", TAGS);
        plant.until("read", |p| p.last("d/held").status == Status::GOOD).await;
        assert_eq!(plant.last("d/held").value, Value::Bool(false));
        let done = plant.write("d/setpoint", Value::F64(22.5)).await;
        assert_eq!(done, Outcome::Confirmed { readback: Value::F64(22.5) });
        let slots = device.with(SETPOINT, |point| point.priorities.clone()).unwrap().unwrap().held;
        assert_eq!(slots.iter().position(Option::is_some), Some(9));
        plant.until("held", |p| p.last("d/held").value == Value::Bool(true)).await;
        let done = plant.write("d/held", Value::Bool(false)).await;
        assert_eq!(done, Outcome::Confirmed { readback: Value::Bool(false) });
        plant.until("the default counts", |p| p.last("d/setpoint").value == Value::F64(20.0)).await;
        assert!(plant.write("d/held", Value::Bool(true)).await.why().contains("only false"));
        assert_eq!(
            plant.write("d/fan", Value::Bool(true)).await,
            Outcome::Confirmed { readback: Value::Bool(true) }
        );
        let slots = device.with(ObjectId::new(4, 1), |point| point.priorities.clone()).unwrap().unwrap().held;
        assert_eq!(slots.iter().position(Option::is_some), Some(15), "without a priority it is 16");
        assert!(matches!(plant.write("d/setpoint", Value::F64(30.0)).await, Outcome::Rejected { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_higher_priority_is_said_in_words() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "", TAGS);
    plant.until("read", |p| p.last("d/setpoint").status == Status::GOOD).await;
    device.with(SETPOINT, |point| point.command(8, Some(vec![Wire::Real(19.0)])));
    let done = plant.write("d/setpoint", Value::F64(24.0)).await;
    let Outcome::Failed { why } = &done else { panic!("{done:?}") };
    assert!(
        why.contains("took 24 at priority 10") && why.contains("priority 8 (manual operator) holds 19"),
        "{why}"
    );
    plant.until("shown", |p| p.last("d/setpoint").value == Value::F64(19.0)).await;
    device.with(SETPOINT, |point| point.command(8, None));
    plant.until("it counts now", |p| p.last("d/setpoint").value == Value::F64(24.0)).await;
}

#[tokio::test(start_paused = true)]
async fn refused_lost_and_unfit_writes_say_so() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "", TAGS);
    plant.until("read", |p| p.last("d/supply").status == Status::GOOD).await;
    let done = plant.write("d/supply", Value::F64(1.0)).await;
    assert!(matches!(&done, Outcome::Failed { why } if why.contains("writing is not allowed")), "{done:?}");
    device.set_conduct(Conduct::Refuse(class::DEVICE, code::SERVICE_REQUEST_DENIED));
    let done = plant.write("d/setpoint", Value::F64(21.0)).await;
    assert!(matches!(&done, Outcome::Failed { why } if why.contains("refuses the service")), "{done:?}");
    device.set_conduct(Conduct::Silent);
    let done = plant.write("d/setpoint", Value::F64(21.0)).await;
    assert!(matches!(&done, Outcome::Unknown { .. }), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_goes_in_parts_or_is_refused_in_words() {
    for parts in [true, false] {
        let rules = Rules { max_apdu: 128, parts, ..Rules::default() };
        let note = Object { writable: true, ..Object::new("Note", Wire::Text("x".into())) };
        let objects = vec![(ObjectId::new(40, 1), note)];
        let device = Arc::new(Device::new(1_001, rules, objects));
        let plant = plant(&device, "", "note = { at = \"CSV1\", write = {} }\n");
        plant.until("read", |p| p.last("d/note").status == Status::GOOD).await;
        let done = plant.write("d/note", Value::from("ab ".repeat(300).as_str())).await;
        if parts {
            assert_eq!(done, Outcome::Confirmed { readback: Value::from("ab ".repeat(300).as_str()) });
            let held = device.with(ObjectId::new(40, 1), |point| point.value.clone()).unwrap();
            assert_eq!(held, vec![Wire::Text("ab ".repeat(300))]);
        } else {
            assert!(done.why().contains("takes and sends no parts"), "{done:?}");
        }
    }
}
