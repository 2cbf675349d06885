//! A small plant on real rooms: journal, namespace, access; the binary's traits are played by hand.

use crate::client::{Reply, Request, send};
use crate::discover::TestDiscover;
use crate::inbox::{TOKEN, TestDoor};
use access::{Access, Zeroizing};
use futures_util::future::BoxFuture;
use journal::{Journal, RealDisk};
use model::event::severity;
use model::{
    Batch, Clock, Declaration, Each, Event, EventKind, Path, PointId, Position, Principal, Role, Shape,
    Status, SystemClock, Time, Value, ValueType, WriteRule,
};
use namespace::{Namespace, Settings};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use web::inbox::Door;
use web::shapes::{
    AppliedShape, ChangedText, ClockHealth, Connection, Destination, DestinationRef, Edit, FileChange,
    FileFormat, FileKind, FileText, Findings, KeyChange, Mode, PlanShape, PlantFiles, QueryAsk, QueryColumn,
    QueryResult, QueryTables, Reject, Saved, Site, Trend,
};
use web::{
    App, Asset, Column, Facts, Figures, History, Limits, Options, Pausable, Plant, Problem, ProblemKind,
    Query, Sample, Server, Sheet, Span,
};

pub const PASSWORD: &str = "correct horse battery staple";

/// History for tests: what was put in.
#[derive(Default)]
pub struct Memory(pub parking_lot::Mutex<Vec<(PointId, Sample)>>, pub parking_lot::Mutex<Vec<Event>>);

