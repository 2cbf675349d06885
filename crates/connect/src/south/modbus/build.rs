//! From a checked file to a driver: every tag resolved, every mistake collected.

use super::address::{self, Wrong};
use super::config::{Common, Device, Tag};
use super::planner::{Barriers, Item, Rules};
use super::spec::{DeviceSpec, PointSpec, Timing};
use super::tags;
use crate::kind::Context;
use model::config::{Diagnostic, Document, Period};
use model::{Declaration, Path};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;
use wire::modbus::Table;

/// Most points of one connection.
const MAX_POINTS: usize = 200_000;
/// Shortest scan period and time-out that make sense on a 5 ms wheel.
const SHORTEST: Duration = Duration::from_millis(5);

/// What becomes of the common part of a file.
pub(super) struct Resolved {
    pub(super) timing: Timing,
    pub(super) classes: Vec<(String, Duration)>,
    pub(super) devices: Vec<DeviceSpec>,
    pub(super) points: Vec<Declaration>,
}

/// Resolves all devices and tags; mistakes go to `found`.
pub(super) fn resolve(
    document: &Document,
    context: &Context,
    common: &Common,
    found: &mut Vec<Diagnostic>,
) -> Resolved {
    let mut building = Building {
        document,
        context,
        classes: classes(document, common, found),
        found,
        points: Vec::new(),
        taken: HashMap::new(),
    };
    let mut devices = Vec::new();
    let mut units: HashMap<u8, &str> = HashMap::new();
    for (name, device) in &common.device {
        if let Some(other) = units.insert(device.unit, name) {
            let message = format!("the devices `{other}` and `{name}` have the same unit id {}", device.unit);
            building.mistake(
                &["device", name, "unit"],
                message,
                "give each device of an endpoint its own unit id, or put the tags into one device",
            );
        }
        devices.push(building.device(name, device));
    }
    if building.points.is_empty() && building.found.is_empty() {
        building.mistake(
            &["device"],
            "no device has a tag, so nothing would be read",
            "add e.g. [device.filler.tags] with speed = { at = \"40101\", type = \"f32\" }",
        );
    }
    if building.points.len() > MAX_POINTS {
        building.mistake(
            &["device"],
            format!("a connection may have at most {MAX_POINTS} tags"),
            "split it into several connections",
        );
    }
    let (classes, points) = (building.classes, building.points);
    Resolved { timing: timing(document, common, found), classes, devices, points }
}

fn classes(document: &Document, common: &Common, found: &mut Vec<Diagnostic>) -> Vec<(String, Duration)> {
    if common.scan.is_empty() {
        return vec![("normal".into(), Duration::from_secs(1))];
    }
    for (name, period) in &common.scan {
        if period.0 < SHORTEST {
            found.push(document.mistake(
                &["scan", name],
                format!("scan class `{name}` is faster than every 5 ms"),
                "write 5ms or more",
            ));
        }
    }
    common.scan.iter().map(|(name, period)| (name.clone(), period.0.max(SHORTEST))).collect()
}

fn timing(document: &Document, common: &Common, found: &mut Vec<Diagnostic>) -> Timing {
    let mut at_least = |key: &str, period: Period, least: Duration| {
        if period.0 < least {
            let message = format!("`{key}` is shorter than {}", Period(least));
            found.push(document.mistake(&[key], message, format!("write {} or more", Period(least))));
        }
        period.0.max(least)
    };
    Timing {
        timeout: at_least("timeout", common.timeout, SHORTEST),
        connect_timeout: at_least("connect_timeout", common.connect_timeout, SHORTEST),
        recheck: at_least("recheck", common.recheck, Duration::from_secs(1)),
        retries: common.retries.into(),
        pause_after_connect: common.pause_after_connect.0,
        request_delay: common.request_delay.0,
        pipeline: common.pipeline.into(),
    }
}

pub(super) struct Building<'a> {
    document: &'a Document,
    pub(super) context: &'a Context,
    classes: Vec<(String, Duration)>,
    found: &'a mut Vec<Diagnostic>,
    points: Vec<Declaration>,
    taken: HashMap<String, String>,
}

/// Where a tag was written.
#[derive(Clone)]
pub(super) enum Place<'a> {
    Toml { device: &'a str, tag: &'a str },
    Csv { list: &'a tags::List, span: Range<usize> },
}

