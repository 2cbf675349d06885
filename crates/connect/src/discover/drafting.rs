//! A connection file for what was found at an endpoint.

use super::{Found, Probe};
use crate::draft::{Draft, Note, check, comment, quoted, segment};
use crate::south::BROWSERS;
use std::collections::HashSet;
use std::path::Path;

/// What a person says about a draft.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// Name of the connection.
    pub name: Option<&'a str>,
    /// Profile of the device; empty for none.
    pub profile: Option<&'a str>,
}

/// Those of `all` that answer at the same endpoint as `found`: one file is one endpoint.
pub fn siblings<'a>(all: &'a [Found], found: &Found) -> Vec<&'a Found> {
    let same = |other: &&Found| {
        (other.protocol, other.address, other.port, &other.keys)
            == (found.protocol, found.address, found.port, &found.keys)
    };
    all.iter().filter(same).collect()
}

/// A name for the connection: what people call the device, else its model, with the end of its address; for several
/// devices at one endpoint, the endpoint.
pub fn default_name(found: &[&Found], probe: &Probe) -> String {
    let Some(first) = found.first() else { return probe.name.to_owned() };
    let texts = [&first.name, &first.model, &first.vendor];
    let name = texts.into_iter().map(|text| lower(text)).find(|name| !name.is_empty() && found.len() == 1);
    let address = segment(&first.address.to_string());
    let tail = address.rsplit('-').next().unwrap_or_default();
    let port = if first.port == probe.port { String::new() } else { format!("-{}", first.port) };
    match name {
        Some(name) => format!("{}-{tail}{port}", name.chars().take(32).collect::<String>()),
        None => format!("{}-{address}{port}", first.protocol),
    }
}

fn lower(text: &str) -> String {
    segment(text).to_ascii_lowercase()
}

/// Drafts the connection file of the device at `index` of `all`, with its siblings. `None` if there is no such device,
/// or no kind of connection that reads it.
pub fn draft(all: &[Found], index: usize, probe: &Probe, wish: Wish<'_>, folder: &Path) -> Option<Draft> {
    let chosen = all.get(index)?;
    let kind = chosen.kind?;
    let found = siblings(all, chosen);
    let name = wish.name.map(segment).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| default_name(&found, probe));
    let mut text = comment(&format!(
        "A draft by `ironbridge discover`: nothing is read until you have reviewed it, put it into connections/ and applied it.\n\
         Found at {} port {}.\n{}",
        chosen.address, chosen.port, probe.security,
    ));
    text.push_str(&format!("kind = {}\n", quoted(kind)));
    // Some protocols name their devices by a URL, which the probe gave.
    let by_url = chosen.keys.iter().any(|(key, _)| *key == "url");
    if !by_url {
        text.push_str(&format!("host = {}\n", quoted(&chosen.address.to_string())));
    }
    if !by_url && chosen.port != probe.port {
        text.push_str(&format!("port = {}\n", chosen.port));
    }
    for (key, value) in &chosen.keys {
        text.push_str(&format!("{key} = {value}\n"));
    }
    let mut notes = Vec::new();
    let mut taken = HashSet::new();
    for one in found {
        let wanted = if std::ptr::eq(one, chosen) { wish.profile } else { None };
        let profile =
            wanted.map(str::to_owned).or_else(|| one.profile.clone()).filter(|profile| !profile.is_empty());
        device(one, profile.as_deref(), probe, &mut taken, &mut text, &mut notes);
    }
    let (mistakes, tags) = check(&name, &text, folder);
    Some(Draft { file: format!("connections/{name}.toml"), text, tags, notes, mistakes })
}

/// What stands in the draft of a device that can be looked at.
const TELLS: &str = "It tells what it holds: `ironbridge browse` with this file fills in its tags.";

/// A draft without the hint to look at the device: for what looking made of it.
pub fn looked_at(text: &str) -> String {
    text.replace(&comment(TELLS), "")
}

