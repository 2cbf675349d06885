//! Brokers that lie, stall and vanish; a journal that is too small; a sink that panics.

use crate::support::*;
use connect::kind::{Built, Security};
use connect::north::contract::{Contract, Telling};
use connect::north::{CatchUp, Delivery, Destination, Feed, Settings, Sink, State};
use futures_util::future::BoxFuture;
use model::config::Document;
use model::{Fault, Value, ValueType};
use namespace::journal::{Item, Record};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// (n, historical) of all that was heard, in order of arrival; each only once.
fn numbers(all: &[Heard]) -> Vec<(i64, bool)> {
    let mut seen: Vec<(i64, bool)> = Vec::new();
    for json in all.iter().map(Heard::json) {
        let (Some(n), historical) = (json["value"].as_i64(), json["historical"] == true) else { continue };
        if !seen.iter().any(|(have, _)| *have == n) {
            seen.push((n, historical));
        }
    }
    seen
}

fn holds(all: &[Heard], range: std::ops::Range<i64>) -> bool {
    let mut have = vec![false; usize::try_from(range.end).unwrap()];
    for (n, _) in numbers(all) {
        if let Some(slot) = usize::try_from(n).ok().and_then(|n| have.get_mut(n)) {
            *slot = true;
        }
    }
    range.into_iter().all(|n| have[usize::try_from(n).unwrap()])
}

/// A broker that accepts a connection, reads what comes and says `words` (in turn, after each read).
fn liar(
    port: u16,
    words: &'static [&'static [u8]],
) -> (Arc<AtomicUsize>, std::thread::JoinHandle<()>, Arc<Mutex<bool>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let (met, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(false)));
    let (count, end) = (met.clone(), over.clone());
    let thread = std::thread::spawn(move || {
        while !*end.lock().unwrap() {
            let Ok((stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            };
            count.fetch_add(1, Ordering::SeqCst);
            talk(stream, words, &end);
        }
    });
    (met, thread, over)
}

fn talk(mut stream: TcpStream, words: &[&[u8]], end: &Mutex<bool>) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let (mut said, mut buffer) = (0, [0; 4096]);
    while !*end.lock().unwrap() {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(why)
                if matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(_) => return,
        }
        match words.get(said).copied() {
            Some(word) if word == b"close" => return,
            Some(word) => drop(stream.write_all(word)),
            None => {}
        }
        said += 1;
    }
}

/// CONNACK of 3.1.1 and of 5.
const FOUR: &[u8] = &[0x20, 2, 0, 0];
const FIVE: &[u8] = &[0x20, 3, 0, 0, 0];

#[test]
fn a_broker_that_lies_is_a_fault_in_words_and_a_sound_one_gets_everything() {
    if no_mosquitto() {
        return;
    }
    let cases: &[(&str, &str, &[&[u8]])] = &[
        ("closes at once", "5", &[b"close"]),
        ("speaks HTTP", "3.1.1", &[b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
        ("names an endless packet", "5", &[&[0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]]),
        ("sends a huge packet", "3.1.1", &[FOUR, &[0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, b'a']]),
        ("refuses", "3.1.1", &[&[0x20, 2, 0, 5]]),
        ("is too busy", "5", &[&[0x20, 3, 0, 0x97, 0]]),
        ("acknowledges what was never sent", "3.1.1", &[FOUR, &[0x40, 2, 0x77, 0x77]]),
        ("acknowledges what was never sent", "5", &[FIVE, &[0x40, 2, 0x1F, 0x77]]),
        ("sends CONNACK twice", "3.1.1", &[FOUR, FOUR]),
        ("breaks off inside a packet", "5", &[FIVE, &[0x40, 2, 0], b"close"]),
        ("ends the session", "5", &[FIVE, &[0xE0, 2, 0x8B, 0]]),
        ("sends a broken topic", "5", &[FIVE, &[0x30, 6, 0, 2, 0xC3, 0x28, 0, b'x', 0x30, 0xFF]]),
    ];
    for (what, version, words) in cases {
        let (plant, runtime, port) = (Plant::new(), runtime(), free_port());
        let _guard = runtime.enter();
        let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
        let (met, thread, over) = liar(port, words);
        let text = format!(
            "kind = \"mqtt\"\nversion = \"{version}\"\nurl = \"mqtt://127.0.0.1:{port}\"\nkeep_alive = \"5s\""
        );
        let handle = plant.start("hq", &text);
        for n in 0..20 {
            plant.publish(&shape, vec![Value::I64(n)]);
        }
        let status =
            wait_status(&handle, what, |status| status.state == State::Lost && status.last_error.is_some());
        let error = status.last_error.unwrap();
        assert!(!error.title.is_empty() && !error.title.contains("internal error"), "{what}: {error:?}");
        assert!(met.load(Ordering::SeqCst) >= 1);
        *over.lock().unwrap() = true;
        thread.join().unwrap();
        // Lies that look like a matter of rights are tried again slowly; a person would resume by hand.
        let broker = Broker::start_at(port, "");
        let mut ear = Ear::listen(&broker, "acme/#", &[]);
        handle.pause();
        wait_status(&handle, "a pause", |status| status.state == State::Paused);
        handle.resume();
        ear.until(what, |all| holds(all, 0..20));
        wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0));
        runtime.block_on(handle.stop());
    }
}

