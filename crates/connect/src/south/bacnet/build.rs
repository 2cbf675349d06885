//! From a checked file to what the driver is made from: whom to ask, and what each tag is.

use super::config::{Bbmd, Device, File, Tag as Entry};
use super::group::{Row, What};
use super::object::{self, Address};
use super::types::{Codec, Type};
use crate::south::tags::{Plan, Source, Tag, Timing, Wrong};
use std::net::SocketAddrV4;
use std::time::Duration;
use wire::bacnet::table::{self, property};
use wire::bacnet::{Address as Beyond, PropertyRef};

/// What to write where no tag is.
pub(super) const EXAMPLE: &str =
    "[device.ahu.tags] with supply = { at = \"analog-input 1\", unit = \"Cel\" }";
/// Priority that the standard keeps for minimum on and off times (19.2.3).
const MINIMUM_ON_OFF: u8 = 6;
/// Shortest lifetime of a subscription or registration.
const SHORTEST: Duration = Duration::from_secs(10);

/// The endpoint.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) host: Option<(String, u16)>,
    pub(super) local_port: u16,
    pub(super) bbmd: Option<Bbmd>,
    pub(super) at_once: usize,
    pub(super) timing: Timing,
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// At the host itself.
    Host,
    /// Behind the host.
    Beyond(Beyond),
    /// Somewhere on a network behind the host: asked for by its instance.
    Network(u16),
    /// Somewhere that the BBMD reaches: asked for by its instance.
    Anywhere,
}

impl Whereabouts {
    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Host => String::new(),
            Self::Beyond(beyond) => format!(", {beyond}"),
            Self::Network(network) => format!(", network {network}"),
            Self::Anywhere => ", found by its instance".to_owned(),
        }
    }
}

/// One device.
#[derive(Debug)]
pub(super) struct DeviceSpec {
    pub(super) name: String,
    pub(super) instance: u32,
    pub(super) place: Whereabouts,
    pub(super) cov_lifetime: Duration,
    pub(super) points: Vec<PointSpec>,
}

/// One tag.
#[derive(Debug)]
pub(super) struct PointSpec {
    pub(super) row: Row,
    /// Index into the scan classes.
    pub(super) class: usize,
    /// Index into the declared points.
    pub(super) index: usize,
}

/// Resolves all devices and tags; mistakes go to the plan.
pub(super) fn resolve(plan: &mut Plan<'_>, file: &File) -> (Endpoint, Vec<DeviceSpec>) {
    if file.host.is_none() && file.bbmd.is_none() {
        let help =
            "write host = \"10.20.1.40\", or bbmd = { host = \"10.20.1.2\" } for devices that are looked for";
        plan.mistake(&["kind"], "neither `host` nor `bbmd` says where the devices are", help);
    }
    if file.bbmd.as_ref().is_some_and(|bbmd| bbmd.lifetime.0 < SHORTEST || bbmd.lifetime.0.as_secs() > 65_535)
    {
        let help = "write e.g. lifetime = \"1min\"";
        plan.mistake(&["bbmd", "lifetime"], "a registration lasts 10 s to 65535 s", help);
    }
    let endpoint = Endpoint {
        host: file.host.clone().map(|host| (host, file.port)),
        local_port: file.local_port,
        bbmd: file.bbmd.clone(),
        at_once: file.at_once.into(),
        timing: plan.timing(),
    };
    let mut devices: Vec<DeviceSpec> = Vec::new();
    for (name, device) in &file.device {
        let spec = resolve_device(plan, name, device, file);
        if let Some(other) = devices.iter().find(|other| other.instance == spec.instance) {
            let message = format!("device `{}` has the instance {} as well", other.name, spec.instance);
            plan.mistake(&["device", name, "instance"], message, "instances are unique; look at the device");
        }
        devices.push(spec);
    }
    (endpoint, devices)
}

fn resolve_device(plan: &mut Plan<'_>, name: &str, device: &Device, file: &File) -> DeviceSpec {
    let home = plan.device(name, &device.keys);
    let place = whereabouts(device, file).unwrap_or_else(|(key, wrong)| {
        plan.mistake(&["device", name, key], wrong.message, wrong.help);
        Whereabouts::Host
    });
    if device.cov_lifetime.0 < SHORTEST {
        let help = "write e.g. cov_lifetime = \"5min\"";
        plan.mistake(&["device", name, "cov_lifetime"], "a subscription lasts at least 10 s", help);
    }
    let mut points = Vec::new();
    plan.tags(&home, &device.tags, |plan, tag, entry| {
        points.extend(resolve_tag(plan, device, tag, entry));
    });
    DeviceSpec {
        name: name.to_owned(),
        instance: device.instance,
        place,
        cov_lifetime: device.cov_lifetime.0,
        points,
    }
}

