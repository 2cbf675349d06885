//! PCCC over EtherNet/IP: data files of SLC 500, MicroLogix and PLC-5 controllers.
//!
//! ```text
//!  file ─ config ─ build ─▶ codecs ─ plan ─▶ blocks of one file ─▶ speaker ─▶ line of ethernet_ip ─▶ stream
//!                                     ▲                             │
//!                                     └── halves of what is refused ┘
//! ```
//! Rationale: these controllers know no names and no types, only numbered files; the address in the file says both. They
//! take one command at a time and few bytes in each, so what lies near is read together. A bit is written with a mask
//! that the controller applies itself, or not at all.

mod config;
mod plan;
mod speaker;
#[cfg(test)]
mod tests;
mod value;

use super::tags::{Plan, Resolved, Source, Tag, Wrong, closed_schema, portions};
use super::turns::Turns;
use super::{DeviceLayout, Driver, GroupLayout, Layout};
use crate::kind::{Built, Claim, Context, Kind, Security};
use config::{Device, File, Tag as Entry};
use model::config::{Diagnostic, Document};
use model::expected::ExpectedTraffic;
use plan::{Excluded, Sizes};
use speaker::{About, Group, Pccc};
use transport::Target;
use value::{Codec, Type};
use wire::enip::pccc::{Address, Family};

/// PCCC.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "pccc",
    title: "PCCC (Rockwell SLC 500, MicroLogix, PLC-5)",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str = "[device.press.tags] with speed = { at = \"N7:0\" }";

/// One tag, resolved.
struct Point {
    codec: Codec,
    class: usize,
    index: usize,
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let family = file.processor.family();
    let sizes = Sizes { max_bytes: file.max_bytes & !1, max_gap: file.max_gap };
    let mut devices = Vec::new();
    for (name, device) in &file.device {
        let home = plan.device(name, &device.keys);
        let excluded = excluded(&mut plan, name, device, family);
        let mut points: Vec<Point> = Vec::new();
        plan.tags(&home, &device.tags, |plan, tag, entry| {
            points.extend(resolve(plan, tag, entry, family, &excluded, sizes));
        });
        devices.push((name, device, excluded, points));
    }
    plan.expect_tags(EXAMPLE);
    let Resolved { timing, classes, points } = plan.finish()?;
    let (mut layouts, mut groups, mut books) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (name, device, excluded, of_device)) in devices.into_iter().enumerate() {
        let (name, unit) = (name.clone(), String::new());
        layouts.push(DeviceLayout { name, unit, excluded: device.exclude.clone() });
        for (class, points) in portions(of_device, |point| point.class) {
            let (name, period) = classes.get(class).cloned().unwrap_or_default();
            let indices = points.iter().map(|point| point.index).collect();
            groups.push(GroupLayout { device: index, class: name, period, points: indices });
            let rows = points.into_iter().map(|point| point.codec).collect();
            books.push(Group::new(rows, excluded.clone(), sizes));
        }
    }
    let layout = Layout {
        devices: layouts,
        groups,
        timeout: timing.timeout,
        retries: timing.retries,
        recheck: timing.recheck,
        budget: timing.budget,
        orders: Vec::new(),
    };
    let expected = vec![ExpectedTraffic::to(&context.name, &file.host, file.port, "enip")];
    let target = Target::Tcp { host: file.host, port: file.port };
    let endpoint = target.to_string();
    let speaker = Pccc::new(About { target, timing, family, sizes }, layout, books);
    Ok(Built {
        it: Box::new(Turns::new(speaker)),
        points,
        // The same port of the same controller: one connection file is one endpoint.
        claims: vec![Claim::Endpoint(format!("ethernet-ip {endpoint}"))],
        expected,
        endpoint,
        security: Security::none(
            "PCCC has no password and no encryption: anybody on this network can read and write the controller",
        ),
    })
}

/// `N7:100-199`, `N7:5` or `N20`, the whole file.
fn excluded(plan: &mut Plan<'_>, name: &str, device: &Device, family: Family) -> Vec<Excluded> {
    let parse = |text: &String| {
        let help = "write a range of elements as \"N7:100-199\", or a whole file as \"N20\"";
        let wrong = || Wrong::new(format!("`{text}` is no range of a data file"), help);
        let (head, range) =
            text.split_once(':').map_or((text.as_str(), None), |(head, range)| (head, Some(range)));
        let (first, last) = match range {
            None => ("0", None),
            Some(range) => range.split_once('-').map_or((range, Some(range)), |(a, b)| (a, Some(b))),
        };
        let part = if head.to_ascii_uppercase().starts_with(['T', 'C', 'R']) { ".DN" } else { "" };
        let element = |number: &str| {
            let address = Address::parse(&format!("{head}:{}{part}", number.trim()), family);
            address.map(|address| address.place).map_err(|_| wrong())
        };
        let from = element(first)?;
        let last = last.map_or(Ok(u16::MAX), |last| element(last).map(|place| place.element))?;
        if last < from.element {
            return Err(wrong());
        }
        Ok(Excluded { kind: from.kind, file: from.file, first: from.element, last })
    };
    let mut found = Vec::new();
    for text in &device.exclude {
        match parse(text) {
            Ok(excluded) => found.push(excluded),
            Err(Wrong { message, help }) => plan.mistake(&["device", name, "exclude"], message, help),
        }
    }
    found
}

fn resolve(
    plan: &mut Plan<'_>,
    tag: &Tag<'_>,
    entry: &Entry,
    family: Family,
    excluded: &[Excluded],
    sizes: Sizes,
) -> Option<Point> {
    let parsed = Address::parse(&entry.at, family);
    let address =
        parsed.map_err(|wrong| plan.wrong(tag, "at", Wrong::new(wrong.message, wrong.help))).ok()?;
    let kind = entry.kind.unwrap_or(Type::of(&address));
    if !kind.fits(&address) {
        let own = Type::of(&address).name();
        let message = format!("`{address}` holds {own}, not {}", kind.name());
        plan.wrong(tag, "type", Wrong::new(message, "leave out `type`; only a word can be i16 or u16"));
        return None;
    }
    if excluded.iter().any(|one| one.holds(&address.place)) {
        let message = format!("`{address}` lies in an `exclude` range of the device");
        plan.wrong(tag, "at", Wrong::new(message, "move one of them"));
        return None;
    }
    if address.place.kind.bytes() > sizes.max_bytes {
        let message = format!("`{address}` has {} bytes, `max_bytes` is less", address.place.kind.bytes());
        plan.wrong(tag, "at", Wrong::new(message, "raise `max_bytes`, if the controller takes as much"));
        return None;
    }
    let words = format!("{address} {}", kind.name());
    let slot = plan.point(tag, Source { value: kind.value_type(), words })?;
    let codec = Codec { address, kind, family, scaling: slot.scaling };
    Some(Point { codec, class: slot.class, index: slot.index })
}
