//! Tags of steam, compressed air and electricity.

use super::encode::{Get, Kind, Tag};
use super::tag::{F32, TENTH, U16, U32, flag, setpoint, states, tag};
use super::units::Scene;
use crate::plant::{AIR_STATES, BURNER_STATES, COMPRESSOR_STATES};

pub(super) fn boiler_tags() -> Vec<Tag> {
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

pub(super) fn compressor_1_tags() -> Vec<Tag> {
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
    tags.push(Tag {
        name: "supply",
        at: "40013",
        kind: U16,
        text: format!("name = \"Compressed air\", {}", states(&AIR_STATES, 0)),
        get: Get::Number(|s| f64::from(s.plant.air.state())),
    });
    tags
}

pub(super) fn compressor_2_tags() -> Vec<Tag> {
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

pub(super) fn meter_tags() -> Vec<Tag> {
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