fn whereabouts(device: &Device, file: &File) -> Result<Whereabouts, (&'static str, Wrong)> {
    match (device.network, &device.address) {
        (None, Some(_)) => {
            let message = "`address` is one on a network behind a router, and `network` is missing";
            Err(("address", Wrong::new(message, "write network = ... as well, or leave `address` out")))
        }
        (Some(_), _) if file.host.is_none() => {
            let message = "`network` is behind a router, and `host` does not name one";
            Err(("network", Wrong::new(message, "write host = ... of the router, or leave `network` out")))
        }
        (Some(network), Some(address)) => match mac(address) {
            Some(mac) => Ok(Whereabouts::Beyond(Beyond { network, mac })),
            None => {
                let help = "write \"7\" (MS/TP), \"10.0.0.5:47808\" (IP) or bytes like \"0A:1B\"";
                Err(("address", Wrong::new(format!("`{address}` is no address of a device"), help)))
            }
        },
        (Some(network), None) => Ok(Whereabouts::Network(network)),
        (None, None) if file.host.is_some() => Ok(Whereabouts::Host),
        (None, None) => Ok(Whereabouts::Anywhere),
    }
}

/// One byte in decimal, an address and port of IP, or bytes in hexadecimal.
fn mac(text: &str) -> Option<Vec<u8>> {
    if let Ok(one) = text.parse::<u8>() {
        return Some(vec![one]);
    }
    if let Ok(ip) = text.parse::<SocketAddrV4>() {
        return Some([ip.ip().octets().as_slice(), &ip.port().to_be_bytes()].concat());
    }
    let byte = |part: &str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten();
    text.split(':').map(byte).collect::<Option<Vec<u8>>>().filter(|mac| (2..=18).contains(&mac.len()))
}

fn resolve_tag(plan: &mut Plan<'_>, device: &Device, tag: &Tag<'_>, entry: &Entry) -> Option<PointSpec> {
    let address =
        object::parse(&entry.at, device.instance).map_err(|wrong| plan.wrong(tag, "at", wrong)).ok()?;
    let object = address.object();
    let priority = entry.priority;
    if priority == Some(MINIMUM_ON_OFF) {
        let message = "priority 6 belongs to the device itself: it keeps minimum on and off times with it";
        plan.wrong(tag, "priority", Wrong::new(message, "take one that the site has given out, e.g. 10"));
    }
    let (what, kind) = match address {
        Address::Held(_) => {
            let Some(priority) = priority else {
                let help = "write priority = 10, the one that the tag of the value has";
                plan.wrong(tag, "at", Wrong::new("`held` needs the priority that it looks at", help));
                return None;
            };
            (What::Held(priority), Type::Bool)
        }
        Address::Property(target) => {
            let Some(kind) = entry.kind.or(Type::of(object.kind, target.property)) else {
                let help = "write type = \"real\", \"unsigned\", \"text\" or another; the device's own list says which";
                plan.wrong(tag, "at", Wrong::new("`type` is missing: the standard does not say it", help));
                return None;
            };
            (What::Value(target), kind)
        }
    };
    let value = what == What::Value(PropertyRef { object, property: property::PRESENT_VALUE, index: None });
    if priority.is_some() && !value && !matches!(what, What::Held(_)) {
        let message = "only the value of an object has priorities";
        plan.wrong(tag, "priority", Wrong::new(message, "leave `priority` out"));
    }
    let cov = entry.cov.unwrap_or(device.cov && value);
    if cov && !value {
        let message = "devices tell changes only of values";
        plan.wrong(tag, "cov", Wrong::new(message, "leave `cov` out: the tag is read with its scan class"));
    }
    let codec = Codec { kind, scaling: None };
    let mut row = Row::new(object, what, codec, value && has_flags(object.kind));
    (row.priority, row.cov) = (priority, cov);
    let slot = plan.point(tag, Source { value: kind.value_type(), words: words(&row) })?;
    row.codec.scaling = slot.scaling;
    Some(PointSpec { row, class: slot.class, index: slot.index })
}

fn words(row: &Row) -> String {
    let mut words = match row.what {
        What::Value(target) => format!("{} {}", object::words(target), row.codec.kind.name()),
        What::Held(_) => format!("{} held", object::object_words(row.object)),
    };
    if let (What::Held(priority), _) | (_, Some(priority)) = (row.what, row.priority) {
        let role = table::priority(priority).map(|role| format!(" ({role})")).unwrap_or_default();
        words.push_str(&format!(", priority {priority}{role}"));
    }
    if row.cov {
        words.push_str(", told on change");
    }
    words
}

/// Whether objects of a type may have status flags (12); those that have none after all are asked once.
const fn has_flags(kind: u16) -> bool {
    !matches!(kind, 6 | 8 | 10 | 11 | 15 | 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_behind_a_router() {
        assert_eq!(mac("7"), Some(vec![7]));
        assert_eq!(mac("10.0.0.5:47808"), Some(vec![10, 0, 0, 5, 0xBA, 0xC0]));
        assert_eq!(mac("0A:1B"), Some(vec![10, 27]));
        for wrong in ["256", "", "0A", "x:y", "10.0.0.5"] {
            assert_eq!(mac(wrong), None, "{wrong}");
        }
    }
}
