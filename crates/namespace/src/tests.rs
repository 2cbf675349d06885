use super::*;
use journal::{Options, RealDisk};
use model::{
    Access, Command, Confirm, Flags, ManualClock, Outcome, Path, Principal, Role, Shape, ValueType, WriteRule,
};

struct Allow;
impl Authority for Allow {
    fn may_write(&self, who: &Principal, _: &Path) -> Result<(), String> {
        if who.role >= Role::Operator { Ok(()) } else { Err("a viewer may not write".into()) }
    }
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: Mutex<Vec<Entry>>,
    pub(crate) recalled: Mutex<Vec<(Time, Entry)>>,
    pub(crate) broken: AtomicBool,
}
impl Ledger for Memory {
    fn record(&self, entry: Entry) -> Result<(), String> {
        if self.broken.load(Ordering::SeqCst) {
            return Err("disk full".into());
        }
        self.entries.lock().push(entry);
        Ok(())
    }
    fn recall(&self) -> Vec<(Time, Entry)> {
        self.recalled.lock().clone()
    }
}

pub(crate) struct House {
    pub(crate) namespace: Namespace,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ledger: Arc<Memory>,
    _dir: tempfile::TempDir,
}

pub(crate) fn house() -> House {
    house_with(Memory::default())
}

pub(crate) fn house_with(ledger: Memory) -> House {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(Time::from_millis(1_700_000_000_000));
    let shared: Arc<dyn Clock> = clock.clone();
    let disk = Arc::new(RealDisk);
    let (journal, recovered) = Journal::open(Options::new(dir.path()), disk, shared.clone()).unwrap();
    let ledger = Arc::new(ledger);
    let settings = Settings {
        max_skew: Duration::from_secs(5),
        writes_on: true,
        authority: Arc::new(Allow),
        ledger: ledger.clone(),
    };
    House { namespace: Namespace::open(journal, recovered, shared, settings), clock, ledger, _dir: dir }
}

pub(crate) fn point(path: &str) -> Declaration {
    Declaration::new(Path::new(path).unwrap(), ValueType::F64)
}

pub(crate) fn writable(path: &str) -> Declaration {
    let rule = WriteRule {
        min: Some(0.0),
        max: Some(600.0),
        step: Some(50.0),
        confirm: Confirm::Readback,
        ..WriteRule::default()
    };
    Declaration { access: Access::Write(Box::new(rule)), unit: "/min".into(), ..point(path) }
}

pub(crate) fn publish(house: &House, id: PointId, value: f64) {
    let now = house.clock.now();
    house.namespace.publish(Batch::polled(
        Shape::new(vec![id]),
        now,
        Each::All(Status::GOOD),
        vec![Value::F64(value)],
    ));
}

#[test]
fn a_point_waits_then_has_a_value_and_keeps_it_when_the_link_is_lost() {
    let house = house();
    let id = house.namespace.declare(vec![point("acme/leeds/speed")]).unwrap()[0];
    assert_eq!(house.namespace.last(id).unwrap().status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    publish(&house, id, 42.0);
    house.clock.advance(Duration::from_secs(3));
    let shape = Shape::new(vec![id]);
    house.namespace.publish(Batch::quality(shape, house.clock.now(), Status::BAD_COMMUNICATION_ERROR));
    let last = house.namespace.last(id).unwrap();
    assert_eq!((last.value, last.status), (Value::F64(42.0), Status::BAD_COMMUNICATION_ERROR));
    assert_eq!(last.time.since(last.good), Duration::from_secs(3));
    assert_eq!(house.namespace.find("ACME/leeds/Speed"), Some(id));
}

#[test]
fn declaring_again_keeps_the_number_and_a_clash_is_refused() {
    let house = house();
    let first = house.namespace.declare(vec![point("s/a"), point("s/b")]).unwrap();
    house.namespace.retire(&first[..1]);
    assert_eq!(house.namespace.points().len(), 1);
    assert_eq!(house.namespace.declare(vec![point("s/a")]).unwrap(), first[..1]);
    assert_eq!(house.namespace.points().len(), 2);
    assert!(matches!(
        house.namespace.declare(vec![point("s/c"), point("S/C")]),
        Err(NamespaceError::Twice(_))
    ));
}

#[test]
fn a_rename_keeps_the_number() {
    let house = house();
    let old = house.namespace.declare(vec![point("s/old")]).unwrap();
    house.namespace.retire(&old);
    let renamed = Declaration { was: vec![Path::new("s/old").unwrap()], ..point("s/new") };
    assert_eq!(house.namespace.declare(vec![renamed]).unwrap(), old);
}

#[test]
fn source_time_counts_only_within_the_skew_and_never_from_the_future() {
    let house = house();
    let id = house.namespace.declare(vec![point("s/a")]).unwrap()[0];
    let now = house.clock.now();
    for (offset_s, historical, believed) in
        [(-2, false, true), (-60, false, false), (60, false, false), (-60, true, true), (60, true, false)]
    {
        let stamp = Time(now.0 + offset_s * 1_000_000_000);
        let mut batch =
            Batch::polled(Shape::new(vec![id]), now, Each::All(Status::GOOD), vec![Value::F64(1.0)]);
        batch.source = Some(Each::All(stamp));
        batch.flags = Flags { synchronised: true, historical };
        resolve_times(&mut batch, Duration::from_secs(5));
        assert_eq!(batch.time, Each::All(if believed { stamp } else { now }), "{offset_s} {historical}");
    }
}

#[tokio::test]
async fn a_watch_conflates() {
    let house = house();
    let ids = house.namespace.declare(vec![point("s/a"), point("s/b")]).unwrap();
    let mut watch = house.namespace.watch(&ids);
    assert_eq!(watch.poll().len(), 2);
    publish(&house, ids[1], 1.0);
    publish(&house, ids[1], 2.0);
    let changed = watch.changed().await;
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].0, &changed[0].1.value), (1, &Value::F64(2.0)));
    assert!(watch.poll().is_empty());
}

