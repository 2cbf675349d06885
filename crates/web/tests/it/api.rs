//! What the routes answer.

use crate::client::Request;
use crate::fixture::Fixture;
use model::{Role, Status, Value};
use serde_json::{Value as Json, json};
use std::sync::atomic::Ordering;

const SPEED: &str = "acme/leeds/line-1/filler/Speed";

#[tokio::test]
async fn tree_from_the_root_to_a_point() {
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let root = plant.get("/api/tree", &anna).await.ok();
    assert_eq!((&root["prefix"], &root["parent"]), (&json!(""), &Json::Null));
    assert_eq!(root["children"][0]["kind"], "folder");
    let line = plant.get("/api/tree?prefix=ACME/leeds", &anna).await.ok();
    assert_eq!(line["parent"], "ACME");
    let first = &line["children"][0];
    assert_eq!(
        (&first["kind"], &first["path"], &first["points"], &first["bad"]),
        (&json!("asset"), &json!("acme/leeds/line-1"), &json!(2), &json!(0))
    );
    assert_eq!(first["asset"]["level"], "line");
    let filler = plant.get("/api/tree?prefix=acme/leeds/line-1/filler", &anna).await.ok();
    let names: Vec<_> = filler["children"].as_array().unwrap().iter().map(|c| c["segment"].clone()).collect();
    assert_eq!(names, [json!("Speed"), json!("State")]);
    assert_eq!(filler["children"][0]["point"]["value"], 120.5);
    assert_eq!(filler["children"][1]["point"]["state"], "Execute");
    assert_eq!(plant.get("/api/tree?prefix=nowhere", &anna).await.ok()["children"], json!([]));
}

