//! Tables for other programs: the same rows as JSON, text and Parquet, page by page or at once.

use crate::client::{Reply, Request};
use crate::fixture::{Browser, Fixture};
use model::{Position, Status, Time, Value};
use serde_json::json;
use web::Sample;

const SPEED: &str = "acme/leeds/line-1/filler/Speed";
const STATE: &str = "acme/leeds/line-1/filler/State";

fn next(reply: &Reply) -> Option<String> {
    let link = reply.header("link");
    let address = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(address.to_owned())
}

async fn samples(plant: &Fixture) -> Browser {
    let ids = plant.points();
    // Four samples of one point at one time: a page may end between them.
    for n in 0..10 {
        plant.remember(ids[0], 1_000 + n / 4, Value::F64(n as f64));
        plant.remember(ids[1], 1_000 + n, Value::U64(1));
    }
    {
        let mut all = plant.history.0.lock();
        // What a reader sees is fixed by the head of the journal when it asks; all of this is before it.
        all.iter_mut().for_each(|(_, sample)| sample.seq = Position(sample.seq.seq()));
        all[0].1.status = Status::BAD_SENSOR_FAILURE;
    }
    plant.administrator().await
}

#[tokio::test]
async fn many_points_are_one_table() {
    let plant = Fixture::new().await;
    let anna = samples(&plant).await;
    let rows = plant.get("/api/range?points=line-1/**&from=0&to=5000", &anna).await.ok();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 20);
    assert_eq!((&rows[0]["path"], &rows[0]["value"]), (&json!(SPEED), &json!(null)), "a Bad value is null");
    assert_eq!((&rows[0]["quality"], &rows[0]["good"]), (&json!("BadSensorFailure"), &json!(false)));
    assert_eq!((&rows[10]["path"], &rows[10]["state"]), (&json!(STATE), &json!("Execute")));
    assert_eq!((&rows[19]["time"], &rows[19]["value_int"]), (&json!(1009), &json!(1)));
    let paths = format!("path={SPEED}&path={STATE}");
    let csv =
        plant.get(&format!("/api/range?{paths}&from=1970-01-01T00:00:00Z&to=5000&format=csv"), &anna).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.header("content-disposition").contains("ironbridge-samples.csv"));
    assert_eq!(csv.text().lines().count(), 21);
    let accepted = Request::new("GET", "/api/range?points=acme/leeds/line-1/**&from=0&to=5000")
        .header("cookie", &anna.cookie)
        .header("accept", "application/vnd.apache.parquet");
    let file = plant.send(&accepted).await;
    assert_eq!(file.header("content-type"), "application/vnd.apache.parquet");
    assert!(file.text().starts_with("path|time|received|seq|value|"), "{}", file.text());
    assert_eq!(file.text().lines().count(), 21);
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_data_arrive() {
    let plant = Fixture::new().await;
    let anna = samples(&plant).await;
    for limit in [1, 3, 7, 10, 19, 20, 50] {
        let mut at = Some(format!("/api/range?points=line-1/**&from=0&to=5000&format=csv&limit={limit}"));
        let (mut all, mut pages) = (Vec::new(), 0);
        while let Some(address) = at {
            let page = plant.get(&address, &anna).await;
            assert_eq!(page.status, 200, "{}", page.text());
            let rows: Vec<String> = page.text().lines().skip(1).map(str::to_owned).collect();
            assert!(rows.len() <= limit && !rows.is_empty(), "{} rows", rows.len());
            all.extend(rows);
            pages += 1;
            at = next(&page);
            // Something old comes in late, and a point is declared that the pattern holds.
            let late = Position::new(9, pages);
            let sample = Sample {
                time: Time::from_millis(1_000),
                received: Time::from_millis(1_000),
                seq: late,
                value: Value::F64(-1.0),
                status: Status::GOOD,
                historical: true,
            };
            let id = plant.namespace.find(STATE).unwrap();
            plant.history.0.lock().insert(0, (id, sample));
        }
        let mut once = all.clone();
        once.sort();
        once.dedup();
        assert_eq!(
            (all.len(), once.len(), pages),
            (20, 20, 20_usize.div_ceil(limit) as u64),
            "limit {limit}"
        );
    }
}

#[tokio::test]
async fn wrong_questions_say_what_is_wrong() {
    let plant = Fixture::new().await;
    let anna = samples(&plant).await;
    for (ask, status, words) in [
        ("range", 400, "`path` or `points`"),
        ("range?points=line-9/**", 404, "matches `line-9/**`"),
        ("range?points=line-1/**&format=xml", 400, "json, csv or parquet"),
        ("range?points=line-1/**&cursor=1~2", 400, "no cursor"),
        ("range?points=line-1/**&order=desc", 400, "no parameter `order`"),
        ("range?points=line-1/**&from=yesterday", 400, "2026-11-22T06:00:00Z"),
        ("latest?points=x/y", 404, "point `x/y`"),
        ("points?format=csv&quality=so-so", 400, "bad or good"),
    ] {
        let reply = plant.get(&format!("/api/{ask}"), &anna).await;
        assert_eq!(reply.status, status, "{ask}: {}", reply.text());
        assert!(reply.json()["error"]["title"].as_str().unwrap().contains(words), "{ask}: {}", reply.text());
    }
}

#[tokio::test]
async fn points_and_newest_values_are_tables_too() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    plant.publish_with(&ids[..1], vec![Value::F64(130.0)], Status::BAD_COMMUNICATION_ERROR);
    let anna = plant.administrator().await;
    let rows = plant.get("/api/latest?points=**", &anna).await.ok();
    let speed = &rows.as_array().unwrap()[0];
    assert_eq!(
        (&speed["path"], &speed["value"], &speed["unit"]),
        (&json!(SPEED), &json!(null), &json!("/min"))
    );
    assert!(speed["last_good"].is_number() && speed["last_good_time"].is_number(), "{speed}");
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let csv = plant.get("/api/points?prefix=acme/leeds/line-1&format=csv", &anna).await.text();
    assert_eq!(csv.lines().count(), 3);
    assert!(
        csv.lines().nth(1).unwrap().starts_with("acme/leeds/line-1/filler/Speed,Speed,f64,/min,"),
        "{csv}"
    );
    let bad = plant.get("/api/points?quality=bad&format=csv", &anna).await.text();
    assert_eq!(bad.lines().count(), 2);
    // Text of the plant never becomes a formula of a spreadsheet.
    let mut formula =
        model::Declaration::new(model::Path::new("acme/leeds/f").unwrap(), model::ValueType::Text);
    formula.description = "=HYPERLINK(\"http://x\")".into();
    let id = plant.namespace.declare(vec![formula]).unwrap();
    plant.publish(&id, vec![Value::Text("+cmd|' /C calc'!A0".into())]);
    let points = plant.get("/api/points?points=f&format=csv", &anna).await.text();
    assert!(points.contains("\"'=HYPERLINK"), "{points}");
    let latest = plant.get("/api/latest?points=f&format=csv", &anna).await.text();
    assert!(latest.contains("\"'+cmd"), "{latest}");
    let metrics = plant.get("/metrics/points?points=**", &anna).await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(metrics.text().contains("plant_point_good{path=\"acme/leeds/line-1/filler/Speed\"} 0\n"));
    assert!(metrics.text().contains("plant_state{path=\"acme/leeds/line-1/filler/State\",unit=\"\"} 1\n"));
    assert_eq!(plant.send(&Request::new("GET", "/metrics/points?points=**")).await.status, 401);
}