impl History for Memory {
    fn range(
        &self,
        point: PointId,
        span: Span,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<Sample>, Problem> {
        let all = self.0.lock();
        let fits = all
            .iter()
            .filter(|(id, s)| *id == point && (span.from..=span.to).contains(&s.time))
            .map(|(_, s)| s.clone());
        let mut fits: Vec<_> = fits.collect();
        if newest_first {
            fits.reverse();
        }
        fits.truncate(limit);
        Ok(fits)
    }

    fn trend(&self, _: PointId, _: Span, _: usize) -> Result<Trend, Problem> {
        Err(Problem::internal("/var/lib/secret/place: no such file"))
    }

    fn aggregate(&self, points: &[PointId], span: Span, width: Duration) -> Result<Vec<Trend>, Problem> {
        let buckets = |point: &PointId| {
            let mut all: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for (id, sample) in self.0.lock().iter() {
                if id == point && (span.from..span.to).contains(&sample.time) {
                    let bucket = (sample.time.0 - span.from.0) / width.as_nanos() as i64;
                    all.entry(bucket).or_default().extend(sample.value.as_f64());
                }
            }
            let column = |of: fn(&[f64]) -> f64| -> Vec<_> { all.values().map(|v| Some(of(v))).collect() };
            Trend {
                mode: "buckets".into(),
                bucket_ms: Some(width.as_secs_f64() * 1e3),
                time: all
                    .keys()
                    .map(|at| span.from.millis_f64() + *at as f64 * width.as_secs_f64() * 1e3)
                    .collect(),
                avg: Some(column(|v| v.iter().sum::<f64>() / v.len() as f64)),
                min: column(|v| v.iter().copied().fold(f64::MAX, f64::min)),
                max: column(|v| v.iter().copied().fold(f64::MIN, f64::max)),
                first: column(|v| v[0]),
                last: column(|v| v[v.len() - 1]),
                count: all.values().map(|v| v.len() as u64).collect(),
                good: vec![1.0; all.len()],
            }
        };
        Ok(points.iter().map(buckets).collect())
    }

    fn declared(&self, _: PointId) -> Vec<(Time, Arc<Declaration>)> {
        Vec::new()
    }

    fn extent(&self, point: PointId) -> Option<(Time, Time)> {
        let all = self.0.lock();
        let times: Vec<Time> = all.iter().filter(|(id, _)| *id == point).map(|(_, s)| s.time).collect();
        Some((*times.first()?, *times.last()?))
    }

    fn events(&self, span: Span, limit: usize) -> Result<Vec<Event>, Problem> {
        let all = self.1.lock();
        let within = all.iter().rev().filter(|event| (span.from..=span.to).contains(&event.start));
        Ok(within.take(limit).cloned().collect())
    }

    fn figures(&self) -> Figures {
        Figures::default()
    }
}

/// Stands for the binary.
#[derive(Default)]
pub struct TestPlant {
    pub paused: AtomicBool,
    pub not_ready: AtomicBool,
    pub discover: TestDiscover,
    pub door: TestDoor,
}

impl Plant for TestPlant {
    fn door(&self, name: &str, token: &str) -> Option<Arc<dyn Door>> {
        (name == "scale" && token == TOKEN).then(|| Arc::new(self.door.clone()) as Arc<dyn Door>)
    }
    fn facts(&self) -> Facts {
        Facts {
            version: "0.1.0".into(),
            site: Site { enterprise: "acme".into(), site: "leeds".into() },
            address: "http://127.0.0.1:1".into(),
            ..Facts::default()
        }
    }
    fn mode(&self) -> Mode {
        Mode::new(false, false)
    }
    fn connections(&self) -> Vec<Connection> {
        vec![Connection {
            name: "line-1".into(),
            kind: "modbus-tcp".into(),
            state: "lost".into(),
            ..Connection::default()
        }]
    }
    fn destinations(&self) -> Vec<Destination> {
        vec![Destination {
            name: "hq".into(),
            kind: "mqtt".into(),
            state: "connected".into(),
            lag_s: Some(2.0),
            ..Destination::default()
        }]
    }
    fn destinations_of(&self, _: &Path) -> Vec<DestinationRef> {
        vec![DestinationRef { name: "hq".into(), kind: "mqtt".into(), state: "connected".into() }]
    }
    fn rejects(&self, destination: &str, _: usize) -> Option<Vec<Reject>> {
        (destination == "hq")
            .then(|| vec![Reject { position: "1.5".into(), reason: "too old".into(), ..Reject::default() }])
    }
    fn assets(&self) -> Arc<[Asset]> {
        let asset = |path: &str, level: &str, asset_type: &str| Asset {
            of: (asset_type == "Filler").then(|| Arc::new(filler())),
            path: Path::new(path).unwrap(),
            name: String::new(),
            asset_type: asset_type.into(),
            level: level.into(),
            owner_ot: "Maintenance A".into(),
            owner_it: String::new(),
            zone: String::new(),
            state: None,
        };
        Arc::from([
            asset("acme/leeds/line-1", "line", "Line"),
            asset("acme/leeds/line-1/filler", "work-unit", "Filler"),
        ])
    }
    fn clock(&self) -> ClockHealth {
        ClockHealth { offset_ms: None, synchronised: true }
    }
    fn secret_users(&self, secret: &str) -> Vec<String> {
        if secret == "hq-db" { vec!["hq".into()] } else { vec![] }
    }
    fn pause<'a>(
        &'a self,
        _: &'a Principal,
        what: Pausable<'a>,
        pause: bool,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        let known = matches!(
            what,
            Pausable::Connection { name: "line-1", .. } | Pausable::Destination { name: "hq" }
        );
        if known {
            self.paused.store(pause, Ordering::SeqCst);
        }
        Box::pin(std::future::ready(if known { Ok(()) } else { Err(Problem::not_found("such thing")) }))
    }
    fn discover(&self) -> &dyn web::Discover {
        &self.discover
    }
    fn plan(&self) -> BoxFuture<'_, Result<PlanShape, Problem>> {
        Box::pin(std::future::ready(Ok(PlanShape { nothing: true, ..PlanShape::default() })))
    }
    fn apply<'a>(&'a self, who: &'a Principal) -> BoxFuture<'a, Result<AppliedShape, Problem>> {
        let summary = format!("{} applied nothing", who.name);
        Box::pin(std::future::ready(Ok(AppliedShape { applied: true, summary, ..AppliedShape::default() })))
    }
    fn ready(&self) -> Result<(), String> {
        if self.not_ready.load(Ordering::SeqCst) { Err("the disk does not take data".into()) } else { Ok(()) }
    }
}

/// SQL for tests: echoes, refuses, hangs, panics on demand.
pub struct TestQuery(pub PathBuf);

impl Query for TestQuery {
    fn tables(&self, _: &Principal) -> QueryTables {
        QueryTables::default()
    }
    fn run<'a>(&'a self, ask: QueryAsk, who: &'a Principal) -> BoxFuture<'a, Result<QueryResult, Problem>> {
        Box::pin(async move {
            match ask.sql.as_str() {
                "panic" => panic!("asked to"),
                "wrong" => Err(Problem::new(
                    ProblemKind::Invalid,
                    "There is no table `x`.",
                    "Nothing was run.",
                    "Look at the tables.",
                )),
                _ => Ok(QueryResult {
                    columns: vec![QueryColumn { name: "who".into(), column_type: "text".into() }],
                    rows: vec![vec![json!(who.name)], vec![json!(ask.limit)]],
                    truncated: false,
                    elapsed_ms: 0.1,
                    rows_scanned: None,
                }),
            }
        })
    }
    fn cancel(&self, id: &str, _: &Principal) -> bool {
        id == "running"
    }
    fn export<'a>(
        &'a self,
        sql: &'a str,
        _: FileFormat,
        _: &'a Principal,
    ) -> BoxFuture<'a, Result<PathBuf, Problem>> {
        Box::pin(async move {
            let path = self.0.join("export");
            std::fs::write(&path, sql).map_err(Problem::internal)?;
            Ok(path)
        })
    }
    fn parquet(&self, columns: &'static [Column]) -> Result<Box<dyn Sheet>, Problem> {
        Ok(Box::new(Cells {
            out: columns.iter().map(|column| column.name).collect::<Vec<_>>().join("|") + "\n",
        }))
    }
}

