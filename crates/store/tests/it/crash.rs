//! Kill points: a stop between any two steps of a flush or a merge loses nothing and doubles nothing.

use crate::plant::{DAY, Plant, SECOND, START, floats, options, shape};
use store::StoreState;

const STEPS: [&str; 7] =
    ["written", "synced", "renamed", "before commit", "committed", "merged", "merge renamed"];

#[test]
fn a_crash_at_any_step_loses_and_doubles_nothing() {
    for kill in STEPS {
        for occurrence in 0..3 {
            let mut plant = Plant::new(options());
            let scan = shape(1, 4);
            let mut want = Vec::new();
            let mut seen = 0;
            plant.store.stop_at(move |step| {
                seen += usize::from(step == kill);
                step == kill && seen == occurrence + 1
            });
            for round in 0..6i64 {
                for i in 0..50 {
                    // The third round lies on several days, so that one flush makes several files.
                    let time = START + (round * 50 + i) * SECOND + if round == 2 { i % 3 * DAY } else { 0 };
                    plant.send(&scan, time, floats([time as f64, 1.0, 2.0, 3.0]));
                    want.push((time, time as f64));
                }
                plant.store.flush();
                let stopped =
                    plant.store.compact().is_err() || plant.store.stats().state == StoreState::Failing;
                if stopped {
                    plant = plant.crash();
                }
            }
            want.sort_by_key(|w| w.0);
            plant.store.flush();
            assert_eq!(plant.all(1), want, "killed at `{kill}`, occurrence {occurrence}");
            let plant = plant.restart();
            assert_eq!(plant.all(4).len(), want.len(), "killed at `{kill}`, occurrence {occurrence}");
            let left = std::fs::read_dir(plant.dir.path().join("history/segments")).unwrap();
            let left: Vec<_> = left
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .filter(|n| n.ends_with(".tmp"))
                .collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

#[test]
fn what_was_in_memory_comes_back_from_the_journal() {
    let plant = Plant::new(options());
    let scan = shape(1, 2);
    for i in 0..500i64 {
        plant.send(&scan, START + i * SECOND, floats([i as f64, 0.0]));
        if i == 200 {
            plant.store.flush();
        }
    }
    plant.journal.flush().unwrap();
    let plant = plant.crash();
    plant.store.flush();
    assert_eq!(plant.all(1), (0..500i64).map(|i| (START + i * SECOND, i as f64)).collect::<Vec<_>>());
}

#[test]
fn a_lost_catalogue_is_made_anew() {
    for damage in [None, Some("{not json")] {
        let plant = Plant::new(options());
        let scan = shape(1, 2);
        for i in 0..400i64 {
            plant.send(&scan, START + i * SECOND, floats([i as f64, 0.0]));
            if i % 100 == 99 {
                plant.store.flush();
            }
            if i == 250 {
                plant.store.compact().unwrap();
            }
        }
        plant.store.flush();
        let want = plant.all(1);
        plant.store.close();
        let catalogue = plant.dir.path().join("history/segments/catalogue.json");
        match damage {
            None => std::fs::remove_file(&catalogue).unwrap(),
            Some(text) => std::fs::write(&catalogue, text).unwrap(),
        }
        let plant = plant.restart();
        plant.store.flush();
        assert_eq!(plant.all(1), want);
        assert_eq!(plant.store.take_notices().is_empty(), damage.is_none());
    }
}

#[test]
fn a_flipped_bit_is_found_named_and_survived() {
    let plant = Plant::new(options());
    let scan = shape(1, 8);
    for i in 0..2000i64 {
        plant.send(&scan, START + i * SECOND, floats((0..8).map(|p| (i * 31 % 977 * p) as f64 / 7.0)));
        if i == 999 {
            plant.store.flush();
        }
    }
    plant.store.flush();
    let files = plant.store.segments();
    assert_eq!(files.len(), 2);
    let plant = plant.restart();
    let path = &files[0].path;
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
    // Whatever the bit hit: answers come, and from the good file all of it.
    for point in 1..=8 {
        let all = plant.all(point);
        assert!(all.len() == 1000 || all.len() == 2000, "{}", all.len());
        assert!(all.iter().any(|s| s.0 == START + 1999 * SECOND));
    }
    let stats = plant.store.stats();
    assert_eq!(stats.corrupt, 1);
    let notices = plant.store.take_notices();
    let name = files[0].entry.name();
    assert!(notices.iter().any(|n| n.title().contains(&name)), "{notices:?}");
    assert!(path.with_extension("parquet.corrupt").exists());
    let plant = plant.restart();
    assert_eq!(plant.all(1).len(), 1000);
}

#[test]
fn a_refusing_disk_is_a_state_and_loses_nothing() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let plant =
        Plant::new(store::Options { retry: std::time::Duration::ZERO, head_bytes: 64 << 10, ..options() });
    let scan = shape(1, 4);
    let refuse = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&refuse);
    plant.store.stop_at(move |step| step == "synced" && switch.load(Ordering::SeqCst));
    let mut want = Vec::new();
    // Far more than the head may hold: the rest waits in the journal.
    for i in 0..8_000i64 {
        plant.send(&scan, START + i * SECOND, floats([i as f64, 1.0, 2.0, 3.0]));
        want.push((START + i * SECOND, i as f64));
    }
    plant.store.flush();
    let stats = plant.store.stats();
    assert_eq!((stats.state, stats.segments), (StoreState::Failing, 0));
    assert!(stats.text.contains("wait"), "{}", stats.text);
    assert!(stats.head_bytes < 1 << 20, "{}", stats.head_bytes);
    // Answers go on with what has been taken in.
    assert!(plant.all(1).len() > 100 && plant.all(1).len() < 8_000);
    refuse.store(false, Ordering::SeqCst);
    plant.store.flush();
    plant.store.flush();
    assert_eq!(plant.all(1), want);
    let stats = plant.store.stats();
    assert_eq!((stats.state, stats.rows), (StoreState::Ok, 32_000));
    let titles: Vec<String> = plant.store.take_notices().iter().map(store::StoreNotice::title).collect();
    assert_eq!(titles, ["History cannot be written", "History is written again"]);
}
