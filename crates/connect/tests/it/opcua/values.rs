//! Values of every type both ways, subscribed and polled; nodes that are not there; servers with small limits.

use super::*;
use std::fmt::Write;

/// Tag, our type, the server's value as ours, a value we write, the same as the peer prints it.
fn types() -> Vec<(&'static str, &'static str, Value, Value, &'static str)> {
    vec![
        ("bool", "bool", Value::Bool(true), Value::Bool(false), "\"False\""),
        ("sbyte", "i64", Value::I64(-5), Value::I64(-128), "\"-128\""),
        ("byte", "u64", Value::U64(250), Value::U64(7), "\"7\""),
        ("int16", "i64", Value::I64(-12_345), Value::I64(-2), "\"-2\""),
        ("uint16", "u64", Value::U64(54_321), Value::U64(65_535), "\"65535\""),
        ("int32", "i64", Value::I64(-1_234_567_890), Value::I64(-2), "\"-2\""),
        ("uint32", "u64", Value::U64(3_123_456_789), Value::U64(66_051), "\"66051\""),
        ("int64", "i64", Value::I64(-1_234_567_890_123_456_789), Value::I64(-3), "\"-3\""),
        (
            "uint64",
            "u64",
            Value::U64(12_345_678_901_234_567_890),
            Value::U64(1 << 63),
            "\"9223372036854775808\"",
        ),
        ("float", "f64", Value::F64(1.5), Value::F64(-0.156_25), "\"-0.15625\""),
        ("double", "f64", Value::F64(-27.182_818_284_590_45), Value::F64(31.5), "\"31.5\""),
        ("string", "text", Value::from("Füller"), Value::from("Kappe"), "\"Kappe\""),
        (
            "time",
            "text",
            Value::from("2026-11-22T09:00:00.25Z"),
            Value::from("2026-11-23T00:00:00Z"),
            "\"2026-11-23 00:00:00+00:00\"",
        ),
        ("bytes", "bytes", Value::Bytes([1, 2, 255].into()), Value::Bytes([9].into()), "\"09\""),
    ]
}

async fn every_type(head: &str) {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&[]);
    rig.trust();
    let mut tags = String::from(STEADY);
    for (tag, kind, ..) in types() {
        writeln!(tags, "{tag} = {{ at = \"s=Press.{tag}\", type = \"{kind}\", write = {{}} }}").unwrap();
    }
    tags += "text = { at = \"s=Press.text\", type = \"text\" }\n\
             zone_2 = { at = \"s=Press.zones\", element = 1, type = \"f64\" }\n\
             zone_9 = { at = \"s=Press.zones\", element = 8, type = \"f64\" }\n\
             wrong = { at = \"s=Press.string\", type = \"f64\" }\n\
             percent = { at = \"s=Press.counter\", type = \"u64\", scale = 0.1, unit = \"%\", write = { min = 0, max = 100 } }\n\
             missing = { at = \"s=Press.missing\", type = \"f64\" }\n\
             nowhere = { at = \"nsu=urn:nobody;s=x\", type = \"f64\" }\n";
    let handle = rig.start(&format!("recheck = \"1s\"\n{head}"), &tags);
    for (tag, _, read, ..) in types() {
        rig.good(tag, read).await;
    }
    rig.good("text", "Läuft").await;
    rig.good("zone_2", 21.5).await;
    rig.status("zone_9", Status::BAD_INDEX_RANGE_NO_DATA).await;
    rig.status("wrong", Status::BAD_TYPE_MISMATCH).await;
    rig.status("missing", Status::BAD_CONFIGURATION_ERROR).await;
    rig.status("nowhere", Status::BAD_CONFIGURATION_ERROR).await;
    let quarantined = handle.status().devices[0].quarantined.clone();
    let reasons: Vec<&str> = quarantined.iter().map(|q| q.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{quarantined:?}");
    assert!(reasons.iter().any(|r| r.contains("BadNodeIdUnknown")), "{reasons:?}");
    assert!(reasons.iter().any(|r| r.contains("no namespace urn:nobody; it has")), "{reasons:?}");

    for (tag, _, _, write, taken) in types() {
        let outcome = rig.house.write(&format!("press/{tag}"), write.clone()).await;
        assert_eq!(outcome, Outcome::Confirmed { readback: write.clone() }, "{tag}");
        assert_eq!(server.ask(&format!("get {tag}")), taken, "{tag}");
        rig.good(tag, write).await;
    }
    assert_eq!(
        rig.house.write("press/percent", Value::F64(12.5)).await,
        Outcome::Confirmed { readback: Value::F64(12.5) }
    );
    assert_eq!(server.ask("get counter"), "\"125\"");
    let Outcome::Rejected { why } = rig.house.write("press/byte", Value::U64(256)).await else { panic!() };
    assert!(why.contains("holds 0 to 255"), "{why}");

    // A node that appears is found; a status goes through as it is; the others are not disturbed.
    assert_eq!(server.ask("add missing"), "ok");
    rig.good("missing", 7.0).await;
    assert_eq!(server.ask("bad double 0x808C0000"), "ok");
    rig.status("double", Status::BAD_SENSOR_FAILURE).await;
    assert_eq!(rig.house.last("press/double").value, Value::F64(31.5));
    assert_eq!(server.ask("bad float 0x40930000"), "ok");
    rig.status("float", Status::UNCERTAIN_SENSOR_NOT_ACCURATE).await;
    rig.good("steady", 42.0).await;
    let status = handle.status();
    assert_eq!(status.faults.reconnects, 0, "{status:?}");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_both_ways_by_subscription() {
    every_type("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_both_ways_by_polling() {
    every_type("mode = \"poll\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_small_limits_gets_small_requests() {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&["limit=7", "many=60", "policies=none"]);
    let mut tags = String::new();
    for number in 0..60 {
        writeln!(tags, "n{number} = {{ at = \"s=Press.n{number}\", type = \"f64\" }}").unwrap();
    }
    for mode in ["subscribe", "poll"] {
        let handle = rig.start(&format!("security = \"none\"\nmode = \"{mode}\""), &tags);
        assert_eq!(server.ask(&format!("set n59 {}.5", mode.len())), "ok");
        for number in 0..59 {
            rig.good(&format!("n{number}"), f64::from(number)).await;
        }
        rig.good("n59", mode.len() as f64 + 0.5).await;
        handle.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_device_gets_no_traffic_and_is_true_again_afterwards() {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&["policies=none"]);
    let tags = format!("{STEADY}counter = {{ at = \"s=Press.counter\", type = \"u64\" }}\n");
    let handle = rig.start("security = \"none\"", &tags);
    rig.good("steady", 42.0).await;
    assert!(handle.pause_device("press", true));
    rig.status("steady", Status::BAD_OUT_OF_SERVICE).await;
    assert_eq!(server.ask("set counter 9"), "ok");
    assert!(handle.pause_device("press", false));
    rig.good("steady", 42.0).await;
    rig.good("counter", Value::U64(9)).await;
    handle.stop().await;
}