fn device(
    found: &Found,
    profile: Option<&str>,
    probe: &Probe,
    taken: &mut HashSet<String>,
    text: &mut String,
    notes: &mut Vec<Note>,
) {
    let names =
        [lower(&found.model), lower(&found.name), lower(&format!("{}-{}", found.protocol, found.place))];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "device".into());
    let numbered = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") });
    let name = numbered.into_iter().find(|name| taken.insert(name.clone())).unwrap_or_default();
    let place = if found.place.is_empty() { String::new() } else { format!(", {}", found.place) };
    text.push_str(&format!("\n{}", comment(&format!("{}{place}", found.words()))));
    for (key, value) in &found.details {
        text.push_str(&comment(&format!("{key}: {value}")));
    }
    text.push_str(&format!("[device.{name}]\n"));
    for (key, value) in &found.device_keys {
        text.push_str(&format!("{key} = {value}\n"));
    }
    if let Some(profile) = profile {
        text.push_str(&format!("profile = {}\n", quoted(profile)));
        notes.push(Note::new(format!(
            "`{name}`: the profile `{profile}` fits what it says of itself; compare two or three values with its display."
        )));
    } else {
        let tells = found.kind.is_some_and(|kind| BROWSERS.iter().any(|browser| browser.kind == kind));
        let (none, note) = if tells {
            (
                TELLS.to_owned(),
                "has no points yet: `ironbridge browse` with this file asks it for all of them.",
            )
        } else if found.tags.is_empty() {
            (
                format!(
                    "{} does not say what it holds: add its points here, with `tags_file`, or with a profile.",
                    probe.title
                ),
                "has no points yet: add them, or choose a profile.",
            )
        } else {
            (
                format!(
                    "{} does not say what else it holds: add its points here, with `tags_file`, or with a profile.",
                    probe.title
                ),
                "has only the points that every such device has: add its own, or choose a profile.",
            )
        };
        text.push_str(&format!("\n[device.{name}.tags]\n"));
        for (tag, value) in &found.tags {
            text.push_str(&format!("{tag} = {value}\n"));
        }
        text.push_str(&comment(&none));
        notes.push(Note::new(format!("`{name}` {note}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::modbus::PROBE;

    fn meter() -> Found {
        Found {
            vendor: "Acme".into(),
            model: "PM 5560".into(),
            firmware: "1.2".into(),
            place: "unit 1".into(),
            kind: Some("modbus-tcp"),
            device_keys: vec![("unit", "1".into())],
            ..Found::new(&PROBE, "10.20.1.11".parse().unwrap(), 502)
        }
    }

    fn one(found: Found, wish: Wish<'_>) -> Draft {
        draft(&[found], 0, &PROBE, wish, Path::new("")).unwrap()
    }

    #[test]
    fn a_draft_names_what_was_found_and_builds_once_it_has_points() {
        let draft = one(meter(), Wish::default());
        assert_eq!(draft.file, "connections/pm-5560-11.toml");
        assert!(draft.text.contains("Acme PM 5560, firmware 1.2, unit 1"), "{}", draft.text);
        assert!(draft.text.contains("[device.pm-5560]\nunit = 1\n"), "{}", draft.text);
        assert!(
            draft.mistakes.iter().all(|mistake| mistake.contains("no device has a tag")),
            "{:?}",
            draft.mistakes
        );
        let whole = format!("{}speed = {{ at = \"40001\", type = \"u16\" }}\n", draft.text);
        assert_eq!(check("x", &whole, Path::new("")), (vec![], 1));
    }

    #[test]
    fn a_profile_gives_all_points() {
        let wish = Wish { profile: Some("siemens-pac3200"), ..Wish::default() };
        let draft = one(meter(), wish);
        assert!(draft.mistakes.is_empty() && draft.tags > 20, "{draft:?}");
        let proposed = Found { profile: Some("eastron-sdm630".into()), ..meter() };
        assert!(one(proposed.clone(), Wish::default()).text.contains("profile = \"eastron-sdm630\""));
        assert!(!one(proposed, Wish { profile: Some(""), ..Wish::default() }).text.contains("profile ="));
    }

    #[test]
    fn the_units_of_an_endpoint_are_one_file() {
        let second = Found { place: "unit 2".into(), device_keys: vec![("unit", "2".into())], ..meter() };
        let other = Found { port: 1502, ..meter() };
        let all = [meter(), other, second];
        let draft = draft(&all, 2, &PROBE, Wish::default(), Path::new("")).unwrap();
        assert_eq!(draft.file, "connections/modbus-10-20-1-11.toml");
        assert!(draft.text.contains("[device.pm-5560]\nunit = 1\n"), "{}", draft.text);
        assert!(draft.text.contains("[device.pm-5560-2]\nunit = 2\n"), "{}", draft.text);
        assert_eq!(default_name(&[&all[1]], &PROBE), "pm-5560-11-1502");
    }

    #[test]
    fn hostile_names_stay_harmless() {
        let mut found = meter();
        found.model = super::super::clean("x\"]\nkind = \"evil\"");
        found.details = vec![("a".into(), "b\nkind = 1".into())];
        let draft = one(found, Wish { name: Some("../../etc/x"), ..Wish::default() });
        assert_eq!(draft.file, "connections/etc-x.toml");
        let toml: toml::Table = draft.text.parse().unwrap();
        assert_eq!(toml["kind"].as_str(), Some("modbus-tcp"));
    }
}