/// What all tags of a device share.
pub(super) struct Home<'a> {
    name: &'a str,
    pub(super) config: &'a Device,
    at: Path,
    pub(super) rules: DeviceSpec,
}

impl Building<'_> {
    fn mistake(&mut self, keys: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.found.push(self.document.mistake(keys, message, help));
    }

    pub(super) fn wrong(&mut self, place: &Place<'_>, key: &str, wrong: Wrong) {
        let diagnostic = match place {
            Place::Toml { device, tag } => {
                self.document.mistake(&["device", device, "tags", tag, key], wrong.message, wrong.help)
            }
            Place::Csv { list, span } => Diagnostic {
                file: list.file.clone(),
                text: list.text.clone(),
                span: span.clone(),
                message: wrong.message,
                help: wrong.help,
            },
        };
        self.found.push(diagnostic);
    }

    fn device(&mut self, name: &str, device: &Device) -> DeviceSpec {
        let below = device.at.clone().unwrap_or_else(|| format!("{}/{name}", self.context.name));
        let at = self.context.site.join(&below).unwrap_or_else(|error| {
            self.mistake(
                &["device", name, "at"],
                format!("`{below}` is no path: {error}"),
                "write it like \"packaging/line-1/filler\"",
            );
            self.context.site.clone()
        });
        if let Some(class) = &device.scan {
            self.class(class, &mut |building, wrong| {
                building.mistake(&["device", name, "scan"], wrong.message, wrong.help)
            });
        }
        let rules = DeviceSpec {
            name: name.to_owned(),
            unit: device.unit,
            registers: Rules { max_gap: device.max_gap, max_size: device.max_registers },
            bits: Rules { max_gap: device.max_gap_bits, max_size: device.max_bits },
            exclude: self.excludes(name, device),
            write_multiple: device.write_multiple,
            points: Vec::new(),
        };
        let mut home = Home { name, config: device, at, rules };
        for (tag, entry) in &device.tags {
            self.tag(&mut home, tag, entry, &Place::Toml { device: name, tag });
        }
        if let Some(file) = &device.tags_file {
            self.tags_file(&mut home, file);
        }
        home.rules
    }

    fn excludes(&mut self, name: &str, device: &Device) -> BTreeMap<u8, Vec<(u16, u16)>> {
        let mut excluded: BTreeMap<u8, Vec<(u16, u16)>> = BTreeMap::new();
        for text in &device.exclude {
            match address::parse_range(text) {
                Ok((table, range)) => {
                    excluded
                        .entry(super::spec::table_number(table))
                        .or_default()
                        .push((*range.start(), *range.end()));
                }
                Err(wrong) => self.mistake(&["device", name, "exclude"], wrong.message, wrong.help),
            }
        }
        excluded
    }

    fn tags_file(&mut self, home: &mut Home<'_>, file: &str) {
        let keys = ["device", home.name, "tags_file"];
        let path = self.context.file(self.document, file);
        let text = match std::fs::read(&path) {
            Ok(bytes) if bytes.len() <= model_limit() => decode_text(bytes),
            Ok(_) => {
                return self.mistake(
                    &keys,
                    format!("`{file}` is larger than 16 MiB"),
                    "split the list into several devices or connections",
                );
            }
            Err(error) => {
                let help = "the name is relative to this file's folder, then to the plant folder";
                return self.mistake(&keys, format!("`{file}` cannot be read: {error}"), help);
            }
        };
        match tags::read(file, &text) {
            Ok(list) => {
                for row in &list.rows {
                    let place = Place::Csv { list: &list, span: row.span.clone() };
                    self.tag(home, &row.tag, &row.entry, &place);
                }
            }
            Err(mistakes) => self.found.extend(mistakes),
        }
    }

    fn class(&mut self, name: &str, refuse: &mut dyn FnMut(&mut Self, Wrong)) -> usize {
        if let Some(index) = self.classes.iter().position(|(class, _)| class == name) {
            return index;
        }
        let known: Vec<&str> = self.classes.iter().map(|(class, _)| class.as_str()).collect();
        let help = format!("scan classes of this connection: {}", known.join(", "));
        refuse(self, Wrong::new(format!("scan class `{name}` is not known"), help));
        0
    }

    fn class_of(&mut self, home: &Home<'_>, tag: &Tag, place: &Place<'_>) -> usize {
        if let Some(name) = tag.scan.as_ref().or(home.config.scan.as_ref()) {
            return self.class(name, &mut |building, wrong| building.wrong(place, "scan", wrong));
        }
        if let Some(normal) = self.classes.iter().position(|(class, _)| class == "normal") {
            return normal;
        }
        if self.classes.len() > 1 {
            let names: Vec<&str> = self.classes.iter().map(|(class, _)| class.as_str()).collect();
            let help = format!(
                "write scan = \"{}\", or name one of the classes normal",
                names.first().unwrap_or(&"normal")
            );
            self.wrong(
                place,
                "at",
                Wrong::new("this tag names no scan class, and there is no class `normal`", help),
            );
        }
        0
    }

    fn tag(&mut self, home: &mut Home<'_>, tag: &str, entry: &Tag, place: &Place<'_>) {
        let before = self.found.len();
        let class = self.class_of(home, entry, place);
        let address = match address::parse(&entry.at) {
            Ok(address) => address,
            Err(wrong) => return self.wrong(place, "at", wrong),
        };
        let Some(codec) = self.codec(home, entry, address, place) else { return };
        self.reach(home, &codec, address, place);
        let Some((path, was)) = self.path(home, tag, entry, place) else { return };
        let access = self.access(home, entry, &codec, address, place);
        let states = self.states(entry, place);
        if self.found.len() > before {
            return;
        }
        let bits = address.table.is_bits();
        let period = self.classes.get(class).map_or(Duration::ZERO, |(_, period)| *period);
        let declaration = Declaration {
            name: entry.name.clone(),
            description: entry.description.clone(),
            unit: entry.unit.clone(),
            range: entry.range.map(|(a, b)| (a.min(b), a.max(b))),
            states,
            access,
            connection: self.context.name.clone(),
            device: home.name.to_owned(),
            source: format!("{address} {}", codec.words()),
            scan: period,
            was,
            ..Declaration::new(path, codec.value_type())
        };
        let width = if bits { 1 } else { codec.registers() };
        let item = Item { first: address.offset, width };
        home.rules.points.push(PointSpec {
            table: address.table,
            item,
            codec,
            class,
            index: self.points.len(),
        });
        self.points.push(declaration);
    }

    fn path(
        &mut self,
        home: &Home<'_>,
        tag: &str,
        entry: &Tag,
        place: &Place<'_>,
    ) -> Option<(Path, Vec<Path>)> {
        let mut was = Vec::new();
        for former in &entry.was {
            match self.context.site.join(former) {
                Ok(path) => was.push(path),
                Err(error) => self.wrong(
                    place,
                    "was",
                    Wrong::new(
                        format!("`{former}` is no path: {error}"),
                        "write it as it was below enterprise/site",
                    ),
                ),
            }
        }
        let path = match self.context.binding(home.name, tag) {
            Some(binding) => {
                was.extend(binding.was.iter().cloned());
                binding.path.clone()
            }
            None => match home.at.join(tag) {
                Ok(path) => path,
                Err(error) => {
                    self.wrong(
                        place,
                        "at",
                        Wrong::new(
                            format!("`{tag}` is no name for a tag: {error}"),
                            "rename the tag; its display name (`name`) is free",
                        ),
                    );
                    return None;
                }
            },
        };
        if let Some(other) = self.taken.insert(path.folded(), format!("{}.{tag}", home.name)) {
            let message = format!("`{}.{tag}` and `{other}` have the same path {path}", home.name);
            self.wrong(place, "at", Wrong::new(message, "rename one; case is ignored"));
        }
        Some((path, was))
    }
}

const fn model_limit() -> usize {
    16 * 1024 * 1024
}

/// UTF-8, UTF-16 with its mark (what Excel calls Unicode text), else Windows' Latin-1.
fn decode_text(bytes: Vec<u8>) -> String {
    let utf16 = |rest: &[u8], from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| from(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes)
            .unwrap_or_else(|wrong| wrong.into_bytes().into_iter().map(char::from).collect()),
    }
}

impl DeviceSpec {
    /// Where no block of a table may reach across, before anything is learned.
    pub(super) fn barriers(&self, table: Table) -> Barriers {
        let exclude = self.exclude.get(&super::spec::table_number(table)).cloned().unwrap_or_default();
        Barriers { exclude, cuts: Vec::new() }
    }

    /// Gap and size of a table.
    pub(super) fn rules(&self, table: Table) -> Rules {
        if table.is_bits() { self.bits } else { self.registers }
    }
}
