//! The routes of the monitor: who may what, and that it is on record before it is done. The plant of these tests has no
//! monitor, so nothing is ever found.

use crate::client::Request;
use crate::fixture::Fixture;
use model::Role;
use serde_json::json;

const FINDING: &str = "/api/monitor/findings/IB-S7-001-3b1ef0155c";

#[tokio::test]
async fn everybody_may_look_operators_decide_and_engineers_silence() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let viewer = plant.user("vera", Role::Viewer).await;
    let operator = plant.user("otto", Role::Operator).await;
    let engineer = plant.user("emil", Role::Engineer).await;
    for list in ["", "/assets", "/links", "/map", "/findings", "/protocols"] {
        plant.get(&format!("/api/monitor{list}"), &viewer).await.ok();
        let nobody = plant.send(&Request::new("GET", &format!("/api/monitor{list}"))).await;
        assert_eq!(nobody.status, 401, "{list}");
    }
    assert_eq!(plant.get("/api/monitor", &viewer).await.ok()["on"], false);
    let note = json!({"note": "seen"});
    let mute = json!({"reason": "known", "until": 4e12});
    for (path, body, least) in
        [("acknowledge", &note, 1), ("close", &note, 1), ("mute", &mute, 2), ("unmute", &json!({}), 2)]
    {
        for (rank, who) in [&viewer, &operator, &engineer].into_iter().enumerate() {
            let request = Request::new("POST", &format!("{FINDING}/{path}")).json(body);
            let request = request.header("cookie", &who.cookie).header("x-csrf-token", &who.csrf);
            let answer = plant.send(&request).await;
            // There is no such finding: whoever may, is told so.
            assert_eq!(answer.status, if rank >= least { 404 } else { 403 }, "{path} {rank}");
        }
    }
    let packets = format!("{FINDING}/packets.pcap");
    assert_eq!(plant.get(&packets, &operator).await.status, 403);
    assert_eq!(plant.get(&packets, &engineer).await.status, 404);
    let audit = plant.get("/api/audit?search=IB-S7-001", &anna).await.ok();
    let actions: Vec<&str> = audit["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["action"].as_str().unwrap())
        .collect();
    for action in
        ["acknowledge finding", "close finding", "mute finding", "unmute finding", "download packets"]
    {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    assert_eq!(plant.get("/api/monitor/findings?state=odd", &anna).await.status, 400);
    assert_eq!(plant.get("/api/monitor/findings?min=x", &anna).await.status, 400);
    assert_eq!(plant.get("/api/monitor/points", &anna).await.status, 400);
    assert_eq!(plant.get("/api/monitor/assets/10.0.0.9", &anna).await.status, 404);
    let patch = |body: serde_json::Value| {
        let request = Request::new("PATCH", "/api/monitor/assets/10.0.0.9").json(&body);
        request.header("cookie", &anna.cookie).header("x-csrf-token", &anna.csrf)
    };
    assert_eq!(plant.send(&patch(json!({"colour": "red"}))).await.status, 400);
    assert_eq!(plant.send(&patch(json!({"level": null, "zone": null, "approved": true}))).await.status, 404);
}
