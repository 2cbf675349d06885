//! From checked keys to declared points: every tag resolved, every mistake collected where it stands.

use super::keys::{DeviceKeys, FileKeys, TagKeys};
use super::list::{self, decode_text};
use super::{Scaling, TagEntry, Wrong, contract, rules};
use crate::kind::Context;
use crate::south::budget::Limits;
use crate::south::{DeviceLayout, GroupLayout, Layout};
use model::config::{Diagnostic, Document, Period};
use model::{Declaration, Path, ValueType};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Most points of one connection.
const MAX_POINTS: usize = 200_000;
/// Shortest scan period and time-out that make sense on a 5 ms wheel.
const SHORTEST: Duration = Duration::from_millis(5);
/// Largest tag list, in bytes.
const MAX_LIST: u64 = 16 * 1024 * 1024;

/// Times and counts that every endpoint has.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How long to wait for the connection to open.
    pub connect_timeout: Duration,
    /// How often what the device refused is tried again.
    pub recheck: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// What the endpoint is asked at most.
    pub budget: Limits,
}

impl Timing {
    /// What the link must know of an endpoint with these devices and groups.
    pub fn layout(self, devices: Vec<DeviceLayout>, groups: Vec<GroupLayout>) -> Layout {
        let Self { timeout, retries, recheck, budget, .. } = self;
        Layout { devices, groups, timeout, retries, recheck, budget, orders: Vec::new() }
    }
}

/// What becomes of the shared keys of a file.
#[derive(Debug)]
pub struct Resolved {
    /// Times and counts.
    pub timing: Timing,
    /// Scan classes by index: name and period.
    pub classes: Vec<(String, Duration)>,
    /// The points, in the order of [`Slot::index`].
    pub points: Vec<Arc<Declaration>>,
}

/// One file on its way from keys to points.
pub struct Plan<'a> {
    document: &'a Document,
    context: &'a Context,
    timing: Timing,
    classes: Vec<(String, Duration)>,
    found: Vec<Diagnostic>,
    points: Vec<Arc<Declaration>>,
    taken: HashMap<String, String>,
}

/// One device: what all its tags share.
#[derive(Clone, Debug)]
pub struct Home<'a> {
    /// Its name in the configuration.
    pub name: &'a str,
    /// The shared keys.
    pub keys: &'a DeviceKeys,
    at: Path,
}

impl Home<'_> {
    /// The full path below which its points live.
    pub fn at(&self) -> &Path {
        &self.at
    }
}

/// Where a tag was written.
#[derive(Clone, Debug)]
enum Place {
    Toml,
    Csv { file: Arc<str>, text: Arc<str>, span: Range<usize> },
}

/// One tag on its way to a point.
#[derive(Clone, Debug)]
pub struct Tag<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its device.
    pub home: &'a Home<'a>,
    /// The shared keys.
    pub keys: &'a TagKeys,
    place: Place,
    class: usize,
    /// Mistakes found before this tag.
    before: usize,
}

/// What a protocol knows of a tag's value.
#[derive(Clone, Debug)]
pub struct Source {
    /// The type of what the device holds; a scaled number becomes [`ValueType::F64`].
    pub value: ValueType,
    /// Address and type in words, e.g. `holding 100 f32 CDAB`.
    pub words: String,
}

/// What became of a tag.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Index into the scan classes.
    pub class: usize,
    /// Index into the declared points.
    pub index: usize,
    /// How its raw numbers become values; boxed, because most points have none.
    pub scaling: Option<Box<Scaling>>,
}

impl<'a> Plan<'a> {
    /// Begins with the file's own keys: scan classes and times.
    pub fn new(document: &'a Document, context: &'a Context, keys: &FileKeys) -> Self {
        let mut found = Vec::new();
        let classes = classes(document, keys, &mut found);
        let timing = timing(document, keys, &mut found);
        Self { document, context, timing, classes, found, points: Vec::new(), taken: HashMap::new() }
    }

    /// Begins where nothing is asked: such a file has no keys for times, and its points are waited for, not scanned.
    pub fn of_arrivals(document: &'a Document, context: &'a Context) -> Self {
        let plan = Self::new(document, context, &FileKeys::default());
        Self { classes: vec![("normal".into(), Duration::ZERO)], ..plan }
    }

