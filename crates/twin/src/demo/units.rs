//! The units of the plant and their tags.

use model::Time;

use super::encode::{Get, Kind, Tag};
use crate::modbus::WordOrder;
use crate::plant::packml::REASONS;
use crate::plant::{BURNER_STATES, COMPRESSOR_STATES, Machine, Meter, Plant, Station, Switch};

/// What a tag's value is taken from.
pub(super) struct Scene<'a> {
    pub(super) plant: &'a Plant,
    /// The plant's wall clock.
    pub(super) wall: Time,
    /// Which of the plant's meters this unit is.
    pub(super) meter: usize,
}

impl Scene<'_> {
    fn meter(&self, get: impl Fn(&Meter) -> f64) -> f64 {
        self.plant.meters.get(self.meter).map_or(0.0, get)
    }
}

/// Where a unit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Line,
    Palletiser,
    Boiler,
    Air,
    Meters,
}

/// One unit: how it is reached, what exists in it, and its tags.
pub(super) struct UnitDef {
    pub(super) machine: Machine,
    pub(super) endpoint: Endpoint,
    pub(super) device: &'static str,
    pub(super) id: u8,
    pub(super) order: WordOrder,
    /// Home of its points below enterprise/site.
    pub(super) at: &'static str,
    pub(super) product: &'static str,
    /// Further lines of its device table in the configuration.
    pub(super) config: &'static str,
    /// Holding registers that exist beside those of tags, as wire offsets: real maps have a little between the tags.
    pub(super) filler: &'static [(u16, u16)],
    /// What a client may write, as wire offsets.
    pub(super) writable: &'static [(u16, u16)],
    /// Most registers per request.
    pub(super) max_registers: u16,
    pub(super) meter: usize,
    /// On the line, but it has been dead for a year.
    pub(super) dead: bool,
    pub(super) tags: fn() -> Vec<Tag>,
}

const PLAIN: UnitDef = UnitDef {
    machine: Machine::Filler,
    endpoint: Endpoint::Line,
    device: "",
    id: 1,
    order: WordOrder::HighFirst,
    at: "",
    product: "",
    config: "",
    filler: &[],
    writable: &[],
    max_registers: 125,
    meter: 0,
    dead: false,
    tags: Vec::new,
};

const fn meter(id: u8, device: &'static str, at: &'static str, index: usize) -> UnitDef {
    UnitDef {
        machine: Machine::Meters,
        endpoint: Endpoint::Meters,
        device,
        id,
        at,
        product: "Energy meter",
        meter: index,
        tags: meter_tags,
        ..PLAIN
    }
}

/// Every unit of the plant.
pub(super) const UNITS: &[UnitDef] = &[
    UnitDef {
        machine: Machine::Filler,
        device: "filler",
        id: 1,
        order: WordOrder::LowFirst,
        at: "packaging/line-1/filler",
        product: "Rotary filler",
        config: "exclude = [\"40900-40999\"]           # reading these makes the old PLC stumble\n",
        filler: &[(100, 113), (119, 144), (149, 174), (200, 209), (899, 998)],
        writable: &[(200, 209)],
        tags: filler_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Capper,
        device: "capper",
        id: 2,
        at: "packaging/line-1/capper",
        product: "Capper",
        filler: &[(100, 124), (130, 137)],
        writable: &[(0, 0)],
        tags: capper_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Packer,
        device: "packer",
        id: 3,
        at: "packaging/line-1/packer",
        product: "Case packer",
        config: "tags_file = \"packer.csv\"            # its tags are kept in a spreadsheet\n",
        filler: &[(100, 119)],
        tags: packer_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Palletiser,
        endpoint: Endpoint::Palletiser,
        device: "plc",
        at: "packaging/palletiser",
        product: "Palletiser PLC",
        config: "max_registers = 32                    # more it does not give in one answer\n",
        filler: &[(0, 31)],
        max_registers: 32,
        tags: palletiser_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Boiler,
        endpoint: Endpoint::Boiler,
        device: "boiler",
        at: "utilities/boiler",
        product: "Boiler controller",
        writable: &[(0, 1)],
        tags: boiler_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Compressor1,
        endpoint: Endpoint::Air,
        device: "compressor-1",
        id: 1,
        at: "utilities/air/compressor-1",
        product: "Compressor controller",
        tags: compressor_1_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Compressor2,
        endpoint: Endpoint::Air,
        device: "compressor-2",
        id: 2,
        at: "utilities/air/compressor-2",
        product: "Compressor controller",
        tags: compressor_2_tags,
        ..PLAIN
    },
    meter(11, "incomer", "utilities/energy/incomer", 0),
    meter(12, "packaging", "utilities/energy/packaging", 1),
    meter(13, "boiler-house", "utilities/energy/boiler-house", 2),
    UnitDef { dead: true, ..meter(14, "chiller", "utilities/energy/chiller", 0) },
    meter(15, "compressed-air", "utilities/energy/compressed-air", 3),
    meter(16, "offices", "utilities/energy/offices", 4),
];

