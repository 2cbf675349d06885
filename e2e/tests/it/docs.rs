//! Every page of docs/ has an example, and it works: files go into the plant folder of a running demonstration, lines
//! with `$` are run there and must succeed.

use crate::harness::{Process, binary, wait_for};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Fenced blocks of a page: (info string, content).
pub fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some((info.trim().to_owned(), String::new())),
            (Some(_), Some("")) => found.extend(open.take()),
            (Some((_, text)), _) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

/// Words of a command line, with double quotes.
fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        if number % 2 == 1 {
            found.push(part.to_owned());
        } else {
            found.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    found
}

fn demo(dir: &Path) -> Process {
    let mut child = Command::new(binary())
        .args(["demo", "--listen", "127.0.0.1:0", "--dir"])
        .arg(dir)
        .args(["--log", "warn"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (send, receive) = mpsc::sync_channel(100);
    std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    wait_for("the demonstration", Duration::from_secs(60), || {
        (receive.try_recv().ok()? == "ready").then_some(())
    });
    Process(child)
}

fn run(dir: &Path, page: &str, line: &str) {
    let words = words(line);
    assert_eq!(words.first().map(String::as_str), Some("ironbridge"), "{page}: {line}");
    let out =
        Command::new(binary()).args(&words[1..]).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{page}: `{line}`: {text}");
    assert!(!text.trim().is_empty(), "{page}: `{line}` said nothing");
}

#[test]
fn every_page_has_an_example_that_works() {
    let dir = tempfile::tempdir().unwrap();
    let _demo = demo(dir.path());
    let sql = "select count(*) as n from samples";
    wait_for("some history", Duration::from_secs(30), || {
        let out = Command::new(binary())
            .args(["query", sql, "--format", "csv"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).lines().nth(1)?.trim().parse::<u64>().ok().filter(|n| *n > 100)
    });
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    // Captures that a page speaks of lie beside it.
    for name in ["watch-example.pcap", "watch-monday.pcap", "watch-tuesday.pcap"] {
        std::fs::copy(docs.join(name), dir.path().join(name)).unwrap();
    }
    let mut pages = 0;
    for entry in std::fs::read_dir(docs).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".md") || ["README.md", "dependencies.md"].contains(&name.as_str()) {
            continue;
        }
        pages += 1;
        let mut examples = 0;
        for (info, text) in blocks(&std::fs::read_to_string(entry.path()).unwrap()) {
            let file = info.split_once(" file=").map(|(_, file)| file);
            if let Some(file) = file.filter(|file| !file.ends_with(" ignore")) {
                let path = dir.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            } else if info == "console" {
                for line in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
                    run(dir.path(), &name, line);
                    examples += 1;
                }
            }
        }
        assert!(examples > 0, "{name} has no example");
    }
    assert!(pages >= 9, "{pages} pages");
}
