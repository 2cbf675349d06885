//! Clients of SQL that mean no good, or are broken: each meets a bound and words, and collection and everybody else go on.

use crate::harness::{Process, Python, Random, wait_for};
use crate::modbus::latest;
use crate::sql::{FILLER, Offered, hold, offered};
use serde_json::Value as Json;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Far beyond every bound of the gateway.
const PATIENCE: Duration = Duration::from_secs(90);

impl Offered {
    fn knock(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Still reading its device, and answering who behaves.
    #[track_caller]
    fn goes_on(&self) {
        let path = format!("{FILLER}/count");
        let before = latest(&self.plant, &path, |p| p["good"] == true)["value"].as_i64();
        latest(&self.plant, &path, |p| p["value"].as_i64() > before);
        wait_for("an answer", PATIENCE, || {
            self.psql(&self.dsn(), "select 1").is_none_or(|out| out.status.success()).then_some(())
        });
    }
}

/// What PostgreSQL's protocol 3.0 begins with.
fn startup(user: &str) -> Vec<u8> {
    let body = [&[0, 3, 0, 0][..], b"user\0", user.as_bytes(), b"\0\0"].concat();
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

/// All that is said until the connection ends; it must end.
#[track_caller]
fn heard(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    if let Err(error) = stream.read_to_end(&mut heard) {
        // What was sent and not read makes the end a rude one.
        let rude = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
        assert!(rude, "still connected: {error}");
    }
    String::from_utf8_lossy(&heard).into_owned()
}

#[test]
fn who_stops_half_way_is_told_and_let_go() {
    let Some(plant) = offered("") else { return };
    let begun = startup("grafana");
    let beginnings: [&[u8]; 5] =
        [b"", &begun[..3], &begun[..11], &begun, &[begun.as_slice(), b"p\0\0\0\x40SCRAM"].concat()];
    let broken = plant.counted("broken");
    let streams: Vec<TcpStream> = beginnings
        .iter()
        .map(|bytes| {
            let mut stream = plant.knock();
            stream.write_all(bytes).unwrap();
            stream
        })
        .collect();
    plant.goes_on();
    for (stream, bytes) in streams.into_iter().zip(beginnings) {
        let said = heard(stream);
        assert_eq!(said.contains("the sign-in was not finished"), !bytes.is_empty(), "{bytes:?}: {said}");
    }
    assert_eq!(plant.counted("broken") - broken, 5);
    // One that closes half way is let go at once.
    let mut stream = plant.knock();
    stream.write_all(&begun).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    heard(stream);
    plant.goes_on();
}

/// Noise in four forms: bare, with its right length before it, behind a right beginning, behind a whole start-up packet.
fn noise(random: &mut Random, form: u64) -> Vec<u8> {
    let length = 8 + random.below(300);
    let mut body: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
    // No version that there is.
    body[0] = 0xff;
    let whole = |body: &[u8]| [&(body.len() as u32 + 4).to_be_bytes()[..], body].concat();
    match form {
        0 => body,
        1 => whole(&body),
        2 => whole(&[&[0, 3, 0, 0][..], &body].concat()),
        _ => [startup("grafana"), body].concat(),
    }
}

#[test]
fn garbage_start_ups_are_refused_in_words() {
    let Some(plant) = offered("") else { return };
    let mut random = Random::seeded();
    let broken = plant.counted("broken");
    let answer = |bytes: &[u8]| {
        let mut stream = plant.knock();
        // It may be refused before it has said everything.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        heard(stream)
    };
    for round in 0..200 {
        let form = round % 4;
        let said = answer(&noise(&mut random, form));
        assert!(form != 1 || said.contains("no client of PostgreSQL"), "{said}");
    }
    for (bytes, words) in [
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), "no client of PostgreSQL"),
        (vec![0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0], "no client of PostgreSQL"),
        (vec![0, 0, 0, 9, 0, 3, 0, 0, 0], "names no user"),
        ([startup("abc"), b"Q\0\0\0\x0dselect 1\0".to_vec()].concat(), "sign-in is not done"),
    ] {
        let said = answer(&bytes);
        assert!(said.contains(words), "{bytes:?}: {said}");
    }
    let broken = plant.counted("broken") - broken;
    assert!(broken >= 50, "{broken} broke the protocol");
    plant.goes_on();
}