const F32: Kind = Kind::F32;
const U32: Kind = Kind::U32;
const U16: Kind = Kind::U16;
/// i16 in tenths.
const TENTH: Kind = Kind::Scaled(0.1);

fn tag(
    name: &'static str,
    at: &'static str,
    kind: Kind,
    text: &'static str,
    get: fn(&Scene<'_>) -> f64,
) -> Tag {
    Tag { name, at, kind, text: text.to_owned(), get: Get::Number(get) }
}

fn text(name: &'static str, at: &'static str, get: fn(&Scene<'_>) -> String, label: &'static str) -> Tag {
    Tag { name, at, kind: Kind::Text(16), text: label.to_owned(), get: Get::Text(get) }
}

/// A set-point: the client's, not the model's.
fn setpoint(name: &'static str, at: &'static str, kind: Kind, text: &'static str, start: f64) -> Tag {
    Tag { name, at, kind, text: text.to_owned(), get: Get::Client(start) }
}

fn states(names: &[&str], first: usize) -> String {
    let pairs: Vec<String> =
        names.iter().enumerate().map(|(i, name)| format!("{} = \"{name}\"", i + first)).collect();
    format!("states = {{ {} }}", pairs.join(", "))
}

fn packml_states() -> String {
    let names: Vec<String> = crate::plant::packml::STATES.iter().map(|s| format!("{s:?}")).collect();
    states(&names.iter().map(String::as_str).collect::<Vec<_>>(), 1)
}

/// State, reason, good and rejected pieces of a machine.
fn packml(at: [&'static str; 4], get: [fn(&Scene<'_>) -> f64; 4], pieces: &str) -> Vec<Tag> {
    let [state_at, reason_at, good_at, rejects_at] = at;
    let [state, reason, good, rejects] = get;
    let make = |name, at, kind, text, get| Tag { name, at, kind, text, get: Get::Number(get) };
    vec![
        make(
            "state",
            state_at,
            U16,
            format!("name = \"State\", scan = \"fast\", {}", packml_states()),
            state,
        ),
        make(
            "stop_reason",
            reason_at,
            U16,
            format!("name = \"Stop reason\", {}", states(&REASONS, 0)),
            reason,
        ),
        make("good", good_at, U32, format!("name = \"Good {pieces}\""), good),
        make("rejects", rejects_at, U32, format!("name = \"Rejected {pieces}\""), rejects),
    ]
}

fn state_of(station: &Station) -> f64 {
    f64::from(station.machine.state().number())
}

fn reason_of(station: &Station) -> f64 {
    f64::from(station.machine.reason() as u16)
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

fn filler_tags() -> Vec<Tag> {
    let mut tags = vec![
        tag(
            "speed",
            "40101",
            F32,
            r#"unit = "/min", scan = "fast", range = [0, 600], name = "Filler speed""#,
            |s| s.plant.line.filler.speed,
        ),
        tag("volume", "40103", F32, r#"unit = "mL", range = [300, 800], name = "Fill volume""#, |s| {
            s.plant.line.volume_ml
        }),
        tag(
            "level",
            "40110",
            Kind::Ranged { raw: (0.0, 27_648.0), range: (0.0, 100.0) },
            r#"unit = "%", bad_above = 32511, name = "Bowl level""#,
            |s| if s.plant.switch(Switch::LevelSensor) { f64::INFINITY } else { s.plant.line.level },
        ),
        tag(
            "product_temp",
            "40111",
            TENTH,
            r#"unit = "Cel", range = [0, 20], name = "Product temperature""#,
            |s| s.plant.line.product_temp,
        ),
        tag(
            "bearing_temp",
            "40112",
            TENTH,
            r#"unit = "Cel", range = [0, 120], name = "Bearing temperature""#,
            |s| s.plant.line.bearing_temp,
        ),
        tag("door_closed", "40140.0", Kind::Bool, r#"name = "Guard door closed""#, |s| {
            flag(s.plant.line.filler.machine.reason() != crate::plant::packml::Reason::Guard)
        }),
        tag("valve_open", "40140.3", Kind::Bool, r#"name = "Bowl inlet valve open""#, |s| {
            flag(s.plant.line.valve_open())
        }),
        tag("air_ok", "40140.7", Kind::Bool, r#"name = "Compressed air present""#, |s| {
            flag(s.plant.air.header > 5.5)
        }),
        text("recipe", "40150", |s| s.plant.line.recipe().name.to_owned(), r#"name = "Recipe""#),
        text("batch", "40160", |s| s.plant.line.batch_id(), r#"name = "Batch""#),
        tag(
            "vibration",
            "40170",
            F32,
            r#"unit = "mm/s", scan = "fast", range = [0, 15], name = "Main bearing vibration""#,
            |s| s.plant.line.vibration,
        ),
        setpoint(
            "target",
            "40201",
            F32,
            r#"unit = "/min", range = [0, 600], name = "Target speed", write = { min = 0, max = 600, step = 50, confirm = "readback" }"#,
            420.0,
        ),
        setpoint("cip_request", "40210.0", Kind::Bool, r#"name = "Cleaning requested", write = {}"#, 0.0),
    ];
    let gets: [fn(&Scene<'_>) -> f64; 4] = [
        |s| state_of(&s.plant.line.filler),
        |s| reason_of(&s.plant.line.filler),
        |s| f64::from(s.plant.line.filler.good),
        |s| f64::from(s.plant.line.filler.rejects),
    ];
    tags.extend(packml(["40120", "40121", "40130", "40132"], gets, "bottles"));
    tags
}

fn capper_tags() -> Vec<Tag> {
    let gets: [fn(&Scene<'_>) -> f64; 4] = [
        |s| state_of(&s.plant.line.capper),
        |s| reason_of(&s.plant.line.capper),
        |s| f64::from(s.plant.line.capper.good),
        |s| f64::from(s.plant.line.capper.rejects),
    ];
    let mut tags = packml(["40110", "40111", "40112", "40114"], gets, "caps");
    tags.extend([
        tag("speed", "40101", F32, r#"unit = "/min", scan = "fast", range = [0, 600], name = "Capper speed""#, |s| {
            s.plant.line.capper.speed
        }),
        tag("torque", "40116", F32, r#"unit = "N.m", range = [0, 4], name = "Cap torque""#, |s| s.plant.line.torque),
        tag("caps", "40118", TENTH, r#"unit = "%", range = [0, 100], name = "Caps in hopper""#, |s| s.plant.line.caps),
        tag("infeed", "40119", U16, r#"range = [0, 200], name = "Bottles waiting""#, |s| s.plant.line.buffer_1),
        Tag {
            name: "legacy_count",
            at: "40139",
            kind: U16,
            text: r#"name = "Old counter", description = "taken out of the PLC program years ago, still in the list""#
                .to_owned(),
            get: Get::Missing,
        },
        tag("guard_closed", "10001", Kind::Bool, r#"name = "Guard closed""#, |s| {
            flag(s.plant.line.capper.machine.reason() != crate::plant::packml::Reason::Jam)
        }),
        tag("oil_ok", "10002", Kind::Bool, r#"name = "Lubrication sound""#, |_| 1.0),
        setpoint("beacon", "00001", Kind::Bool, r#"name = "Beacon light", write = {}"#, 0.0),
    ]);
    tags
}

fn packer_tags() -> Vec<Tag> {
    let gets: [fn(&Scene<'_>) -> f64; 4] = [
        |s| state_of(&s.plant.line.packer),
        |s| reason_of(&s.plant.line.packer),
        |s| f64::from(s.plant.line.packer.good),
        |s| f64::from(s.plant.line.packer.rejects),
    ];
    let mut tags = packml(["40110", "40111", "40112", "40114"], gets, "cases");
    tags.extend([
        tag(
            "speed",
            "40101",
            F32,
            r#"unit = "/min", scan = "fast", range = [0, 50], name = "Cases per minute""#,
            |s| s.plant.line.packer.speed,
        ),
        tag(
            "glue_temp",
            "40116",
            TENTH,
            r#"unit = "Cel", range = [0, 200], name = "Glue temperature""#,
            |s| s.plant.line.glue_temp,
        ),
        tag("infeed", "40117", U16, r#"range = [0, 240], name = "Bottles waiting""#, |s| {
            s.plant.line.buffer_2
        }),
    ]);
    tags
}

fn palletiser_tags() -> Vec<Tag> {
    vec![
        Tag {
            name: "state",
            at: "40001",
            kind: U16,
            text: format!("name = \"State\", {}", packml_states()),
            get: Get::Number(|s| f64::from(s.plant.palletiser.machine.state().number())),
        },
        tag("pallets", "40002", U32, r#"name = "Pallets""#, |s| f64::from(s.plant.palletiser.pallets)),
        tag("layer", "40004", U16, r#"range = [0, 5], name = "Layer""#, |s| {
            f64::from(s.plant.palletiser.layer)
        }),
        tag("lift", "40005", F32, r#"unit = "mm", range = [0, 2000], name = "Lift height""#, |s| {
            s.plant.palletiser.lift_mm
        }),
        tag("cycle", "40007", TENTH, r#"unit = "ms", name = "PLC cycle time""#, |s| {
            s.plant.palletiser.cycle_ms
        }),
        tag("program", "40010", U16, r#"name = "Program number""#, |s| f64::from(s.plant.palletiser.program)),
        tag("checksum", "40011", U16, r#"name = "Program checksum""#, |s| {
            f64::from(s.plant.palletiser.checksum)
        }),
        tag("clock", "40020", U32, r#"unit = "s", name = "PLC clock (seconds since 1970)""#, |s| {
            plc_clock(s) as f64
        }),
        tag("clock_date", "40022", Kind::Bcd32, r#"name = "PLC date (yyyymmdd)""#, |s| {
            let (year, month, day) = civil(plc_clock(s).div_euclid(86_400));
            (year * 10_000 + month * 100 + day) as f64
        }),
        tag("clock_time", "40024", Kind::Bcd16, r#"name = "PLC time (hhmm)""#, |s| {
            let minutes = plc_clock(s).rem_euclid(86_400) / 60;
            (minutes / 60 * 100 + minutes % 60) as f64
        }),
    ]
}

fn plc_clock(scene: &Scene<'_>) -> i64 {
    scene.wall.millis() / 1000 + scene.plant.palletiser.clock_error_s as i64
}

/// Year, month and day of a day since 1970, by the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years counted from March: the leap day is then the last day of a year.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn boiler_tags() -> Vec<Tag> {
    vec![
        tag("pressure", "30001", F32, r#"unit = "bar", range = [0, 12], name = "Steam pressure""#, |s| {
            s.plant.boiler.pressure
        }),
        tag("drum_level", "30003", F32, r#"unit = "%", range = [0, 100], name = "Drum level""#, |s| {
            s.plant.boiler.drum_level
        }),
        tag(
            "flue_temp",
            "30005",
            F32,
            r#"unit = "[degF]", range = [32, 752], name = "Flue gas temperature""#,
            |s| s.plant.boiler.flue_f,
        ),
        tag(
            "feed_temp",
            "30007",
            F32,
            r#"unit = "Cel", range = [0, 120], name = "Feed water temperature""#,
            |s| s.plant.boiler.feed_temp,
        ),
        tag("steam", "30009", F32, r#"unit = "t/h", range = [0, 5], name = "Steam flow""#, |s| {
            s.plant.boiler.steam
        }),
        tag("load", "30011", F32, r#"unit = "%", range = [0, 100], name = "Burner load""#, |s| {
            s.plant.boiler.load
        }),
        tag(
            "conductivity",
            "30013",
            F32,
            r#"unit = "uS/cm", range = [0, 5000], name = "Conductivity""#,
            |s| s.plant.boiler.conductivity,
        ),
        tag("gas", "30015", U32, r#"unit = "m3", name = "Gas meter""#, |s| s.plant.boiler.gas),
        Tag {
            name: "burner",
            at: "30017",
            kind: U16,
            text: format!("name = \"Burner\", {}", states(&BURNER_STATES, 0)),
            get: Get::Number(|s| f64::from(s.plant.boiler.burner)),
        },
        tag("feed_pump", "10001", Kind::Bool, r#"name = "Feed pump runs""#, |s| {
            flag(s.plant.boiler.pump_runs())
        }),
        tag("low_water", "10002", Kind::Bool, r#"name = "Low water""#, |s| {
            flag(s.plant.boiler.drum_level < 35.0)
        }),
        setpoint(
            "setpoint",
            "40001",
            F32,
            r#"unit = "bar", range = [0, 12], name = "Pressure set-point", write = { min = 4, max = 10, step = 1, confirm = "readback" }"#,
            8.0,
        ),
    ]
}

