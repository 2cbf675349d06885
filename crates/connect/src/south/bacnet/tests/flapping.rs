//! A device that comes and goes for an hour, and forgets its subscribers each time: nothing piles up.

use super::plant::{TAGS, ahu, plant};
use crate::south::testing::an_hour_of_flapping;
use std::sync::atomic::Ordering::Relaxed;
use twin::bacnet::{Conduct, Lie, Rules};

#[tokio::test(start_paused = true)]
async fn an_hour_of_flapping_leaves_nothing_behind() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "cov = true\n", TAGS);
    let conducts = [
        Conduct::Silent,
        Conduct::Lie(Lie::Garbage),
        Conduct::Mute,
        Conduct::Lie(Lie::Invoke),
        Conduct::Lie(Lie::Short),
    ];
    // Every other minute it is sound, the last one, too.
    let change = |minute: u32| {
        let conduct = conducts[minute as usize / 2 % conducts.len()];
        device.set_conduct(if minute.is_multiple_of(2) { Conduct::Sound } else { conduct });
    };
    an_hour_of_flapping(change, || device.counters.subscriptions.load(Relaxed)).await;
    assert!(plant.last("d/supply").status.is_good(), "{:?}", plant.handle.status());
    let active = plant.namespace.active_events();
    assert!(active.is_empty(), "{active:?}");
}
