//! Law 8: every folder of a kind is registered, has a README with its sample, and a case.

use super::none;
use std::path::Path;

fn faults(side: &Path, registry: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(side) else { return vec![format!("{} is missing", side.display())] };
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !folder.join("README.md").exists() {
            continue; // a folder of the framework, not of a kind
        }
        if !registry.contains(&format!("mod {name};")) || !registry.contains(&format!("&{name}::")) {
            found.push(format!("{name}: not registered in {}/mod.rs", side.display()));
        }
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap_or_default();
        let samples: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|f| f.to_string_lossy().ends_with("sample.toml")))
            .collect();
        if samples.is_empty() {
            found.push(format!("{name}: no sample.toml"));
        }
        for sample in samples {
            let text = std::fs::read_to_string(&sample).unwrap();
            if !readme.contains(text.trim()) {
                found.push(format!("{name}: README.md does not show {}", sample.display()));
            }
        }
        if !folder.join("cases").is_dir() {
            found.push(format!("{name}: no cases/"));
        }
    }
    found
}

#[test]
fn every_kind_is_registered_and_shown() {
    let connect = crate::root().join("crates/connect/src");
    let mut found = Vec::new();
    for side in ["south", "north"] {
        let registry = std::fs::read_to_string(connect.join(side).join("mod.rs")).unwrap();
        let folder = connect.join(side);
        let kinds = std::fs::read_dir(&folder)
            .unwrap()
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| p.join("README.md").exists());
        assert!(kinds.count() > 0, "{side} has no kind");
        found.extend(faults(&folder, &registry));
    }
    none(&found, "Law 8: a kind is one folder and two lines in the registry beside it:");
}

#[test]
fn a_kind_without_a_case_is_found() {
    let dir = std::env::temp_dir().join(format!("tidy-kinds-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("carrier-pigeon")).unwrap();
    std::fs::write(dir.join("carrier-pigeon/README.md"), "no sample").unwrap();
    let found = faults(&dir, "");
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
}
