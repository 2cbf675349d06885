//! Newest values of chosen points as Prometheus text.
//!
//! A metric is named after the last segment of a path and its unit, by the conventions of Prometheus: small letters,
//! digits and `_`, the unit spelled out at the end. The path is a label. A Bad point has no value, so that nobody
//! averages a dead sensor; `plant_point_good` and `plant_point_status` say so for every point chosen.

use crate::ApiError;
use crate::chosen::chosen;
use crate::metrics::Text;
use crate::point_json::{Known, for_each_point};
use crate::state::Web;
use model::{Principal, Time, unit};
use std::collections::BTreeMap;

/// Most points of one scrape.
const MOST_POINTS: usize = 50_000;

/// All points that are meant, family by family.
pub(crate) fn text(web: &Web, who: &Principal, wanted: &[String]) -> Result<String, ApiError> {
    let found = chosen(web, who, wanted, MOST_POINTS)?;
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    let mut points: Vec<Known> = Vec::with_capacity(ids.len());
    for_each_point(&web.namespace, &ids, |_, known| points.extend(known.cloned()));
    Ok(written(&points))
}

fn written(points: &[Known]) -> String {
    let mut families: BTreeMap<String, Vec<&Known>> = BTreeMap::new();
    for known in points {
        families.entry(name(known.0.path.last(), &known.0.unit)).or_default().push(known);
    }
    let mut out = Text::default();
    for (name, points) in &families {
        let valued = |(_, last): &Known| if last.status.is_bad() { None } else { last.value.as_f64() };
        if points.iter().all(|known| valued(known).is_none()) {
            continue;
        }
        out.head(name, "gauge", "Newest value of points of this name; none while Bad.");
        for known in points {
            if let Some(value) = valued(known) {
                out.line(name, &[("path", known.0.path.as_str()), ("unit", &known.0.unit)], shown(value));
            }
        }
    }
    let mut each = |name: &str, help: &str, value: &dyn Fn(&Known) -> Option<f64>| {
        if !points.is_empty() {
            out.head(name, "gauge", help);
        }
        for known in points {
            if let Some(value) = value(known) {
                out.line(name, &[("path", known.0.path.as_str())], value);
            }
        }
    };
    each("plant_point_good", "1 while the quality of the newest value is Good.", &|(_, last)| {
        Some(f64::from(u8::from(last.status.is_good())))
    });
    each("plant_point_status", "OPC UA status code of the newest value; 0 is Good.", &|(_, last)| {
        Some(f64::from(last.status.0))
    });
    each("plant_point_time_seconds", "Time of the newest value, since 1970 UTC.", &|(_, last)| {
        (last.time != Time::ZERO).then(|| last.time.millis_f64() / 1e3)
    });
    out.0
}

/// Doubles as the format has them (NaN, +Inf, -Inf).
fn shown(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    value.to_string()
}

/// `Motor-Temp` in `Cel` is `plant_motor_temp_celsius`.
fn name(segment: &str, unit: &str) -> String {
    let mut out = String::from("plant_");
    let mut before = '_';
    for c in segment.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        before = c;
    }
    let words = words(unit);
    if !words.is_empty() && !out.ends_with(&format!("_{words}")) {
        out.push('_');
        out.push_str(&words);
    }
    // Ends that mean another type of metric.
    if ["_total", "_count", "_sum", "_bucket", "_info", "_created"].iter().any(|end| out.ends_with(end)) {
        out.push_str("_value");
    }
    out
}