#[tokio::test]
async fn an_asset_shows_what_its_type_promises_and_what_there_is() {
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let filler = plant.get("/api/asset?path=acme/leeds/LINE-1/filler", &anna).await.ok();
    assert_eq!((&filler["type"], &filler["owner_ot"]), (&json!("Filler"), &json!("Maintenance A")));
    assert_eq!(filler["within"]["path"], "acme/leeds/line-1");
    let contract = &filler["contract"];
    assert_eq!((&contract["kept"], &contract["missing"]), (&json!(false), &json!(["Torque"])));
    assert_eq!(contract["parts"][0]["found"], Json::Null);
    let points: Vec<_> = filler["points"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(points, ["speed", "Torque", "Note", "State"], "those of the type first");
    assert_eq!(filler["points"][0]["point"]["value"], 120.5);
    assert_eq!((&filler["points"][1]["point"], &filler["points"][3]["wanted"]), (&Json::Null, &Json::Null));
    let line = plant.get("/api/asset?path=acme/leeds/line-1", &anna).await.ok();
    assert_eq!((&line["contract"], &line["below"][0]["name"]), (&Json::Null, &json!("filler")));
    assert_eq!(plant.get("/api/asset?path=acme/leeds", &anna).await.status, 404);
}

#[tokio::test]
async fn search_pages_and_counts() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    let anna = plant.administrator().await;
    let page = plant.get("/api/points?search=LINE&limit=2", &anna).await.ok();
    assert_eq!(page["total"], 3);
    assert_eq!(page["points"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let rest = plant.get(&format!("/api/points?search=LINE&limit=2&after={next}"), &anna).await.ok();
    assert_eq!((rest["points"].as_array().unwrap().len(), &rest["next"]), (1, &Json::Null));
    // Beyond what JavaScript counts exactly, integers travel as text.
    assert_eq!(rest["points"][0]["value"], i64::MAX.to_string());
    plant.publish_with(&ids[..1], vec![Value::None], Status::BAD_COMMUNICATION_ERROR);
    let bad = plant.get("/api/points?quality=bad", &anna).await.ok();
    assert_eq!((&bad["total"], &bad["points"][0]["path"]), (&json!(1), &json!(SPEED)));
    let point = &bad["points"][0];
    assert_eq!(
        (&point["value"], &point["good"], &point["last_good"]["value"]),
        (&json!(120.5), &json!(false), &json!(120.5))
    );
    assert_eq!(plant.get("/api/points?quality=good", &anna).await.ok()["total"], 2);
}

#[tokio::test]
async fn everything_about_a_point() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    plant.remember(ids[0], 1_000, Value::F64(1.0));
    plant.remember(ids[0], 3_000, Value::F64(2.0));
    let anna = plant.administrator().await;
    let detail = plant.get(&format!("/api/point?path={}", SPEED.to_lowercase()), &anna).await.ok();
    assert_eq!(detail["point"]["path"], SPEED);
    assert_eq!(
        (&detail["scan"], &detail["connection"], &detail["device"]),
        (&json!("250ms"), &json!("line-1"), &Json::Null)
    );
    let write = &detail["write"];
    assert_eq!((&write["min"], &write["max"], &write["step"]), (&json!(0.0), &json!(600.0), &Json::Null));
    assert_eq!((&write["confirm"], &write["role"]), (&json!("readback"), &json!("operator")));
    assert_eq!(detail["may_write"]["allowed"], false);
    assert!(detail["may_write"]["why"].as_str().unwrap().contains("READ-ONLY"));
    assert_eq!(detail["asset"]["owner_ot"], "Maintenance A");
    assert_eq!(detail["history"], json!({"first": 1000.0, "last": 3000.0}));
    assert_eq!(detail["destinations"][0]["name"], "hq");
    let written = plant
        .call("POST", "/api/point/write", &anna, &json!({"path": SPEED, "value": 100, "reason": "test"}))
        .await
        .ok();
    assert_eq!((&written["outcome"], &written["before"]), (&json!("Rejected"), &json!(120.5)));
    assert!(!written["why"].as_str().unwrap().is_empty());
    for wrong in [
        json!({"path": SPEED, "value": "fast"}),
        json!({"path": SPEED, "value": 1, "ttl_ms": 1}),
        json!({"path": SPEED}),
    ] {
        assert_eq!(plant.call("POST", "/api/point/write", &anna, &wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn latest_answers_in_order_also_for_what_is_not_there() {
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let paths = ["nowhere", SPEED, "acme/leeds", "a b/\"c"];
    let latest = plant.call("POST", "/api/latest", &anna, &json!({"paths": paths})).await.ok();
    let values = latest["values"].as_array().unwrap();
    assert_eq!(values.len(), paths.len());
    assert_eq!((&values[1]["value"], &values[1]["unit"]), (&json!(120.5), &json!("/min")));
    for at in [0, 2, 3] {
        assert_eq!(
            (&values[at]["quality"], &values[at]["path"]),
            (&json!("BadNodeIdUnknown"), &json!(paths[at]))
        );
    }
    let many = plant.call("POST", "/api/latest", &anna, &json!({"paths": vec!["a"; 10_001]})).await;
    assert_eq!((many.status, many.code().as_str()), (400, "bad-request"));
}

#[tokio::test]
async fn ranges_and_downloads() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    for n in 0..10 {
        plant.remember(ids[0], 1_000 + n, Value::F64(n as f64));
    }
    let anna = plant.administrator().await;
    let range = plant.get(&format!("/api/range?path={SPEED}&from=1002&to=1008&limit=3"), &anna).await.ok();
    assert_eq!((&range["time"], &range["more"]), (&json!([1002, 1003, 1004]), &json!(true)));
    let range = plant
        .get(&format!("/api/range?path={SPEED}&from=1002&to=1008&order=desc&limit=50"), &anna)
        .await
        .ok();
    assert_eq!((&range["value"][0], &range["more"]), (&json!(8.0), &json!(false)));
    let file = plant.get(&format!("/api/download?path={SPEED}&from=0"), &anna).await;
    assert!(file.header("content-disposition").contains("acme_leeds_line-1_filler_Speed.csv"));
    let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 11);
    assert!(
        lines[1].starts_with("acme/leeds/line-1/filler/Speed,1970-01-01T00:00:01.000000000Z,"),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with(",0,,,/min,,true,Good,0,false"), "{}", lines[1]);
    for wrong in ["from=9&to=1", "from=NaN", "from=x", "limit=-1", "limti=5", "order=up", "to=1e300"] {
        let reply = plant.get(&format!("/api/range?path={SPEED}&{wrong}"), &anna).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad-request"), "{wrong}");
    }
    let inside = plant.get(&format!("/api/trend?path={SPEED}"), &anna).await;
    assert_eq!((inside.status, inside.code().as_str()), (500, "internal"));
    assert!(!inside.text().contains("/var/lib"), "what went wrong inside stays inside: {}", inside.text());
}

#[tokio::test]
async fn figures_of_many_points_in_one_answer() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    for n in 0..10 {
        plant.remember(ids[0], 60_000 + n * 10_000, Value::F64(n as f64));
        plant.remember(ids[1], 60_000 + n * 10_000, Value::U64(7));
    }
    let anna = plant.administrator().await;
    let state = "acme/leeds/line-1/filler/State";
    let ask = |paths: Json, from: f64, to: f64, bucket_ms: f64| json!({"paths": paths, "from": from, "to": to, "bucket_ms": bucket_ms});
    let body = ask(json!([state, SPEED]), 60_000.0, 180_000.0, 60_000.0);
    let figures = plant.call("POST", "/api/aggregate", &anna, &body).await.ok();
    assert_eq!(
        (&figures["points"][0]["path"], &figures["points"][1]["path"]),
        (&json!(state), &json!(SPEED))
    );
    let speed = &figures["points"][1]["buckets"];
    assert_eq!(speed["time"], json!([60_000.0, 120_000.0]));
    assert_eq!((&speed["count"], &speed["max"]), (&json!([6, 4]), &json!([5.0, 9.0])));
    for (what, body) in [
        ("no width", ask(json!([SPEED]), 0.0, 1e6, 0.0)),
        ("too narrow", ask(json!([SPEED]), 0.0, 1e9, 1.0)),
        ("too many in all", ask(json!(vec![SPEED; 1_000]), 0.0, 1e6, 1_000.0)),
        ("too many points", ask(json!(vec![SPEED; 1_001]), 0.0, 1e6, 1e6)),
        ("backwards", ask(json!([SPEED]), 9.0, 1.0, 1.0)),
    ] {
        let reply = plant.call("POST", "/api/aggregate", &anna, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad-request"), "{what}");
    }
    let nobody =
        plant.call("POST", "/api/aggregate", &anna, &ask(json!(["acme/leeds/nothing"]), 0.0, 9.0, 1.0)).await;
    assert_eq!(nobody.status, 404);
}

#[tokio::test]
async fn the_first_page_says_what_is_wrong() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    plant.publish(&ids[1..2], vec![Value::U64(2)]);
    plant.alarm("a1", "acme/leeds/line-1/capper", "Capper blocked");
    let anna = plant.administrator().await;
    let page = plant.get("/api/overview", &anna).await.ok();
    assert_eq!((&page["level"], &page["abnormal"][0]["title"]), (&json!("alarm"), &json!("Capper blocked")));
    let sentence = page["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("filler stopped 0 s: capper blocked"), "{sentence}");
    let line = &page["lines"][0];
    assert_eq!((&line["path"], &line["level"]), (&json!("acme/leeds/line-1"), &json!("alarm")));
    assert_eq!(line["units"][0]["state"]["text"], "Stopped");
    let health = &page["data_health"];
    assert_eq!(health["connections"], json!({"total": 1, "connected": 0, "lost": 1, "paused": 0}));
    assert_eq!((&health["points"]["good"], &health["good_percent"]), (&json!(3), &json!(100.0)));
    assert_eq!((&health["oldest_unsent_s"], &health["journal"]["state"]), (&json!(2.0), &json!("ok")));
}

#[tokio::test]
async fn events_are_filtered_and_paged() {
    let plant = Fixture::new().await;
    for n in 0..5 {
        plant.alarm(&format!("a{n}"), "acme/leeds", &format!("Alarm number {n}"));
    }
    plant.namespace.event(model::Event::info(
        model::EventKind::Change,
        "c",
        "user:anna",
        plant.clock.now(),
        "Applied",
    ));
    let anna = plant.administrator().await;
    let first = plant.get("/api/events?kind=alarm&limit=3", &anna).await.ok();
    let rest = plant
        .get(&format!("/api/events?kind=alarm&limit=3&before={}", first["next"].as_str().unwrap()), &anna)
        .await
        .ok();
    let ids = |page: &Json| {
        page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!([ids(&first), ids(&rest)].concat(), ["a4", "a3", "a2", "a1", "a0"]);
    assert_eq!(rest["next"], Json::Null);
    assert_eq!(ids(&plant.get("/api/events?search=NUMBER+3", &anna).await.ok()), ["a3"]);
    assert_eq!(ids(&plant.get("/api/events?severity_min=900", &anna).await.ok()), Vec::<String>::new());
    assert_eq!(ids(&plant.get("/api/events?active=true", &anna).await.ok()).len(), 5);
    assert_eq!(plant.get("/api/events?kind=party", &anna).await.code(), "bad-request");
    assert_eq!(plant.get("/api/events?before=x", &anna).await.code(), "bad-request");
}

#[tokio::test]
async fn events_from_before_a_restart_are_in_history() {
    let plant = Fixture::new().await;
    let at = plant.clock.now().before(std::time::Duration::from_secs(3600));
    for n in 0..5 {
        let event =
            model::Event::info(model::EventKind::Change, format!("old{n}"), "user:anna", at, "Applied");
        plant.history.1.lock().push(event);
    }
    plant.alarm("new", "acme/leeds", "Alarm");
    let anna = plant.administrator().await;
    let ids = async |query: &str| {
        let page = plant.get(&format!("/api/events?{query}"), &anna).await.ok();
        let ids = page["events"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), page["next"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ids("kind=change").await.0, ["old4", "old3", "old2", "old1", "old0"]);
    let (first, next) = ids("limit=2").await;
    assert_eq!(first, ["new", "old4"]);
    assert_eq!(ids(&format!("limit=9&before={next}")).await.0, ["old3", "old2", "old1", "old0"]);
    assert_eq!(ids("active=true").await.0, ["new"], "what lasted before a restart is recovered, not read");
}

#[tokio::test]
async fn sql_is_passed_on_with_its_limits() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let result =
        plant.call("POST", "/api/query", &anna, &json!({"sql": "select 1", "limit": 9_999_999})).await.ok();
    assert_eq!(result["rows"], json!([["user:anna"], [100_000]]));
    let wrong = plant.call("POST", "/api/query", &anna, &json!({"sql": "wrong"})).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"]["title"].clone()),
        (400, json!("There is no table `x`."))
    );
    assert_eq!(plant.call("POST", "/api/query", &anna, &json!({"sql": " "})).await.status, 400);
    plant.call("POST", "/api/query/cancel", &anna, &json!({"id": "running"})).await.ok();
    assert_eq!(plant.call("POST", "/api/query/cancel", &anna, &json!({"id": "other"})).await.status, 404);
    let file = plant.call("POST", "/api/query/export", &anna, &json!({"sql": "a,b", "format": "csv"})).await;
    assert_eq!((file.status, file.text()), (200, "a,b".to_owned()));
    assert!(!plant.dir.path().join("export").exists(), "the exported file is gone");
}

#[tokio::test]
async fn a_panic_is_contained_and_counted() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let reply = plant.call("POST", "/api/query", &anna, &json!({"sql": "panic"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (500, "internal"));
    let metrics = plant.send(&Request::new("GET", "/metrics")).await.text();
    assert!(metrics.contains("ironbridge_web_refused_total{reason=\"panic\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn status_pages() {
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let connections = plant.get("/api/connections", &anna).await.ok();
    assert_eq!(connections["connections"][0]["name"], "line-1");
    assert_eq!(
        plant.get("/api/destinations/hq/rejects", &anna).await.ok()["rejects"][0]["reason"],
        "too old"
    );
    assert_eq!(plant.get("/api/destinations/none/rejects", &anna).await.code(), "not-found");
    assert_eq!(
        plant.call("POST", "/api/destinations/none/pause", &anna, &json!({})).await.code(),
        "not-found"
    );
    plant.call("POST", "/api/destinations/hq/pause", &anna, &json!({})).await.ok();
    assert_eq!(plant.get("/api/about", &anna).await.ok()["points"], 3);
    assert_eq!(plant.send(&Request::new("GET", "/healthz")).await.text(), "ok\n");
    assert_eq!(plant.send(&Request::new("GET", "/readyz")).await.status, 200);
    plant.plant.not_ready.store(true, Ordering::SeqCst);
    let not_ready = plant.send(&Request::new("GET", "/readyz")).await;
    assert_eq!(
        (not_ready.status, not_ready.text()),
        (503, "not ready: the disk does not take data\n".to_owned())
    );
    let metrics = plant.send(&Request::new("GET", "/metrics")).await.text();
    for line in [
        "ironbridge_points{quality=\"good\"} 3\n",
        "ironbridge_connection_up{connection=\"line-1\",kind=\"modbus-tcp\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn pages_and_their_headers() {
    let plant = Fixture::new().await;
    for path in ["/", "/connections", "/point/a/b"] {
        let page = plant.send(&Request::new("GET", path)).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        );
        assert!(page.header("cache-control").starts_with("no-"));
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("strict-transport-security"), "");
    }
    for path in ["/assets/none.js", "/none.css", "/../etc/passwd.txt", "/%2e%2e/x.txt"] {
        assert_eq!(plant.send(&Request::new("GET", path)).await.status, 404, "{path}");
    }
    let missing = plant.send(&Request::new("GET", "/api/none")).await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "not-found"));
    assert_eq!(missing.header("cache-control"), "no-store");
    let method = plant.send(&Request::new("PUT", "/api/overview")).await;
    assert_eq!((method.status, method.code().as_str()), (405, "wrong-method"));
    assert_eq!(plant.send(&Request::new("POST", "/connections")).await.status, 405);
}

#[tokio::test]
async fn the_document_names_every_route() {
    let plant = Fixture::new().await;
    let document = plant.send(&Request::new("GET", "/api/openapi.json")).await.ok();
    let contract = include_str!("routes.txt");
    let mut count = 0;
    for line in contract.lines().filter(|line| !line.is_empty()) {
        let (method, path) = line.split_once(' ').unwrap();
        let operation = &document["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{line} is missing");
        assert!(operation["summary"].is_string() && operation["responses"]["default"].is_object(), "{line}");
        count += 1;
    }
    let all: usize =
        document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(all, count, "every route of the document stands in routes.txt");
    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "schema {name} is missing");
    }
    for role in [Role::Viewer, Role::Administrator] {
        assert!(text.contains(&format!("Needs the role {role}")));
    }
}