pub(crate) fn operator() -> Principal {
    Principal { name: "user:anna".into(), role: Role::Operator, prefix: None }
}

pub(crate) fn command(house: &House, id: &str, value: f64) -> Command {
    Command {
        id: id.into(),
        path: Path::new("s/target").unwrap(),
        value: Value::F64(value),
        expires: house.clock.now().after(Duration::from_secs(10)),
        reason: "test".into(),
    }
}

#[tokio::test]
async fn rejections_say_why_and_never_reach_the_owner() {
    let house = house();
    let ids = house.namespace.declare(vec![writable("s/target"), point("s/fixed")]).unwrap();
    let mut queue = house.namespace.own(&ids);
    let viewer = Principal { role: Role::Viewer, ..operator() };
    let who = operator();
    let reject = async |id: &str, who: &Principal, change: &dyn Fn(&mut Command), part: &str| {
        let mut wish = command(&house, id, 100.0);
        change(&mut wish);
        let outcome = house.namespace.command(who, wish).await;
        assert!(outcome.word() == "Rejected" && outcome.why().contains(part), "{outcome:?} lacks {part}");
    };
    reject("1", &who, &|_| (), "present value is not Good").await;
    publish(&house, ids[0], 80.0);
    reject("2", &viewer, &|_| (), "viewer").await;
    reject("3", &who, &|c| c.value = Value::F64(700.0), "above the highest").await;
    reject("4", &who, &|c| c.value = Value::F64(200.0), "allowed step").await;
    reject("5", &who, &|c| c.value = Value::F64(f64::NAN), "not a f64").await;
    reject("6", &who, &|c| c.expires = Time::ZERO, "time-to-live").await;
    reject("7", &who, &|c| c.path = Path::new("s/fixed").unwrap(), "not writable").await;
    reject("8", &who, &|c| c.path = Path::new("s/none").unwrap(), "no such point").await;
    house.ledger.broken.store(true, Ordering::SeqCst);
    reject("9", &who, &|_| (), "audit ledger").await;
    house.ledger.broken.store(false, Ordering::SeqCst);
    house.namespace.set_writes(false);
    reject("10", &who, &|_| (), "READ-ONLY").await;
    assert!(queue.try_next().is_none());
}

#[tokio::test]
async fn a_command_is_in_the_ledger_before_it_is_sent_and_never_runs_twice() {
    let house = house();
    let ids = house.namespace.declare(vec![writable("s/target")]).unwrap();
    publish(&house, ids[0], 80.0);
    let mut queue = house.namespace.own(&ids);
    let ledger = house.ledger.clone();
    let owner = tokio::spawn(async move {
        let order = queue.next().await.unwrap();
        let written =
            ledger.entries.lock().iter().any(|e| e.outcome == "requested" && e.object == "s/target");
        order.respond.send(Outcome::Confirmed { readback: order.command.value }).unwrap();
        (written, queue)
    });
    let outcome = house.namespace.command(&operator(), command(&house, "a", 100.0)).await;
    assert_eq!(outcome, Outcome::Confirmed { readback: Value::F64(100.0) });
    let (written, mut queue) = owner.await.unwrap();
    assert!(written);
    let again = house.namespace.command(&operator(), command(&house, "a", 100.0)).await;
    assert_eq!(again, outcome);
    assert!(queue.try_next().is_none());
    assert_eq!(house.ledger.entries.lock().last().unwrap().outcome, "Confirmed");
    assert_eq!(house.namespace.recent_events(1)[0].id, "command/a");
}

#[tokio::test]
async fn a_dropped_order_is_unknown() {
    let house = house();
    let ids = house.namespace.declare(vec![writable("s/target")]).unwrap();
    publish(&house, ids[0], 80.0);
    let mut queue = house.namespace.own(&ids);
    tokio::spawn(async move { drop(queue.next().await) });
    let outcome = house.namespace.command(&operator(), command(&house, "a", 100.0)).await;
    assert_eq!(outcome.word(), "Unknown");
}

#[test]
fn points_that_show_up_take_no_place_of_others() {
    let house = house();
    let namespace = &house.namespace;
    let of = |path: &str, connection: &str| Declaration { connection: connection.into(), ..writable(path) };
    let first = namespace.declare([of("acme/leeds/a", "plc")]).unwrap()[0];
    let found =
        namespace.declare_found(vec![of("acme/leeds/A", "broker"), of("acme/leeds/b", "broker")]).unwrap();
    assert_eq!(found[0], None, "the PLC has it, in whatever case");
    assert_eq!(&*namespace.meta(first).unwrap().connection, "plc");
    assert!(found[1].is_some());
    // Once the PLC is gone, the place is free.
    namespace.retire(&[first]);
    assert_eq!(namespace.declare_found(vec![of("acme/leeds/a", "broker")]).unwrap(), vec![Some(first)]);
    let remembered = namespace.remembered("broker");
    assert_eq!(
        remembered.iter().map(|known| known.path.as_str()).collect::<Vec<_>>(),
        ["acme/leeds/a", "acme/leeds/b"]
    );
}
