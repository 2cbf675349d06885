//! Writes: exactly what was ordered, once, with an honest outcome.

use super::plant::plant;
use model::{Outcome, Value};
use std::time::Duration;
use twin::s7::{Behaviour, Block, Conduct, Memory, Protection, Rules};

const TAGS: &str = r#"
bit = { at = "DB10.DBX0.3", write = {} }
int = { at = "DB10.DBW2", type = "INT", write = { min = -100, max = 100 } }
real = { at = "DB10.DBD4", type = "REAL", write = {} }
name = { at = "DB10.DBB8", type = "STRING", length = 10, write = {} }
scaled = { at = "DB10.DBW20", type = "INT", raw = [0, 27648], range = [0, 100], write = {} }
when = { at = "DB10.DBB22", type = "DATE_AND_TIME", write = {} }
timer = { at = "T5", write = {} }
flag = { at = "M7.1", write = {} }
out = { at = "QB2", type = "BYTE", write = { confirm = "none" } }
long = { at = "DB20.DBB0", type = "STRING", length = 254, write = {} }
locked = { at = "DB40.DBW0", type = "INT", write = {} }
"#;

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.put(
        10,
        0,
        &[0xF0, 0xEE, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x26, 1, 1, 0, 0, 0, 0, 0],
    );
    memory.put(20, 0, &[254, 0]);
    memory.put(20, 2, &[0; 254]);
    memory.blocks.insert(40, Block { protection: Protection::ReadOnly, ..Block::new(8) });
    memory
}

#[tokio::test(start_paused = true)]
async fn each_type_is_written_and_read_back() {
    let plant = plant(Rules::default(), memory(), TAGS);
    plant.until("good", |p| p.last("d/flag").status.is_good()).await;
    for (tag, value) in [
        ("bit", Value::Bool(true)),
        ("int", Value::I64(-77)),
        ("real", Value::F64(0.1)),
        ("name", Value::from("Müller")),
        ("scaled", Value::F64(50.0)),
        ("when", Value::from("2026-11-22T09:10")),
        ("timer", Value::U64(127_000)),
        ("flag", Value::Bool(true)),
    ] {
        let outcome = plant.write(&format!("d/{tag}"), value.clone()).await;
        assert!(matches!(outcome, Outcome::Confirmed { .. }), "{tag}: {outcome:?}");
    }
    assert_eq!(plant.write("d/out", Value::U64(0x55)).await, Outcome::Accepted);
    plant.cpu.memory(|memory| {
        let block = &memory.blocks[&10].bytes;
        assert_eq!(block[..4], [0xF8, 0xEE, 0xFF, 0xB3], "the bit's neighbours are as they were");
        assert_eq!(block[8..16], *b"\x07\x06M\xFCller", "the declared length is the PLC's own");
        assert_eq!(block[20..22], 13_824i16.to_be_bytes());
        assert_eq!((memory.timers[5], memory.flags[7], memory.outputs[2]), (0x2127, 2, 0x55));
    });
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_said() {
    let plant = plant(Rules::default(), memory(), TAGS);
    plant.until("good", |p| p.last("d/flag").status.is_good()).await;
    let why = |outcome: Outcome| match outcome {
        Outcome::Rejected { why } | Outcome::Failed { why } => why,
        other => panic!("{other:?}"),
    };
    let long = "x".repeat(250);
    for (tag, value, words) in [
        ("int", Value::I64(101), "100"),
        ("name", Value::from("eleven char"), "room for 10"),
        ("when", Value::from("soon"), "2026-11-22"),
        ("timer", Value::U64(12_345), "S5TIME cannot hold"),
        ("long", Value::from(long.as_str()), "not written in parts"),
        ("locked", Value::I64(1), "access denied"),
    ] {
        let outcome = plant.write(&format!("d/{tag}"), value).await;
        let why = why(outcome);
        assert!(why.contains(words), "{tag}: {why}");
    }
    // A string longer than the PLC declared is seen by the read-back, never cut in silence.
    let outcome = plant.write("d/name", Value::from("eightchr")).await;
    assert!(matches!(&outcome, Outcome::Failed { .. }), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_write_is_unknown_and_never_repeated() {
    let plant = plant(Rules::default(), memory(), TAGS);
    plant.until("good", |p| p.last("d/flag").status.is_good()).await;
    plant.cpu.set_behaviour(Behaviour::of(Conduct::Silent));
    let outcome = plant.write("d/int", Value::I64(5)).await;
    assert!(matches!(&outcome, Outcome::Unknown { why } if why.contains("no answer")), "{outcome:?}");
    plant.cpu.set_behaviour(Behaviour::default());
    plant.until("good again", |p| p.last("d/int").status.is_good()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    plant.cpu.memory(|memory| assert_eq!(memory.blocks[&10].bytes[2..4], [0, 0]));
}
