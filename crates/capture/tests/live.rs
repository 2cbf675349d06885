//! Packets of a real cable: a veth pair in a network namespace of this test's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use capture::live::{Live, LiveError, Options, drop_rights};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

/// Set in the process that runs in a network of its own.
const INSIDE: &str = "IRONBRIDGE_TEST_OWN_NETWORK";
/// What a test program says with its exit code when a test failed.
const FAILED: i32 = 101;
const PATIENCE: Duration = Duration::from_secs(30);
const MARK: &[u8] = b"ironbridge-test-";

/// Runs the test of this name again in a network namespace, with a cable from `ours` to `theirs`; skips in words.
fn on_a_cable(name: &str, test: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        for words in [
            "link set lo up",
            "link add ours type veth peer name theirs",
            "link set ours up",
            "link set theirs up",
            "addr add 10.9.0.1/24 dev ours",
            "neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev ours",
        ] {
            if !ip(words) {
                return eprintln!("skipped: `ip {words}` is not possible here");
            }
        }
        return test();
    }
    let this = std::env::current_exe().unwrap();
    let out = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(this)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match out {
        Ok(out) if out.status.success() => eprint!("{}", String::from_utf8_lossy(&out.stderr)),
        Ok(out) if out.status.code() == Some(FAILED) => {
            panic!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
        }
        Ok(out) => eprintln!("skipped: no network namespace: {}", String::from_utf8_lossy(&out.stderr)),
        Err(why) => eprintln!("skipped: no `unshare`: {why}"),
    }
}

fn ip(words: &str) -> bool {
    Command::new("ip").args(words.split(' ')).status().is_ok_and(|status| status.success())
}

fn send(from: &str, to: &str, count: u32) {
    let socket = UdpSocket::bind((from.parse::<Ipv4Addr>().unwrap(), 0)).unwrap();
    for number in 0..count {
        let text = [MARK, &number.to_be_bytes()[..]].concat();
        socket.send_to(&text, (to.parse::<Ipv4Addr>().unwrap(), 502)).unwrap();
    }
}

/// Marked packets that come within the patience, until there are so many: bytes in front of the IP header, and numbers.
fn marked(live: &mut Live, wanted: usize) -> Vec<(Vec<u8>, u64)> {
    let begun = Instant::now();
    let mut found = Vec::new();
    while found.len() < wanted && begun.elapsed() < PATIENCE {
        live.packets(Duration::from_millis(100), |packet| {
            if let Some(at) = packet.data.windows(MARK.len()).position(|window| window == MARK) {
                assert!(packet.time_ns > 1_600_000_000_000_000_000, "{}", packet.time_ns);
                assert_eq!(packet.original as usize, packet.data.len());
                found.push((packet.data[..at - 28].to_vec(), packet.number));
            }
        })
        .unwrap();
    }
    found
}

#[test]
fn packets_come_with_their_tags_whoever_they_are_for() {
    on_a_cable("packets_come_with_their_tags_whoever_they_are_for", || {
        let mut live = Live::open("theirs", &Options::default(), 40).unwrap();
        send("10.9.0.1", "10.9.0.2", 3);
        let plain = marked(&mut live, 3);
        assert_eq!(plain.len(), 3);
        assert!(plain.iter().all(|(head, number)| head.len() == 14 && head[12..] == [8, 0] && *number > 40));
        // A kernel may have no tagged interfaces; a tagged frame can be sent all the same.
        let frame = "bytes.fromhex('020000000002020000000001810020640800') + bytes(28)";
        let script = format!(
            "import socket; s = socket.socket(17, 3); s.bind(('ours', 0)); [s.send({frame} + b'{}') for i in (1, 2)]",
            String::from_utf8_lossy(MARK)
        );
        if !Command::new("python3").args(["-c", &script]).status().is_ok_and(|status| status.success()) {
            return eprintln!("skipped: no `python3` to send a tagged frame");
        }
        let tagged = marked(&mut live, 2);
        assert_eq!(tagged.len(), 2);
        assert!(tagged.iter().all(|(head, _)| head.len() == 18 && head[12..] == [0x81, 0, 0x20, 0x64, 8, 0]));
        let counts = live.counts();
        assert!(counts.came >= 5 && counts.dropped == 0, "{counts:?}");
    });
}

