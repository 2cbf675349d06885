//! From a checked file to what the driver is made from.

use super::address::{self, Address};
use super::certificates::{Certificates, read, to_der};
use super::config::{Class, Device, File, Mode, Policy, Protection, Tag as Tags};
use super::endpoint;
use super::structure;
use crate::kind::{Context, Secrets};
use crate::north::Deadband;
use crate::south::tags::{Plan, Resolved, Scaling, Source, Tag, Timing, Wrong, portions};
use model::ValueType;
use model::config::Document;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

/// What to write where no tag is.
pub(super) const EXAMPLE: &str =
    "[device.filler.tags] with speed = { at = \"nsu=http://vendor.com/plc;s=Line1.Speed\", type = \"f64\" }";
/// Most values that a server is asked to keep of one point, unless `queue` says otherwise.
const MAX_QUEUE: u32 = 1_000;

/// One endpoint, resolved.
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) policy: Policy,
    pub(super) protection: Protection,
    pub(super) mode: Mode,
    pub(super) who: Who,
    pub(super) bridge: Duration,
    pub(super) backfill: Duration,
    pub(super) timing: Timing,
    pub(super) secrets: Arc<dyn Secrets>,
    /// `None` without a data folder: the connection cannot be opened, only checked.
    pub(super) certificates: Option<Certificates>,
    pub(super) devices: Vec<String>,
    pub(super) groups: Vec<Group>,
}

/// Who we are to the server; secrets by name, looked up anew for each session.
pub(super) enum Who {
    Anonymous,
    User { name: String, password: String },
    Certificate { der: Vec<u8>, key: String },
}

/// Items of one device and one scan class: one subscription.
pub(super) struct Group {
    pub(super) device: usize,
    pub(super) class: String,
    /// How often the server looks.
    pub(super) sampling: Duration,
    /// How often it tells.
    pub(super) publishing: Duration,
    /// Values that it keeps of each point.
    pub(super) queue: u32,
    pub(super) deadband: Option<Deadband>,
    pub(super) items: Vec<Item>,
}

/// One point.
pub(super) struct Item {
    pub(super) address: Address,
    pub(super) raw: ValueType,
    pub(super) element: Option<u32>,
    /// The member of a structure, like `motor.zones[1]`.
    pub(super) member: Option<Box<str>>,
    /// The method that a write calls; `address` is its object, and nothing is read.
    pub(super) call: Option<Box<Address>>,
    pub(super) scaling: Option<Box<Scaling>>,
    /// Rows after this one that have their values from the same node. The server is asked for it once.
    feeds: Vec<u32>,
    /// Another row asks for the node.
    fed: bool,
    class: usize,
    /// Index into the declared points.
    pub(super) index: usize,
}

impl Draft {
    /// The declared points that call a method.
    pub(super) fn calls(&self) -> impl Iterator<Item = usize> + '_ {
        self.devices
            .iter()
            .flat_map(|(_, items)| items)
            .filter(|item| item.call.is_some())
            .map(|item| item.index)
    }
}

impl Item {
    /// Whether the server is asked for the node for the sake of this row.
    pub(super) const fn asks(&self) -> bool {
        !self.fed && self.call.is_none()
    }
}

impl Group {
    /// The rows that have their values from the node of `row`.
    pub(super) fn fed_by(&self, row: u32) -> impl Iterator<Item = u32> + '_ {
        let feeds = self.items.get(row as usize).map(|item| item.feeds.as_slice()).unwrap_or_default();
        std::iter::once(row).chain(feeds.iter().copied())
    }
}

/// Lets one row ask for all that stand for the same node: elements of an array, members of a structure.
fn share(items: &mut [Item]) {
    let mut first: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut pairs = Vec::new();
    for (row, item) in items.iter_mut().enumerate().filter(|(_, item)| item.call.is_none()) {
        match first.entry(item.address.to_string()) {
            Entry::Vacant(free) => {
                free.insert(row);
            }
            Entry::Occupied(known) => {
                item.fed = true;
                pairs.push((*known.get(), row as u32));
            }
        }
    }
    for (asking, fed) in pairs {
        if let Some(item) = items.get_mut(asking) {
            item.feeds.push(fed);
        }
    }
}

