//! From a checked file to what the driver is made from: each tag's address, type and reach.

use super::address::{self, Address, Fact, Width};
use super::config::{Device, File, Tag as Entry, Tsaps};
use super::group::Place;
use super::planner::Rules;
use super::survey::Measured;
use super::types::{Codec, Type};
use crate::south::tags::{Plan, Source, Tag, Timing, Wrong};
use wire::s7::cotp::Tsap;
use wire::s7::{Area, Item, szl};

/// What to write where no tag is.
const EXAMPLE: &str = "[device.press.tags] with speed = { at = \"DB10.DBD4\", type = \"REAL\" }";

/// Most requests under way at once, where nothing says otherwise.
const JOBS: u8 = 8;

/// One machine.
#[derive(Debug)]
pub(super) struct DeviceSpec {
    pub(super) name: String,
    pub(super) rules: Rules,
    pub(super) excluded: Vec<String>,
    pub(super) points: Vec<PointSpec>,
}

/// One tag.
#[derive(Debug)]
pub(super) struct PointSpec {
    pub(super) place: Place,
    pub(super) codec: Codec,
    /// Index into the scan classes.
    pub(super) class: usize,
    /// Index into the declared points.
    pub(super) index: usize,
}

/// Whom to call and what to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) local: Tsap,
    pub(super) remote: Tsap,
    /// Rack and slot in words, or the selector.
    pub(super) whom: [u8; 2],
    pub(super) by_slot: bool,
    pub(super) pdu: u16,
    pub(super) jobs: u16,
    pub(super) timing: Timing,
}

/// Resolves all devices and tags; mistakes go to the plan.
pub(super) fn resolve(
    plan: &mut Plan<'_>,
    file: &File,
    measured: Option<&Measured>,
) -> (Session, Vec<DeviceSpec>) {
    let session = session(plan, file, measured);
    let mut devices = Vec::new();
    for (name, device) in &file.device {
        devices.push(resolve_device(plan, name, device, session.pdu));
    }
    plan.expect_tags(EXAMPLE);
    (session, devices)
}

/// The selector that the file means; a wrong one is told by [`resolve`].
pub(super) fn remote(file: &File) -> Tsap {
    let (rack, slot) = (file.rack.unwrap_or(0), file.slot.unwrap_or(1));
    let by_slot = Tsap::rack_slot(file.connect_as.code(), rack, slot);
    file.tsap.as_ref().and_then(|both| tsap(&both.remote)).unwrap_or(by_slot)
}

fn session(plan: &mut Plan<'_>, file: &File, measured: Option<&Measured>) -> Session {
    let (rack, slot) = (file.rack.unwrap_or(0), file.slot.unwrap_or(1));
    let (pdu, jobs) = measured.map_or((None, None), |known| (known.pdu, known.jobs));
    // The local selector is ours to choose; programming software uses this one.
    let mut session = Session {
        local: Tsap::word(0x0100),
        remote: remote(file),
        whom: [rack, slot],
        by_slot: true,
        pdu: file.pdu.or(pdu).unwrap_or(wire::s7::MAX_PDU),
        jobs: file.jobs.or(jobs).unwrap_or(JOBS).into(),
        timing: plan.timing(),
    };
    if let Some(given) = &file.tsap {
        session.by_slot = false;
        for (key, text) in [("rack", file.rack), ("slot", file.slot)] {
            if text.is_some() {
                plan.mistake(&[key], format!("`{key}` and `tsap` are given"), "write rack and slot, or tsap");
            }
        }
        let Tsaps { local, remote } = given;
        for (key, text, target) in
            [("local", local, &mut session.local), ("remote", remote, &mut session.remote)]
        {
            match tsap(text) {
                Some(found) => *target = found,
                None => plan.mistake(
                    &["tsap", key],
                    format!("`{text}` is no selector"),
                    "write two bytes in hexadecimal, e.g. \"03.02\"",
                ),
            }
        }
    }
    session
}

/// `03.02` in hexadecimal, or a name of more than two letters such as `SIMATIC-ROOT-HMI`.
fn tsap(text: &str) -> Option<Tsap> {
    let bytes: Option<Vec<u8>> = text
        .split('.')
        .map(|part| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten())
        .collect();
    match bytes {
        Some(bytes) => Tsap::new(&bytes),
        None => Some(text)
            .filter(|text| text.len() > 5 && !text.contains('.'))
            .and_then(|text| Tsap::new(text.as_bytes())),
    }
}

fn resolve_device(plan: &mut Plan<'_>, name: &str, device: &Device, pdu: u16) -> DeviceSpec {
    let home = plan.device(name, &device.keys);
    let mut spec = DeviceSpec {
        name: name.to_owned(),
        rules: Rules { max_gap: device.max_gap, pdu, ..Rules::default() },
        excluded: device.exclude.clone(),
        points: Vec::new(),
    };
    for text in &device.exclude {
        match address::parse_range(text) {
            Ok((region, first, last)) => spec.rules.exclude.entry(region).or_default().push((first, last)),
            Err(wrong) => plan.mistake(&["device", name, "exclude"], wrong.message, wrong.help),
        }
    }
    plan.tags(&home, &device.tags, |plan, tag, entry| {
        let point = resolve_tag(plan, &spec, tag, entry);
        spec.points.extend(point);
    });
    spec
}

