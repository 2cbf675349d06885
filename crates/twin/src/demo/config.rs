//! The Ironbridge configuration of the demonstration plant, as text.

use std::fmt::Write;
use std::net::SocketAddr;

use super::encode::{Kind, Tag};
use super::machines::MACHINES;
use super::run::Addresses;
use super::units::{Endpoint, UNITS, UnitDef};
use crate::modbus::WordOrder;

/// One file of the plant folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the plant folder, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
}

const PLANT: &str = r#"# The demonstration plant: simulated devices on real protocols.
enterprise = "acme"
site = "demo"

writes = "off"                       # READ-ONLY until a person turns it on
"#;

const LINE_ASSETS: &str = r#"type = "Line"
path = "packaging/line-1"
name = "Bottling line 1"
level = "line"
owner_ot = "Packaging"
owner_it = "Plant IT"
zone = "line-1"
"#;

/// (file, type, path, display name, level, owner, zone, bindings)
type Asset = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const ASSETS: &[Asset] = &[
    ("packaging", "Area", "packaging", "Packaging", "area", "Packaging", "line-1", ""),
    ("utilities", "Area", "utilities", "Utilities", "area", "Utilities", "utilities", ""),
    ("filler", "Filler", "packaging/line-1/filler", "Filler", "work-unit", "Maintenance A", "line-1", ""),
    ("capper", "Capper", "packaging/line-1/capper", "Capper", "work-unit", "Maintenance A", "line-1", ""),
    ("packer", "Packer", "packaging/line-1/packer", "Packer", "work-unit", "Maintenance A", "line-1", ""),
    (
        "palletiser",
        "Palletiser",
        "packaging/palletiser",
        "Palletiser",
        "work-unit",
        "Maintenance B",
        "line-1",
        "",
    ),
    (
        "boiler",
        "Boiler",
        "utilities/boiler",
        "Steam boiler",
        "work-unit",
        "Utilities",
        "utilities",
        "Power = \"meters.boiler-house.power\", State = \"boiler.boiler.burner\", flue_temp = \"boiler.boiler.flue_temp\"",
    ),
    (
        "air",
        "CompressedAir",
        "utilities/air",
        "Compressed air",
        "work-unit",
        "Utilities",
        "utilities",
        "Power = \"meters.compressed-air.power\", State = \"air.compressor-1.supply\"",
    ),
];

/// What every asset of a type has; the boiler's old transmitter speaks Fahrenheit, the plant sees Celsius.
const TYPES: &[(&str, &str)] = &[
    (
        "PackMachine",
        "description = \"A machine with PackML states\"\n\n[points]\nstate = { type = \"whole\" }\nspeed = { type = \"number\", unit = \"/min\" }\n",
    ),
    (
        "Filler",
        "description = \"Fills bottles\"\nextends = \"PackMachine\"\n\n[points]\nvolume = { type = \"number\", unit = \"mL\" }\n",
    ),
    (
        "Capper",
        "description = \"Closes bottles\"\nextends = \"PackMachine\"\n\n[points]\ntorque = { type = \"number\", unit = \"N.m\" }\n",
    ),
    (
        "Boiler",
        "description = \"Steam boiler\"\n\n[points]\nState = { type = \"whole\" }\nPower = { type = \"number\", unit = \"kW\" }\npressure = { type = \"number\", unit = \"bar\" }\nflue_temp = { type = \"number\", unit = \"Cel\", description = \"The transmitter gives degrees Fahrenheit\" }\n",
    ),
];

