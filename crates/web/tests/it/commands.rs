//! Commands and leases over HTTP.

use crate::fixture::{Browser, Fixture};
use model::{Access, Declaration, Outcome, Path, PointId, Role, Value, ValueType, WriteRule};
use serde_json::{Value as Json, json};

const TARGET: &str = "acme/leeds/line-1/filler/Target";

/// A point that needs a second person, on a connection that confirms everything.
fn target(plant: &Fixture) -> PointId {
    let rule = WriteRule { max: Some(600.0), approval: Some(Role::Engineer), ..WriteRule::default() };
    let mut declared = Declaration::new(Path::new(TARGET).unwrap(), ValueType::F64);
    declared.access = Access::Write(Box::new(rule));
    declared.unit = "/min".into();
    let ids = plant.namespace.declare(vec![declared]).unwrap();
    plant.publish(&ids, vec![Value::F64(80.0)]);
    let mut queue = plant.namespace.own(&ids);
    tokio::spawn(async move {
        while let Some(order) = queue.next().await {
            let readback = order.command.value.clone();
            let _ = order.respond.send(Outcome::Confirmed { readback });
        }
    });
    plant.namespace.set_writes(true);
    ids[0]
}

async fn write(plant: &Fixture, who: &Browser, id: &str) -> Json {
    let wish = json!({"path": TARGET, "value": 120, "reason": "test", "id": id});
    plant.call("POST", "/api/point/write", who, &wish).await.ok()
}

#[tokio::test]
async fn a_command_waits_for_a_second_person_and_its_steps_are_told() {
    let plant = Fixture::new().await;
    target(&plant);
    let anna = plant.administrator().await;
    let otto = plant.user("otto", Role::Operator).await;
    let eva = plant.user("eva", Role::Engineer).await;
    let asked = write(&plant, &anna, "command-1").await;
    assert_eq!((&asked["outcome"], &asked["id"]), (&json!("Waiting"), &json!("command-1")));
    let open = plant.get("/api/commands?state=open", &otto).await.ok();
    let command = &open["commands"][0];
    assert_eq!(
        (&command["state"], &command["who"], &command["unit"], &command["value"], &command["before"]),
        (&json!("waiting"), &json!("user:anna"), &json!("/min"), &json!(120.0), &json!(80.0))
    );
    assert_eq!(command["may"]["approve"]["allowed"], false, "{command}");
    let decide = json!({"id": "command-1", "reason": "checked"});
    for who in [&anna, &otto] {
        let refused = plant.call("POST", "/api/commands/approve", who, &decide).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "refused"));
    }
    let approved = plant.call("POST", "/api/commands/approve", &eva, &decide).await.ok();
    assert_eq!(approved["approval"]["role"], "engineer");
    // The same id again waits for the end of the same command.
    assert_eq!(write(&plant, &anna, "command-1").await["outcome"], "Confirmed");
    let ended = plant.get("/api/command?id=command-1", &otto).await.ok();
    assert_eq!((&ended["state"], &ended["readback"]), (&json!("done"), &json!(120.0)));
    assert_eq!(ended["approval"]["by"], "user:eva");
    let steps: Vec<&str> =
        ended["steps"].as_array().unwrap().iter().map(|s| s["what"].as_str().unwrap()).collect();
    assert_eq!(steps, ["asked", "waiting", "approved", "sending", "Confirmed"]);
    assert_eq!(
        plant.call("POST", "/api/commands/cancel", &anna, &json!({"id": "command-1"})).await.status,
        409
    );
    assert_eq!(plant.call("POST", "/api/commands/deny", &eva, &json!({"id": "nothing"})).await.status, 404);
    assert_eq!(plant.get("/api/commands?state=open", &anna).await.ok()["commands"], json!([]));

    write(&plant, &anna, "command-2").await;
    plant.call("POST", "/api/commands/cancel", &anna, &json!({"id": "command-2"})).await.ok();
    assert_eq!(write(&plant, &anna, "command-2").await["outcome"], "Rejected");
    let elsewhere = plant.get("/api/commands?path=acme/leeds/line-2", &anna).await.ok();
    assert_eq!(elsewhere["commands"], json!([]));
    let detail = plant.get(&format!("/api/point?path={TARGET}"), &anna).await.ok();
    assert_eq!(
        (&detail["write"]["approval"], &detail["write"]["role"]),
        (&json!("engineer"), &json!("operator"))
    );
}

#[tokio::test]
async fn a_lease_is_seen_by_all_and_ended_by_its_holder() {
    let plant = Fixture::new().await;
    target(&plant);
    let anna = plant.administrator().await;
    let otto = plant.user("otto", Role::Operator).await;
    let filler = "acme/leeds/line-1/filler";
    let wish = json!({"path": filler, "minutes": 30, "reason": "maintenance"});
    let lease = plant.call("POST", "/api/leases", &otto, &wish).await.ok();
    assert_eq!((&lease["holder"], &lease["mine"]), (&json!("user:otto"), &json!(true)));
    let seen = plant.get("/api/leases", &anna).await.ok();
    assert_eq!((&seen["leases"][0]["path"], &seen["leases"][0]["mine"]), (&json!(filler), &json!(false)));
    let taken = plant.call("POST", "/api/leases", &anna, &wish).await;
    assert!(taken.status == 409 && taken.text().contains("user:otto holds"), "{}", taken.text());
    assert_eq!(write(&plant, &anna, "command-1").await["outcome"], "Rejected");
    let detail = plant.get(&format!("/api/point?path={TARGET}"), &anna).await.ok();
    assert_eq!(detail["lease"]["holder"], "user:otto");
    let long = json!({"path": filler, "minutes": 481});
    assert_eq!(plant.call("POST", "/api/leases", &otto, &long).await.status, 409);
    plant.call("POST", "/api/leases/release", &otto, &json!({"path": filler})).await.ok();
    assert_eq!(plant.get("/api/leases", &anna).await.ok()["leases"], json!([]));
    let nowhere = json!({"path": "acme/nowhere", "minutes": 5});
    assert_eq!(plant.call("POST", "/api/leases", &otto, &nowhere).await.status, 404);
}