#[test]
fn a_broker_that_answers_nothing_is_given_up_and_others_go_on() {
    if no_mosquitto() {
        return;
    }
    let (plant, runtime, port) = (Plant::new(), runtime(), free_port());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
    let (_, thread, over) = liar(port, &[FIVE]);
    let silent = plant.start(
        "silent",
        &format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{port}\"\nkeep_alive = \"1h\"\nwindow = 8"),
    );
    let broker = Broker::start("");
    let mut ear = Ear::listen(&broker, "acme/#", &[]);
    let sound = plant.start("sound", &format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port));
    wait_status(&silent, "a session", |status| status.state == State::Connected);
    wait_status(&sound, "a session", |status| status.state == State::Connected);
    let began = Instant::now();
    for n in 0..500 {
        plant.publish(&shape, vec![Value::I64(n)]);
    }
    ear.until("everything at the sound one", |all| holds(all, 0..500));
    assert!(began.elapsed() < Duration::from_secs(10), "the silent one held up the sound one");
    assert_eq!(silent.status().sent, 0);
    *over.lock().unwrap() = true;
    thread.join().unwrap();
    runtime.block_on(async {
        silent.stop().await;
        sound.stop().await;
    });
}

#[test]
fn a_broker_that_is_frozen_gets_everything_when_it_thaws() {
    if no_mosquitto() {
        return;
    }
    for kind in ["mqtt", "sparkplug"] {
        let (broker, plant, runtime) = (Broker::start(""), Plant::new(), runtime());
        let _guard = runtime.enter();
        let mut ear = Ear::listen(&broker, "acme/#", &[]);
        let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
        let text =
            format!("kind = \"{kind}\"\nurl = \"mqtt://127.0.0.1:{}\"\nkeep_alive = \"5s\"", broker.port);
        let handle = plant.start("hq", &text);
        wait_status(&handle, "a session", |status| status.state == State::Connected);
        plant.publish(&shape, vec![Value::I64(0)]);
        wait_status(&handle, "the first", |status| status.sent == 1);
        broker.signal("-STOP");
        for n in 1..400 {
            plant.publish(&shape, vec![Value::I64(n)]);
        }
        let status = wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
        let title = status.last_error.unwrap().title;
        assert!(title.contains("acknowledged nothing") || title.contains("ping"), "{kind}: {title}");
        broker.signal("-CONT");
        if kind == "mqtt" {
            ear.until("everything", |all| holds(all, 0..400));
        }
        let status =
            wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.backlog.is_none());
        assert!(status.sent >= 400 && status.sessions >= 2);
        runtime.block_on(handle.stop());
    }
}

