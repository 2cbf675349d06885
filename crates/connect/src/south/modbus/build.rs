//! From a checked file to what the driver is made from: each tag's address, type and reach.

use super::address::{self, Address};
use super::config::{Common, Device, Tag as Entry};
use super::planner::{Barriers, Item, Rules};
use super::profile;
use super::spec::{DeviceSpec, PointSpec, Timing, table_number};
use super::survey::{Measured, OfDevice};
use super::types::{Codec, Packing, Type};
use crate::south::tags::{Plan, Source, Tag, Wrong};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use wire::modbus::Table;

/// What to write where no tag is.
const EXAMPLE: &str = "[device.filler.tags] with speed = { at = \"40101\", type = \"f32\" }";

/// Resolves all devices and tags, within what was measured; mistakes go to the plan.
pub(super) fn resolve(
    plan: &mut Plan<'_>,
    common: &Common,
    measured: Option<&Measured>,
) -> (Timing, Vec<DeviceSpec>) {
    let mut devices = Vec::new();
    let mut units: HashMap<u8, &str> = HashMap::new();
    for (name, device) in &common.device {
        if let Some(other) = units.insert(device.unit, name) {
            let message = format!("the devices `{other}` and `{name}` have the same unit id {}", device.unit);
            plan.mistake(
                &["device", name, "unit"],
                message,
                "give each device of an endpoint its own unit id, or put the tags into one device",
            );
        }
        let known = measured.and_then(|measured| measured.of(name, device.unit));
        devices.push(resolve_device(plan, name, device, known));
    }
    plan.expect_tags(EXAMPLE);
    let timing = Timing {
        shared: plan.timing(),
        pause_after_connect: common.pause_after_connect.0,
        request_delay: measured
            .map_or(common.request_delay.0, |measured| measured.request_delay.0.max(common.request_delay.0)),
        pipeline: common.pipeline.or_else(|| measured?.pipeline).unwrap_or(1).into(),
    };
    (timing, devices)
}

fn resolve_device(
    plan: &mut Plan<'_>,
    name: &str,
    device: &Device,
    measured: Option<&OfDevice>,
) -> DeviceSpec {
    let home = plan.device(name, &device.keys);
    let profile = device.profile.as_deref().and_then(|wanted| profile::load(plan, name, wanted));
    let limits = profile.as_ref().map(|profile| (profile.max_gap, profile.max_registers)).unwrap_or_default();
    let within = |most: u16, other: Option<u16>| other.map_or(most, |other| other.min(most));
    let mut spec = DeviceSpec {
        name: name.to_owned(),
        unit: device.unit,
        registers: Rules {
            max_gap: limits.0.map_or(device.max_gap, |most| most.min(device.max_gap)),
            max_size: within(device.max_registers, limits.1),
        },
        bits: Rules { max_gap: device.max_gap_bits, max_size: device.max_bits },
        cuts: measured.map(OfDevice::barriers).unwrap_or_default(),
        exclude: excludes(plan, name, device),
        write_multiple: device.write_multiple,
        points: Vec::new(),
    };
    if profile.is_none() && device.profile.is_none() && !device.select.is_empty() {
        let help = "write profile = \"...\", or leave `select` out";
        plan.mistake(&["device", name, "select"], "`select` chooses among the points of a profile", help);
    }
    let tags = match profile {
        Some(profile) => Cow::Owned(profile.points(&device.tags, &device.select, |message| {
            plan.mistake(
                &["device", name, "select"],
                message,
                "`ironbridge profiles` names the file with its points",
            );
        })),
        None => Cow::Borrowed(&device.tags),
    };
    plan.tags(&home, &tags, |plan, tag, entry| {
        let point = resolve_tag(plan, &spec, device, tag, entry);
        spec.points.extend(point);
    });
    // Only now: a tag that is wider than what was measured is no mistake of the file.
    spec.registers.max_size = within(spec.registers.max_size, measured.and_then(|known| known.max_registers));
    spec.bits.max_size = within(spec.bits.max_size, measured.and_then(|known| known.max_bits));
    spec
}

fn excludes(plan: &mut Plan<'_>, name: &str, device: &Device) -> BTreeMap<u8, Vec<(u16, u16)>> {
    let mut excluded: BTreeMap<u8, Vec<(u16, u16)>> = BTreeMap::new();
    for text in &device.exclude {
        match address::parse_range(text) {
            Ok((table, range)) => {
                excluded.entry(table_number(table)).or_default().push((*range.start(), *range.end()));
            }
            Err(wrong) => plan.mistake(&["device", name, "exclude"], wrong.message, wrong.help),
        }
    }
    excluded
}