    /// What the protocol may know of the plant.
    pub fn context(&self) -> &'a Context {
        self.context
    }

    /// Times and counts.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// A mistake of the protocol's own, at a path of keys.
    pub fn mistake(&mut self, keys: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.found.push(self.document.mistake(keys, message, help));
    }

    /// Mistakes that were found elsewhere.
    pub fn add(&mut self, mistakes: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(mistakes);
    }

    /// A mistake in a tag: at its key in TOML, at its line in a list.
    pub fn wrong(&mut self, tag: &Tag<'_>, key: &str, wrong: Wrong) {
        let diagnostic = match &tag.place {
            Place::Toml => {
                let keys = ["device", tag.home.name, "tags", tag.name, key];
                self.document.mistake(&keys, wrong.message, wrong.help)
            }
            Place::Csv { file, text, span } => Diagnostic {
                file: file.clone(),
                text: text.clone(),
                span: span.clone(),
                message: wrong.message,
                help: wrong.help,
            },
        };
        self.found.push(diagnostic);
    }

    /// Resolves the keys of a device.
    pub fn device<'d>(&mut self, name: &'d str, keys: &'d DeviceKeys) -> Home<'d> {
        let below = keys.at.clone().unwrap_or_else(|| format!("{}/{name}", self.context.name));
        let at = self.context.site.join(&below).unwrap_or_else(|error| {
            self.mistake(
                &["device", name, "at"],
                format!("`{below}` is no path: {error}"),
                "write it like \"packaging/line-1/filler\"",
            );
            self.context.site.clone()
        });
        if let Some(class) = &keys.scan
            && let Err(wrong) = self.class(class)
        {
            self.mistake(&["device", name, "scan"], wrong.message, wrong.help);
        }
        Home { name, keys, at }
    }

    /// Hands over each tag of a device, those of `own` and those of its list; `each` ends with [`Plan::point`].
    pub fn tags<T: TagEntry>(
        &mut self,
        home: &Home<'_>,
        own: &BTreeMap<String, T>,
        mut each: impl FnMut(&mut Self, &Tag<'_>, &T),
    ) {
        for (name, entry) in own {
            self.tag(home, name, entry, Place::Toml, &mut each);
        }
        let Some(file) = &home.keys.tags_file else { return };
        let Some(text) = self.list_text(home, file) else { return };
        match list::read::<T>(file, &text) {
            Ok(list) => {
                for row in &list.rows {
                    let (file, text) = (list.file.clone(), list.text.clone());
                    let place = Place::Csv { file, text, span: row.span.clone() };
                    self.tag(home, &row.tag, &row.entry, place, &mut each);
                }
            }
            Err(mistakes) => self.add(mistakes),
        }
    }

    /// Hands over one tag that another table than `tags` asks for.
    pub fn one<T: TagEntry>(
        &mut self,
        home: &Home<'_>,
        name: &str,
        entry: &T,
        mut each: impl FnMut(&mut Self, &Tag<'_>, &T),
    ) {
        self.tag(home, name, entry, Place::Toml, &mut each);
    }

    fn tag<T: TagEntry>(
        &mut self,
        home: &Home<'_>,
        name: &str,
        entry: &T,
        place: Place,
        each: &mut impl FnMut(&mut Self, &Tag<'_>, &T),
    ) {
        let before = self.found.len();
        let mut tag = Tag { name, home, keys: entry.keys(), place, class: 0, before };
        tag.class = self.class_of(&tag);
        each(self, &tag, entry);
    }

    fn list_text(&mut self, home: &Home<'_>, file: &str) -> Option<String> {
        let keys = ["device", home.name, "tags_file"];
        let path = self.context.file(self.document, file);
        let large = std::fs::metadata(&path).is_ok_and(|about| about.len() > MAX_LIST);
        if large {
            let help = "split the list into several devices or connections";
            self.mistake(&keys, format!("`{file}` is larger than 16 MiB"), help);
            return None;
        }
        match std::fs::read(&path) {
            Ok(bytes) => Some(decode_text(bytes)),
            Err(error) => {
                let help = "the name is relative to this file's folder, then to the plant folder";
                self.mistake(&keys, format!("`{file}` cannot be read: {error}"), help);
                None
            }
        }
    }

    fn class(&self, name: &str) -> Result<usize, Wrong> {
        self.classes.iter().position(|(class, _)| class == name).ok_or_else(|| {
            let known: Vec<&str> = self.classes.iter().map(|(class, _)| class.as_str()).collect();
            let help = format!("scan classes of this connection: {}", known.join(", "));
            Wrong::new(format!("scan class `{name}` is not known"), help)
        })
    }

    fn class_of(&mut self, tag: &Tag<'_>) -> usize {
        if let Some(name) = tag.keys.scan.as_ref().or(tag.home.keys.scan.as_ref()) {
            return self.class(name).unwrap_or_else(|wrong| {
                self.wrong(tag, "scan", wrong);
                0
            });
        }
        if let Some(normal) = self.classes.iter().position(|(class, _)| class == "normal") {
            return normal;
        }
        if let [(first, _), _, ..] = self.classes.as_slice() {
            let help = format!("write scan = \"{first}\", or name one of the classes normal");
            let message = "this tag names no scan class, and there is no class `normal`";
            self.wrong(tag, "at", Wrong::new(message, help));
        }
        0
    }

    /// Declares the point of a tag. `None` if anything about the tag is wrong.
    pub fn point(&mut self, tag: &Tag<'_>, source: Source) -> Option<Slot> {
        let scaling = rules::scaling(self, tag, source.value);
        let (path, was) = self.path(tag)?;
        let access = rules::access(self, tag, source.value);
        let states = rules::states(self, tag);
        if self.found.len() > tag.before {
            return None;
        }
        let linear = scaling.is_some_and(|scaling| scaling.linear.is_some());
        let index = self.points.len();
        let keys = tag.keys;
        let mut point = Declaration {
            name: keys.name.clone(),
            description: keys.description.clone(),
            unit: keys.unit.clone(),
            range: keys.range.map(|(a, b)| (a.min(b), a.max(b))),
            states,
            access,
            connection: self.context.name.clone(),
            device: tag.home.name.to_owned(),
            source: source.words,
            scan: self.classes.get(tag.class).map_or(Duration::ZERO, |(_, period)| *period),
            was,
            ..Declaration::new(path, if linear { ValueType::F64 } else { source.value })
        };
        let contract =
            self.context.binding(tag.home.name, tag.name).and_then(|bound| bound.contract.as_deref());
        let scaling = match contract {
            Some(contract) => contract::fit(contract, &mut point, scaling),
            None => scaling,
        };
        self.points.push(Arc::new(point));
        Some(Slot { class: tag.class, index, scaling: scaling.map(Box::new) })
    }

    /// What was declared of a point.
    pub fn declared(&self, index: usize) -> Option<&Declaration> {
        self.points.get(index).map(|point| &**point)
    }

    fn path(&mut self, tag: &Tag<'_>) -> Option<(Path, Vec<Path>)> {
        let mut was = Vec::new();
        for former in &tag.keys.was {
            match self.context.site.join(former) {
                Ok(path) => was.push(path),
                Err(error) => {
                    let message = format!("`{former}` is no path: {error}");
                    self.wrong(tag, "was", Wrong::new(message, "write it as it was below enterprise/site"));
                }
            }
        }
        let path = match self.context.binding(tag.home.name, tag.name) {
            Some(binding) => {
                was.extend(binding.was.iter().cloned());
                binding.path.clone()
            }
            None => match tag.home.at.join(tag.name) {
                Ok(path) => path,
                Err(error) => {
                    let message = format!("`{}` is no name for a tag: {error}", tag.name);
                    let help = "rename the tag; its display name (`name`) is free";
                    self.wrong(tag, "at", Wrong::new(message, help));
                    return None;
                }
            },
        };
        let name = format!("{}.{}", tag.home.name, tag.name);
        if let Some(other) = self.taken.insert(path.folded(), name) {
            let message = format!("`{}.{}` and `{other}` have the same path {path}", tag.home.name, tag.name);
            self.wrong(tag, "at", Wrong::new(message, "rename one; case is ignored"));
        }
        Some((path, was))
    }

    /// A file without any tag is a mistake; `example` is what to write, e.g. `[device.filler.tags] with ...`.
    pub fn expect_tags(&mut self, example: &str) {
        if self.points.is_empty() && self.found.is_empty() {
            let message = "no device has a tag, so nothing would be read";
            self.mistake(&["device"], message, format!("add e.g. {example}"));
        }
    }

    /// The end: everything resolved, or every mistake in the order in which they stand.
    ///
    /// # Errors
    /// Every mistake found.
    pub fn finish(mut self) -> Result<Resolved, Vec<Diagnostic>> {
        if self.points.len() > MAX_POINTS {
            let message = format!("a connection may have at most {MAX_POINTS} tags");
            self.mistake(&["device"], message, "split it into several connections");
        }
        if self.found.is_empty() {
            return Ok(Resolved { timing: self.timing, classes: self.classes, points: self.points });
        }
        self.found.sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
        Err(self.found)
    }
}

fn classes(document: &Document, keys: &FileKeys, found: &mut Vec<Diagnostic>) -> Vec<(String, Duration)> {
    if keys.scan.is_empty() {
        return vec![("normal".into(), Duration::from_secs(1))];
    }
    for (name, _) in keys.scan.iter().filter(|(_, period)| period.0 < SHORTEST) {
        let message = format!("scan class `{name}` is faster than every 5 ms");
        found.push(document.mistake(&["scan", name], message, "write 5ms or more"));
    }
    keys.scan.iter().map(|(name, period)| (name.clone(), period.0.max(SHORTEST))).collect()
}

fn timing(document: &Document, keys: &FileKeys, found: &mut Vec<Diagnostic>) -> Timing {
    let mut at_least = |key: &str, period: Period, least: Duration| {
        if period.0 < least {
            let message = format!("`{key}` is shorter than {}", Period(least));
            found.push(document.mistake(&[key], message, format!("write {} or more", Period(least))));
        }
        period.0.max(least)
    };
    Timing {
        timeout: at_least("timeout", keys.timeout, SHORTEST),
        connect_timeout: at_least("connect_timeout", keys.connect_timeout, SHORTEST),
        recheck: at_least("recheck", keys.recheck, Duration::from_secs(1)),
        retries: keys.retries.into(),
        budget: Limits { requests_per_s: keys.budget.requests, connections: keys.budget.connections },
    }
}
