//! Law 1: the may-use table of ARCHITECTURE.md holds. The table is read from there, so that the two cannot differ.

use super::{none, read};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const HEAD: &str = "<!-- may-use: begin -->";
const FOOT: &str = "<!-- may-use: end -->";

/// Room to the rooms it may use; `*` stands for all.
fn table(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let start = text.find(HEAD).expect("ARCHITECTURE.md has no may-use table");
    let end = text.find(FOOT).expect("the may-use table has no end");
    text[start..end]
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            let room = cells.next()?.trim_matches('`').to_owned();
            let uses =
                cells.next()?.split_whitespace().map(|word| word.trim_matches('`').to_owned()).collect();
            (!room.is_empty() && room != "room" && !room.starts_with('-')).then_some((room, uses))
        })
        .collect()
}

fn metadata() -> Json {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(crate::root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn violations(metadata: &Json, table: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let is_room = |name: &str| {
        packages
            .iter()
            .any(|p| p["name"] == name && p["manifest_path"].as_str().unwrap().contains("/crates/"))
    };
    let mut found = Vec::new();
    for package in packages.iter().filter(|p| p["manifest_path"].as_str().unwrap().contains("/crates/")) {
        let room = package["name"].as_str().unwrap();
        let Some(allowed) = table.get(room) else {
            found.push(format!("`{room}` is not in the table"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            let dev = dependency["kind"] == "dev";
            let fine = allowed.contains(name) || allowed.contains("*") || (dev && name == "twin");
            if is_room(name) && !fine && !(dev && allowed_for_tests(room, name)) {
                found.push(format!("`{room}` uses `{name}`"));
            }
        }
    }
    found
}

/// Tests of a room may stand on the real rooms that it is used with; those do not use it in turn.
fn allowed_for_tests(room: &str, name: &str) -> bool {
    matches!(
        (room, name),
        ("web" | "connect" | "sql" | "store" | "access", "journal" | "namespace" | "store")
    )
}

#[test]
fn rooms_use_only_what_the_table_allows() {
    let found = violations(&metadata(), &table(&read("ARCHITECTURE.md")));
    none(&found, "Law 1: an edge between rooms is a decision; change ARCHITECTURE.md's table, or the code:");
}

#[test]
fn a_forbidden_edge_is_found() {
    let table = table(&format!("{HEAD}\n| room | may use |\n|---|---|\n| `wire` | |\n| `model` | |\n{FOOT}"));
    let metadata = serde_json::json!({"packages": [
        {"name": "wire", "manifest_path": "/x/crates/wire/Cargo.toml", "dependencies": [{"name": "model", "kind": null}]},
        {"name": "model", "manifest_path": "/x/crates/model/Cargo.toml", "dependencies": []},
        {"name": "new", "manifest_path": "/x/crates/new/Cargo.toml", "dependencies": []},
    ]});
    assert_eq!(violations(&metadata, &table), vec!["`wire` uses `model`", "`new` is not in the table"]);
}
