//! A connection file for a device that was found.

use super::{Found, Probe};
use crate::draft::{Draft, Note, check, comment, quoted, segment};
use std::path::Path;

/// A name for the connection: what people call the device, else its model, with the end of its address.
pub fn default_name(found: &Found) -> String {
    let texts = [&found.name, &found.model, &found.vendor];
    let name = texts.into_iter().map(|text| segment(text).to_ascii_lowercase()).find(|name| !name.is_empty());
    let address = segment(&found.address.to_string());
    let tail = address.rsplit('-').next().unwrap_or_default();
    match name {
        Some(name) => format!("{}-{tail}", name.chars().take(32).collect::<String>()),
        None => format!("{}-{address}", found.protocol),
    }
}

/// Drafts the connection file of a device. `name` and `profile` override what is proposed; an empty `profile` takes
/// none. `None` if no kind of connection reads such a device.
pub fn draft(
    found: &Found,
    probe: &Probe,
    name: Option<&str>,
    profile: Option<&str>,
    folder: &Path,
) -> Option<Draft> {
    let kind = found.kind?;
    let name = name.map(segment).filter(|name| !name.is_empty()).unwrap_or_else(|| default_name(found));
    let device = [&found.model, &found.name].into_iter().map(|text| segment(text).to_ascii_lowercase());
    let device = device.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| "device".into());
    let profile =
        profile.map(str::to_owned).or_else(|| found.profile.clone()).filter(|profile| !profile.is_empty());

    let mut text = comment(&format!(
        "A draft by `ironbridge discover`: nothing is read until you have reviewed it, put it into connections/ and applied it.\n\
         Found at {} port {}{}: {}.\n{}",
        found.address,
        found.port,
        if found.place.is_empty() { String::new() } else { format!(", {}", found.place) },
        found.words(),
        probe.security,
    ));
    for (key, value) in &found.details {
        text.push_str(&comment(&format!("{key}: {value}")));
    }
    text.push_str(&format!("kind = {}\n", quoted(kind)));
    // Some protocols name their devices by a URL, which the probe gave.
    let by_url = found.keys.iter().any(|(key, _)| *key == "url");
    if !by_url {
        text.push_str(&format!("host = {}\n", quoted(&found.address.to_string())));
    }
    if !by_url && found.port != probe.port {
        text.push_str(&format!("port = {}\n", found.port));
    }
    for (key, value) in &found.keys {
        text.push_str(&format!("{key} = {value}\n"));
    }
    text.push_str(&format!("\n[device.{device}]\n"));
    for (key, value) in &found.device_keys {
        text.push_str(&format!("{key} = {value}\n"));
    }
    let mut notes = Vec::new();
    match &profile {
        Some(profile) => {
            text.push_str(&format!("profile = {}\n", quoted(profile)));
            notes.push(Note::new(format!(
                "The profile `{profile}` fits what the device says; compare two or three values with its display."
            )));
        }
        None => {
            text.push_str(&format!("\n[device.{device}.tags]\n"));
            text.push_str(&comment(&format!(
                "{} does not say what a device holds: add its points from its manual, with `tags_file`, or with a profile.",
                probe.title
            )));
            notes.push(Note::new("It has no points yet: add them, or choose a profile."));
        }
    }
    let (mistakes, tags) = check(&name, &text, folder);
    Some(Draft { file: format!("connections/{name}.toml"), text, tags, notes, mistakes })
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
            ..Found::new(&PROBE, "10.20.1.11".parse().unwrap(), 1502)
        }
    }

    #[test]
    fn a_draft_names_what_was_found_and_builds_once_it_has_points() {
        let draft = draft(&meter(), &PROBE, None, None, Path::new("")).unwrap();
        assert_eq!(draft.file, "connections/pm-5560-11.toml");
        assert!(draft.text.contains("Acme PM 5560, firmware 1.2"), "{}", draft.text);
        assert!(draft.text.contains("host = \"10.20.1.11\"\nport = 1502\n\n[device.pm-5560]\nunit = 1\n"));
        assert!(
            draft.mistakes.iter().all(|mistake| mistake.contains("no device has a tag")),
            "{:?}",
            draft.mistakes
        );
        let whole = format!("{}speed = {{ at = \"40001\", type = \"u16\" }}\n", draft.text);
        assert_eq!(check("x", &whole, Path::new("")), (vec![], 1));
    }

    #[test]
    fn hostile_names_stay_harmless() {
        let mut found = meter();
        found.model = super::super::clean("x\"]\nkind = \"evil\"");
        found.details = vec![("a".into(), "b\nkind = 1".into())];
        let draft = draft(&found, &PROBE, Some("../../etc/x"), None, Path::new("")).unwrap();
        assert_eq!(draft.file, "connections/etc-x.toml");
        let toml: toml::Table = draft.text.parse().unwrap();
        assert_eq!(toml["kind"].as_str(), Some("modbus-tcp"));
    }
}
