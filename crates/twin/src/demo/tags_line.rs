//! Tags of the bottling line and its palletiser.

use super::encode::{Get, Kind, Tag};
use super::tag::{
    F32, TENTH, U16, U32, flag, packml, packml_states, reason_of, setpoint, state_of, tag, text,
};
use super::units::Scene;
use crate::plant::Switch;
use crate::plant::packml::Reason;

pub(super) fn filler_tags() -> Vec<Tag> {
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
            flag(s.plant.line.filler.machine.reason() != Reason::Guard)
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

pub(super) fn capper_tags() -> Vec<Tag> {
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
            flag(s.plant.line.capper.machine.reason() != Reason::Jam)
        }),
        tag("oil_ok", "10002", Kind::Bool, r#"name = "Lubrication sound""#, |_| 1.0),
        setpoint("beacon", "00001", Kind::Bool, r#"name = "Beacon light", write = {}"#, 0.0),
    ]);
    tags
}

pub(super) fn packer_tags() -> Vec<Tag> {
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

pub(super) fn palletiser_tags() -> Vec<Tag> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }
}