/// Stands for a Parquet file: cells with a stroke behind each.
struct Cells {
    out: String,
}

impl Sheet for Cells {
    fn null(&mut self) {
        self.out += "|";
    }
    fn text(&mut self, text: &str) {
        self.out += &format!("{text}|");
    }
    fn time(&mut self, time: Time) {
        self.out += &format!("{}|", time.0);
    }
    fn double(&mut self, value: f64) {
        self.out += &format!("{value}|");
    }
    fn whole(&mut self, value: i64) {
        self.out += &format!("{value}|");
    }
    fn flag(&mut self, value: bool) {
        self.out += &format!("{value}|");
    }
    fn end_row(&mut self) {
        self.out += "\n";
    }
    fn take(&mut self, _: bool) -> Result<Vec<u8>, Problem> {
        Ok(std::mem::take(&mut self.out).into_bytes())
    }
}

/// A plant folder for tests: one file; who saves is told back.
pub struct NoFiles;

impl web::Configuration for NoFiles {
    fn kinds(&self) -> Vec<FileKind> {
        Vec::new()
    }
    fn files(&self) -> Result<PlantFiles, Problem> {
        Ok(PlantFiles::default())
    }
    fn read(&self, name: &str) -> Result<FileText, Problem> {
        if name != "ironbridge.toml" {
            return Err(Problem::not_found(format!("file {name}")));
        }
        Ok(FileText { name: name.into(), ..FileText::default() })
    }
    fn check(&self, edits: &[Edit]) -> Result<Findings, Problem> {
        let change = |edit: &Edit| FileChange { name: edit.name.clone(), ..FileChange::default() };
        Ok(Findings { changes: edits.iter().map(change).collect(), ..Findings::default() })
    }
    fn change(&self, _: &str, text: &str, _: &[KeyChange]) -> Result<ChangedText, Problem> {
        Ok(ChangedText { text: text.into(), ..ChangedText::default() })
    }
    fn save(&self, who: &Principal, _: &[Edit]) -> Result<Saved, Problem> {
        Ok(Saved { remark: who.name.clone(), ..Saved::default() })
    }
}

/// The whole thing, running.
pub struct Fixture {
    pub namespace: Namespace,
    pub history: Arc<Memory>,
    pub access: Arc<Access>,
    pub plant: Arc<TestPlant>,
    pub server: Server,
    pub clock: Arc<dyn Clock>,
    pub dir: tempfile::TempDir,
}

