//! What is kept of assets: what a person said of them, and what was seen before this run.

use super::{Refusal, VERSION, text};
use crate::hosts::Field;
use crate::report::{Asset, Report, Role};
use model::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most assets that are kept; above that those go that nobody said anything of, the longest unseen first.
pub const MAX_ASSETS: usize = 65_536;
/// Longest name, in characters.
const MAX_NAME: usize = 64;
/// Most earlier ids of an asset.
const MAX_WAS: usize = 8;
/// Levels of the Purdue model.
pub const LEVELS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 3.5, 4.0, 5.0];

/// Something that an asset said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFact {
    /// What about: `vendor`, `model`, `firmware`, `serial`, `name`, `description`.
    pub field: String,
    /// The text, made safe.
    pub value: String,
    /// Where it was learned.
    pub source: String,
}

/// An asset as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownAsset {
    /// Who said that it belongs here, and when.
    #[serde(default)]
    pub approved: Option<(String, Time)>,
    /// The name that a person gave; empty for none.
    #[serde(default)]
    pub name: String,
    /// What a person wrote of it.
    #[serde(default)]
    pub note: String,
    /// The level that a person gave: one of [`LEVELS`].
    #[serde(default)]
    pub level: Option<f64>,
    /// The zone that a person gave.
    #[serde(default)]
    pub zone: Option<String>,
    /// IP addresses.
    pub addresses: Vec<String>,
    /// Hardware addresses.
    pub macs: Vec<String>,
    /// Who made its network card.
    pub card: Option<String>,
    /// VLAN.
    pub vlan: Option<u16>,
    /// What it is, judged by what it does.
    pub role: Role,
    /// What it said of itself.
    pub facts: Vec<KnownFact>,
    /// Keys of protocols that it answers in.
    pub serves: Vec<String>,
    /// Keys of protocols that it asks in.
    pub asks: Vec<String>,
    /// Packets sent.
    pub sent: u64,
    /// Packets sent to it.
    pub received: u64,
    /// Packets sent, and sent to it, in runs before this one.
    #[serde(skip)]
    before: (u64, u64),
    /// First seen.
    pub first: Time,
    /// Last seen.
    pub last: Time,
    /// What it was listed as before more was known of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
    /// Seen in this run.
    #[serde(skip)]
    pub live: bool,
}

/// What a person says of an asset; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// It belongs here.
    pub approved: Option<bool>,
    /// What people call it; empty for none.
    pub name: Option<String>,
    /// A note; empty for none.
    pub note: Option<String>,
    /// Its level; `None` inside: as guessed.
    pub level: Option<Option<f64>>,
    /// Its zone; `None` inside: as the plant says.
    pub zone: Option<Option<String>>,
}

impl KnownAsset {
    fn new(asset: &Asset) -> Self {
        Self {
            approved: None,
            name: String::new(),
            note: String::new(),
            level: None,
            zone: None,
            addresses: Vec::new(),
            macs: Vec::new(),
            card: None,
            vlan: None,
            role: asset.role,
            facts: Vec::new(),
            serves: Vec::new(),
            asks: Vec::new(),
            sent: 0,
            received: 0,
            before: (0, 0),
            was: Vec::new(),
            first: asset.first,
            last: asset.last,
            live: false,
        }
    }

    fn see(&mut self, asset: &Asset) {
        let keys = |all: &[crate::Protocol]| all.iter().map(|protocol| protocol.key().to_owned()).collect();
        self.addresses = asset.addresses.iter().map(ToString::to_string).collect();
        self.macs.clone_from(&asset.macs);
        self.card = asset.card.map(str::to_owned);
        self.vlan = asset.vlan.or(self.vlan);
        // One that is only talked to in this run is what it was before.
        if asset.role != Role::Silent || !self.live && self.facts.is_empty() {
            self.role = asset.role;
            (self.serves, self.asks) = (keys(&asset.serves), keys(&asset.asks));
        }
        self.sent = self.before.0.saturating_add(asset.sent);
        self.received = self.before.1.saturating_add(asset.received);
        self.first = self.first.min(asset.first);
        self.last = self.last.max(asset.last);
        if !asset.facts.is_empty() {
            self.facts = asset.facts.iter().map(known_fact).collect();
        }
        self.live = true;
    }

