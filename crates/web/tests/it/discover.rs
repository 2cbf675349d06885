//! Finding devices over the API: who may, what is refused, what is recorded.

use crate::client::Request;
use crate::fixture::Fixture;
use futures_util::future::BoxFuture;
use model::{Principal, Role};
use parking_lot::Mutex;
use serde_json::json;
use web::shapes::{
    CharacteriseAsk, CharacterisePlan, CharacteriseRun, CharacteriseStart, DiscoverAsk, DiscoverPlan,
    DiscoverProtocols, DiscoverScan, DiscoverStart, DraftAsk, DraftFile, ImportAsk, ImportFormats,
};
use web::{Discover, Problem, ProblemKind};

/// One scan at most; a plan of 10 packets.
#[derive(Default)]
pub struct TestDiscover(Mutex<Option<DiscoverScan>>);

fn plan(ask: &DiscoverAsk) -> DiscoverPlan {
    DiscoverPlan {
        targets: ask.targets.clone(),
        addresses: 1,
        at_once: 1,
        packets_least: 1,
        packets_most: 10,
        packets_per_address_most: 10,
        seconds_least: 0.1,
        seconds_most: 2.0,
        sentence: "Asks 1 address.".into(),
        known: 0,
        protocols: vec![],
        skipped: vec![],
    }
}

impl Discover for TestDiscover {
    fn protocols(&self) -> DiscoverProtocols {
        DiscoverProtocols { protocols: vec![], profiles: vec![] }
    }
    fn plan<'a>(&'a self, ask: &'a DiscoverAsk) -> BoxFuture<'a, Result<DiscoverPlan, Problem>> {
        Box::pin(std::future::ready(if ask.targets.is_empty() {
            Err(Problem::new(
                ProblemKind::Invalid,
                "Nobody to ask is named.",
                "Nothing was sent.",
                "Name addresses.",
            ))
        } else {
            Ok(plan(ask))
        }))
    }
    fn start<'a>(
        &'a self,
        who: &'a Principal,
        yes: &'a DiscoverStart,
    ) -> BoxFuture<'a, Result<DiscoverScan, Problem>> {
        let result = if yes.packets_most == 10 {
            let scan = DiscoverScan {
                id: "d1".into(),
                who: who.name.clone(),
                started: 1.0,
                ended: None,
                state: "running".into(),
                plan: plan(&yes.ask),
                addresses_done: 0,
                addresses_total: 1,
                packets_sent: 0,
                found: vec![],
                remarks: vec![],
                faults: 0,
                backed_off: 0,
                dropped: 0,
            };
            *self.0.lock() = Some(scan.clone());
            Ok(scan)
        } else {
            Err(Problem::new(
                ProblemKind::Refused,
                "The plan changed.",
                "Nothing was sent.",
                "Look at it again.",
            ))
        };
        Box::pin(std::future::ready(result))
    }
    fn scans(&self) -> Vec<DiscoverScan> {
        self.0.lock().iter().cloned().collect()
    }
    fn scan(&self, id: &str) -> Option<DiscoverScan> {
        self.0.lock().clone().filter(|scan| scan.id == id)
    }
    fn stop(&self, id: &str) -> bool {
        self.scan(id).is_some()
    }
    fn draft(&self, _: &str, ask: &DraftAsk) -> Result<DraftFile, Problem> {
        Err(Problem::not_found(format!("device {}", ask.index)))
    }
    fn formats(&self) -> ImportFormats {
        ImportFormats { formats: vec![] }
    }
    fn import(&self, ask: &ImportAsk) -> Result<DraftFile, Problem> {
        Ok(DraftFile {
            others: Vec::new(),
            file: ask.file.clone(),
            text: ask.data.clone(),
            tags: 0,
            notes: vec![],
            mistakes: String::new(),
        })
    }
    fn characterise_plan<'a>(
        &'a self,
        ask: &'a CharacteriseAsk,
    ) -> BoxFuture<'a, Result<CharacterisePlan, Problem>> {
        let plan = ask.connection.clone().map(|connection| CharacterisePlan {
            connection,
            packets_most: 10,
            ..CharacterisePlan::default()
        });
        Box::pin(std::future::ready(plan.ok_or_else(|| Problem::not_found("connection"))))
    }
    fn characterise<'a>(
        &'a self,
        who: &'a Principal,
        yes: &'a CharacteriseStart,
    ) -> BoxFuture<'a, Result<CharacteriseRun, Problem>> {
        Box::pin(async move {
            let plan = self.characterise_plan(&yes.ask).await?;
            Ok(CharacteriseRun {
                id: "c1".into(),
                who: who.name.clone(),
                started: 1.0,
                ended: Some(2.0),
                state: "done".into(),
                plan,
                step: String::new(),
                requests_sent: 1,
                packets_sent: 2,
                faults: 0,
                dropped: 0,
                problem: String::new(),
                lines: vec![],
                file: "measured/line-1.toml".into(),
                text: String::new(),
            })
        })
    }
    fn characterise_runs(&self) -> Vec<CharacteriseRun> {
        vec![]
    }
    fn characterise_stop(&self, _: &str) -> bool {
        false
    }
}