/// What is known before the scan classes are.
pub(super) struct Draft {
    who: Who,
    devices: Vec<(String, Vec<Item>)>,
}

/// Resolves the file; mistakes go to the plan.
pub(super) fn resolve(plan: &mut Plan<'_>, document: &Document, file: &File) -> Draft {
    if let Err(why) = endpoint::parts(&file.url) {
        let help = "write it like \"opc.tcp://10.20.1.50:4840\", with a path only if the server has one";
        plan.mistake(&["url"], format!("`{}` is no address of an OPC UA server: {why}", file.url), help);
    }
    let known: Vec<&str> = match file.keys.scan.len() {
        0 => vec!["normal"],
        _ => file.keys.scan.keys().map(String::as_str).collect(),
    };
    for name in file.class.keys().filter(|name| !known.contains(&name.as_str())) {
        let help = format!("scan classes of this connection: {}", known.join(", "));
        plan.mistake(&["class", name], format!("scan class `{name}` is not known"), help);
    }
    let who = who(plan, document, file);
    let devices =
        file.device.iter().map(|(name, device)| (name.clone(), items(plan, name, device))).collect();
    Draft { who, devices }
}

impl Spec {
    /// For a session that only looks around: nothing is subscribed or scanned.
    pub(super) fn for_looking(mut self) -> Self {
        self.mode = Mode::Poll;
        self.groups.clear();
        self
    }

    /// The end of a file without mistakes.
    pub(super) fn new(draft: Draft, file: File, context: &Context, resolved: &Resolved) -> Self {
        let mut devices = Vec::new();
        let mut groups = Vec::new();
        for (name, items) in draft.devices {
            for (class, items) in portions(items, |item| item.class) {
                let (class, sampling) = resolved.classes.get(class).cloned().unwrap_or_default();
                let more = file.class.get(&class).cloned().unwrap_or_default();
                groups.push(group(devices.len(), class, sampling, &more, file.bridge.0, items));
            }
            devices.push(name);
        }
        Self {
            name: context.name.clone(),
            url: file.url,
            policy: file.security,
            protection: file.protect,
            mode: file.mode,
            who: draft.who,
            bridge: file.bridge.0,
            backfill: file.backfill.0,
            timing: resolved.timing,
            secrets: context.secrets.clone(),
            certificates: context.secrets.data().map(|data| Certificates::in_data(&data)),
            devices,
            groups,
        }
    }
}

fn group(
    device: usize,
    class: String,
    sampling: Duration,
    more: &Class,
    bridge: Duration,
    mut items: Vec<Item>,
) -> Group {
    share(&mut items);
    let needed = (bridge.as_secs_f64() / sampling.as_secs_f64().max(0.001)).ceil() + 1.0;
    Group {
        device,
        class,
        sampling,
        publishing: more.publish.map_or(sampling, |period| period.0),
        queue: more.queue.unwrap_or((needed as u32).clamp(2, MAX_QUEUE)),
        deadband: more.deadband,
        items,
    }
}

fn items(plan: &mut Plan<'_>, name: &str, device: &Device) -> Vec<Item> {
    let home = plan.device(name, &device.keys);
    let mut items = Vec::new();
    plan.tags(&home, &device.tags, |plan, tag, entry| items.extend(item(plan, device, tag, entry)));
    items
}