    /// The first that it said about something.
    #[must_use]
    pub fn fact(&self, field: Field) -> Option<&str> {
        self.facts.iter().find(|fact| fact.field == field.key()).map(|fact| fact.value.as_str())
    }

    /// What people call it: the name given, else the one it says of itself.
    #[must_use]
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.fact(Field::Name).unwrap_or_default() } else { &self.name }
    }

    /// Its level: as given, else as its role suggests; `None` where that says nothing.
    #[must_use]
    pub fn level_or_guess(&self) -> Option<f64> {
        self.level.or(match self.role {
            Role::Controller => Some(1.0),
            Role::Supervisor | Role::Engineering => Some(2.0),
            Role::Server => Some(3.0),
            Role::Network | Role::Host | Role::Silent => None,
        })
    }

    /// What makes a page about it another one.
    fn gist(&self) -> (bool, Role, [usize; 5]) {
        let counts = [&self.addresses, &self.macs, &self.serves, &self.asks].map(Vec::len);
        let [addresses, macs, serves, asks] = counts;
        (self.live, self.role, [addresses, macs, serves, asks, self.facts.len()])
    }

    /// Takes over what was known of the same machine under another id: people's words unless it has its own.
    fn inherit(&mut self, id: String, other: Self) {
        self.approved = self.approved.take().or(other.approved);
        self.level = self.level.or(other.level);
        self.zone = self.zone.take().or(other.zone);
        for (mine, theirs) in [(&mut self.name, other.name), (&mut self.note, other.note)] {
            if mine.is_empty() {
                *mine = theirs;
            }
        }
        self.first = self.first.min(other.first);
        self.before.0 = self.before.0.saturating_add(other.before.0);
        self.before.1 = self.before.1.saturating_add(other.before.1);
        self.was.extend(other.was);
        self.was.push(id);
        self.was.truncate(MAX_WAS);
    }

    /// Whether nobody said anything of it.
    fn is_plain(&self) -> bool {
        self.approved.is_none()
            && self.name.is_empty()
            && self.note.is_empty()
            && self.level.is_none()
            && self.zone.is_none()
    }
}

fn known_fact(fact: &crate::report::AssetFact) -> KnownFact {
    KnownFact {
        field: fact.field.key().to_owned(),
        value: fact.value.clone(),
        source: fact.source.to_owned(),
    }
}

/// All assets that are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetBook {
    /// Version of the format.
    pub version: u32,
    /// Assets by id.
    pub assets: BTreeMap<String, KnownAsset>,
    /// Sightings of assets for which there was no room, since ever.
    #[serde(default)]
    pub no_room: u64,
}

impl Default for AssetBook {
    fn default() -> Self {
        Self { version: VERSION, assets: BTreeMap::new(), no_room: 0 }
    }
}

impl AssetBook {
    /// Takes the assets of a report. Whether there are new ones, or others are known better.
    pub fn take(&mut self, report: &Report) -> bool {
        let mut news = false;
        for asset in &report.assets {
            if !self.assets.contains_key(&asset.id) && !self.has_room() {
                self.no_room += 1;
                continue;
            }
            let known = self.assets.entry(asset.id.clone()).or_insert_with(|| KnownAsset::new(asset));
            let before = known.gist();
            known.see(asset);
            news |= before != known.gist();
        }
        self.renamed(report) || news
    }

    /// A run begins: what it counts is added to what was counted before.
    pub fn begin(&mut self) {
        self.assets.values_mut().for_each(|known| known.before = (known.sent, known.received));
    }

    /// One machine stays one asset when more is known of it: what was listed in this run by its card, or by another of its
    /// addresses, goes on under the new id. Whether there was any.
    fn renamed(&mut self, report: &Report) -> bool {
        let ids: HashSet<&str> = report.assets.iter().map(|asset| asset.id.as_str()).collect();
        let gone = |(id, known): (&String, &KnownAsset)| {
            (known.live && !ids.contains(id.as_str())).then(|| id.clone())
        };
        let gone: Vec<String> = self.assets.iter().filter_map(gone).collect();
        if gone.is_empty() {
            return false;
        }
        // A router's card stands with all who are behind it: it is none of them.
        let mut holders: HashMap<String, Option<&str>> = HashMap::new();
        for asset in &report.assets {
            let names = asset.addresses.iter().map(ToString::to_string).chain(asset.macs.iter().cloned());
            for name in names {
                holders.entry(name).and_modify(|holder| *holder = None).or_insert(Some(&asset.id));
            }
        }
        let mut any = false;
        for id in gone {
            let Some(holder) = holders.get(&id).copied().flatten() else { continue };
            let Some(old) = self.assets.remove(&id) else { continue };
            match self.assets.get_mut(holder) {
                Some(known) => known.inherit(id, old),
                None => drop(self.assets.insert(id, old)),
            }
            any = true;
        }
        any
    }