fn resolve_tag(plan: &mut Plan<'_>, spec: &DeviceSpec, tag: &Tag<'_>, entry: &Entry) -> Option<PointSpec> {
    let address = address::parse(&entry.at).map_err(|wrong| plan.wrong(tag, "at", wrong)).ok()?;
    let mut codec = codec(entry, address).map_err(|(key, wrong)| plan.wrong(tag, key, wrong)).ok()?;
    if !codec.kind.is_text() && entry.length.is_some() {
        let help = "leave it out, or write type = \"STRING\"";
        plan.wrong(tag, "length", Wrong::new("only a STRING or WSTRING has `length`", help));
    }
    let place = Place::of(address, &codec);
    if let Place::Memory(span) = place {
        if spec.rules.excludes(span) {
            let message = format!("{} lies in an `exclude` range of the device", entry.at);
            plan.wrong(tag, "at", Wrong::new(message, "move one of them"));
        }
        if span.first + u32::from(span.width) > Item::MAX_BYTE {
            plan.wrong(tag, "at", Wrong::new("this tag runs past the end of memory", "lower its address"));
        }
    }
    if entry.keys.write.is_some() && !writable(address) {
        let message = format!("{} cannot be written", entry.at);
        let help =
            "inputs belong to the terminals and facts to the CPU; write to a DB, to flags or to outputs (Q)";
        plan.wrong(tag, "write", Wrong::new(message, help));
    }
    let words = match address {
        Address::Cpu(_) => place.words(),
        Address::Memory { .. } => format!("{} {}", entry.at.trim(), codec.words()),
    };
    let mut tag = tag.clone();
    let mut keys = tag.keys.clone();
    if address == Address::Cpu(Fact::State) && keys.states.is_empty() {
        keys.states =
            szl::STATES.iter().map(|(number, name)| (number.to_string(), (*name).to_owned())).collect();
        tag.keys = &keys;
    }
    let slot = plan.point(&tag, Source { value: codec.raw_type(), words })?;
    codec.scaling = slot.scaling;
    Some(PointSpec { place, codec, class: slot.class, index: slot.index })
}

const fn writable(address: Address) -> bool {
    match address {
        Address::Memory { region, .. } => !matches!(region.area, Area::Inputs | Area::Peripheral),
        Address::Cpu(_) => false,
    }
}

type Mistake = (&'static str, Wrong);

fn codec(entry: &Entry, address: Address) -> Result<Codec, Mistake> {
    let (kind, bit) = match address {
        Address::Cpu(fact) => return fact_codec(entry, fact),
        Address::Memory { region, width: None, .. } => (numbered(entry, region.area)?, 0),
        Address::Memory { width: Some(width), .. } => (sized(entry, width)?, bit_of(width)),
    };
    let length = match (kind.is_text(), entry.length) {
        (true, None) => {
            let help = "write length = 20 for STRING[20]; a STRING without a number has 254";
            return Err(("type", Wrong::new(format!("a {} needs `length`", kind.name()), help)));
        }
        (true, Some(length)) if kind == Type::String && length > 254 => {
            return Err(("length", Wrong::new("a STRING has at most 254 characters", "write 254 or less")));
        }
        (_, length) => length.unwrap_or(0),
    };
    Ok(Codec { kind, bit, length, scaling: None })
}

const fn bit_of(width: Width) -> u8 {
    if let Width::Bit(bit) = width { bit } else { 0 }
}

fn fact_codec(entry: &Entry, fact: Fact) -> Result<Codec, Mistake> {
    if entry.kind.is_some() {
        return Err(("type", Wrong::new(format!("{fact} has a type of its own"), "leave out `type`")));
    }
    let kind = if fact == Fact::State { Type::U8 } else { Type::String };
    Ok(Codec { kind, bit: 0, length: entry.length.unwrap_or(32), scaling: None })
}

fn numbered(entry: &Entry, area: Area) -> Result<Type, Mistake> {
    let own = if area == Area::Timers { Type::S5Time } else { Type::Counter };
    match entry.kind {
        None => Ok(own),
        Some(kind) if kind == own || kind == Type::U16 => Ok(kind),
        Some(_) => {
            let message = format!("`{}` is a {}", entry.at, own.name());
            Err(("type", Wrong::new(message, "leave out `type`, or write WORD for its raw bits")))
        }
    }
}

fn sized(entry: &Entry, width: Width) -> Result<Type, Mistake> {
    let at = &entry.at;
    let Some(kind) = entry.kind else {
        return match width {
            Width::Bit(_) => Ok(Type::Bool),
            _ => {
                let help = "write type = \"INT\", \"REAL\" or another as in the program";
                Err(("at", Wrong::new("`type` is missing: an address does not say what stands there", help)))
            }
        };
    };
    // Without its length a text is refused later, with words of its own.
    let bytes = if kind.is_text() { u16::MAX } else { kind.bytes(0) };
    let fits = match width {
        Width::Bit(bit) => kind == Type::Bool || (bit == 0 && bytes > 4),
        Width::Byte => kind != Type::Bool && (bytes == 1 || bytes > 4),
        Width::Word => bytes == 2,
        Width::Double => bytes == 4,
    };
    if fits {
        return Ok(kind);
    }
    let help = match (kind, bytes) {
        (Type::Bool, _) => "a bit is written like DB1.DBX0.3 or M10.2",
        (_, 1) => "a byte is written like DB1.DBB4 or MB4",
        (_, 2) => "a word is written like DB1.DBW4 or MW4",
        (_, 4) => "a double word is written like DB1.DBD4 or MD4",
        _ => "longer types are written with the byte they begin at, like DB1.DBB20",
    };
    Err(("type", Wrong::new(format!("`{at}` does not hold a {}", kind.name()), help)))
}
