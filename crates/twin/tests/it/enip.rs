//! The simulated controller against a client nobody here wrote, and against frames laid out by hand.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use twin::enip::{Controller, Program, listen};
use wire::enip::Elementary::{Bool, Dint, Dword, Int, Lint, Real};

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A program with everything that tags can be.
fn program() -> Program {
    let mut program = Program::new("Bottling");
    let motor = program.structure("Motor", &[("Amps", Real.into(), 0), ("Hours", Dint.into(), 0)]);
    let line = program.structure(
        "Line",
        &[
            ("Running", Bool.into(), 0),
            ("Fault", Bool.into(), 0),
            ("Speed", Real.into(), 0),
            ("Total", Lint.into(), 0),
            ("Motor", motor, 0),
            ("Temps", Int.into(), 3),
            ("Batch", Program::string(), 0),
        ],
    );
    program.tag("", "Speed", Real, [0; 3]);
    program.tag("", "Counts", Dint, [1_500, 0, 0]);
    program.tag("", "Grid", Int, [3, 4, 0]);
    program.tag("", "Bits", Dword, [2, 0, 0]);
    program.tag("", "Name", Program::string(), [0; 3]);
    program.tag("", "Line1", line, [0; 3]);
    program.tag("", "Lines", line, [4, 0, 0]);
    program.tag("", "Fixed", Dint, [0; 3]);
    program.read_only("Fixed");
    program.tag("Main", "Count", Dint, [0; 3]);
    for number in 0..400i32 {
        program.tag("", &format!("Many_{number}"), Dint, [0; 3]);
        program.set(&format!("Many_{number}"), &number.to_le_bytes()).unwrap();
    }
    let counts: Vec<u8> = (0..1_500i32).flat_map(i32::to_le_bytes).collect();
    let grid: Vec<u8> = (0..12i16).flat_map(i16::to_le_bytes).collect();
    let temps: Vec<u8> = [1i16, -2, 3].into_iter().flat_map(i16::to_le_bytes).collect();
    for (tag, data) in [
        ("Speed", &1.5f32.to_le_bytes()[..]),
        ("Counts", &counts),
        ("Grid", &grid),
        ("Bits[1]", &2u32.to_le_bytes()),
        ("Program:Main.Count", &4_711i32.to_le_bytes()),
        ("Line1.Running", &[1]),
        ("Line1.Speed", &12.5f32.to_le_bytes()),
        ("Line1.Total", &1_234_567_890_123i64.to_le_bytes()),
        ("Line1.Motor.Amps", &7.25f32.to_le_bytes()),
        ("Line1.Motor.Hours", &41i32.to_le_bytes()),
        ("Line1.Temps", &temps),
        ("Lines[2].Motor.Hours", &77i32.to_le_bytes()),
    ] {
        program.set(tag, data).unwrap();
    }
    program.set_text("Name", "Leeds").unwrap();
    program.set_text("Line1.Batch", "B-0007").unwrap();
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn pycomm3_lists_reads_and_writes_tags() {
    let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
        eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has pycomm3 (pip install pycomm3)");
        return;
    };
    let server = listen(HERE, Arc::new(Controller::new(program()).in_slot(2))).await.unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pycomm3_check.py");
    let path = format!("127.0.0.1:{}/2", server.address().port());
    let output =
        tokio::process::Command::new(python).args([script, &path]).kill_on_drop(true).output().await.unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("\ndone"), "{text}");
    assert_eq!(server.device().get("Line1.Motor.Amps").unwrap(), 8.5f32.to_le_bytes());
    let counters = &server.device().counters;
    let of = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((of(&counters.opened), of(&counters.closed), of(&counters.desync)), (1, 1, 0));
    server.shutdown().await;
}
