//! Polling: packing, quality, what is refused, what is silent, what lies.

use super::plant::{TAGS, ahu, objects, plant, plant_of};
use model::{Status, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use twin::bacnet::{Conduct, Device, LIES, Lie, Object, Rules, Site};
use wire::bacnet::table::property;
use wire::bacnet::{ObjectId, Value as Wire};

const SUPPLY: ObjectId = ObjectId::new(0, 1);

#[tokio::test(start_paused = true)]
async fn values_of_all_kinds_come_in_one_request() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "", TAGS);
    plant.until("read", |p| p.last("d/supply").status == Status::GOOD).await;
    assert_eq!(plant.last("d/supply").value, Value::F64(21.5));
    assert_eq!(plant.last("d/filter").value, Value::Bool(true));
    assert_eq!(plant.last("d/mode").value, Value::U64(2));
    let (requests, many) = (device.counters.requests.load(Relaxed), device.counters.many.load(Relaxed));
    assert!(requests <= many + 3, "three questions about itself, then one a scan: {requests} {many}");
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(22.0)]);
    plant.until("the change", |p| p.last("d/supply").value == Value::F64(22.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_without_the_service_is_read_one_by_one() {
    let device = ahu(Rules { many: false, ..Rules::default() });
    let plant = plant(&device, "", TAGS);
    plant.until("read", |p| p.last("d/mode").status == Status::GOOD).await;
    assert_eq!(plant.last("d/return").value, Value::F64(23.25));
    assert_eq!(device.counters.many.load(Relaxed), 0);
}

/// The bit string may say anything: what counts is what the device does.
#[tokio::test(start_paused = true)]
async fn long_lists_are_packed_and_too_long_answers_halved() {
    for (rules, many) in [
        (Rules { max_apdu: 206, parts: false, ..Rules::default() }, true),
        (Rules { max_apdu: 480, parts: false, ..Rules::default() }, true),
        (Rules { max_apdu: 50, parts: false, many: false, ..Rules::default() }, false),
        (Rules { max_apdu: 128, parts: true, ..Rules::default() }, true),
    ] {
        let text = |number: u32| {
            Object::new(
                "t",
                Wire::Text(format!("{number}{}", "x".repeat(if number.is_multiple_of(7) { 90 } else { 3 }))),
            )
        };
        let many_objects = (0..60).map(|n| {
            (ObjectId::new(40, n), if many { text(n) } else { Object::new("v", Wire::Text(n.to_string())) })
        });
        let device = Arc::new(Device::new(1_001, rules, many_objects));
        let tags: String = (0..60).map(|n| format!("t{n} = {{ at = \"CSV{n}\" }}\n")).collect();
        let plant = plant(&device, "", &tags);
        let all = |status: Status| {
            move |p: &super::plant::Plant| (0..60).all(|n| p.last(&format!("d/t{n}")).status == status)
        };
        let good = all(Status::GOOD);
        let start = tokio::time::Instant::now();
        while !good(&plant) {
            assert!(start.elapsed() < Duration::from_secs(60), "{rules:?}: {:#?}", plant.handle.status());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(matches!(&plant.last("d/t7").value, Value::Text(text) if text.len() > 1 || !many));
    }
}

#[tokio::test(start_paused = true)]
async fn parts_of_a_long_answer_are_put_together() {
    let rules = Rules { max_apdu: 50, ..Rules::default() };
    let long = "Zuluft ".repeat(40);
    let device = Arc::new(Device::new(
        1_001,
        rules,
        [(ObjectId::new(40, 1), Object::new("t", Wire::Text(long.clone())))],
    ));
    let plant = plant(&device, "", "text = { at = \"CSV1\" }\n");
    plant.until("read", |p| p.last("d/text").status == Status::GOOD).await;
    assert_eq!(plant.last("d/text").value, Value::Text(long.into()));
    assert!(device.counters.parts.load(Relaxed) >= 6);
}

#[tokio::test(start_paused = true)]
async fn flags_and_reliability_decide_the_quality_of_their_point_alone() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "", TAGS);
    plant.until("read", |p| p.last("d/supply").status == Status::GOOD).await;
    for (flags, reliability, status) in [
        ([true, false, false, false], 0, Status::GOOD),
        ([false, true, false, false], 1, Status::BAD_SENSOR_FAILURE),
        ([true, true, false, false], 2, Status::UNCERTAIN_ENGINEERING_UNITS_EXCEEDED),
        ([false, true, false, false], 12, Status::BAD_NOT_CONNECTED),
        ([false, false, true, false], 0, Status::GOOD_LOCAL_OVERRIDE),
        ([false, false, false, true], 0, Status::UNCERTAIN_SUBSTITUTE_VALUE),
        ([false; 4], 0, Status::GOOD),
    ] {
        device.with(SUPPLY, |supply| (supply.flags, supply.reliability) = (Some(flags), Some(reliability)));
        plant.until(status.name(), |p| p.last("d/supply").status == status).await;
        assert_eq!(plant.last("d/return").status, Status::GOOD, "{status}");
        assert_eq!(plant.last("d/supply").value, Value::F64(21.5), "the last value stays");
    }
    // An object that has neither is asked for neither.
    device.with(SUPPLY, |supply| (supply.flags, supply.reliability) = (None, None));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(plant.last("d/supply").status, Status::GOOD);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_costs_only_its_point_and_is_tried_again() {
    let device = ahu(Rules::default());
    let odd = Object::new("odd", Wire::Raw(vec![0x0E, 0x0F]));
    device.add(ObjectId::new(2, 9), odd);
    let tags = format!(
        "{TAGS}gone = {{ at = \"AI77\" }}\nlimit = {{ at = \"AI1 high-limit\" }}\nodd = {{ at = \"AV9\" }}\nkind = {{ at = \"BI1\", type = \"real\" }}\n"
    );
    let plant = plant(&device, "", &tags);
    plant.until("read", |p| p.last("d/supply").status == Status::GOOD).await;
    for (tag, status) in [
        ("gone", Status::BAD_CONFIGURATION_ERROR),
        ("limit", Status::BAD_CONFIGURATION_ERROR),
        ("odd", Status::BAD_DECODING_ERROR),
        ("kind", Status::BAD_TYPE_MISMATCH),
        ("mode", Status::GOOD),
    ] {
        plant.until(tag, |p| p.last(&format!("d/{tag}")).status == status).await;
    }
    let told = format!("{:?}", plant.handle.status());
    assert!(told.contains("analog-input 77") && told.contains("there is no such object"), "{told}");
    device.add(ObjectId::new(0, 77), Object::new("new", Wire::Real(7.0)));
    plant.until("it came", |p| p.last("d/gone").value == Value::F64(7.0)).await;
    assert_eq!(plant.last("d/limit").status, Status::BAD_CONFIGURATION_ERROR);
}

#[tokio::test(start_paused = true)]
async fn another_device_at_the_address_is_not_read() {
    let device = Arc::new(Device::new(7, Rules::default(), objects()));
    let plant = plant_of(
        Site::new(device),
        &format!("[device.d]\ninstance = 1001\nat = \"d\"\n[device.d.tags]\n{TAGS}"),
    );
    plant.until("refused", |p| p.last("d/supply").status == Status::BAD_CONFIGURATION_ERROR).await;
    let told = format!("{:?}", plant.handle.status());
    assert!(told.contains("is not instance 1001"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_device_turns_bad_in_time_and_comes_back() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "", TAGS);
    plant.until("read", |p| p.last("d/supply").status == Status::GOOD).await;
    device.set_conduct(Conduct::Silent);
    let took = plant.until("bad", |p| p.last("d/supply").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert!(took <= Duration::from_secs(4), "{took:?}");
    assert_eq!(plant.last("d/supply").value, Value::F64(21.5));
    tokio::time::sleep(Duration::from_secs(60)).await;
    device.set_conduct(Conduct::Sound);
    plant.until("good", |p| p.last("d/supply").status == Status::GOOD).await;
}

#[tokio::test(start_paused = true)]
async fn devices_behind_a_router_do_not_stall_each_other() {
    let devices: Vec<Arc<Device>> =
        (0..6).map(|n| Arc::new(Device::new(2_000 + n, Rules::default(), objects()))).collect();
    let mut site = Site::default();
    let mut text = String::new();
    for (number, device) in (0u8..).zip(&devices) {
        site = site.with(2_001, &[number], device.clone());
        // Half of them are asked for by their instance.
        let address = if number % 2 == 0 { format!("address = \"{number}\"\n") } else { String::new() };
        text.push_str(&format!(
            "[device.r{number}]\ninstance = {}\nnetwork = 2001\n{address}at = \"r{number}\"\n[device.r{number}.tags]\ntemp = {{ at = \"AI1\" }}\n",
            device.instance
        ));
    }
    devices[5].set_conduct(Conduct::Silent);
    devices[4].set_conduct(Conduct::Silent);
    let plant = plant_of(site, &text);
    for number in 0..4 {
        plant.until("read", |p| p.last(&format!("r{number}/temp")).status == Status::GOOD).await;
    }
    plant.until("bad", |p| p.last("r4/temp").status.is_bad() && p.last("r5/temp").status.is_bad()).await;
    let (before, sent) = (plant.history("r0/temp").len(), plant.sent.load(Relaxed));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let asked = plant.sent.load(Relaxed) - sent;
    assert!((75..=95).contains(&asked), "four reads a second, the silent ones ever less often: {asked}");
    let scans = plant.history("r0/temp").len() - before;
    assert!((19..=21).contains(&scans), "{scans}");
    devices[5].set_conduct(Conduct::Sound);
    plant.until("found", |p| p.last("r5/temp").status == Status::GOOD).await;
}

#[tokio::test(start_paused = true)]
async fn a_liar_makes_no_value_and_harms_nobody_for_long() {
    for lie in LIES {
        let device = ahu(Rules::default());
        let plant = plant(&device, "", TAGS);
        plant.until("read", |p| p.last("d/supply").status == Status::GOOD).await;
        device.set_conduct(Conduct::Lie(lie));
        device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(1.0)]);
        if lie == Lie::Twice {
            plant.until("twice is once", |p| p.last("d/supply").value == Value::F64(1.0)).await;
        } else {
            plant.until("bad", |p| p.last("d/supply").status.is_bad()).await;
        }
        device.set_conduct(Conduct::Sound);
        device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(2.0)]);
        plant.until("sound again", |p| p.last("d/supply").value == Value::F64(2.0)).await;
        for (value, _) in plant.history("d/supply") {
            let known = [Value::None, Value::F64(21.5), Value::F64(1.0), Value::F64(2.0)];
            assert!(known.contains(&value), "{lie:?}: {value}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_device_tells_of_itself_is_a_point() {
    let device = ahu(Rules::default());
    let tags = "status = { at = \"device system-status\" }\nmodel = { at = \"device model-name\" }\nslot = { at = \"AV3 priority-array[8]\" }\n";
    let plant = plant(&device, "", tags);
    plant.until("read", |p| p.last("d/model").value == Value::from("IB-AHU")).await;
    assert_eq!(plant.last("d/status").value, Value::U64(0));
    plant.until("empty", |p| p.last("d/slot").status == Status::BAD_NO_DATA).await;
    device.with(ObjectId::new(2, 3), |point| point.command(8, Some(vec![Wire::Real(19.0)])));
    plant.until("held", |p| p.last("d/slot").value == Value::F64(19.0)).await;
    assert_eq!(property::PRIORITY_ARRAY, 87);
}

/// Without ReadPropertyMultiple a scan takes many requests; the budget has three a second.
#[tokio::test(start_paused = true)]
async fn a_device_is_asked_no_more_than_its_budget() {
    let device = ahu(Rules { many: false, ..Rules::default() });
    let text = format!(
        "budget = {{ requests = 3 }}\n[device.d]\ninstance = 1001\nat = \"d\"\n[device.d.tags]\n{TAGS}"
    );
    let plant = plant_of(Site::new(device.clone()), &text);
    plant.until("read", |p| p.last("d/mode").status == Status::GOOD).await;
    let (begun, before) = (tokio::time::Instant::now(), device.counters.requests.load(Relaxed));
    plant.until("twenty seconds", |_| begun.elapsed() >= Duration::from_secs(20)).await;
    let asked = device.counters.requests.load(Relaxed) - before;
    // A scan of four takes longer than its second, and begins again with the next one.
    assert!((40..=63).contains(&asked), "{asked} requests in 20 s");
    assert!(plant.handle.status().budget.unwrap().held_back > 10);
    assert_eq!(plant.handle.status().faults.timeouts, 0);
}