/// A signed-in browser.
#[derive(Clone, Debug)]
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::serving(limits, None).await
    }

    pub async fn serving(limits: Limits, names: Option<Vec<String>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = SystemClock::shared();
        let access = Arc::new(Access::open(&dir.path().join("access"), clock.clone()).unwrap());
        let options = journal::Options::new(dir.path().join("journal"));
        let (journal, recovered) = Journal::open(options, Arc::new(RealDisk), clock.clone()).unwrap();
        let settings = Settings {
            max_skew: Duration::from_secs(5),
            writes_on: false,
            authority: access.clone(),
            ledger: access.clone(),
        };
        let namespace = Namespace::open(journal, recovered, clock.clone(), settings);
        let plant = Arc::new(TestPlant::default());
        let history = Arc::new(Memory::default());
        let app = App {
            namespace: namespace.clone(),
            store: history.clone(),
            query: Arc::new(TestQuery(dir.path().to_owned())),
            access: access.clone(),
            plant: plant.clone(),
            configuration: Arc::new(NoFiles),
        };
        let tls = names.map(|names| {
            let from = access::Certificate::BuiltIn { names };
            access
                .listener_tls(from, &transport::tls::ClientAuthority::default(), &["http/1.1"])
                .unwrap()
                .config()
                .clone()
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let options = Options { listener, tls, names: vec!["gateway.plant".into()], limits };
        let server = web::serve(options, app).unwrap();
        Self { namespace, history, access, plant, server, clock, dir }
    }

    /// Declares points: two on the filler, one on another line, and gives them values.
    pub fn points(&self) -> Vec<PointId> {
        let path = |text: &str| Path::new(text).unwrap();
        let mut speed = Declaration::new(path("acme/leeds/line-1/filler/Speed"), ValueType::F64);
        speed.unit = "/min".into();
        speed.connection = "line-1".into();
        speed.scan = Duration::from_millis(250);
        speed.access = model::Access::Write(Box::new(WriteRule {
            min: Some(0.0),
            max: Some(600.0),
            ..WriteRule::default()
        }));
        let mut state = Declaration::new(path("acme/leeds/line-1/filler/State"), ValueType::U64);
        state.states = [(1, "Execute".to_owned()), (2, "Stopped".to_owned())].into();
        let other = Declaration::new(path("acme/leeds/line-2/packer/count"), ValueType::I64);
        let ids = self.namespace.declare(vec![speed, state, other]).unwrap();
        self.publish(&ids, vec![Value::F64(120.5), Value::U64(1), Value::I64(i64::MAX)]);
        ids
    }

    pub fn publish(&self, ids: &[PointId], values: Vec<Value>) {
        self.publish_with(ids, values, Status::GOOD);
    }

    pub fn publish_with(&self, ids: &[PointId], values: Vec<Value>, status: Status) {
        let batch = Batch::polled(Shape::new(ids.to_vec()), self.clock.now(), Each::All(status), values);
        self.namespace.publish(batch);
    }

    pub fn remember(&self, id: PointId, at_ms: i64, value: Value) {
        let seq = Position::new(1, self.history.0.lock().len() as u64 + 1);
        let time = Time::from_millis(at_ms);
        let sample = Sample { time, received: time, seq, value, status: Status::GOOD, historical: false };
        self.history.0.lock().push((id, sample));
    }

    pub fn alarm(&self, id: &str, source: &str, title: &str) {
        let event = Event::active(EventKind::Alarm, id, source, self.clock.now(), severity::HIGH, title);
        self.namespace.event(event);
    }

    pub async fn send(&self, request: &Request) -> Reply {
        send(self.server.address(), request).await
    }

    pub async fn get(&self, path: &str, browser: &Browser) -> Reply {
        self.send(&Request::new("GET", path).header("cookie", &browser.cookie)).await
    }

    pub async fn call(&self, method: &str, path: &str, browser: &Browser, body: &Json) -> Reply {
        let request = Request::new(method, path)
            .header("cookie", &browser.cookie)
            .header("x-csrf-token", &browser.csrf)
            .json(body);
        self.send(&request).await
    }

    /// Creates the first administrator over HTTP.
    pub async fn administrator(&self) -> Browser {
        let access = self.access.clone();
        let token =
            tokio::task::spawn_blocking(move || access.setup_token()).await.unwrap().unwrap().unwrap();
        let body = json!({"token": token.as_str(), "name": "anna", "password": PASSWORD});
        browser(&self.send(&Request::new("POST", "/api/setup").json(&body)).await)
    }

    /// Adds a user with a role and signs them in with their link.
    pub async fn user(&self, name: &str, role: Role) -> Browser {
        let (access, owned) = (self.access.clone(), name.to_owned());
        let token = tokio::task::spawn_blocking(move || {
            access.create_user(&Access::owner(0), &owned, role).map(|(_, token)| token)
        });
        let token: Zeroizing<String> = token.await.unwrap().unwrap();
        let body = json!({"token": token.as_str()});
        browser(&self.send(&Request::new("POST", "/api/session/link").json(&body)).await)
    }

    /// An API token.
    pub async fn token(&self, name: &str, role: Role, prefix: Option<&str>) -> String {
        let wish =
            access::NewToken { name: name.into(), role, prefix: prefix.map(str::to_owned), valid: None };
        let access = self.access.clone();
        let made = tokio::task::spawn_blocking(move || access.create_token(&Access::owner(0), &wish));
        made.await.unwrap().unwrap().1.to_string()
    }
}

/// Cookie and CSRF token of a sign-in.
#[track_caller]
pub fn browser(reply: &Reply) -> Browser {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    Browser { cookie, csrf: reply.json()["csrf"].as_str().unwrap().to_owned() }
}

/// What a filler has: a point that is there, one that is not, one that may be missing, and a part.
fn filler() -> web::AssetType {
    let point = |name: &str, required| web::TypePoint {
        name: name.into(),
        wanted: "a number in /min".into(),
        required,
    };
    web::AssetType {
        description: "Fills".into(),
        extends: vec!["Machine".into()],
        points: vec![point("speed", true), point("Torque", true), point("Note", false)],
        parts: vec![web::TypePart { name: "Capper".into(), kind: "Machine".into(), required: false }],
    }
}