#[test]
fn who_breaks_the_protocol_after_the_sign_in_is_told_and_let_go() {
    let Some(plant) = offered("") else { return };
    let out = Python::find().unwrap().run("hostile_sql.py", &[&plant.dsn()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Json = serde_json::from_slice(&out.stdout).unwrap();
    for (breach, words) in [
        ("unknown type", "unknown type"),
        ("endless", "too long"),
        ("negative length", "too long"),
        ("length without itself", "too long"),
        ("text without end", "no end"),
        ("not UTF-8", "not UTF-8"),
        ("more values than there are", "ends too early"),
        ("too many values", "more than 1,000 values"),
        ("sign-in again", "the sign-in is done already"),
        // The session goes on, and takes no more of it.
        ("statements hoarded", "bytes together; close some"),
        ("values hoarded", "bytes of values; close some"),
    ] {
        assert!(said[breach].as_str().is_some_and(|said| said.contains(words)), "{breach}: {said:#}");
    }
    plant.goes_on();
}

/// What psql prints, and what it says is wrong, of a text on its standard input; `None` says that it was skipped.
fn type_in(plant: &Offered, text: &str) -> Option<(String, String)> {
    let child = Command::new("psql")
        .args(["-X", "-A", "-t", "-d", &plant.dsn()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("SKIPPED: no psql; `make test` installs it");
        return None;
    };
    // psql may go before it has read all.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let out = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Some((text(out.stdout), text(out.stderr)))
}

#[test]
fn giant_and_endless_texts_meet_a_bound() {
    let Some(plant) = offered("") else { return };
    let long = format!("select '{}';\nselect 'after';\n", "x".repeat(2 << 20));
    let Some((out, err)) = type_in(&plant, &long) else { return };
    assert!(err.contains("at most 1048576 bytes") && out.contains("after"), "{out} {err}");
    let deep = format!("select {}1{};\nselect 'after';\n", "(".repeat(20_000), ")".repeat(20_000));
    let (out, err) = type_in(&plant, &deep).unwrap();
    assert!(err.contains("ERROR") && out.contains("after"), "{out} {err}");
    // As deep as may be, and long chains, which nest as deep as they are long.
    let nested = format!("select {}1{};\nselect 'after';\n", "(".repeat(50), ")".repeat(50));
    let (out, err) = type_in(&plant, &nested).unwrap();
    assert!(out.contains("after"), "{out} {err}");
    for (step, words) in [(250, ""), (200_000, "at most 250 operators")] {
        let chain = format!("select {};\nselect 'after';\n", vec!["1"; step].join("+"));
        let (out, err) = type_in(&plant, &chain).unwrap();
        assert!(err.contains(words) && out.contains("after"), "{step}: {out} {err}");
    }
    let many = format!("{}\nselect 'after';\n", "select 1\\;".repeat(101) + ";");
    let (out, err) = type_in(&plant, &many).unwrap();
    assert!(err.contains("at most 100 statements") && out.contains("after"), "{out} {err}");
    let wide = format!("select {};\nselect 'after';\n", vec!["1"; 5_000].join(","));
    let (out, _) = type_in(&plant, &wide).unwrap();
    assert!(out.contains("after"), "{out}");
    // More than a message may hold ends the connection.
    let (out, err) = type_in(&plant, &format!("select '{}';\n", "x".repeat(9 << 20))).unwrap();
    assert!(!out.contains("xxx") && !err.is_empty(), "{err}");
    plant.goes_on();
}

#[test]
fn a_client_that_takes_nothing_holds_up_nobody() {
    let Some(plant) = offered("") else { return };
    let endless = "copy (select repeat('x', 1000) from generate_series(1, 9000000)) to stdout";
    let mut stuck = Vec::new();
    for _ in 0..3 {
        let psql = Command::new("psql")
            .args(["-X", "-d", &plant.dsn(), "-c", endless])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut psql) = psql else {
            println!("SKIPPED: no psql; `make test` installs it");
            return;
        };
        // Rows are on their way; from here on nobody takes what psql prints, and so psql takes nothing.
        psql.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        stuck.push(Process(psql));
    }
    plant.goes_on();
}

#[test]
fn thousands_of_connections_meet_a_bound_and_disturb_nobody_inside() {
    let Some(plant) = offered("connections = 20\n") else { return };
    let mut inside = Command::new("psql").arg("--version").output().is_ok().then(|| hold(&plant));
    let (accepted, refused) = (plant.counted("accepted"), plant.counted("refused_full"));
    for wave in 1..=10 {
        let crowd: Vec<TcpStream> = (0..300).map(|_| plant.knock()).collect();
        wait_for("all of them to be taken", PATIENCE, || {
            (plant.counted("accepted") - accepted >= wave * 300).then_some(())
        });
        drop(crowd);
    }
    if let Some(Process(psql)) = &mut inside {
        wait_for("the next one to be told that there is no room", PATIENCE, || {
            let _crowd: Vec<TcpStream> = (0..60).map(|_| plant.knock()).collect();
            let out = plant.psql(&plant.dsn(), "select 1")?;
            String::from_utf8_lossy(&out.stderr).contains("20 SQL connections already").then_some(())
        });
        psql.stdin.as_mut().unwrap().write_all(b"select 'still';\n").unwrap();
        let mut line = [0; 6];
        psql.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        assert_eq!(&line, b"\nstill");
    }
    // At most 20 of each wave got in, and few more if a wave took so long that some had to go.
    let refused = plant.counted("refused_full") - refused;
    assert!(refused >= 2_000, "{refused} found no room");
    plant.goes_on();
}
