//! What goes is counted and named.

use crate::plant::{DAY, Plant, SECOND, START, floats, options, shape};
use model::{Clock, Time};
use std::time::Duration;
use store::{Options, Rule, StoreNotice};

fn filled(retention: Vec<Rule>, max_bytes: u64) -> Plant {
    let plant = Plant::new(Options { retention, max_bytes, ..options() });
    plant.declare(1, "acme/leeds/fast/a", "");
    plant.declare(2, "acme/leeds/slow/b", "");
    let scan = shape(1, 2);
    for day in 0..10i64 {
        for i in 0..100 {
            plant.send(&scan, START + day * DAY + i * SECOND, floats([day as f64, i as f64]));
        }
        plant.store.flush();
    }
    plant.clock.step_wall(Time(START + 10 * DAY));
    plant
}

fn rule(pattern: &str, days: u64) -> Rule {
    Rule { pattern: pattern.into(), max_age: Some(Duration::from_secs(days * 86_400)), max_bytes: None }
}

#[test]
fn each_pattern_has_its_age() {
    let plant = filled(vec![rule("acme/leeds/fast/**", 3), rule("**", 8)], u64::MAX);
    plant.store.compact().unwrap();
    // Segments are dropped whole; samples of a day that is not over its age stay.
    assert_eq!(plant.all(1).first().map(|s| s.0), Some(START + 7 * DAY));
    assert_eq!(plant.all(2).first().map(|s| s.0), Some(START + 2 * DAY));
    assert_eq!(plant.store.stats().expired, 700 + 200);
    let dropped: u64 = plant
        .store
        .take_notices()
        .iter()
        .map(|n| if let StoreNotice::Expired { rows, .. } = n { *rows } else { 0 })
        .sum();
    assert_eq!(dropped, 900);
    assert_eq!(plant.clock.now(), Time(START + 10 * DAY));
    let plant = plant.restart();
    assert_eq!((plant.all(1).len(), plant.all(2).len(), plant.store.stats().expired), (300, 800, 900));
}

#[test]
fn the_bound_in_bytes_drops_the_oldest() {
    let plant = filled(Vec::new(), u64::MAX);
    plant.store.compact().unwrap();
    let bytes = plant.store.stats().bytes;
    drop(plant);
    let plant = filled(Vec::new(), bytes / 2);
    plant.store.compact().unwrap();
    let left = plant.all(1);
    assert!(plant.store.stats().bytes <= bytes / 2);
    assert!((400..=500).contains(&left.len()) && left.len().is_multiple_of(100), "{}", left.len());
    assert_eq!(left.last().map(|s| s.0), Some(START + 9 * DAY + 99 * SECOND));
    assert_eq!(plant.store.stats().expired as usize, 2 * (1000 - left.len()));
}

#[test]
fn a_pattern_can_have_a_bound_in_bytes() {
    let rule = Rule { pattern: "acme/leeds/fast/**".into(), max_age: None, max_bytes: Some(1) };
    let plant = filled(vec![rule], u64::MAX);
    plant.store.compact().unwrap();
    assert_eq!((plant.all(1).len(), plant.all(2).len()), (0, 1000));
    assert_eq!(plant.store.stats().expired, 1000);
}
