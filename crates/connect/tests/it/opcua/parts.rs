//! What is more than a node with a value: members of structures, methods, and the server's own history.

use super::cuts::{Wire, node_server, recorded};
use super::*;
use crate::support::PATIENCE;
use connect::south::BROWSERS;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

const MOTOR: &str = "\
speed = { at = \"s=Press.motor\", member = \"speed\", type = \"f64\", unit = \"/min\", scale = 0.5 }
zone = { at = \"s=Press.motor\", member = \"zones[1]\", type = \"i64\" }
far = { at = \"s=Press.motor\", member = \"zones[9]\", type = \"i64\" }
kind = { at = \"s=Press.motor\", member = \"drive.kind\", type = \"text\" }
mode = { at = \"s=Press.motor\", member = \"drive.mode\", type = \"i64\", states = { 0 = \"Off\", 1 = \"On\" } }
second = { at = \"s=Press.motors\", element = 1, member = \"speed\", type = \"f64\" }
wrong = { at = \"s=Press.motor\", member = \"sped\", type = \"f64\" }
whole = { at = \"s=Press.motor\", type = \"f64\" }
plain = { at = \"s=Press.double\", member = \"speed\", type = \"f64\" }
";

async fn members(mode: &str) {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&["policies=none", "structures"]);
    let handle = rig.start(&format!("security = \"none\"\nmode = \"{mode}\""), &format!("{STEADY}{MOTOR}"));
    rig.good("steady", 42.0).await;
    rig.good("speed", 740.25).await;
    rig.good("zone", Value::I64(-3)).await;
    rig.good("kind", "VFD").await;
    rig.good("mode", Value::I64(1)).await;
    rig.good("second", 2.0).await;
    rig.status("far", Status::BAD_NO_DATA).await;
    rig.status("whole", Status::BAD_TYPE_MISMATCH).await;
    rig.status("wrong", Status::BAD_CONFIGURATION_ERROR).await;
    rig.status("plain", Status::BAD_CONFIGURATION_ERROR).await;
    let quarantined = handle.status().devices[0].quarantined.clone();
    let told = quarantined.iter().any(|one| {
        one.points == ["acme/leeds/press/wrong"] && one.reason.contains("it has speed, zones, drive, none")
    });
    assert!(told && quarantined.len() == 2, "{quarantined:?}");
    assert_eq!(server.ask("turn 900"), "ok");
    rig.good("speed", 450.0).await;
    rig.good("zone", Value::I64(-3)).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_structures_are_points_by_subscription() {
    members("subscribe").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_structures_are_points_by_polling() {
    members("poll").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn structures_are_drafted_with_their_members() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&["policies=none", "structures"]);
    let head =
        format!("kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{}/plc/\"\nsecurity = \"none\"\n", rig.port);
    let document = Document::parse("connections/ua.toml", &head).unwrap();
    let browser = BROWSERS.iter().find(|browser| browser.kind == "opc-ua").unwrap();
    let draft = (browser.browse)(&document, &rig.context(&[]), rig.house.clock().now()).await.unwrap();
    assert!(draft.mistakes.is_empty(), "{:?}", draft.mistakes);
    for line in [
        "motor_speed = { at = \"s=Press.motor\", member = \"speed\", type = \"f64\" }",
        "motor_zones_1 = { at = \"s=Press.motor\", member = \"zones[1]\", type = \"i64\" }",
        "motor_drive_kind = { at = \"s=Press.motor\", member = \"drive.kind\", type = \"text\" }",
    ] {
        assert!(draft.text.contains(line), "lacks {line}: {}", draft.text);
    }
    let handle = rig.start_with(&draft.text, &[]);
    eventually("the drafted member", || rig.house.last("ua/Press/motor_speed").value == Value::F64(1480.5))
        .await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_type_dictionary_is_understood() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&["policies=none", "old"]);
    let tags = "speed = { at = \"s=Press.old\", member = \"speed\", type = \"f64\" }\n\
                zone = { at = \"s=Press.old\", member = \"zones[1]\", type = \"i64\" }\n\
                kind = { at = \"s=Press.old\", member = \"drive.kind\", type = \"text\" }\n\
                on = { at = \"s=Press.old\", member = \"on\", type = \"bool\" }\n\
                wrong = { at = \"s=Press.old\", member = \"sped\", type = \"f64\" }\n";
    let handle = rig.start("security = \"none\"", &format!("{STEADY}{tags}"));
    rig.good("speed", 1480.5).await;
    rig.good("zone", Value::I64(-3)).await;
    rig.good("kind", "VFD").await;
    rig.good("on", Value::Bool(true)).await;
    rig.status("wrong", Status::BAD_CONFIGURATION_ERROR).await;
    let quarantined = handle.status().devices[0].quarantined.clone();
    assert!(
        quarantined.iter().any(|q| q.reason.contains("it has speed, zones, drive, on")),
        "{quarantined:?}"
    );
    handle.stop().await;
}

const START: &str = "start = { at = \"s=Press\", call = \"s=Press.start\", type = \"f64\", write = { min = 0, max = 1000 } }\n";

#[tokio::test(flavor = "multi_thread")]
async fn node_opcua_is_called_and_its_own_structures_are_read() {
    let Some(rig) = Rig::new() else { return };
    let Some(_server) = node_server(&rig, 0) else { return };
    let tags = format!(
        "{STEADY}{START}high = {{ at = \"s=Press.limits\", member = \"High\", type = \"f64\" }}\n\
         low = {{ at = \"s=Press.limits\", member = \"Low\", type = \"f64\" }}\n"
    );
    let handle = rig.start("security = \"none\"", &tags);
    rig.good("high", 80.5).await;
    rig.good("low", -5.0).await;
    assert_eq!(rig.house.write("press/start", Value::F64(77.5)).await, Outcome::Accepted);
    rig.good("steady", 77.5).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_calls_a_method_and_tells_what_the_server_said() {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&["policies=none", "methods"]);
    let tags = format!(
        "{STEADY}{START}\
         reset = {{ at = \"s=Press\", call = \"s=Press.reset\", type = \"bool\", write = {{}} }}\n\
         both = {{ at = \"s=Press\", call = \"s=Press.both\", type = \"f64\", write = {{}} }}\n\
         none = {{ at = \"s=Press\", call = \"s=Press.none\", type = \"f64\", write = {{}} }}\n\
         surely = {{ at = \"s=Press\", call = \"s=Press.start\", type = \"f64\", write = {{ confirm = {{ point = \"press/steady\", within = \"5s\" }} }} }}\n"
    );
    let handle = rig.start("security = \"none\"", &tags);
    rig.good("steady", 42.0).await;
    rig.status("start", Status::UNCERTAIN_INITIAL_VALUE).await;
    assert_eq!(rig.house.write("press/start", Value::F64(120.0)).await, Outcome::Accepted);
    rig.good("steady", 120.0).await;
    rig.good("start", 120.0).await;
    assert_eq!(
        rig.house.write("press/surely", Value::F64(130.0)).await,
        Outcome::Confirmed { readback: Value::F64(130.0) }
    );
    let Outcome::Failed { why } = rig.house.write("press/start", Value::F64(600.0)).await else { panic!() };
    assert!(why.contains("BadOutOfRange"), "{why}");
    rig.good("start", 120.0).await;
    assert_eq!(server.ask("set counter 9"), "ok");
    let Outcome::Rejected { why } = rig.house.write("press/reset", Value::Bool(false)).await else {
        panic!()
    };
    assert!(why.contains("write true to call it"), "{why}");
    assert_eq!(server.ask("get counter"), "\"9\"");
    assert_eq!(rig.house.write("press/reset", Value::Bool(true)).await, Outcome::Accepted);
    assert_eq!(server.ask("get counter"), "\"0\"");
    let Outcome::Rejected { why } = rig.house.write("press/both", Value::F64(1.0)).await else { panic!() };
    assert!(why.contains("only methods that take nothing or one value"), "{why}");
    let Outcome::Failed { why } = rig.house.write("press/none", Value::F64(1.0)).await else { panic!() };
    assert!(why.contains("the server refuses it"), "{why}");
    handle.stop().await;
}

/// A counter that goes on while the line is cut, and what is recorded of it at the end.
async fn count_through_a_cut(
    rig: &Rig,
    server: &mut Peer,
    wire: &Wire,
    many: u64,
    meanwhile: Option<&str>,
) -> u64 {
    wire.open.store(false, Ordering::SeqCst);
    wire.cut_after(0);
    let last: u64 = server.ask(&format!("count counter {many} 0.001")).parse().unwrap();
    rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
    if let Some(line) = meanwhile {
        assert_eq!(server.ask(line), "ok");
    }
    wire.open.store(true, Ordering::SeqCst);
    rig.good("counter", Value::U64(last)).await;
    last
}

/// asyncua drops the oldest value of a full queue without a word; and it may forget the session.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_filled_from_the_servers_history() {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&["policies=none", "history"]);
    let wire = Wire::to(rig.port).await;
    let tags = format!("{STEADY}counter = {{ at = \"s=Press.counter\", type = \"u64\" }}\n");
    let handle = rig.start_with(&file(wire.port, "security = \"none\"", &tags), &[]);
    rig.good("steady", 42.0).await;
    assert_eq!(server.ask("count counter 3 0.02"), "3");
    rig.good("counter", Value::U64(3)).await;
    assert_eq!(server.ask("histories"), "0", "nothing is missing yet");
    for meanwhile in [None, Some("forget")] {
        let last = count_through_a_cut(&rig, &mut server, &wire, 2_500, meanwhile).await;
        let missing = || {
            let numbers: HashSet<u64> = recorded(&rig, "press/counter").into_iter().collect();
            (0..=last).filter(|number| !numbers.contains(number)).collect::<Vec<u64>>()
        };
        let begun = Instant::now();
        while !missing().is_empty() && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (missing, asked) = (missing(), server.ask("histories"));
        let (first, end) = (missing.first(), missing.last());
        assert!(
            missing.is_empty(),
            "{meanwhile:?}: {} missing, {first:?} to {end:?}, asked {asked} times; {:?}",
            missing.len(),
            handle.status().counters
        );
    }
    // Only what has history is asked for it, a thousand values at a time.
    let asked: u32 = server.ask("histories").parse().unwrap();
    assert!((4..=8).contains(&asked), "{asked}");
    assert_eq!(rig.house.last("press/counter").value, Value::U64(5_003));
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_history_is_never_asked_for_it() {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&["policies=none"]);
    let wire = Wire::to(rig.port).await;
    let tags = format!("{STEADY}counter = {{ at = \"s=Press.counter\", type = \"u64\" }}\n");
    let handle = rig.start_with(&file(wire.port, "security = \"none\"", &tags), &[]);
    rig.good("steady", 42.0).await;
    count_through_a_cut(&rig, &mut server, &wire, 20, Some("forget")).await;
    // What may be missing is said, and looked for only as far as a question about access rights.
    let lost = |handle: &Handle| {
        handle.status().counters.iter().any(|(name, count)| *name == "notifications_lost" && *count > 0)
    };
    eventually("the possible loss to be told", || lost(&handle)).await;
    let since = Instant::now();
    eventually("the question to be over", || since.elapsed() > Duration::from_secs(4)).await;
    assert_eq!(server.ask("histories"), "0");
    handle.stop().await;
}