#[tokio::test]
async fn a_scan_needs_an_engineer_and_the_number_that_was_shown() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let post = |path: &str, body: serde_json::Value| {
        let request = Request::new("POST", path).json(&body);
        request.header("cookie", &anna.cookie).header("x-csrf-token", &anna.csrf)
    };
    let empty = plant.send(&post("/api/discover/plan", json!({"targets": []}))).await;
    assert_eq!((empty.status, empty.code().as_str()), (400, "bad-request"));
    let unknown =
        plant.send(&post("/api/discover/plan", json!({"targets": ["10.0.0.1"], "fast": true}))).await;
    assert_eq!(unknown.status, 400);
    let shown = plant.send(&post("/api/discover/plan", json!({"targets": ["10.0.0.1"]}))).await.ok();
    assert_eq!(shown["packets_most"], 10);
    let ask = json!({"targets": ["10.0.0.1"]});
    let changed = plant.send(&post("/api/discover", json!({"ask": ask, "packets_most": 9}))).await;
    assert_eq!(changed.status, 409);
    let scan = plant.send(&post("/api/discover", json!({"ask": ask, "packets_most": 10}))).await.ok();
    assert_eq!((&scan["id"], &scan["state"]), (&json!("d1"), &json!("running")));
    assert_eq!(plant.get("/api/discover", &anna).await.ok()["scans"][0]["id"], "d1");
    assert_eq!(plant.get("/api/discover/d1", &anna).await.ok()["who"], scan["who"]);
    assert_eq!(plant.get("/api/discover/d2", &anna).await.status, 404);
    assert_eq!(plant.send(&post("/api/discover/d1/draft", json!({"index": 3}))).await.status, 404);
    plant.send(&post("/api/discover/d1/stop", json!({}))).await.ok();
    assert_eq!(plant.send(&post("/api/discover/d2/stop", json!({}))).await.status, 404);
    let audit = plant.get("/api/audit?search=scan/d1", &anna).await.ok();
    assert_eq!(audit["records"][0]["action"], "stop discovery");
    for path in ["/api/discover/plan", "/api/discover"] {
        let nobody = plant.send(&Request::new("POST", path).json(&ask)).await;
        assert_eq!(nobody.status, 401, "{path}");
    }
    let operator = plant.user("otto", Role::Operator).await;
    assert_eq!(plant.get("/api/discover", &operator).await.status, 403);
}

#[tokio::test]
async fn measuring_a_device_is_for_engineers_and_needs_a_plan() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let post = |path: &str, body: serde_json::Value| {
        let request = Request::new("POST", path).json(&body);
        request.header("cookie", &anna.cookie).header("x-csrf-token", &anna.csrf)
    };
    let ask = json!({"connection": "line-1"});
    let shown = plant.send(&post("/api/characterise/plan", ask.clone())).await.ok();
    assert_eq!(shown["packets_most"], 10);
    let run = plant.send(&post("/api/characterise", json!({"ask": ask, "packets_most": 10}))).await.ok();
    assert_eq!(run["file"], "measured/line-1.toml");
    assert_eq!(plant.send(&post("/api/characterise/plan", json!({"speed": 1}))).await.status, 400);
    assert_eq!(plant.send(&post("/api/characterise/c9/stop", json!({}))).await.status, 404);
    let operator = plant.user("otto", Role::Operator).await;
    assert_eq!(plant.get("/api/characterise", &operator).await.status, 403);
}
