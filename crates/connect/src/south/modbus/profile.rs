//! Profiles: the points of a device, from its manual, by name.
//!
//! A profile is a file in `profiles/`: some are built in, a plant may have more in its own folder `profiles/`, and its
//! own come first. Each says which manual it was made from and how that was confirmed.

use super::config::Tag;
use crate::south::tags::{Plan, closed_schema};
use model::config::{Diagnostic, Document, check, nearest};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Those that are built in, by name.
static BUILT_IN: &[(&str, &str)] = &[
    ("abb-a43", include_str!("../../../../../profiles/abb-a43.toml")),
    ("abb-b23", include_str!("../../../../../profiles/abb-b23.toml")),
    ("carlo-gavazzi-em340", include_str!("../../../../../profiles/carlo-gavazzi-em340.toml")),
    ("danfoss-vlt-fc", include_str!("../../../../../profiles/danfoss-vlt-fc.toml")),
    ("eastron-sdm120", include_str!("../../../../../profiles/eastron-sdm120.toml")),
    ("eastron-sdm630", include_str!("../../../../../profiles/eastron-sdm630.toml")),
    ("fronius-sunspec-float", include_str!("../../../../../profiles/fronius-sunspec-float.toml")),
    ("janitza-umg-96-pa", include_str!("../../../../../profiles/janitza-umg-96-pa.toml")),
    ("janitza-umg-96rm", include_str!("../../../../../profiles/janitza-umg-96rm.toml")),
    ("lovato-dmg610", include_str!("../../../../../profiles/lovato-dmg610.toml")),
    ("schneider-altivar-320", include_str!("../../../../../profiles/schneider-altivar-320.toml")),
    ("schneider-iem3155", include_str!("../../../../../profiles/schneider-iem3155.toml")),
    ("siemens-pac3200", include_str!("../../../../../profiles/siemens-pac3200.toml")),
    ("siemens-pac4200", include_str!("../../../../../profiles/siemens-pac4200.toml")),
    ("siemens-sinamics-g120x", include_str!("../../../../../profiles/siemens-sinamics-g120x.toml")),
    ("sma-inverter", include_str!("../../../../../profiles/sma-inverter.toml")),
    ("socomec-countis-e33", include_str!("../../../../../profiles/socomec-countis-e33.toml")),
    ("wago-750", include_str!("../../../../../profiles/wago-750.toml")),
];

/// Largest profile, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// The points of a device.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// For people, e.g. "Siemens SENTRON PAC3200 power meter"
    pub title: String,
    /// Maker
    pub vendor: String,
    /// Products it holds for
    pub models: Vec<String>,
    /// The manual it was made from: maker, title, revision, page or table
    pub source: String,
    /// What was confirmed, and where
    pub confirmed: String,
    /// What a device that it fits says of itself
    #[serde(rename = "match")]
    pub fits: Option<Fits>,
    /// Largest gap between two tags that is read along, in registers
    #[schemars(range(max = 124))]
    pub max_gap: Option<u16>,
    /// Most registers the device gives in one answer
    #[schemars(range(min = 1, max = 125))]
    pub max_registers: Option<u16>,
    /// The points
    pub tags: BTreeMap<String, Tag>,
}

/// Parts of what a device says of itself, in lower case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fits {
    /// Part of the vendor's name
    pub vendor: String,
    /// Parts of the product's name; one suffices
    pub model: Vec<String>,
}

/// What there is to know of a profile without its points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What stands in `profile = "..."`.
    pub name: &'static str,
    /// For people.
    pub title: String,
    /// Maker.
    pub vendor: String,
    /// Products.
    pub models: Vec<String>,
    /// Points.
    pub points: usize,
    /// The manual.
    pub source: String,
    /// What was confirmed, and where.
    pub confirmed: String,
}

/// The file of a profile that is built in.
pub fn file(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| *text)
}

/// The profiles that are built in.
pub fn built_in() -> Vec<About> {
    let about = |(name, text): &(&'static str, &str)| {
        let profile = parse(name, text).ok()?;
        Some(About {
            name,
            points: profile.tags.len(),
            title: profile.title,
            vendor: profile.vendor,
            models: profile.models,
            source: profile.source,
            confirmed: profile.confirmed,
        })
    };
    BUILT_IN.iter().filter_map(about).collect()
}

/// The profile that fits what a device says of itself.
pub(super) fn fitting(vendor: &str, products: &[&str]) -> Option<String> {
    let vendor = vendor.to_ascii_lowercase();
    let products: Vec<String> = products.iter().map(|product| product.to_ascii_lowercase()).collect();
    let fits = |fits: &Fits| {
        vendor.contains(&fits.vendor)
            && fits.model.iter().any(|part| products.iter().any(|product| product.contains(part)))
    };
    let found = BUILT_IN.iter().find(|(name, text)| {
        parse(name, text).ok().and_then(|profile| profile.fits).is_some_and(|of| fits(&of))
    });
    found.map(|(name, _)| (*name).to_owned())
}

