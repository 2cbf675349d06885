//! The exchange on TCP: matching, late frames, liars, pipelining, pacing, bisecting, overruns.

use super::plant::{Endpoint, Reply, plant, span};
use model::{Status, Value};
use std::time::Duration;
use wire::modbus::Request;

const S: Duration = Duration::from_secs(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Two blocks of the same size, too far apart to be merged.
const TWO_BLOCKS: &str = "scan = { normal = \"1s\" }\n[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" }, b = { at = \"holding 500\", type = \"u16\" } }\n";

fn two(endpoint: &mut Endpoint) {
    endpoint.unit(1).registers.extend([(10, 111), (500, 222)]);
}

#[tokio::test(start_paused = true)]
async fn reads_and_keeps_time() {
    let plant = plant(false, TWO_BLOCKS, two);
    plant.pass(ms(10_500)).await;
    assert_eq!(plant.last("d/a").value, Value::U64(111));
    assert_eq!(plant.last("d/b").value, Value::U64(222));
    let status = plant.handle.status();
    assert_eq!((status.scans[0].requests, status.scans[0].overruns), (2, 0));
    // One at once, then on the wheel: eleven or twelve scans in 10.5 s.
    assert!((10..=12).contains(&status.scans[0].done), "{status:?}");
    let times: Vec<_> =
        plant.endpoint.lock().log.iter().filter(|l| span(&l.2).unwrap().1 == 10).map(|l| l.0).collect();
    for pair in times.windows(2).skip(1) {
        let gap = pair[1] - pair[0];
        assert!(gap >= ms(999) && gap <= ms(1_002), "deadlines are absolute: {gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_frame_is_counted_and_never_used() {
    let mut first = true;
    let plant = plant(false, TWO_BLOCKS, |endpoint| {
        two(endpoint);
        endpoint.hook = Some(Box::new(move |_, request| {
            let is_a = span(request)?.1 == 10;
            // The stale value 999 comes 200 ms after the time-out, while another request of that form is under way.
            (is_a && std::mem::take(&mut first)).then(|| Reply::Late(ms(1_200), vec![3, 2, 3, 231]))
        }));
    });
    plant.until("a", |p| p.last("d/a").status.is_good()).await;
    plant.pass(S * 2).await;
    let status = plant.handle.status();
    assert_eq!((status.faults.timeouts, status.faults.late), (1, 1));
    for path in ["d/a", "d/b"] {
        assert!(
            plant.history(path).iter().all(|(value, _)| *value != Value::U64(999)),
            "{:?}",
            plant.history(path)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn liars_are_counted_and_never_believed() {
    // Wrong byte count, wrong function, cut short, too long: each as the answer to one request.
    let lies: [&[u8]; 4] = [&[3, 4, 0, 1, 0, 2], &[4, 2, 0, 1], &[3, 2, 0], &[3, 2, 0, 1, 0]];
    let mut turn = 0usize;
    let plant = plant(false, TWO_BLOCKS, |endpoint| {
        two(endpoint);
        endpoint.hook = Some(Box::new(move |_, _| {
            turn += 1;
            turn.is_multiple_of(2).then(|| Reply::Pdu(lies[(turn / 2) % 4].to_vec()))
        }));
    });
    plant.pass(S * 10).await;
    let status = plant.handle.status();
    assert!(status.faults.bad_frames >= 8, "{status:?}");
    assert_eq!(status.faults.reconnects, 0, "a lie costs one request, not the session");
    for (path, value) in [("d/a", 111), ("d/b", 222)] {
        for (seen, _) in plant.history(path) {
            assert!(seen == Value::U64(value) || seen == Value::None, "{path} {seen:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_unit_is_no_answer() {
    let plant = plant(false, TWO_BLOCKS, |endpoint| {
        two(endpoint);
        // The right transaction, the wrong unit.
        let mut transaction = 0u8;
        endpoint.hook = Some(Box::new(move |_, _| {
            transaction += 1;
            Some(Reply::Raw(vec![0, transaction, 0, 0, 0, 5, 9, 3, 2, 0, 7]))
        }));
    });
    plant.pass(S * 5).await;
    assert!(plant.handle.status().faults.bad_frames >= 2);
    assert!(plant.history("d/a").iter().all(|(value, _)| *value == Value::None));
    assert_eq!(plant.last("d/a").status, Status::BAD_NO_COMMUNICATION);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_modbus_ends_the_session() {
    for garbage in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0; 4_000],
        [0u8, 9, 0, 0, 0, 3, 1, 3, 0].repeat(200),
    ] {
        let plant = plant(false, TWO_BLOCKS, move |endpoint| {
            two(endpoint);
            let mut first = true;
            endpoint.hook =
                Some(Box::new(move |_, _| std::mem::take(&mut first).then(|| Reply::Raw(garbage.clone()))));
        });
        plant.until("recovery", |p| p.last("d/b").status.is_good()).await;
        let status = plant.handle.status();
        assert_eq!((status.faults.desync, status.faults.reconnects), (1, 1), "{status:?}");
        assert!(plant.history("d/a").iter().all(|(value, _)| matches!(value, Value::None | Value::U64(111))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hole_is_found_and_only_its_point_is_bad() {
    let tags: String =
        (0..60).map(|i| format!("t{i} = {{ at = \"holding {}\", type = \"u16\" }}\n", i * 2)).collect();
    let text = format!("recheck = \"1min\"\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}");
    let plant = plant(false, &text, |endpoint| {
        // Register 46 does not exist; 15 in a gap between points does not either.
        endpoint.unit(1).registers.extend((0..120).filter(|a| ![46, 15].contains(a)).map(|a| (a, a + 1)));
    });
    plant.until("t59", |p| p.last("d/t59").status.is_good()).await;
    for i in 0..60u64 {
        let last = plant.last(&format!("d/t{i}"));
        if i == 23 {
            assert_eq!(last.status, Status::BAD_CONFIGURATION_ERROR);
        } else {
            assert_eq!((last.value, last.status), (Value::U64(i * 2 + 1), Status::GOOD), "t{i}");
        }
    }
    let searched = plant.endpoint.lock().log.len();
    assert!(searched <= 30, "bisecting took {searched} requests");
    let status = plant.handle.status();
    assert_eq!(status.devices[0].quarantined[0].address, "holding 46 (40047) u16");
    assert_eq!(status.scans[0].requests, 3, "around the gap and the hole");
    assert_eq!(plant.namespace.active_events().len(), 1);
    // Nothing asks for it any more, until the re-check finds that it is there by now.
    plant.pass(S * 10).await;
    let asks = |p: &super::plant::Plant| {
        p.endpoint
            .lock()
            .log
            .iter()
            .skip(searched)
            .filter(|l| span(&l.2).is_some_and(|(_, a, n)| (a..a + n).contains(&46)))
            .count()
    };
    assert_eq!(asks(&plant), 0);
    plant.endpoint.lock().unit(1).registers.insert(46, 47);
    plant.until("t23", |p| p.last("d/t23").status.is_good()).await;
    assert_eq!(plant.last("d/t23").value, Value::U64(47));
    assert!(plant.namespace.active_events().is_empty());
    assert!(plant.handle.status().devices[0].quarantined.is_empty());
}

#[tokio::test(start_paused = true)]
async fn excluded_addresses_are_never_touched() {
    let text = "[device.d]\nat = \"d\"\nexclude = [\"holding 20-29\"]\ntags = { a = { at = \"holding 10\", type = \"u16\" }, b = { at = \"holding 30\", type = \"u16\" } }\n";
    let plant = plant(false, text, |endpoint| {
        endpoint.unit(1).registers.extend((0..100).filter(|a| *a != 10).map(|a| (a, a)));
    });
    plant.pass(S * 400).await;
    assert_eq!(plant.last("d/a").status, Status::BAD_CONFIGURATION_ERROR);
    assert!(plant.last("d/b").status.is_good());
    for (_, _, request) in &plant.endpoint.lock().log {
        let (_, first, count) = span(request).unwrap();
        assert!(first + count <= 20 || first >= 30, "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pipelined_answers_may_come_in_any_order() {
    let tags: String =
        (0..8).map(|i| format!("t{i} = {{ at = \"holding {}\", type = \"u16\" }}\n", i * 200)).collect();
    let text = format!("pipeline = 4\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}");
    let plant = plant(false, &text, |endpoint| {
        endpoint.unit(1).registers.extend((0..8).map(|i| (i * 200, i + 1)));
        let mut turn = 0u64;
        endpoint.hook = Some(Box::new(move |_, request| {
            turn += 1;
            let value = (span(request)?.1 / 200 + 1) as u8;
            // Of four under way the last is answered first.
            Some(Reply::Late(ms(40 - 10 * (turn % 4)), vec![3, 2, 0, value]))
        }));
    });
    plant.until("t7", |p| p.last("d/t7").status.is_good()).await;
    for i in 0..8 {
        assert_eq!(plant.last(&format!("d/t{i}")).value, Value::U64(i + 1));
    }
    let log: Vec<_> = plant.endpoint.lock().log.iter().take(8).map(|l| l.0).collect();
    assert!(log[3] - log[0] < ms(1) && log[4] > log[3] + ms(9), "four under way, never five: {log:?}");
    assert_eq!(plant.handle.status().faults.late, 0);
}

#[tokio::test(start_paused = true)]
async fn pacing_is_kept() {
    let text = "pause_after_connect = \"300ms\"\nrequest_delay = \"50ms\"\n[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" }, b = { at = \"holding 500\", type = \"u16\" } }\n";
    let start = tokio::time::Instant::now();
    let plant = plant(false, text, two);
    plant.pass(S * 3).await;
    let log: Vec<_> = plant.endpoint.lock().log.iter().map(|l| l.0).collect();
    assert!(log[0] - start >= ms(300), "{:?}", log[0] - start);
    for pair in log.windows(2) {
        assert!(pair[1] - pair[0] >= ms(50), "{:?}", pair[1] - pair[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_overrun_is_skipped_and_counted() {
    let text = "scan = { fast = \"100ms\" }\n[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" } }\n";
    let plant = plant(false, text, |endpoint| {
        two(endpoint);
        endpoint.hook = Some(Box::new(|_, _| Some(Reply::Late(ms(350), vec![3, 2, 0, 1]))));
    });
    plant.pass(S * 10).await;
    let status = plant.handle.status();
    let asked = plant.endpoint.lock().log.len() as u64;
    assert!((24..=27).contains(&asked), "{asked}: one at a time, no pile");
    assert!(status.scans[0].overruns >= 70, "{status:?}");
    assert!(plant.last("d/a").status.is_good());
}

#[tokio::test(start_paused = true)]
async fn fast_goes_before_slow_and_a_slow_class_is_not_starved() {
    // Answers take 30 ms. The slow device has 20 blocks: 600 ms of work that the 100 ms class must not wait for.
    let slow: String = (0..20)
        .map(|i| {
            format!("s{i} = {{ at = \"holding {}\", type = \"u16\", scan = \"slow\" }}\n", 1_000 + i * 200)
        })
        .collect();
    let text = format!(
        "scan = {{ fast = \"100ms\", slow = \"5s\" }}\n[device.d]\nat = \"d\"\n[device.d.tags]\nf = {{ at = \"holding 10\", type = \"u16\", scan = \"fast\" }}\n{slow}"
    );
    let plant = plant(false, &text, |endpoint| {
        endpoint.hook = Some(Box::new(|_, _| Some(Reply::Late(ms(30), vec![3, 2, 0, 1]))));
    });
    plant.pass(S * 30).await;
    let status = plant.handle.status();
    assert_eq!(status.scans[0].name, "fast");
    assert!(status.scans[0].overruns <= 1, "{status:?}");
    assert!(status.scans[1].done >= 6, "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn functions_the_device_does_not_know_cost_only_their_points() {
    let text = "[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" }, c = { at = \"coil 3\" } }\n";
    let plant = plant(false, text, |endpoint| {
        two(endpoint);
        endpoint.hook = Some(Box::new(|_, request| {
            matches!(request, Request::ReadCoils { .. }).then(|| Reply::Pdu(vec![0x81, 1]))
        }));
    });
    plant.pass(S * 3).await;
    assert!(plant.last("d/a").status.is_good());
    assert_eq!(plant.last("d/c").status, Status::BAD_CONFIGURATION_ERROR);
}