#[test]
fn a_restart_in_an_outage_loses_nothing_and_replays_are_slow_and_never_retained() {
    if no_mosquitto() {
        return;
    }
    let (mut broker, folder) = (Broker::start(""), tempfile::tempdir().unwrap());
    let mut ear = Ear::listen(&broker, "acme/#", &[]);
    broker.kill();
    let text = format!(
        "kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\ncatch_up_rate = 400\nversion = \"3.1.1\"",
        broker.port
    );
    for (round, up) in [(0, false), (1, false), (2, true)] {
        let (plant, runtime) = (Plant::at(folder.path()), runtime());
        let _guard = runtime.enter();
        let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
        let handle = plant.start("hq", &text);
        if up {
            broker.up();
            wait_status(&handle, "a session", |status| status.state == State::Connected);
        } else {
            wait_status(&handle, "an attempt", |status| status.state == State::Lost);
        }
        for n in round * 300..(round + 1) * 300 {
            plant.publish(&shape, vec![Value::I64(n)]);
        }
        if !up {
            let status = handle.status();
            let waiting = (round as u64 + 1) * 300;
            assert!(
                status.lag_samples >= waiting,
                "{} wait, those of earlier starts with them",
                status.lag_samples
            );
            assert!(status.lag_s.is_some_and(|age| age > 0.0), "how old the oldest is: {:?}", status.lag_s);
        }
        if up {
            let began = Instant::now();
            let all = ear.until("everything", |all| holds(all, 0..900)).to_vec();
            assert!(began.elapsed() > Duration::from_millis(900), "600 samples at 400 a second");
            let seen = numbers(&all);
            let last_live = seen.iter().rposition(|(n, historical)| *n == 899 && !historical).expect("live");
            let last_old = seen.iter().rposition(|(_, historical)| *historical).expect("replayed");
            assert!(last_live < last_old, "live data did not wait for the backlog");
            // The newest value of before goes out once as it is now, for late subscribers.
            assert!(seen.iter().all(|(n, historical)| *historical == (*n < 600) || *n == 599));
            let mut late = Ear::listen_as(&broker, "late", "acme/leeds/line/n", &[]);
            let kept = late.until("the retained value", |all| !all.is_empty())[0].json();
            assert_eq!((kept["value"].as_i64(), kept["historical"].as_bool()), (Some(899), Some(false)));
            wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.backlog.is_none());
        }
        runtime.block_on(handle.stop());
        drop(handle);
        plant.close();
    }
}

#[test]
fn a_journal_that_is_too_small_names_destination_range_and_count() {
    if no_mosquitto() {
        return;
    }
    let (mut broker, runtime) = (Broker::start(""), runtime());
    let _guard = runtime.enter();
    let plant = Plant::with_small_journal(300_000);
    let mut ear = Ear::listen(&broker, "acme/#", &[]);
    broker.kill();
    let shape = plant.declare("filler", &[("line/n", ValueType::I64), ("line/text", ValueType::Text)]);
    let handle = plant.start(
        "hq",
        &format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\nselect = [\"line/n\"]", broker.port),
    );
    wait_status(&handle, "an attempt", |status| status.state == State::Lost);
    let mut seed = 1_u64;
    let mut published = 0_i64;
    wait_for("the journal to drop something", || {
        for _ in 0..200 {
            // Text that does not compress fills the files quickly.
            let text: String = (0..60)
                .map(|_| {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    char::from(b'!' + u8::try_from((seed >> 33) % 90).unwrap())
                })
                .collect();
            plant.publish(&shape, vec![Value::I64(published), Value::from(text.as_str())]);
            published += 1;
        }
        (plant.namespace.journal().oldest() > model::Position::new(1, 500)).then_some(())
    });
    broker.up();
    let status = wait_status(&handle, "the gap to be told", |status| !status.skipped.is_empty());
    let skipped = &status.skipped[0];
    assert!(skipped.range.contains(" to ") && skipped.count.is_none_or(|count| count > 0), "{skipped:?}");
    let event =
        plant.namespace.recent_events(100).into_iter().find(|event| event.text.contains(&skipped.range));
    let event = event.expect("an event with the range");
    assert!(event.id.starts_with("destination/hq/gap/") && event.title.contains("hq"), "{event:?}");
    ear.until("the newest", |all| numbers(all).iter().any(|(n, _)| *n == published - 1));
    wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.backlog.is_none());
    runtime.block_on(handle.stop());
}