fn parse(name: &str, text: &str) -> Result<Profile, Vec<Diagnostic>> {
    let document = Document::parse(&format!("profiles/{name}.toml"), text)?;
    let mistakes = check(&document, &closed_schema::<Profile>());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    document.construct().map_err(|mistake| vec![mistake])
}

/// The profile that a device names, from the plant's folder or built in; mistakes go to the plan.
pub(super) fn load(plan: &mut Plan<'_>, device: &str, name: &str) -> Option<Profile> {
    let keys = ["device", device, "profile"];
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
        plan.mistake(&keys, format!("`{name}` is no name of a profile"), "letters, digits, - and _");
        return None;
    }
    let own = plan.context().folder.join("profiles").join(format!("{name}.toml"));
    let parsed = match own_text(&own) {
        Some(Ok(text)) => parse(name, &text),
        Some(Err(why)) => {
            plan.mistake(&keys, format!("profiles/{name}.toml cannot be read: {why}"), "check the file");
            return None;
        }
        None => match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => parse(name, text),
            None => {
                let names = BUILT_IN.iter().map(|(known, _)| *known);
                let help = nearest(name, names.clone()).map_or_else(
                    || {
                        format!(
                            "profiles: {}; or write your own as profiles/{name}.toml",
                            names.collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                plan.mistake(&keys, format!("there is no profile `{name}`"), help);
                return None;
            }
        },
    };
    parsed.map_err(|mistakes| plan.add(mistakes)).ok()
}

/// The plant's own profile of that name, if it has one.
fn own_text(path: &Path) -> Option<std::io::Result<String>> {
    match std::fs::metadata(path) {
        Ok(data) if data.len() > MOST_BYTES => Some(Err(std::io::Error::other("it is larger than 1 MiB"))),
        Ok(_) => Some(std::fs::read_to_string(path)),
        Err(_) => None,
    }
}

impl Profile {
    /// The points of a device: those of the profile that `select` wants, replaced and completed by its own.
    pub(super) fn points(
        self,
        own: &BTreeMap<String, Tag>,
        select: &[String],
        mut wrong: impl FnMut(String),
    ) -> BTreeMap<String, Tag> {
        for pattern in select.iter().filter(|pattern| !self.tags.keys().any(|tag| wanted(tag, pattern))) {
            wrong(format!("no point of the profile is called `{pattern}`"));
        }
        let own_names: BTreeSet<String> = own.keys().map(|name| name.to_ascii_lowercase()).collect();
        let chosen = self.tags.into_iter().filter(|(tag, _)| {
            let selected = select.is_empty() || select.iter().any(|pattern| wanted(tag, pattern));
            selected && !own_names.contains(&tag.to_ascii_lowercase())
        });
        let mut points: BTreeMap<String, Tag> = chosen.collect();
        points.extend(own.iter().map(|(name, tag)| (name.clone(), tag.clone())));
        points
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn wanted(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name.eq_ignore_ascii_case(pattern),
        Some((head, tail)) => {
            let Some(rest) = name.strip_prefix(head) else { return false };
            if tail.is_empty() {
                return true;
            }
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| rest.get(at..).is_some_and(|rest| wanted(rest, tail)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_built_in_and_says_where_it_comes_from() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        files.sort();
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
        for (name, text) in BUILT_IN {
            let profile = parse(name, text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
            assert!(profile.tags.len() >= 8, "{name}");
            assert!(
                profile.source.len() > 40 && profile.confirmed.contains("Not read from a device"),
                "{name}"
            );
            let fits = profile.fits.unwrap();
            for model in &profile.models {
                assert_eq!(fitting(&profile.vendor, &[model]).as_deref(), Some(*name), "{model}");
            }
            assert_eq!(fits.vendor, fits.vendor.to_ascii_lowercase());
        }
        assert_eq!(built_in().len(), BUILT_IN.len());
        assert_eq!(fitting("Acme", &["PAC3200"]), None);
    }

    #[test]
    fn patterns() {
        for (name, pattern, fits) in [
            ("power_active_l1", "power_*", true),
            ("power_active_l1", "*_l1", true),
            ("power_active_l1", "*active*", true),
            ("power_active_l1", "power_active", false),
            ("power_active", "Power_Active", true),
            ("power_active", "*", true),
            ("power_active", "energy*", false),
        ] {
            assert_eq!(wanted(name, pattern), fits, "{name} {pattern}");
        }
    }
}