/// Every file of a plant folder that reads the simulated plant at `addresses`.
#[must_use]
pub fn demo_config(addresses: &Addresses) -> Vec<File> {
    let mut files = vec![File { path: "ironbridge.toml".to_owned(), text: PLANT.to_owned() }];
    let connections: [(&str, &str, Endpoint, SocketAddr, &str); 5] = [
        (
            "line-1",
            "The bottling line: three machines behind one gateway.",
            Endpoint::Line,
            addresses.line,
            "",
        ),
        (
            "palletiser",
            "An old PLC with a wrong clock.",
            Endpoint::Palletiser,
            addresses.palletiser,
            "request_delay = \"10ms\"\n",
        ),
        ("boiler", "Steam.", Endpoint::Boiler, addresses.boiler, ""),
        (
            "air",
            "Compressed air: one controller reports bar, the other kPa.",
            Endpoint::Air,
            addresses.air,
            "",
        ),
        (
            "meters",
            "Energy meters on one serial line behind a gateway; the chiller's is dead.",
            Endpoint::Meters,
            addresses.meters,
            "timeout = \"400ms\"\n",
        ),
    ];
    for (name, about, endpoint, address, more) in connections {
        let text = connection(about, endpoint, address, more);
        files.push(File { path: format!("connections/{name}.toml"), text });
    }
    for (name, address, _) in &addresses.machines {
        for made in MACHINES.iter().filter(|made| made.name == *name) {
            files.push(File { path: format!("connections/{name}.toml"), text: made.file(*address) });
        }
    }
    for unit in UNITS.iter().filter(|unit| unit.config.contains("tags_file")) {
        let path = format!("connections/{}.csv", unit.device);
        files.push(File { path, text: spreadsheet(&(unit.tags)()) });
    }
    files.push(File { path: "assets/line-1.toml".to_owned(), text: LINE_ASSETS.to_owned() });
    let types = TYPES
        .iter()
        .map(|(name, text)| File { path: format!("types/{name}.toml"), text: (*text).to_owned() });
    files.extend(types);
    let more = MACHINES.iter().map(|made| {
        let [kind, name, owner, zone] = made.asset;
        (made.name, kind, made.at, name, "work-unit", owner, zone, "")
    });
    for (file, kind, path, name, level, owner, zone, bind) in ASSETS.iter().copied().chain(more) {
        let mut text = format!(
            "type = \"{kind}\"\npath = \"{path}\"\nname = \"{name}\"\nlevel = \"{level}\"\nowner_ot = \"{owner}\"\nowner_it = \"Plant IT\"\nzone = \"{zone}\"\n"
        );
        if !bind.is_empty() {
            let _ = writeln!(text, "bind = {{ {bind} }}");
        }
        files.push(File { path: format!("assets/{file}.toml"), text });
    }
    files
}

fn connection(about: &str, endpoint: Endpoint, address: SocketAddr, more: &str) -> String {
    let kind = if endpoint == Endpoint::Meters { "modbus-rtu-tcp" } else { "modbus-tcp" };
    let mut text = format!(
        "# {about}\nkind = \"{kind}\"\nhost = \"{}\"\nport = {}\n{more}scan = {{ fast = \"250ms\", normal = \"1s\", slow = \"10s\" }}\n",
        address.ip(),
        address.port()
    );
    for unit in UNITS.iter().filter(|unit| unit.endpoint == endpoint) {
        device(unit, &mut text);
    }
    text
}

fn device(unit: &UnitDef, text: &mut String) {
    let order = match unit.order {
        WordOrder::LowFirst => "order = \"CDAB\"\n",
        WordOrder::HighFirst => "",
    };
    let (name, id, at) = (unit.device, unit.id, unit.at);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n[device.{name}]\nunit = {id}\n{order}at = \"{at}\"\nscan = \"normal\"\n{}",
        unit.config
    );
    if unit.config.contains("tags_file") {
        return;
    }
    let _ = write!(text, "\n[device.{name}.tags]\n");
    (unit.tags)().iter().for_each(|tag| text.push_str(&tag.line()));
}

/// The same tags as a spreadsheet.
fn spreadsheet(tags: &[Tag]) -> String {
    let mut text = "tag,at,type,unit,scan,scale,range_low,range_high,states,name\n".to_owned();
    for tag in tags {
        let (kind, scale) = match tag.kind {
            Kind::F32 => ("f32", String::new()),
            Kind::U32 => ("u32", String::new()),
            Kind::Scaled(scale) => ("i16", scale.to_string()),
            _ => ("u16", String::new()),
        };
        let (low, high) = match key(&tag.text, "range = [", "]").split_once(", ") {
            Some((low, high)) => (low, high),
            None => ("", ""),
        };
        let states =
            key(&tag.text, "states = { ", " }").replace(", ", "|").replace(" = ", "=").replace('"', "");
        let (unit, scan) = (key(&tag.text, "unit = \"", "\""), key(&tag.text, "scan = \"", "\""));
        let (name, at, label) = (tag.name, tag.at, key(&tag.text, "name = \"", "\""));
        let _ = writeln!(text, "{name},{at},{kind},{unit},{scan},{scale},{low},{high},{states},{label}");
    }
    text
}

/// What stands between `before` and `after`, or nothing.
fn key<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(value, _)| value)
}