#[test]
fn a_number_that_cannot_be_written_down_is_not_used() {
    if no_mosquitto() {
        return;
    }
    let (broker, plant, runtime) = (Broker::start(""), Plant::new(), runtime());
    let _guard = runtime.enter();
    let destination =
        plant.build("hq", &format!("kind = \"sparkplug\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port));
    let handle = plant.run(destination);
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    handle.pause();
    wait_status(&handle, "a pause", |status| status.state == State::Paused);
    // Where the folder was, nothing can be written any more.
    let folder = plant.dir.path().join("destinations");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(folder, "").unwrap();
    handle.resume();
    let status = wait_status(&handle, "a fault", |status| status.state == State::Lost);
    assert!(status.last_error.unwrap().title.contains("`bdSeq` could not be written down"));
    assert_eq!(status.sessions, 1);
    runtime.block_on(handle.stop());
}

/// Panics in its first session, takes everything in later ones.
struct Nervous(Arc<AtomicUsize>);

impl Sink for Nervous {
    fn contract(&self) -> Telling {
        Telling::new(|_| Contract::new("nothing", Vec::new()))
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        Box::pin(async move {
            feed.connected().await;
            loop {
                match feed.next().await {
                    Delivery::Stop => return Fault::Stopped,
                    Delivery::Samples(samples) => {
                        assert!(
                            self.0.fetch_add(samples.len(), Ordering::SeqCst) > 0,
                            "a defect of the sink"
                        );
                        feed.ack(samples.position, Vec::new());
                    }
                    Delivery::Declare { position, .. } | Delivery::Event { position, .. } => {
                        feed.ack(position, Vec::new())
                    }
                }
            }
        })
    }
}

/// Acknowledges only when it is told to.
struct Slow(Arc<AtomicUsize>);

impl Sink for Slow {
    fn contract(&self) -> Telling {
        Telling::new(|_| Contract::new("nothing", Vec::new()))
    }

    fn late(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        Box::pin(async move {
            feed.connected().await;
            loop {
                let next = feed.next().await;
                let Some(position) = next.position() else { return Fault::Stopped };
                while self.0.load(Ordering::SeqCst) == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                feed.ack(position, Vec::new());
            }
        })
    }
}

#[test]
fn a_far_side_that_answers_late_is_said_until_it_answers() {
    let (plant, runtime) = (Plant::new(), runtime());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
    let answers = Arc::new(AtomicUsize::new(0));
    let handle = plant.run(made(Slow(answers.clone())));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    plant.publish(&shape, vec![Value::I64(1)]);
    let status = wait_status(&handle, "words", |status| status.last_error.is_some());
    assert_eq!(status.state, State::Connected);
    let error = status.last_error.unwrap();
    assert!(error.title.contains("answers late") && !error.next.is_empty(), "{error:?}");
    answers.store(1, Ordering::SeqCst);
    wait_status(&handle, "an acknowledgement", |status| status.sent == 1);
    wait_for("the end of it to be told", || {
        let journal = plant.namespace.journal();
        let mut reader = journal.reader(journal.oldest());
        let mut last = None;
        while let Some(item) = reader.try_next() {
            if let Item::Record { record: Record::Event(event), .. } = item {
                last = event.id.contains("/late/").then_some(event.state).or(last);
            }
        }
        (last == Some(model::EventState::Cleared)).then_some(())
    });
    runtime.block_on(handle.stop());
}

/// A destination with a sink of a test.
fn made(sink: impl Sink + 'static) -> Destination {
    let built = Built {
        it: Box::new(sink) as Box<dyn Sink>,
        points: Vec::new(),
        claims: Vec::new(),
        expected: Vec::new(),
        endpoint: "nowhere".into(),
        security: Security::none("in memory"),
    };
    Destination {
        name: "x".into(),
        kind: "nervous",
        built,
        settings: Settings::read(&Document::parse("x.toml", "kind = \"nervous\"").unwrap()).unwrap(),
        catch_up: CatchUp::InOrder,
        prove: None,
        models: Arc::default(),
    }
}

#[test]
fn a_panic_of_a_sink_ends_its_session_and_nothing_else() {
    let (plant, runtime) = (Plant::new(), runtime());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
    let taken = Arc::new(AtomicUsize::new(0));
    let handle = plant.run(made(Nervous(taken.clone())));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    for n in 0..10 {
        plant.publish(&shape, vec![Value::I64(n)]);
    }
    let status = wait_status(&handle, "everything, after the panic", |status| status.sent == 10);
    assert_eq!(status.sessions, 2);
    assert!(status.last_error.unwrap().title.contains("a defect of the sink"));
    assert_eq!(taken.load(Ordering::SeqCst), 11, "the sample of the panic came again");
    runtime.block_on(handle.stop());
}