#[test]
fn an_interface_goes_down_comes_up_and_goes_away() {
    on_a_cable("an_interface_goes_down_comes_up_and_goes_away", || {
        let mut live = Live::open("theirs", &Options { ring_mb: 2, ..Options::default() }, 0).unwrap();
        assert!(live.is_up());
        assert!(ip("link set theirs down"));
        let mut until = |wanted: fn(&LiveError) -> bool| {
            let begun = Instant::now();
            loop {
                match live.packets(Duration::from_millis(50), |_| ()) {
                    Err(error) if wanted(&error) => return,
                    Err(error) => assert!(matches!(error, LiveError::Down), "{error}"),
                    Ok(_) => assert!(begun.elapsed() < PATIENCE),
                }
            }
        };
        until(|error| matches!(error, LiveError::Down));
        assert!(ip("link set theirs up"));
        let begun = Instant::now();
        while !live.is_up() {
            assert!(begun.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        send("10.9.0.1", "10.9.0.2", 3);
        assert!(!marked(&mut live, 1).is_empty());
        assert!(ip("link del ours"));
        let begun = Instant::now();
        loop {
            match live.packets(Duration::from_millis(50), |_| ()) {
                Err(LiveError::Gone) => break,
                Err(LiveError::Down) | Ok(_) => assert!(begun.elapsed() < PATIENCE),
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_thread_that_gave_its_rights_away_reads_on_and_opens_nothing() {
    on_a_cable("a_thread_that_gave_its_rights_away_reads_on_and_opens_nothing", || {
        let mut live = Live::open("theirs", &Options::default(), 0).unwrap();
        let reader = std::thread::spawn(move || {
            drop_rights().unwrap();
            assert!(matches!(Live::open("theirs", &Options::default(), 0), Err(LiveError::NoRight)));
            send("10.9.0.1", "10.9.0.2", 1);
            marked(&mut live, 1).len()
        });
        assert_eq!(reader.join().unwrap(), 1);
        // Only that thread: another one may open.
        assert!(Live::open("theirs", &Options::default(), 0).is_ok());
    });
}

#[test]
fn a_burst_is_taken_without_loss_and_long_packets_are_cut() {
    on_a_cable("a_burst_is_taken_without_loss_and_long_packets_are_cut", || {
        let mut live = Live::open("theirs", &Options::default(), 0).unwrap();
        // More than any socket buffer holds, before anything is read.
        send("10.9.0.1", "10.9.0.2", 50_000);
        assert!(live.fill() > 0.0);
        assert_eq!(marked(&mut live, 50_000).len(), 50_000);
        assert_eq!(live.counts().dropped, 0);
        let mut short = Live::open("theirs", &Options { snap: 64, ..Options::default() }, 0).unwrap();
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.send_to(&[7; 500], "10.9.0.2:9").unwrap();
        let (begun, mut cut) = (Instant::now(), false);
        while !cut && begun.elapsed() < PATIENCE {
            short
                .packets(Duration::from_millis(100), |packet| {
                    cut |= packet.original == 542 && packet.data.len() == 64;
                })
                .unwrap();
        }
        assert!(cut);
    });
}

#[test]
fn what_the_ring_has_no_room_for_is_counted() {
    on_a_cable("what_the_ring_has_no_room_for_is_counted", || {
        let mut live = Live::open("theirs", &Options { ring_mb: 2, ..Options::default() }, 0).unwrap();
        send("10.9.0.1", "10.9.0.2", 60_000);
        let mut got = 0;
        while let Ok(read @ 1..) = live.packets(Duration::from_millis(500), |_| ()) {
            got += read;
        }
        let counts = live.counts();
        assert!(counts.dropped > 0 && counts.came >= 60_000, "{counts:?}");
        assert!(got > 0 && got + counts.dropped <= counts.came, "{got} {counts:?}");
    });
}
