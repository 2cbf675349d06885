//! The configuration file of `kind = "sparkplug-host"`, as it is written, and what becomes of it.

use super::book::{Home, TagSpec};
use super::host::{Limits, Owner};
use crate::mqtt::broker::BrokerKeys;
use crate::south::link::{ARRIVES, Seat};
use crate::south::tags::{DeviceKeys, GROUP_POINTS, Plan, Source, Tag as PlanTag, TagEntry, TagKeys, Wrong};
use crate::south::{DeviceLayout, GroupLayout};
use model::ValueType;
use model::config::{Diagnostic, Document};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One broker with its edge nodes.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "sparkplug-host"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// How the broker is reached
    #[serde(flatten)]
    pub broker: BrokerKeys,
    /// Our id as host application: nodes that wait for a primary host name it; "ironbridge-SITE" if left out
    pub host_id: Option<String>,
    /// Groups to listen to; all if left out
    #[serde(default)]
    pub groups: Vec<String>,
    /// Where nodes that are not written down live below enterprise/site; the connection's name if left out
    pub at: Option<String>,
    /// Take in only the nodes and devices that are written down here
    #[serde(default)]
    pub only_written: bool,
    /// Most nodes and devices that may appear
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_devices: usize,
    /// Most metrics that may appear
    #[serde(default = "many")]
    #[schemars(range(min = 1, max = 200_000))]
    pub max_points: usize,
    /// Nodes and devices that are written down, because they have a home of their own or tags that may be written
    #[serde(default)]
    pub device: BTreeMap<String, Device>,
}

/// An edge node, or a device of it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Who it is in Sparkplug: "GROUP/NODE" or "GROUP/NODE/DEVICE"
    pub edge: String,
    /// Take in only the metrics that are written down as tags
    #[serde(default)]
    pub only_tags: bool,
    /// What the devices of all protocols have in common
    #[serde(flatten)]
    pub keys: DeviceKeys,
    /// Metrics that may be written, are bound to an asset, or scaled; all others appear by themselves
    #[serde(default)]
    pub tags: BTreeMap<String, Tag>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Tag {
    /// Name of the metric, e.g. "Line 1/Speed"
    pub at: String,
    /// What it is: bool, i64, u64, f64, text, bytes
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &["at", "type"];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

const fn thousand() -> usize {
    1_000
}
const fn many() -> usize {
    50_000
}

/// What becomes of the file's own keys.
#[derive(Debug, Default)]
pub struct Spec {
    /// Nodes and devices that are written down.
    pub homes: Vec<Home>,
    /// Tags of all of them.
    pub tags: Vec<TagSpec>,
    /// Their groups.
    pub groups: Vec<GroupLayout>,
}

impl File {
    /// How much is taken in.
    pub fn limits(&self) -> Limits {
        Limits { owners: self.max_devices, metrics: self.max_points }
    }
}

/// Checks ids; mistakes go to `found`.
pub fn check_ids(document: &Document, file: &File, found: &mut Vec<Diagnostic>) {
    let wrong = |id: &str| id.is_empty() || id.contains(['/', '+', '#', '\0']);
    if file.host_id.as_deref().is_some_and(wrong) {
        let help = "write a name without `/`, `+` and `#`";
        found.push(document.mistake(&["host_id"], "`host_id` is no Sparkplug id", help));
    }
    if let Some(id) = file.groups.iter().find(|id| wrong(id)) {
        let help = "write group ids without `/`, `+` and `#`; leave `groups` out for all";
        found.push(document.mistake(&["groups"], format!("`{id}` is no Sparkplug id"), help));
    }
}

/// Resolves what is written down; mistakes go to the plan.
pub fn resolve(plan: &mut Plan<'_>, file: &File) -> Spec {
    let mut spec = Spec::default();
    for (index, (name, device)) in file.device.iter().enumerate() {
        let home = plan.device(name, &device.keys);
        let Some(owner) = owner(&device.edge) else {
            let message = format!("`{}` is neither GROUP/NODE nor GROUP/NODE/DEVICE", device.edge);
            plan.mistake(&["device", name, "edge"], message, "write e.g. edge = \"leeds/gateway-7/filler\"");
            continue;
        };
        if spec.homes.iter().any(|known| known.owner == owner) {
            let message = format!("`{}` is written down twice", device.edge);
            plan.mistake(&["device", name, "edge"], message, "put its tags into one device");
        }
        plan.tags(&home, &device.tags, |plan, tag, entry| {
            let Some(slot) = point(plan, &owner, tag, entry) else { return };
            let seat = seat(&mut spec.groups, index, slot.index);
            let (owner, name, scaling) = (owner.clone(), entry.at.clone(), slot.scaling);
            spec.tags.push(TagSpec { owner, name, kind: entry.kind, seat, scaling });
        });
        let (name, only_tags) = (name.clone(), device.only_tags);
        spec.homes.push(Home { name, owner, at: home.at().clone(), only_tags });
    }
    spec
}

fn point(
    plan: &mut Plan<'_>,
    owner: &Owner,
    tag: &PlanTag<'_>,
    entry: &Tag,
) -> Option<crate::south::tags::Slot> {
    if entry.at.is_empty() {
        plan.wrong(tag, "at", Wrong::new("a metric has a name", "write at = \"Line 1/Speed\""));
        return None;
    }
    plan.point(tag, Source { value: entry.kind, words: format!("{owner} {}", entry.at) })
}

/// A row in the last group of the device, or in a new one.
fn seat(groups: &mut Vec<GroupLayout>, device: usize, index: usize) -> Seat {
    let full = groups.last().is_none_or(|group| group.device != device || group.points.len() >= GROUP_POINTS);
    if full {
        let class = ARRIVES.to_owned();
        groups.push(GroupLayout { device, class, period: Duration::ZERO, points: Vec::new() });
    }
    let group = groups.len().saturating_sub(1);
    let row = groups.last().map_or(0, |group| group.points.len());
    if let Some(group) = groups.last_mut() {
        group.points.push(index);
    }
    (group, u32::try_from(row).unwrap_or(u32::MAX))
}

/// Reads `GROUP/NODE` or `GROUP/NODE/DEVICE`.
pub fn owner(text: &str) -> Option<Owner> {
    let ids: Vec<&str> = text.split('/').collect();
    let (group, node, device) = match ids.as_slice() {
        [group, node] => (*group, *node, None),
        [group, node, device] => (*group, *node, Some(*device)),
        _ => return None,
    };
    let sound = |id: &str| !id.is_empty() && !id.contains(['+', '#', '\0']);
    let all = sound(group) && sound(node) && device.is_none_or(sound);
    all.then(|| Owner { group: group.into(), node: node.into(), device: device.map(Into::into) })
}

/// A row on the page for each that is written down.
pub fn layouts(homes: &[Home]) -> Vec<DeviceLayout> {
    let layout = |home: &Home| DeviceLayout {
        name: home.name.clone(),
        unit: home.owner.to_string(),
        excluded: Vec::new(),
    };
    homes.iter().map(layout).collect()
}
