//! From a checked file to what the driver is made from: each controller's route, each tag's name and type.

use super::config::{Device, File, Messaging, Tag as Entry};
use super::group::Row;
use super::route;
use super::survey::{Measured, OfDevice};
use super::target::{Controller, Reach};
use super::value::{Codec, Type};
use crate::south::GroupLayout;
use crate::south::tags::{Plan, Source, Tag, Wrong, portions};
use model::ValueType;
use std::collections::HashMap;
use std::time::Duration;
use wire::enip::{Path, Segment};

/// What to write where no tag is.
const EXAMPLE: &str = "[device.filler.tags] with speed = { at = \"Line1.Speed\" }";
/// Most bytes of a tag on the wire: what fits the smallest message.
const MAX_PATH: usize = 200;

/// Largest message where nothing says otherwise, in bytes.
const MAX_SIZE: u16 = 4_002;

/// One tag.
struct Point {
    row: Row,
    class: usize,
    index: usize,
}

/// A group: its controller, how it is laid out, its tags.
type Laid = (usize, GroupLayout, Vec<Row>);

/// Resolves all controllers and tags; mistakes go to the plan. Layouts have their class by index until the plan is
/// finished.
pub(super) fn resolve(
    plan: &mut Plan<'_>,
    file: &File,
    measured: Option<&Measured>,
) -> (Vec<Controller>, Vec<Laid>) {
    let (mut controllers, mut groups) = (Vec::new(), Vec::new());
    let mut routes: HashMap<Path, &str> = HashMap::new();
    for (index, (name, device)) in file.device.iter().enumerate() {
        let route = resolve_route(plan, name, device);
        if let Some(other) = routes.insert(route.clone(), name) {
            plan.mistake(
                &["device", name],
                format!("the devices `{other}` and `{name}` have the same {}", route::words(&route)),
                "give each its own slot, or put the tags into one device",
            );
        }
        let reach = Reach { route, connection: None, timeout: plan.timing().timeout };
        let known = measured.and_then(|measured| measured.of(name, &reach.route));
        let mut lacks = known.map(OfDevice::lacks).unwrap_or_default();
        lacks.connections |= device.messaging == Messaging::Unconnected;
        lacks.tag_list |= !device.tag_list;
        let size = device.max_size.or_else(|| known?.max_size).unwrap_or(MAX_SIZE);
        controllers.push(Controller::new(name, reach, size, lacks));
        for (class, points) in portions(points(plan, name, device), |point| point.class) {
            let indices = points.iter().map(|point| point.index).collect();
            let layout =
                GroupLayout { device: index, class: String::new(), period: Duration::ZERO, points: indices };
            groups.push((class, layout, points.into_iter().map(|point| point.row).collect()));
        }
    }
    plan.expect_tags(EXAMPLE);
    (controllers, groups)
}

fn resolve_route(plan: &mut Plan<'_>, name: &str, device: &Device) -> Path {
    match (device.slot, &device.route) {
        (Some(_), Some(_)) => {
            let help = "keep `slot` for a controller in the chassis, `route` for one further away";
            plan.mistake(&["device", name, "route"], "`slot` and `route` are two ways to say the same", help);
            Path::default()
        }
        (slot, None) => Path(vec![Segment::Port { port: 1, link: [slot.unwrap_or(0)].into() }]),
        (None, Some(text)) => route::parse(text).unwrap_or_else(|wrong| {
            plan.mistake(&["device", name, "route"], wrong.message, wrong.help);
            Path::default()
        }),
    }
}

fn points(plan: &mut Plan<'_>, name: &str, device: &Device) -> Vec<Point> {
    let home = plan.device(name, &device.keys);
    let mut points = Vec::new();
    plan.tags(&home, &device.tags, |plan, tag, entry| points.extend(resolve_tag(plan, tag, entry)));
    points
}

fn resolve_tag(plan: &mut Plan<'_>, tag: &Tag<'_>, entry: &Entry) -> Option<Point> {
    let help =
        "write it as in the controller: \"Line1.Speed\", \"Counts[3]\", \"Program:Main.Count\", \"Status.5\"";
    let named = match wire::enip::Tag::parse(entry.at.trim()) {
        Ok(named) => named,
        Err(error) => {
            plan.wrong(tag, "at", Wrong::new(error.to_string(), help));
            return None;
        }
    };
    let mut path = Vec::new();
    named.path().emit(&mut path);
    if path.len() > MAX_PATH {
        let message =
            format!("`{}` takes {} bytes in a request, at most {MAX_PATH} fit", entry.at, path.len());
        plan.wrong(tag, "at", Wrong::new(message, "use a shorter alias in the controller"));
        return None;
    }
    if let (Some(_), Some(kind)) = (named.bit, entry.kind.filter(|kind| *kind != Type::Bool)) {
        let message = format!("`{}` is a single bit, so its type is bool, not {}", entry.at, kind.name());
        plan.wrong(tag, "type", Wrong::new(message, "leave out `type`, or leave out the bit"));
        return None;
    }
    let mut codec = Codec { kind: entry.kind, bit: named.bit, scaling: None };
    let value = match codec.value_type(None) {
        // Limits of a write and states need to know; without a type the controller tells later.
        ValueType::F64 if entry.kind.is_none() => ValueType::F64,
        value => value,
    };
    let words = entry.kind.map_or_else(|| named.to_string(), |kind| format!("{named} {}", kind.name()));
    let slot = plan.point(tag, Source { value, words })?;
    codec.scaling = slot.scaling;
    Some(Point { row: Row::new(named, codec), class: slot.class, index: slot.index })
}