fn compressor_tags(pressure: Tag, compressor: [fn(&Scene<'_>) -> f64; 4]) -> Vec<Tag> {
    let [power, oil, hours, state] = compressor;
    vec![
        pressure,
        tag("power", "40003", F32, r#"unit = "kW", range = [0, 50], name = "Power""#, power),
        tag("oil_temp", "40005", TENTH, r#"unit = "Cel", range = [0, 120], name = "Oil temperature""#, oil),
        tag("hours", "40006", U32, r#"unit = "h", name = "Operating hours""#, hours),
        Tag {
            name: "state",
            at: "40008",
            kind: U16,
            text: format!("name = \"State\", {}", states(&COMPRESSOR_STATES, 0)),
            get: Get::Number(state),
        },
    ]
}

fn compressor_1_tags() -> Vec<Tag> {
    let pressure =
        tag("pressure", "40001", F32, r#"unit = "bar", range = [0, 10], name = "Outlet pressure""#, |s| {
            s.plant.air.first.outlet
        });
    let gets: [fn(&Scene<'_>) -> f64; 4] = [
        |s| s.plant.air.first.power,
        |s| s.plant.air.first.oil,
        |s| s.plant.air.first.hours,
        |s| f64::from(s.plant.air.first.state),
    ];
    let mut tags = compressor_tags(pressure, gets);
    tags.push(tag("flow", "40010", F32, r#"unit = "m3/min", range = [0, 10], name = "Air flow""#, |s| {
        s.plant.air.flow
    }));
    tags.push(tag(
        "dew_point",
        "40012",
        TENTH,
        r#"unit = "Cel", range = [-40, 20], name = "Dew point""#,
        |s| s.plant.air.dew_point,
    ));
    tags
}

fn compressor_2_tags() -> Vec<Tag> {
    let pressure =
        tag("pressure", "40001", F32, r#"unit = "kPa", range = [0, 1000], name = "Outlet pressure""#, |s| {
            s.plant.air.second.outlet * 100.0
        });
    let gets: [fn(&Scene<'_>) -> f64; 4] = [
        |s| s.plant.air.second.power,
        |s| s.plant.air.second.oil,
        |s| s.plant.air.second.hours,
        |s| f64::from(s.plant.air.second.state),
    ];
    compressor_tags(pressure, gets)
}

fn meter_tags() -> Vec<Tag> {
    vec![
        tag("voltage", "30001", F32, r#"unit = "V", range = [0, 260], name = "Voltage""#, |s| {
            s.meter(|m| m.voltage)
        }),
        tag("current", "30003", F32, r#"unit = "A", range = [0, 400], name = "Current""#, |s| {
            s.meter(|m| m.current)
        }),
        tag("power", "30005", F32, r#"unit = "kW", range = [0, 250], name = "Active power""#, |s| {
            s.meter(|m| m.power)
        }),
        tag("power_factor", "30007", Kind::Scaled(0.001), r#"range = [0, 1], name = "Power factor""#, |s| {
            s.meter(|m| m.factor)
        }),
        tag(
            "frequency",
            "30008",
            Kind::Scaled(0.01),
            r#"unit = "Hz", range = [49, 51], name = "Frequency""#,
            |s| s.meter(|m| m.frequency),
        ),
        tag("energy", "30009", U32, r#"unit = "kW.h", scan = "slow", name = "Energy""#, |s| {
            s.meter(|m| f64::from(m.energy))
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

    #[test]
    fn the_plant_has_a_sensible_size() {
        let count: usize = UNITS.iter().map(|unit| (unit.tags)().len()).sum();
        assert!((90..=120).contains(&count), "{count} points");
    }
}
