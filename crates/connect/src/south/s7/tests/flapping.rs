//! A CPU that comes and goes for an hour: nothing piles up.

use super::plant::plant_of;
use crate::south::testing::an_hour_of_flapping;
use model::Value;
use std::sync::atomic::Ordering::Relaxed;
use twin::s7::{Behaviour, Conduct, Lie, Memory, Rules};

#[tokio::test(start_paused = true)]
async fn an_hour_of_flapping_leaves_nothing_behind() {
    let mut memory = Memory::default();
    memory.put(1, 0, &[0, 7]);
    let keys = "timeout = \"200ms\"\nscan = { normal = \"500ms\" }";
    let plant = plant_of(keys, Rules::default(), memory, "a = { at = \"DB1.DBW0\", type = \"WORD\" }\n");
    // By minutes; the last one is sound.
    let conducts = [
        Conduct::Sound,
        Conduct::Hangup,
        Conduct::Silent,
        Conduct::Lie(Lie::Short),
        Conduct::Lie(Lie::Reference),
        Conduct::Lie(Lie::Protocol),
    ];
    let change = |minute: u32| {
        let conduct = conducts[minute as usize % conducts.len()];
        plant.cpu.set_behaviour(Behaviour { one_in: 7, ..Behaviour::of(conduct) });
    };
    an_hour_of_flapping(change, || u64::from(plant.dials.load(Relaxed))).await;
    let last = plant.last("d/a");
    assert!(last.status.is_good() && last.value == Value::U64(7), "{last:?}");
    assert!(plant.open_sessions() <= 1 && plant.namespace.active_events().is_empty());
}
