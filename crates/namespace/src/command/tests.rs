use super::*;
use crate::tests::{House, Memory, command, house, house_with, operator, point, publish, writable};
use crate::{Namespace, Phase};
use model::{Batch, Clock as _, Each, Interlock, Rate, Shape, Status, Value, ValueType, WriteRule};
use proptest::prelude::*;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

fn person(name: &str, role: Role) -> Principal {
    Principal { name: name.into(), role, prefix: None }
}

fn with_rule(change: impl FnOnce(&mut WriteRule)) -> Declaration {
    let mut rule = WriteRule::default();
    change(&mut rule);
    Declaration { access: Access::Write(Box::new(rule)), ..point("s/target") }
}

/// Confirms everything, and counts it.
fn confirming(namespace: &Namespace, points: &[PointId]) -> Arc<AtomicUsize> {
    let sent = Arc::new(AtomicUsize::new(0));
    let (mut queue, count) = (namespace.own(points), sent.clone());
    tokio::spawn(async move {
        while let Some(order) = queue.next().await {
            count.fetch_add(1, Ordering::SeqCst);
            let readback = order.command.value.clone();
            let _ = order.respond.send(Outcome::Confirmed { readback });
        }
    });
    sent
}

fn started(house: &House, declaration: Declaration) -> (Vec<PointId>, Arc<AtomicUsize>) {
    let ids = house.namespace.declare(vec![declaration]).unwrap();
    publish(house, ids[0], 80.0);
    let sent = confirming(&house.namespace, &ids);
    (ids, sent)
}

fn words(house: &House) -> Vec<(String, String)> {
    house.ledger.entries.lock().iter().map(|entry| (entry.actor.clone(), entry.outcome.clone())).collect()
}

#[track_caller]
fn rejected(outcome: &Outcome, part: &str) {
    assert!(outcome.word() == "Rejected" && outcome.why().contains(part), "{outcome:?} lacks {part}");
}

async fn waits(ticket: &mut Ticket) {
    assert_eq!(ticket.end_or_waiting().await, Progress::Waiting(Role::Engineer));
}

