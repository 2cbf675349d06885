//! The laws of ARCHITECTURE.md as tests. Each says why it exists when it fails.

mod edges;
mod kinds;
mod manifest;
mod sources;

use std::path::{Path, PathBuf};

/// One source file of ours.
pub struct Source {
    /// Relative to the checkout, with `/`.
    pub name: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// Code before the first `#[cfg(test)]` module: what ships.
    pub fn shipped(&self) -> &str {
        let end = self.text.find("\n#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or(&self.text)
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        ["/tests/", "/tests.rs", "/benches/", "/examples/"].iter().any(|part| self.name.contains(part))
            || ["e2e/", "bench/", "xtask/"].iter().any(|top| self.name.starts_with(top))
            || self.name.ends_with("_test.rs")
            || self.name.ends_with("_tests.rs")
    }
}

/// All Rust files that git knows or would know.
pub fn sources() -> Vec<Source> {
    let root = crate::root();
    let mut found = Vec::new();
    for top in ["crates", "xtask", "e2e", "bench"] {
        walk(&root.join(top), &mut |path| {
            if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
                found.push(Source { name, text: std::fs::read_to_string(path).unwrap() });
            }
        });
    }
    assert!(found.len() > 50, "the walk over the sources found only {} files", found.len());
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Every file below `dir`, leaving out what is built or installed.
pub fn walk(dir: &Path, each: &mut impl FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir()
            && !["target", "node_modules", "dist", "out"].contains(&name.as_str())
            && !name.starts_with('.')
        {
            walk(&path, each);
        } else if path.is_file() {
            each(&path);
        }
    }
}

/// A file of the checkout, e.g. `docs/dependencies.md`.
pub fn read(name: &str) -> String {
    let path: PathBuf = crate::root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Fails with all of `found` at once.
pub fn none(found: &[String], law: &str) {
    assert!(found.is_empty(), "{law}\n  {}", found.join("\n  "));
}