fn item(plan: &mut Plan<'_>, device: &Device, tag: &Tag<'_>, entry: &Tags) -> Option<Item> {
    let address = address::parse(&entry.at, device.namespace.as_deref())
        .map_err(|wrong| plan.wrong(tag, "at", wrong))
        .ok()?;
    let Some(kind) = entry.kind else {
        let help = "write type = \"f64\" or another of bool, i64, u64, text, bytes; `ironbridge browse` shows what a node holds";
        plan.wrong(
            tag,
            "at",
            Wrong::new("`type` is missing: a point keeps its type also while the server is away", help),
        );
        return None;
    };
    let call = special(plan, device, tag, entry)?;
    let element = entry.element.map_or(String::new(), |element| format!("[{element}]"));
    let member = entry.member.as_ref().map_or(String::new(), |member| format!(" {member}"));
    let method = call.as_ref().map_or(String::new(), |method| format!(" calls {method}"));
    let words = format!("{address}{element}{member}{method} {}", kind.name());
    let slot = plan.point(tag, Source { value: kind, words })?;
    Some(Item {
        address,
        raw: kind,
        element: entry.element,
        member: entry.member.as_deref().map(str::trim).map(Into::into),
        call: call.map(Box::new),
        feeds: Vec::new(),
        fed: false,
        scaling: slot.scaling,
        class: slot.class,
        index: slot.index,
    })
}

/// What is more than a node: a member of its structure, a method of it. `None` if that is not possible; else the method.
fn special(plan: &mut Plan<'_>, device: &Device, tag: &Tag<'_>, entry: &Tags) -> Option<Option<Address>> {
    let writes = entry.keys.write.is_some();
    let wrong = match (&entry.member, &entry.call) {
        (None, None) => return Some(None),
        (Some(_), Some(_)) => Wrong::new("a tag is a member or a call, not both", "make two tags of it"),
        (Some(member), None) if structure::parse(member.trim()).is_none() => Wrong::new(
            format!("`{member}` names no member of a structure"),
            "write its name, with names inside it behind points: \"speed\", \"motor.zones[1]\"",
        ),
        (Some(_), None) if writes => Wrong::new(
            "a member of a structure cannot be written by itself: all others would be written with it",
            "leave out `write`; ask for a node of its own in the server, or call a method",
        ),
        (Some(_), None) => return Some(None),
        (None, Some(_)) if !writes => Wrong::new(
            "a method is called by writing, and this tag is not writable",
            "add write = {}, with `min` and `max` if it takes a number",
        ),
        (None, Some(_)) if entry.element.is_some() => {
            Wrong::new("a method has no elements", "leave out `element`")
        }
        (None, Some(method)) => match address::parse(method, device.namespace.as_deref()) {
            Ok(method) => return Some(Some(method)),
            Err(wrong) => wrong,
        },
    };
    let key = if entry.call.is_some() { "call" } else { "member" };
    plan.wrong(tag, key, wrong);
    None
}

fn who(plan: &mut Plan<'_>, document: &Document, file: &File) -> Who {
    match (&file.user, &file.password, &file.user_certificate, &file.user_key) {
        (None, None, None, None) => Who::Anonymous,
        (Some(name), Some(password), None, None) => {
            Who::User { name: name.clone(), password: password.secret.clone() }
        }
        (None, None, Some(certificate), Some(key)) => {
            let path = plan.context().file(document, certificate);
            let der = match read(&path).map(to_der) {
                Ok(Some(der)) => der,
                Ok(None) => {
                    plan.mistake(
                        &["user_certificate"],
                        format!("`{certificate}` is no certificate"),
                        "give a file in DER or PEM",
                    );
                    Vec::new()
                }
                Err(fault) => {
                    let help = "the name is relative to this file's folder, then to the plant folder";
                    plan.mistake(&["user_certificate"], fault.to_string(), help);
                    Vec::new()
                }
            };
            Who::Certificate { der, key: key.secret.clone() }
        }
        (user, _, certificate, _) => {
            let (key, help) = match (user, certificate) {
                (Some(_), None) => ("user", "write password = { secret = \"NAME\" } beside `user`"),
                (None, Some(_)) => ("user_certificate", "write user_key = { secret = \"NAME\" } beside it"),
                (Some(_), Some(_)) => {
                    ("user", "keep either user and password, or user_certificate and user_key")
                }
                (None, None) => {
                    ("url", "write `user` with `password`, or `user_certificate` with `user_key`")
                }
            };
            plan.mistake(&[key], "who Ironbridge is to the server is said only in part, or twice", help);
            Who::Anonymous
        }
    }
}
