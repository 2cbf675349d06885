//! AASX (IDTA 01005-3): a package by the Open Packaging Conventions (ECMA-376 part 2): relations lead from the package to
//! its origin, and from there to the parts that hold shells.

use super::{environment, export as environment_of};
use crate::exchange::import::{MOST_TEXT, Outline};
use crate::plant::Plant;
use connect::import::xml;
use connect::import::zip::{Archive, pack};

const ORIGIN: &str = "http://admin-shell.io/aasx/relationships/aasx-origin";
const SPEC: &str = "http://admin-shell.io/aasx/relationships/aas-spec";
const TYPES: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"json\" ContentType=\"application/json\"/><Override PartName=\"/aasx/aasx-origin\" ContentType=\"text/plain\"/></Types>\n";
/// Most parts with shells of a package.
const MOST_PARTS: usize = 64;

/// The plant as a package. `None` if it is too large for one.
pub(in crate::exchange) fn export(plant: &Plant) -> Option<Vec<u8>> {
    let environment = environment_of(plant);
    let (to_origin, to_data) = (relation(ORIGIN, "/aasx/aasx-origin"), relation(SPEC, "/aasx/data.json"));
    let parts: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", to_origin.as_bytes()),
        ("aasx/aasx-origin", b"Intentionally empty."),
        ("aasx/_rels/aasx-origin.rels", to_data.as_bytes()),
        ("aasx/data.json", environment.as_bytes()),
    ];
    pack(&parts)
}

fn relation(kind: &str, target: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{kind}\" Target=\"{target}\"/></Relationships>\n"
    )
}

/// Reads all parts with shells.
pub(in crate::exchange) fn read(data: &[u8]) -> Result<Outline, String> {
    let archive = Archive::open(data).ok_or("it is no ZIP archive")?;
    let origin = targets(&archive, "", ORIGIN)?;
    let origin = origin
        .first()
        .ok_or("it has no relation to an AASX origin: it is a ZIP archive, but no package of shells")?;
    let parts = targets(&archive, origin, SPEC)?;
    if parts.is_empty() {
        return Err("its origin names no part with shells".into());
    }
    if parts.len() > MOST_PARTS {
        return Err(format!("it has more than {MOST_PARTS} parts with shells"));
    }
    let (mut environment, mut room) = (environment::Environment::default(), MOST_TEXT);
    for name in &parts {
        let text = archive.text_within(name, room)?.ok_or_else(|| format!("its part `{name}` is missing"))?;
        room = room.saturating_sub(text.len() as u64);
        environment.add(&text).map_err(|why| format!("`{name}`: {why}"))?;
    }
    Ok(environment.outline())
}

/// The parts to which a part has relations of a kind; the empty name stands for the package.
fn targets(archive: &Archive<'_>, of: &str, kind: &str) -> Result<Vec<String>, String> {
    let (folder, name) = of.rsplit_once('/').map_or(("", of), |(folder, name)| (folder, name));
    let slash = if folder.is_empty() { "" } else { "/" };
    let Some(text) = archive.text_within(&format!("{folder}{slash}_rels/{name}.rels"), 1 << 20)? else {
        return Ok(Vec::new());
    };
    let document = xml::parse(&text)?;
    let relations = document.descendants().filter(|node| node.tag_name().name() == "Relationship");
    // Version 2 packages have the same relations under another name of the same site.
    let fits = |found: &str| {
        found == kind
            || (found.contains("admin-shell.io") && found.rsplit('/').next() == kind.rsplit('/').next())
    };
    let found = relations.filter(|relation| {
        relation.attribute("Type").is_some_and(fits) && relation.attribute("TargetMode") != Some("External")
    });
    Ok(found.filter_map(|relation| resolve(folder, relation.attribute("Target")?)).collect())
}

/// A target as the archive names it: from the package's root, or from the folder of the part.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut names: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').filter(|name| !name.is_empty()).collect(),
    };
    for name in target.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            names.pop()?;
        } else {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stand_at_the_root_or_beside_the_part() {
        assert_eq!(resolve("aasx", "/aasx/data.json").as_deref(), Some("aasx/data.json"));
        assert_eq!(resolve("aasx", "a/data.json").as_deref(), Some("aasx/a/data.json"));
        assert_eq!(resolve("aasx/x", "../data.json").as_deref(), Some("aasx/data.json"));
        assert_eq!(resolve("", "../../etc/passwd"), None);
    }

    #[test]
    fn what_is_no_package_is_said() {
        let zip = |parts: &[(&str, &[u8])]| read(&pack(parts).unwrap()).unwrap_err();
        assert_eq!(read(b"PK").unwrap_err(), "it is no ZIP archive");
        assert!(zip(&[("a", b"b")]).contains("no package of shells"));
        let (to_origin, to_data) = (relation(ORIGIN, "/aasx/o"), relation(SPEC, "/aasx/data.json"));
        let parts: [(&str, &[u8]); 2] =
            [("_rels/.rels", to_origin.as_bytes()), ("aasx/_rels/o.rels", to_data.as_bytes())];
        assert!(zip(&parts[..1]).contains("names no part with shells"));
        assert!(zip(&parts).contains("`aasx/data.json` is missing"));
        let bomb = vec![b' '; (MOST_TEXT + 1) as usize];
        let parts = [parts[0], parts[1], ("aasx/data.json", bomb.as_slice())];
        assert!(zip(&parts).contains("larger than 16 MiB"), "{}", zip(&parts));
    }
}
