//! People in a real browser: the walks of `browser/` on the demonstration plant.

use crate::harness::{Process, Python, binary, chromium, free_port, node_dir, wait_for};
use crate::opcua::ASYNCUA;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Far more than it takes; a browser that hangs must not hang the tests.
const LIMIT: Duration = Duration::from_secs(600);

/// The demonstration plant, and its one-time link.
fn demo(dir: &Path) -> (Process, String) {
    let mut child = Command::new(binary())
        .args(["demo", "--listen", "127.0.0.1:0", "--log", "warn", "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let process = Process(child);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    let mut said = String::new();
    wait_for("the demonstration", Duration::from_secs(60), || {
        said.extend(receive.try_iter().map(|line| line + "\n"));
        said.lines().any(|line| line == "ready").then_some(())
    });
    let link = said
        .split_whitespace()
        .find(|word| word.contains("/setup#"))
        .unwrap_or_else(|| panic!("no link in: {said}"));
    (process, link.to_owned())
}

/// Reads a pipe to its end, beside the test.
fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = pipe.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// Walks one script on a demonstration plant of its own; `words` are what it needs to know besides.
fn walk(script: &str, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let (_demo, link) = demo(dir.path());
    walk_on(script, &link, dir.path(), words);
}

/// Walks one script on a plant that runs in `dir`, beginning with its one-time link.
pub fn walk_on(script: &str, link: &str, dir: &Path, words: &[&str]) {
    let (Some(node), Some(chromium)) = (node_dir(), chromium()) else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser").join(script);
    let mut child = Command::new("node")
        .arg(file)
        .arg(link)
        .arg(dir)
        .arg(binary())
        .args(words)
        .env("IRONBRIDGE_PEERS_NODE_DIR", node)
        .env("IRONBRIDGE_CHROMIUM", chromium)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = collect(child.stdout.take().unwrap());
    let complained = collect(child.stderr.take().unwrap());
    let mut walk = Process(child);
    let status = wait_for(script, LIMIT, || walk.0.try_wait().unwrap());
    let (said, complained) = (said.join().unwrap(), complained.join().unwrap());
    println!("{said}{complained}");
    assert!(status.success(), "{status}");
    assert!(said.trim_end().ends_with("done"), "it did not come to its end");
}

#[test]
fn a_newcomer_sees_understands_asks_and_writes() {
    walk("first_hour.mjs", &[]);
}

#[test]
fn every_page_is_open_to_everybody_on_every_screen() {
    walk("every_page.mjs", &[]);
}

#[test]
fn an_engineer_changes_the_plant() {
    walk("engineer.mjs", &[]);
}

#[test]
fn a_person_decides_which_server_is_trusted() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().display().to_string();
    let _server = python.serve(ASYNCUA, port, &[&keys, "users", "stay"]);
    walk("trust.mjs", &[&format!("opc.tcp://127.0.0.1:{port}/plc/"), &format!("{keys}/cert.der")]);
}