/// A unit as words; what is not in the table keeps its letters and digits.
fn words(text: &str) -> String {
    if let Some((_, words)) = WORDS.iter().find(|(name, _)| unit::same(name, text)) {
        return (*words).into();
    }
    let letters: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    letters.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

const WORDS: &[(&str, &str)] = &[
    ("K", "kelvin"),
    ("Cel", "celsius"),
    ("[degF]", "fahrenheit"),
    ("Pa", "pascals"),
    ("hPa", "hectopascals"),
    ("kPa", "kilopascals"),
    ("MPa", "megapascals"),
    ("bar", "bar"),
    ("m", "meters"),
    ("mm", "millimeters"),
    ("um", "micrometers"),
    ("cm", "centimeters"),
    ("km", "kilometers"),
    ("kg", "kilograms"),
    ("g", "grams"),
    ("mg", "milligrams"),
    ("t", "tonnes"),
    ("m3", "cubic_meters"),
    ("l", "liters"),
    ("ml", "milliliters"),
    ("hl", "hectoliters"),
    ("m3/h", "cubic_meters_per_hour"),
    ("m3/s", "cubic_meters_per_second"),
    ("l/h", "liters_per_hour"),
    ("l/min", "liters_per_minute"),
    ("l/s", "liters_per_second"),
    ("kg/h", "kilograms_per_hour"),
    ("kg/s", "kilograms_per_second"),
    ("t/h", "tonnes_per_hour"),
    ("m/s", "meters_per_second"),
    ("mm/s", "millimeters_per_second"),
    ("m/min", "meters_per_minute"),
    ("km/h", "kilometers_per_hour"),
    ("/min", "per_minute"),
    ("/s", "hertz"),
    ("kHz", "kilohertz"),
    ("/h", "per_hour"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("min", "minutes"),
    ("h", "hours"),
    ("d", "days"),
    ("J", "joules"),
    ("kJ", "kilojoules"),
    ("MJ", "megajoules"),
    ("GJ", "gigajoules"),
    ("W.h", "watthours"),
    ("kW.h", "kilowatthours"),
    ("MW.h", "megawatthours"),
    ("W", "watts"),
    ("kW", "kilowatts"),
    ("MW", "megawatts"),
    ("VA", "voltamperes"),
    ("kVA", "kilovoltamperes"),
    ("V", "volts"),
    ("mV", "millivolts"),
    ("kV", "kilovolts"),
    ("A", "amperes"),
    ("mA", "milliamperes"),
    ("Ohm", "ohms"),
    ("N", "newtons"),
    ("kN", "kilonewtons"),
    ("N.m", "newton_meters"),
    ("1", "ratio"),
    ("%", "percent"),
    ("ppm", "ppm"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Declaration, Last, Path, Status, Value, ValueType};
    use std::sync::Arc;

    #[test]
    fn names_by_the_conventions() {
        for (segment, unit, expected) in [
            ("Speed", "/min", "plant_speed_per_minute"),
            ("Motor-Temp", "°C", "plant_motor_temp_celsius"),
            ("oilLevel2High", "%", "plant_oil_level2_high_percent"),
            ("count", "", "plant_count_value"),
            ("good_total", "", "plant_good_total_value"),
            ("RPM", "rpm", "plant_rpm_per_minute"),
            ("2nd", "furlong/h", "plant_2nd_furlong_h"),
            ("power_kilowatts", "kW", "plant_power_kilowatts"),
        ] {
            assert_eq!(name(segment, unit), expected);
        }
    }

    #[test]
    fn a_bad_point_has_no_value_but_says_so() {
        let known = |path: &str, value: Value, status: Status| -> Known {
            let mut declared = Declaration::new(Path::new(path).unwrap(), ValueType::F64);
            declared.unit = "bar".into();
            (Arc::new(declared), Last { value, status, time: Time::from_millis(1_500), ..Last::WAITING })
        };
        let text = written(&[
            known("a/one/p", Value::F64(2.5), Status::GOOD),
            known("a/two/p", Value::F64(9.0), Status::BAD_SENSOR_FAILURE),
            known("a/note", Value::Text("x".into()), Status::GOOD),
        ]);
        assert!(
            text.contains("# TYPE plant_p_bar gauge\nplant_p_bar{path=\"a/one/p\",unit=\"bar\"} 2.5\n"),
            "{text}"
        );
        assert!(!text.contains("plant_p_bar{path=\"a/two/p\"") && !text.contains("plant_note"), "{text}");
        assert!(text.contains("plant_point_good{path=\"a/two/p\"} 0\n"), "{text}");
        assert!(text.contains("plant_point_status{path=\"a/two/p\"} 2156658688\n"), "{text}");
        assert!(text.contains("plant_point_time_seconds{path=\"a/note\"} 1.5\n"), "{text}");
    }
}