    /// What assets were listed as before, and what they are listed as now.
    #[must_use]
    pub fn names(&self) -> HashMap<&str, &str> {
        let all = self.assets.iter();
        all.flat_map(|(id, known)| known.was.iter().map(|was| (was.as_str(), id.as_str()))).collect()
    }

    fn has_room(&mut self) -> bool {
        if self.assets.len() < MAX_ASSETS {
            return true;
        }
        let old = self.assets.iter().filter(|(_, asset)| asset.is_plain() && !asset.live);
        let Some(oldest) = old.min_by_key(|(_, asset)| asset.last).map(|(id, _)| id.clone()) else {
            return false;
        };
        self.assets.remove(&oldest);
        true
    }

    /// Takes what a person says of an asset.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing is changed.
    pub fn change(&mut self, id: &str, by: &str, change: &Change, now: Time) -> Result<&KnownAsset, Refusal> {
        let asset = self.assets.get_mut(id).ok_or(Refusal::Unknown("asset"))?;
        let name = change.name.as_deref().map(|name| text(name, "name", false)).transpose()?;
        if name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME) {
            let message = format!("the name is longer than {MAX_NAME} characters");
            return Err(Refusal::Invalid(message, "shorten it; there is room for more in the note"));
        }
        let note = change.note.as_deref().map(|note| text(note, "note", false)).transpose()?;
        if let Some(Some(level)) = change.level
            && !LEVELS.contains(&level)
        {
            return Err(Refusal::Invalid(
                format!("{level} is no level"),
                "levels are 0, 1, 2, 3, 3.5, 4 and 5",
            ));
        }
        if let Some(Some(zone)) = &change.zone
            && let Err(error) = model::path::check_segment(zone)
        {
            return Err(Refusal::Invalid(error.to_string(), "a zone is named like a segment of a path"));
        }
        if let Some(approved) = change.approved {
            asset.approved = approved.then(|| (by.to_owned(), now));
        }
        asset.name = name.unwrap_or_else(|| std::mem::take(&mut asset.name));
        asset.note = note.unwrap_or_else(|| std::mem::take(&mut asset.note));
        asset.level = change.level.unwrap_or(asset.level);
        asset.zone = change.zone.clone().unwrap_or_else(|| asset.zone.take());
        Ok(asset)
    }

    /// Forgets an asset that was not seen in this run.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn forget(&mut self, id: &str) -> Result<(), Refusal> {
        match self.assets.get(id) {
            None => Err(Refusal::Unknown("asset")),
            Some(asset) if asset.live => Err(Refusal::Standing(
                "the asset is there: it was seen since the monitor started",
                "only assets that are gone can be forgotten",
            )),
            Some(_) => {
                self.assets.remove(id);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::Evidence;
    use crate::report::AssetFact;
    use crate::{Limits, Monitor, Protocol};

    fn seen(id: &str, role: Role, model: Option<&str>) -> Asset {
        let fact = |value: &str| AssetFact {
            field: Field::Model,
            value: value.to_owned(),
            source: "CIP identity",
            evidence: Evidence::default(),
        };
        Asset {
            id: id.to_owned(),
            addresses: vec![id.parse().unwrap()],
            macs: vec!["00:1b:1b:00:00:01".into()],
            card: Some("Siemens AG"),
            role,
            vlan: None,
            facts: model.into_iter().map(fact).collect(),
            serves: vec![Protocol::Enip],
            asks: Vec::new(),
            sent: 7,
            received: 8,
            first: Time(10),
            last: Time(20),
        }
    }

    fn report(assets: Vec<Asset>) -> Report {
        Report { assets, ..Monitor::new(Limits::STANDARD).report() }
    }

    const ID: &str = "10.0.0.9";

    #[test]
    fn what_people_say_survives_and_what_was_known_is_not_forgotten() {
        let mut book = AssetBook::default();
        assert!(book.take(&report(vec![seen(ID, Role::Controller, Some("1756-L71"))])));
        let change = Change {
            approved: Some(true),
            name: Some(" Press 4 ".into()),
            level: Some(Some(0.0)),
            zone: Some(Some("pressing".into())),
            ..Change::default()
        };
        book.change(ID, "anna", &change, Time(30)).unwrap();
        let text = serde_json::to_string(&book).unwrap();
        let mut book: AssetBook = serde_json::from_str(&text).unwrap();
        assert!(!book.assets[ID].live);
        book.begin();
        // In the next run it only was talked to.
        book.take(&report(vec![seen(ID, Role::Silent, None)]));
        let known = &book.assets[ID];
        assert_eq!((known.called(), known.fact(Field::Model)), ("Press 4", Some("1756-L71")));
        assert_eq!((known.level_or_guess(), known.zone.as_deref()), (Some(0.0), Some("pressing")));
        assert_eq!((known.role, known.live), (Role::Controller, true));
        assert_eq!((known.sent, known.received), (14, 16));
        assert_eq!(known.approved, Some(("anna".into(), Time(30))));
        let back = Change { level: Some(None), zone: Some(None), approved: Some(false), ..Change::default() };
        let known = book.change(ID, "anna", &back, Time(31)).unwrap();
        assert_eq!((known.level_or_guess(), &known.zone, &known.approved), (Some(1.0), &None, &None));
    }

    #[test]
    fn one_machine_stays_one_asset_when_its_address_is_seen() {
        let card = "00:1b:1b:00:00:01";
        let alone = Asset { id: card.to_owned(), addresses: Vec::new(), ..seen(ID, Role::Host, None) };
        let mut book = AssetBook::default();
        book.take(&report(vec![alone.clone()]));
        let change = Change { approved: Some(true), name: Some("Press 4".into()), ..Change::default() };
        book.change(card, "anna", &change, Time(30)).unwrap();
        assert!(book.take(&report(vec![seen(ID, Role::Controller, None)])));
        let known = &book.assets[ID];
        assert_eq!((known.called(), known.approved.is_some(), book.assets.len()), ("Press 4", true, 1));
        assert_eq!(book.names(), HashMap::from([(card, ID)]));
        // A router's card stands with all who are behind it: nobody is the router.
        let mut book = AssetBook::default();
        book.take(&report(vec![alone]));
        let other = Asset {
            id: "10.0.0.8".into(),
            addresses: vec!["10.0.0.8".parse().unwrap()],
            ..seen(ID, Role::Host, None)
        };
        book.take(&report(vec![seen(ID, Role::Controller, None), other]));
        assert!(book.assets.contains_key(card) && book.names().is_empty());
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let mut book = AssetBook::default();
        book.take(&report(vec![seen(ID, Role::Controller, None)]));
        let before = book.clone();
        for wrong in [
            Change { name: Some("x".repeat(65)), ..Change::default() },
            Change { note: Some("x".repeat(2_001)), ..Change::default() },
            Change { level: Some(Some(2.5)), ..Change::default() },
            Change { zone: Some(Some("a b".into())), ..Change::default() },
        ] {
            assert!(
                matches!(book.change(ID, "anna", &wrong, Time(1)), Err(Refusal::Invalid(..))),
                "{wrong:?}"
            );
        }
        assert_eq!(
            book.change("10.0.0.8", "anna", &Change::default(), Time(1)),
            Err(Refusal::Unknown("asset"))
        );
        assert!(matches!(book.forget(ID), Err(Refusal::Standing(..))));
        assert_eq!(book, before);
    }

    #[test]
    fn nothing_is_new_when_nothing_is() {
        let mut book = AssetBook::default();
        let same = report(vec![seen(ID, Role::Controller, Some("1756-L71"))]);
        assert!(book.take(&same));
        assert!(!book.take(&same));
        assert!(book.take(&report(vec![seen(ID, Role::Engineering, Some("1756-L71"))])));
    }
}
