//! Laws about manifests and documents: lints on everywhere, every dependency justified, the map short.

use super::{none, read, walk};
use std::collections::BTreeMap;

#[test]
fn every_room_takes_the_lints_of_the_house() {
    let mut found = Vec::new();
    let house = lints(&read("Cargo.toml"), "workspace.lints.");
    walk(&crate::root().join("crates"), &mut |path| {
        if !path.ends_with("Cargo.toml") {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let own = lints(&text, "lints.");
        // The one room with unsafe code may only write `deny` for `forbid`, and add.
        let fine = match path.ends_with("crates/capture/Cargo.toml") {
            true => house.iter().all(|(lint, level)| {
                let level = if lint == "unsafe_code" { "\"deny\"" } else { level };
                own.get(lint).is_some_and(|own| own == level)
            }),
            false => text.contains("[lints]\nworkspace = true"),
        };
        if !fine {
            found.push(path.display().to_string());
        }
    });
    none(&found, "Law 2: `[lints] workspace = true` forbids unsafe code and denies unwrap; add it to:");
}

/// Lints of a manifest with their levels, from the tables whose names begin so.
fn lints(manifest: &str, tables: &str) -> BTreeMap<String, String> {
    let sections = manifest.split("\n[").filter_map(|section| section.split_once("]\n"));
    let lines = sections.filter(|(name, _)| name.starts_with(tables)).flat_map(|(_, lines)| lines.lines());
    lines
        .take_while(|line| !line.starts_with("# "))
        .filter_map(|line| line.split_once(" = "))
        .map(|(lint, level)| (lint.to_owned(), level.to_owned()))
        .collect()
}

#[test]
fn every_dependency_is_justified() {
    let page = read("docs/dependencies.md");
    let manifest = read("Cargo.toml");
    let section = manifest.split("# libraries").nth(1).unwrap().split("[workspace.lints").next().unwrap();
    let names = section
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .filter(|name| !name.starts_with('#'));
    let found: Vec<String> =
        names.filter(|name| !page.contains(&format!("`{name}`"))).map(str::to_owned).collect();
    none(&found, "every dependency has one line in docs/dependencies.md that says what for; missing:");
}

#[test]
fn the_map_is_short_enough_to_read() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(lines <= 300, "ARCHITECTURE.md has {lines} lines; at most 300, or nobody reads it");
}

#[test]
fn no_toolchain_file() {
    // Only the installed toolchain exists on a plant's build machine; a pinned one would have to be fetched.
    assert!(!crate::root().join("rust-toolchain.toml").exists());
}
