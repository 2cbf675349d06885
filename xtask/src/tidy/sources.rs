//! Laws about source text. Sizes are ratcheted: `ratchet.txt` lists what is over, it may only shrink.

use super::{Source, none, read, sources};
use std::collections::BTreeMap;

const FILE_LINES: usize = 500;
const FILE_LINES_WITH_TESTS: usize = 800;
const FUNCTION_LINES: usize = 70;

#[test]
fn files_and_functions_are_small() {
    let ratchet: BTreeMap<String, usize> = read("xtask/ratchet.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, lines) = line.rsplit_once(' ').unwrap_or_else(|| panic!("ratchet.txt: {line}"));
            (name.to_owned(), lines.parse().unwrap())
        })
        .collect();
    let mut over = BTreeMap::new();
    for source in sources() {
        let shipped = source.shipped().lines().count();
        let whole = source.text.lines().count();
        if whole > FILE_LINES_WITH_TESTS || (!source.is_test() && shipped > FILE_LINES) {
            over.insert(source.name.clone(), whole);
        }
        for (function, lines) in long_functions(&source.text) {
            over.insert(format!("{}:{function}", source.name), lines);
        }
    }
    let new: Vec<String> = over
        .iter()
        .filter(|(name, lines)| ratchet.get(*name).is_none_or(|allowed| *lines > allowed))
        .map(|(name, lines)| format!("{name} {lines}"))
        .collect();
    none(&new, "Law 6: functions under about 70 lines, files under about 500 (800 with tests). Split:");
    let paid: Vec<String> = ratchet.keys().filter(|name| !over.contains_key(*name)).cloned().collect();
    none(&paid, "these are small enough now: take them out of xtask/ratchet.txt:");
}

/// Functions longer than the law allows, by counting from `fn` to the closing brace at its indentation.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let head = ["pub ", "pub(crate) ", "pub(super) ", "async ", "const ", "unsafe "];
        let mut word = body;
        while let Some(rest) = head.iter().find_map(|h| word.strip_prefix(h)) {
            word = rest;
        }
        let Some(rest) = word.strip_prefix("fn ") else { continue };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let closing = format!("{}}}", &line[..line.len() - body.len()]);
        let length = lines[start..].iter().position(|line| *line == closing).map_or(1, |end| end + 1);
        if length > FUNCTION_LINES {
            found.push((name, length));
        }
    }
    found
}

fn uses(source: &Source, needle: &str) -> Vec<String> {
    let lines = source.shipped().lines().enumerate();
    lines
        .filter(|(_, line)| line.contains(needle) && !line.trim_start().starts_with("//"))
        .map(|(number, line)| format!("{}:{}: {}", source.name, number + 1, line.trim()))
        .collect()
}

#[test]
fn time_comes_from_the_clock() {
    let allowed = ["crates/model/src/time.rs"];
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| !source.is_test() && !allowed.contains(&source.name.as_str()))
        .flat_map(|source| {
            [uses(source, "SystemTime::now("), uses(source, "std::time::Instant::now(")].concat()
        })
        .collect();
    none(&found, "Law 5: time comes from model::Clock, so that tests and replay can move it:");
}

/// The one file that may hold unsafe code.
const UNSAFE: &str = "crates/capture/src/live/sys.rs";

#[test]
fn unsafe_code_stands_in_one_file_with_its_proof() {
    let needles = [
        concat!("unsafe", " {"),
        concat!("unsafe", " impl"),
        concat!("unsafe", " fn"),
        concat!("(unsafe", "_code)"),
    ];
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| source.name.starts_with("crates/"))
        .flat_map(|source| match source.name == UNSAFE {
            true => unproved(&source.text),
            false => needles.iter().flat_map(|needle| uses(source, needle)).collect(),
        })
        .collect();
    none(
        &found,
        "Law 2: unsafe code stands only in crates/capture/src/live/sys.rs, each with a `// SAFETY:` that proves it:",
    );
}

/// Lines with unsafe code that have no proof within the lines above.
fn unproved(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_unsafe = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        [concat!("unsafe", " {"), concat!("unsafe", " impl")].iter().any(|needle| code.contains(needle))
    };
    let proved = |at: usize| lines[at.saturating_sub(6)..at].iter().any(|line| line.contains("// SAFETY:"));
    let found = (0..lines.len()).filter(|at| is_unsafe(lines[*at]) && !proved(*at));
    found.map(|at| format!("{UNSAFE}:{}: {}", at + 1, lines[at].trim())).collect()
}

#[test]
fn unsafe_code_without_a_proof_is_found() {
    let line = concat!("unsafe", " { look() }");
    assert_eq!(unproved(&format!("fn a() {{\n    {line}\n}}\n")).len(), 1);
    assert_eq!(unproved(&format!("fn a() {{\n    // SAFETY: it only looks.\n    {line}\n}}\n")).len(), 0);
}

#[test]
fn nothing_is_left_for_later() {
    let needles = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("#[ign", "ore]"),
    ];
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|source| needles.iter().flat_map(|needle| uses(source, needle)).collect::<Vec<_>>())
        .collect();
    none(&found, "no stub is called done, no test is skipped:");
}

#[test]
fn tests_wait_for_conditions_instead_of_sleeping() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| source.is_test() && source.name.starts_with("crates/"))
        .flat_map(|source| uses(source, "thread::sleep(Duration::from_secs"))
        .collect();
    none(&found, "a test that sleeps for seconds is slow and still races; wait for the condition:");
}

#[test]
fn channels_are_bounded() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(|source| [uses(source, "unbounded_channel("), uses(source, "mpsc::channel()")].concat())
        .collect();
    none(&found, "Law 4: everything is bounded, channels too:");
}

#[test]
fn long_functions_are_found() {
    let body = "    x();\n".repeat(80);
    let text = format!("fn short() {{\n}}\npub async fn long(a: u8) {{\n{body}}}\n");
    assert_eq!(long_functions(&text), vec![("long".to_owned(), 82)]);
}
