//! The draft of a connection to a device that was seen on the network.

use connect::discover::{Found, Probe, Wish, draft};
use connect::draft::Draft;
use connect::south::PROBES;
use std::net::IpAddr;
use std::path::Path;
use watch::book::KnownAsset;
use watch::report::{LinkRow, PointRow};
use watch::{Field, Protocol};

/// Most units of one device in a draft.
const MAX_UNITS: usize = 16;

/// What a protocol of the monitor is for connections: the probe's name and the kind that reads it.
const fn reads(protocol: Protocol) -> Option<(&'static str, &'static str)> {
    Some(match protocol {
        Protocol::Modbus => ("modbus", "modbus-tcp"),
        Protocol::S7 => ("s7", "s7"),
        Protocol::Enip => ("ethernet-ip", "ethernet-ip"),
        Protocol::Bacnet => ("bacnet-ip", "bacnet-ip"),
        Protocol::OpcUa => ("opc-ua", "opc-ua"),
        Protocol::Snmp => ("snmp", "snmp"),
        _ => return None,
    })
}

/// A way to reach a device.
#[derive(Clone, Copy)]
pub struct Way {
    /// The kind of connection.
    pub kind: &'static str,
    probe: &'static Probe,
    protocol: Protocol,
    port: u16,
    /// What others called there, see [`LinkRow::called`].
    called: Option<u16>,
}

/// The ways in which an asset answered, by its links.
pub fn ways(id: &str, links: &[LinkRow]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for link in links.iter().filter(|link| link.server == id && link.packets_to_client > 0) {
        let Some((name, kind)) = reads(link.protocol) else { continue };
        let Some(probe) = PROBES.iter().find(|probe| probe.name == name) else { continue };
        let port = if link.port == 0 { probe.port } else { link.port };
        if !ways.iter().any(|known| known.kind == kind && known.port == port) {
            ways.push(Way { kind, probe, protocol: link.protocol, port, called: link.called });
        }
    }
    ways
}

/// Drafts the connection file; `None` if the asset has no address.
pub fn make(
    asset: &KnownAsset,
    way: &Way,
    points: &[&PointRow],
    name: Option<&str>,
    folder: &Path,
) -> Option<Draft> {
    let address: IpAddr = asset.addresses.first()?.parse().ok()?;
    let said = |field: Field| asset.fact(field).unwrap_or_default().to_owned();
    let mut units: Vec<u32> =
        points.iter().filter(|point| point.protocol == way.protocol).map(|point| point.unit).collect();
    units.sort_unstable();
    units.dedup();
    units.truncate(MAX_UNITS);
    let found = |unit: Option<u32>| {
        let (keys, device_keys, place) = keys(way, address, unit);
        Found {
            vendor: said(Field::Vendor),
            model: said(Field::Model),
            firmware: said(Field::Firmware),
            serial: said(Field::Serial),
            name: if asset.name.is_empty() { said(Field::Name) } else { asset.name.clone() },
            kind: Some(way.kind),
            details: seen(way, unit, points),
            keys,
            device_keys,
            place,
            ..Found::new(way.probe, address, way.port)
        }
    };
    let all: Vec<Found> = match way.protocol {
        Protocol::Modbus if !units.is_empty() => units.iter().map(|unit| found(Some(*unit))).collect(),
        _ => vec![found(units.first().copied())],
    };
    let mut draft = draft(&all, 0, way.probe, Wish { name, profile: None }, folder)?;
    draft.text =
        draft.text.replacen("A draft by `ironbridge discover`:", "A draft of what the monitor saw:", 1);
    Some(draft)
}

type Keys = Vec<(&'static str, String)>;

/// Keys of the connection, keys of the device, and which part of it that is.
fn keys(way: &Way, address: IpAddr, unit: Option<u32>) -> (Keys, Keys, String) {
    match way.protocol {
        Protocol::Modbus => {
            let unit = unit.unwrap_or(1);
            (Vec::new(), vec![("unit", unit.to_string())], format!("unit {unit}"))
        }
        Protocol::OpcUa => {
            let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
            (vec![("url", format!("\"opc.tcp://{host}:{}\"", way.port))], Vec::new(), String::new())
        }
        // As others reach it: rack * 32 + slot.
        Protocol::S7 => match way.called.map(|called| (called >> 5 & 7, called & 31)) {
            Some((rack, slot)) => (
                vec![("rack", rack.to_string()), ("slot", slot.to_string())],
                Vec::new(),
                format!("rack {rack}, slot {slot}"),
            ),
            None => (Vec::new(), Vec::new(), String::new()),
        },
        Protocol::Snmp => (
            vec![("version", "\"2c\"".into()), ("community", "{ secret = \"snmp-community\" }".into())],
            Vec::new(),
            String::new(),
        ),
        _ => (Vec::new(), Vec::new(), String::new()),
    }
}

/// Data that others read and write there: what tags may be wanted.
fn seen(way: &Way, unit: Option<u32>, points: &[&PointRow]) -> Vec<(String, String)> {
    let mine = points.iter().filter(|point| {
        point.protocol == way.protocol && (way.protocol != Protocol::Modbus || Some(point.unit) == unit)
    });
    let line = |point: &&&PointRow| {
        let verb = if point.writes > 0 { "seen written" } else { "seen read" };
        (verb.to_owned(), point.name.clone())
    };
    mine.take(40).map(|point| line(&point)).collect()
}