fn resolve_tag(
    plan: &mut Plan<'_>,
    spec: &DeviceSpec,
    device: &Device,
    tag: &Tag<'_>,
    entry: &Entry,
) -> Option<PointSpec> {
    let address = address::parse(&entry.at).map_err(|wrong| plan.wrong(tag, "at", wrong)).ok()?;
    let mut codec = codec(device, entry, address).map_err(|(key, wrong)| plan.wrong(tag, key, wrong)).ok()?;
    if codec.kind != Type::Text && entry.length.is_some() {
        let help = "leave it out, or write type = \"text\"";
        plan.wrong(tag, "length", Wrong::new("only a text has `length`", help));
    }
    let width = if address.table.is_bits() { 1 } else { codec.registers() };
    let item = Item { first: address.offset, width };
    reach(plan, spec, tag, address, width);
    if entry.keys.write.is_some() && matches!(address.table, Table::InputRegisters | Table::DiscreteInputs) {
        let message = format!("{address} cannot be written: Modbus knows no way to write this table");
        let help = "use a holding register or a coil, or leave out `write`";
        plan.wrong(tag, "write", Wrong::new(message, help));
    }
    let source = Source { value: codec.raw_type(), words: format!("{} {}", address.words(), codec.words()) };
    let slot = plan.point(tag, source)?;
    codec.scaling = slot.scaling;
    Some(PointSpec { table: address.table, item, codec, class: slot.class, index: slot.index })
}

fn codec(device: &Device, entry: &Entry, address: Address) -> Result<Codec, (&'static str, Wrong)> {
    let single = address.table.is_bits() || address.bit.is_some();
    let kind = match entry.kind {
        Some(kind) if single && kind != Type::Bool => {
            let message = format!("`{}` is a single bit, so its type is bool, not {}", entry.at, kind.name());
            return Err(("type", Wrong::new(message, "leave out `type`, or point at a register")));
        }
        Some(kind) => kind,
        None if single => Type::Bool,
        None => {
            let names: Vec<_> = Type::ALL.iter().map(|t| t.name()).collect();
            let help = format!("write type = \"i16\" or another of {}", names.join(", "));
            return Err(("at", Wrong::new("`type` is missing: registers do not say what they hold", help)));
        }
    };
    let length = match (kind, entry.length) {
        (Type::Text, None) => {
            return Err(("type", Wrong::new("a text needs `length`", "write length = 16 (characters)")));
        }
        (Type::Text, Some(length)) => length,
        _ => 0,
    };
    Ok(Codec {
        kind,
        order: entry.order.unwrap_or(device.order),
        bit: address.bit,
        length,
        packing: entry.packing.unwrap_or(Packing::HighFirst),
        scaling: None,
    })
}

fn reach(plan: &mut Plan<'_>, spec: &DeviceSpec, tag: &Tag<'_>, address: Address, width: u16) {
    let mut wrong = |message: String, help: &str| plan.wrong(tag, "at", Wrong::new(message, help));
    if u32::from(address.offset) + u32::from(width) > 65_536 {
        wrong(
            format!("{address} with {width} registers runs past 65535"),
            "the last register of a table has the wire offset 65535",
        );
    }
    let most = spec.registers.max_size;
    if !address.table.is_bits() && width > most {
        wrong(
            format!("this tag has {width} registers, the device gives at most {most} in one answer"),
            "shorten it, or raise `max_registers` of the device",
        );
    }
    if spec.barriers(address.table).excludes(address.offset, width) {
        wrong(format!("{address} lies in an `exclude` range of the device"), "move one of them");
    }
}

impl DeviceSpec {
    /// Where no block of a table may reach across, before anything is learned.
    pub(super) fn barriers(&self, table: Table) -> Barriers {
        let exclude = self.exclude.get(&table_number(table)).cloned().unwrap_or_default();
        let cuts = self.cuts.get(&table_number(table)).cloned().unwrap_or_default();
        Barriers { exclude, cuts }
    }

    /// Gap and size of a table.
    pub(super) fn rules(&self, table: Table) -> Rules {
        if table.is_bits() { self.bits } else { self.registers }
    }
}