#[tokio::test]
async fn a_second_person_approves_and_only_then_it_is_sent_once() {
    let house = house();
    let (_, sent) = started(&house, with_rule(|rule| rule.approval = Some(Role::Engineer)));
    let anna = person("user:anna", Role::Engineer);
    let mut ticket = house.namespace.start_command(&anna, command(&house, "a", 100.0));
    waits(&mut ticket).await;
    let tracked = house.namespace.tracked("a").unwrap();
    assert_eq!((tracked.phase, tracked.who.as_str()), (Phase::Waiting, "user:anna"));
    assert_eq!(house.namespace.active_events()[0].id, "command/a");
    for (who, part) in [
        (&anna, "a second person"),
        (&person("user:carl", Role::Operator), "needs the role engineer"),
        (&person("token:mes", Role::Administrator), "a person has to approve"),
    ] {
        let refused = house.namespace.approve_command(who, "a", "").await.unwrap_err();
        assert!(refused.to_string().contains(part), "{refused}");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    let bert = person("user:bert", Role::Engineer);
    house.namespace.approve_command(&bert, "a", "checked").await.unwrap();
    assert_eq!(ticket.end().await, Outcome::Confirmed { readback: Value::F64(100.0) });
    assert_eq!(sent.load(Ordering::SeqCst), 1);
    let expected = [("anna", "waiting"), ("bert", "approved"), ("anna", "requested"), ("anna", "Confirmed")];
    assert_eq!(words(&house), expected.map(|(who, word)| (format!("user:{who}"), word.to_owned())));
    let tracked = house.namespace.tracked("a").unwrap();
    let steps: Vec<_> = tracked.steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(steps, ["asked", "waiting", "approved", "sending", "Confirmed"]);
    assert_eq!(tracked.approval.unwrap().by.as_deref(), Some("user:bert"));
    assert!(house.namespace.active_events().is_empty());
    let late = house.namespace.approve_command(&bert, "a", "").await.unwrap_err();
    assert!(late.to_string().contains("does not wait"), "{late}");
}

#[tokio::test]
async fn denied_cancelled_or_too_late_it_is_never_sent() {
    let house = house();
    let (_, sent) = started(&house, with_rule(|rule| rule.approval = Some(Role::Engineer)));
    let (anna, bert) = (operator(), person("user:bert", Role::Engineer));
    let start = |id: &str| house.namespace.start_command(&anna, command(&house, id, 100.0));

    let mut denied = start("denied");
    waits(&mut denied).await;
    house.namespace.deny_command(&bert, "denied", "not today").await.unwrap();
    rejected(&denied.end().await, "user:bert denied it: not today");

    let mut cancelled = start("cancelled");
    waits(&mut cancelled).await;
    let stranger = house.namespace.cancel_command(&person("user:carl", Role::Operator), "cancelled").await;
    assert!(matches!(stranger, Err(CommandError::Refused(_))));
    house.namespace.cancel_command(&anna, "cancelled").await.unwrap();
    rejected(&cancelled.end().await, "user:anna cancelled it");

    let brief = Command {
        expires: house.clock.now().after(Duration::from_millis(30)),
        ..command(&house, "late", 100.0)
    };
    let mut late = house.namespace.start_command(&anna, brief);
    waits(&mut late).await;
    rejected(&late.end().await, "nobody approved it");
    let gone = house.namespace.approve_command(&bert, "late", "").await;
    assert!(matches!(gone, Err(CommandError::Refused(_))));
    assert_eq!(sent.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_changed_while_it_waited_counts() {
    let house = house();
    let (ids, sent) = started(&house, with_rule(|rule| rule.approval = Some(Role::Engineer)));
    let bert = person("user:bert", Role::Engineer);
    let mut ticket = house.namespace.start_command(&operator(), command(&house, "a", 100.0));
    waits(&mut ticket).await;
    house.namespace.set_writes(false);
    house.namespace.approve_command(&bert, "a", "").await.unwrap();
    rejected(&ticket.end().await, "READ-ONLY");
    house.namespace.set_writes(true);
    house.namespace.retire(&ids);
    let gone = house.namespace.command(&operator(), command(&house, "b", 100.0)).await;
    rejected(&gone, "no such point");
    assert_eq!(sent.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_same_id_at_the_same_time_is_one_command_and_another_one_with_it_is_refused() {
    let house = house();
    let (_, sent) = started(&house, writable("s/target"));
    let who = operator();
    let (first, second) = tokio::join!(
        house.namespace.command(&who, command(&house, "a", 100.0)),
        house.namespace.command(&who, command(&house, "a", 100.0)),
    );
    assert_eq!((first.word(), second), ("Confirmed", first.clone()));
    rejected(&house.namespace.command(&who, command(&house, "a", 101.0)).await, "already used for another");
    let other = person("user:bert", Role::Operator);
    rejected(&house.namespace.command(&other, command(&house, "a", 100.0)).await, "already used for another");
    for id in ["", "two words", "ümlaut", &"x".repeat(129)] {
        rejected(&house.namespace.command(&who, command(&house, id, 100.0)).await, "visible ASCII");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 1);
}

/// What a first run wrote into its ledger, as a second run finds it.
fn after_restart(first: &House) -> House {
    let at = first.clock.now();
    let lines = first.ledger.entries.lock().iter().map(|entry| (at, entry.clone())).collect();
    house_with(Memory { recalled: Mutex::new(lines), ..Memory::default() })
}

#[tokio::test]
async fn a_restart_forgets_no_id_and_says_what_became_of_commands_under_way() {
    let first = house();
    let _ = started(&first, writable("s/target"));
    let confirmed = first.namespace.command(&operator(), command(&first, "done", 100.0)).await;
    assert_eq!(confirmed.word(), "Confirmed");
    rejected(
        &first.namespace.command(&operator(), command(&first, "high", 700.0)).await,
        "above the highest",
    );
    for (id, word) in [("sent", "requested"), ("waited", "waiting")] {
        let detail = format!("{id}; value 100 (was 80), reason: test");
        first
            .ledger
            .record(entry(&operator(), "command", &Path::new("s/target").unwrap(), word, detail))
            .unwrap();
    }
    let second = after_restart(&first);
    let (_, sent) = started(&second, writable("s/target"));
    for (id, word, part) in [
        ("done", "Confirmed", ""),
        ("high", "Rejected", "above the highest"),
        ("sent", "Unknown", "look at the machine"),
        ("waited", "Rejected", "before it was sent"),
    ] {
        let again = second.namespace.command(&operator(), command(&second, id, 100.0)).await;
        assert!(again.word() == word && again.why().contains(part), "{id}: {again:?}");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    let told = second.ledger.entries.lock().iter().map(|entry| entry.outcome.clone()).collect::<Vec<_>>();
    assert_eq!(told, ["Unknown", "Rejected"]);
    assert!(
        second
            .namespace
            .recent_events(9)
            .iter()
            .any(|event| event.id == "command/sent" && event.severity == 700)
    );
}

#[tokio::test]
async fn an_interlock_lets_through_only_what_it_can_see_to_be_safe() {
    let house = house();
    let path = |text: &str| Path::new(text).unwrap();
    let interlock = Interlock {
        allow_if: "guard && speed < 10".into(),
        points: [("guard".to_owned(), path("s/guard")), ("speed".to_owned(), path("s/speed"))].into(),
    };
    let guard = Declaration::new(path("s/guard"), ValueType::Bool);
    let target = with_rule(|rule| rule.interlock = Some(interlock.clone()));
    let ids = house.namespace.declare(vec![target, guard, point("s/speed")]).unwrap();
    let sent = confirming(&house.namespace, &ids[..1]);
    let put = |id: PointId, value: Value, status: Status| {
        let batch = Batch::polled(Shape::new(vec![id]), house.clock.now(), Each::All(status), vec![value]);
        house.namespace.publish(batch);
    };
    let attempt = async |id: &str| house.namespace.command(&operator(), command(&house, id, 100.0)).await;
    rejected(&attempt("1").await, "s/guard is BadWaitingForInitialData");
    put(ids[1], Value::Bool(true), Status::GOOD);
    put(ids[2], Value::F64(12.0), Status::GOOD);
    rejected(&attempt("2").await, "does not allow it: guard is true, speed is 12");
    put(ids[2], Value::F64(5.0), Status::GOOD);
    assert_eq!(attempt("3").await.word(), "Confirmed");
    put(ids[1], Value::Bool(true), Status::UNCERTAIN_LAST_USABLE_VALUE);
    rejected(&attempt("4").await, "s/guard is UncertainLastUsableValue");
    put(ids[1], Value::Bool(true), Status::GOOD);
    house.namespace.publish(Batch::quality(
        Shape::new(vec![ids[2]]),
        house.clock.now(),
        Status::BAD_COMMUNICATION_ERROR,
    ));
    rejected(&attempt("5").await, "s/speed is BadCommunicationError");
    put(ids[2], Value::F64(5.0), Status::GOOD);
    house.namespace.retire(&ids[2..]);
    rejected(&attempt("6").await, "there is no point s/speed");
    assert_eq!(sent.load(Ordering::SeqCst), 1);
    for (text, part) in [("guard &&", "it ends"), ("speed", "true or false"), ("other", "names no point")] {
        let wrong = Interlock {
            allow_if: text.into(),
            points: [("guard".to_owned(), path("s/guard")), ("speed".to_owned(), path("s/guard"))].into(),
        };
        let wrong = if text == "speed" { Interlock { allow_if: "1 + 1".into(), ..wrong } } else { wrong };
        let why = house.namespace.interlock_allows(&wrong).unwrap_err();
        assert!(why.contains("cannot be checked") && why.contains(part), "{why}");
    }
}

#[tokio::test]
async fn a_rate_limits_writes_also_over_a_restart() {
    let rate = with_rule(|rule| rule.rate = Some(Rate { writes: 2, per: Duration::from_secs(60) }));
    let first = house();
    let (_, sent) = started(&first, rate.clone());
    let attempt =
        async |house: &House, id: &str| house.namespace.command(&operator(), command(house, id, 100.0)).await;
    assert_eq!(attempt(&first, "1").await.word(), "Confirmed");
    first.clock.advance(Duration::from_secs(20));
    assert_eq!(attempt(&first, "2").await.word(), "Confirmed");
    rejected(&attempt(&first, "3").await, "2 times within 60 s; the next write is possible in 40 s");
    first.clock.advance(Duration::from_secs(41));
    assert_eq!(attempt(&first, "4").await.word(), "Confirmed");
    assert_eq!(sent.load(Ordering::SeqCst), 3);
    let second = after_restart(&first);
    let _ = started(&second, rate);
    // The numbers of points are the first run's only in a real plant; the ledger names the path.
    second.clock.step_wall(first.clock.now());
    second.namespace.recall_commands();
    rejected(&attempt(&second, "5").await, "2 times within 60 s");
}

#[tokio::test]
async fn a_lease_keeps_others_from_writing_until_it_ends() {
    let house = house();
    let (_, sent) = started(&house, writable("s/target"));
    let (anna, bert) = (operator(), person("user:bert", Role::Operator));
    let s = Path::new("s").unwrap();
    let attempt =
        async |who: &Principal, id: &str| house.namespace.command(who, command(&house, id, 100.0)).await;
    let hour = Duration::from_secs(3_600);
    house.namespace.take_lease(&anna, &s, hour, "maintenance").await.unwrap();
    rejected(&attempt(&bert, "1").await, "user:anna holds the right to write s until");
    rejected(&attempt(&person("destination:hq", Role::Operator), "2").await, "user:anna holds");
    assert_eq!(attempt(&anna, "3").await.word(), "Confirmed");
    for (who, path, span, part) in [
        (&bert, "s/target", hour, "user:anna holds"),
        (&bert, "nowhere", hour, "nothing stands"),
        (&anna, "s", Duration::from_secs(1), "1 minute to 8 hours"),
        (&person("token:mes", Role::Engineer), "s", hour, "for people"),
        (&person("user:carl", Role::Viewer), "s", hour, "a viewer may not"),
    ] {
        let why = house.namespace.take_lease(who, &Path::new(path).unwrap(), span, "").await.unwrap_err();
        assert!(why.to_string().contains(part), "{why}");
    }
    assert!(matches!(house.namespace.release_lease(&bert, &s).await, Err(CommandError::Refused(_))));
    // It outlives a restart.
    let second = after_restart(&house);
    assert_eq!(second.namespace.leases(), house.namespace.leases());
    house.namespace.release_lease(&person("user:eve", Role::Engineer), &s).await.unwrap();
    assert!(after_restart(&house).namespace.leases().is_empty());
    assert_eq!(attempt(&bert, "4").await.word(), "Confirmed");
    house.namespace.take_lease(&bert, &s, hour, "").await.unwrap();
    house.clock.advance(hour + Duration::from_secs(1));
    assert!(house.namespace.leases().is_empty());
    assert_eq!(sent.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn commands_to_one_point_go_in_turn_and_steps_add_up() {
    let house = house();
    let (ids, sent) = started(&house, writable("s/target"));
    // From 80 with steps of 50: 130 and 180 one after the other, never 180 at once. No scan comes in between.
    rejected(&house.namespace.command(&operator(), command(&house, "0", 180.0)).await, "allowed step");
    house.clock.advance(Duration::from_millis(1));
    let who = operator();
    let (one, two) = tokio::join!(
        house.namespace.command(&who, command(&house, "1", 130.0)),
        house.namespace.command(&who, command(&house, "2", 130.0)),
    );
    assert_eq!((one.word(), two.word()), ("Confirmed", "Confirmed"));
    assert_eq!(house.namespace.command(&who, command(&house, "3", 180.0)).await.word(), "Confirmed");
    house.clock.advance(Duration::from_millis(1));
    publish(&house, ids[0], 20.0);
    rejected(&house.namespace.command(&who, command(&house, "4", 180.0)).await, "from 20 /min to 180 /min");
    assert_eq!(sent.load(Ordering::SeqCst), 3);
    assert_eq!(house.namespace.commands(10, |_| true).len(), 5);
    assert_eq!(house.namespace.commands(10, |tracked| tracked.command.id == "3").len(), 1);
}

#[tokio::test]
async fn a_higher_role_may_be_asked_for() {
    let house = house();
    let _ = started(&house, with_rule(|rule| rule.role = Some(Role::Engineer)));
    rejected(
        &house.namespace.command(&operator(), command(&house, "1", 1.0)).await,
        "needs the role engineer",
    );
    let engineer = person("user:eve", Role::Engineer);
    assert_eq!(house.namespace.command(&engineer, command(&house, "2", 1.0)).await.word(), "Confirmed");
}

proptest! {
    #[test]
    fn limits_let_through_exactly_what_they_say(
        min in prop::option::of(-100.0..100.0_f64), max in prop::option::of(-100.0..100.0_f64),
        step in prop::option::of(0.0..50.0_f64), present in prop::option::of(-100.0..100.0_f64), value in -200.0..200.0_f64,
    ) {
        let rule = WriteRule { min, max, step, ..WriteRule::default() };
        let known = present.map(Value::F64);
        let found = check::limits(&rule, &Value::F64(value), known.as_ref(), "bar");
        let within = min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
        let near = step.is_none_or(|step| present.is_some_and(|present| (value - present).abs() <= step));
        prop_assert_eq!(found.is_ok(), within && near, "{:?}", found);
    }

    #[test]
    fn a_rate_never_lets_more_through_in_any_span(gaps in prop::collection::vec(0_u64..30, 1..60), writes in 1_u32..5) {
        let limit = Rate { writes, per: Duration::from_secs(60) };
        let mut now = Time::from_millis(1_700_000_000_000);
        let mut sent = std::collections::VecDeque::new();
        for gap in gaps {
            now = now.after(Duration::from_secs(gap));
            if check::rate(limit, Some(&sent), now).is_ok() {
                sent.push_back(now);
            }
            let recent = sent.iter().filter(|at| **at > now.before(limit.per)).count();
            prop_assert!(recent <= writes as usize, "{} in a minute", recent);
        }
        prop_assert!(!sent.is_empty());
    }

    #[test]
    fn a_value_takes_the_type_without_loss_or_is_refused(number in any::<f64>(), whole in any::<i64>()) {
        for wanted in [ValueType::I64, ValueType::U64, ValueType::F64, ValueType::Bool] {
            for value in [Value::F64(number), Value::I64(whole)] {
                if let Ok(taken) = check::coerce(&value, wanted) {
                    prop_assert_eq!(taken.as_f64(), value.as_f64());
                    prop_assert_eq!(taken.value_type(), Some(wanted));
                }
            }
        }
    }
}
