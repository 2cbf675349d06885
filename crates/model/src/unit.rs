//! Units: which ones measure the same, and how one becomes the other.
//!
//! Names are those of UCUM where people write them (`Cel`, `bar`, `m3/h`) and the spellings that devices and
//! spreadsheets use beside them. Case counts, as in UCUM: `mW` is not `MW`.
//!
//! Rationale: the table is data, a line a unit. What is not in it is not converted; nothing is guessed.

/// How a value in one unit becomes a value in another: `value * times / over + offset`.
///
/// A fraction, because factors like 0.1 are no doubles: 878 hPa * 100 / 1000 is the double nearest to 87.8 kPa.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    /// Numerator of the factor, above 0.
    pub times: f64,
    /// Denominator of the factor, above 0.
    pub over: f64,
    /// Added afterwards, in the new unit.
    pub offset: f64,
}

impl Conversion {
    /// The value in the new unit.
    pub fn apply(&self, value: f64) -> f64 {
        value * self.times / self.over + self.offset
    }

    /// A difference in the new unit: 10 K more are 18 degF more.
    pub fn difference(&self, value: f64) -> f64 {
        value * self.times / self.over
    }
}

/// base = (value + `zero`) * `times` / `over`.
struct Unit {
    names: &'static [&'static str],
    times: f64,
    over: f64,
    zero: f64,
}

const fn unit(names: &'static [&'static str], times: f64, over: f64) -> Unit {
    Unit { names, times, over, zero: 0.0 }
}

const fn degree(names: &'static [&'static str], times: f64, over: f64, zero: f64) -> Unit {
    Unit { names, times, over, zero }
}

/// A slice a quantity; the first unit of a quantity with factor 1 is its base. Factors: BIPM SI Brochure (9th
/// edition), NIST SP 811 appendix B for those outside the SI.
const QUANTITIES: &[&[Unit]] = &[
    &[
        degree(&["K"], 1.0, 1.0, 0.0),
        degree(&["Cel", "°C", "degC"], 1.0, 1.0, 273.15),
        degree(&["[degF]", "°F", "degF"], 5.0, 9.0, 459.67),
    ],
    &[
        unit(&["Pa"], 1.0, 1.0),
        unit(&["hPa", "mbar"], 100.0, 1.0),
        unit(&["kPa"], 1e3, 1.0),
        unit(&["bar"], 1e5, 1.0),
        unit(&["MPa"], 1e6, 1.0),
        unit(&["psi", "[psi]"], 6_894.757_293_168_361, 1.0),
        unit(&["mm[Hg]", "mmHg"], 133.322_387_415, 1.0),
        unit(&["mm[H2O]", "mmH2O", "mmWC"], 9.806_65, 1.0),
        unit(&["atm"], 101_325.0, 1.0),
    ],
    &[
        unit(&["m"], 1.0, 1.0),
        unit(&["um", "µm"], 1.0, 1e6),
        unit(&["mm"], 1.0, 1e3),
        unit(&["cm"], 1.0, 100.0),
        unit(&["km"], 1e3, 1.0),
        unit(&["[in_i]", "in", "inch"], 254.0, 1e4),
        unit(&["[ft_i]", "ft"], 3_048.0, 1e4),
    ],
    &[
        unit(&["kg"], 1.0, 1.0),
        unit(&["g"], 1.0, 1e3),
        unit(&["mg"], 1.0, 1e6),
        unit(&["t"], 1e3, 1.0),
        unit(&["[lb_av]", "lb"], 45_359_237.0, 1e8),
    ],
    &[
        unit(&["m3", "m³"], 1.0, 1.0),
        unit(&["l", "L"], 1.0, 1e3),
        unit(&["ml", "mL"], 1.0, 1e6),
        unit(&["hl", "hL"], 1.0, 10.0),
        unit(&["[gal_us]", "gal"], 3_785_411_784.0, 1e12),
    ],
    &[
        unit(&["m3/h", "m³/h"], 1.0, 1.0),
        unit(&["m3/min", "m³/min"], 60.0, 1.0),
        unit(&["m3/s", "m³/s"], 3_600.0, 1.0),
        unit(&["l/h", "L/h"], 1.0, 1e3),
        unit(&["l/min", "L/min"], 60.0, 1e3),
        unit(&["l/s", "L/s"], 3_600.0, 1e3),
    ],
    &[
        unit(&["kg/h"], 1.0, 1.0),
        unit(&["kg/min"], 60.0, 1.0),
        unit(&["kg/s"], 3_600.0, 1.0),
        unit(&["g/s"], 3_600.0, 1e3),
        unit(&["t/h"], 1e3, 1.0),
    ],
    &[
        unit(&["m/s"], 1.0, 1.0),
        unit(&["mm/s"], 1.0, 1e3),
        unit(&["m/min"], 1.0, 60.0),
        unit(&["km/h"], 10.0, 36.0),
    ],
    &[
        unit(&["/min", "1/min", "rpm", "min-1"], 1.0, 1.0),
        unit(&["/s", "1/s", "Hz"], 60.0, 1.0),
        unit(&["kHz"], 60_000.0, 1.0),
        unit(&["/h", "1/h"], 1.0, 60.0),
    ],
    &[
        unit(&["s"], 1.0, 1.0),
        unit(&["us", "µs"], 1.0, 1e6),
        unit(&["ms"], 1.0, 1e3),
        unit(&["min"], 60.0, 1.0),
        unit(&["h"], 3_600.0, 1.0),
        unit(&["d"], 86_400.0, 1.0),
    ],
    &[
        unit(&["J"], 1.0, 1.0),
        unit(&["kJ"], 1e3, 1.0),
        unit(&["MJ"], 1e6, 1.0),
        unit(&["GJ"], 1e9, 1.0),
        unit(&["W.h", "Wh"], 3_600.0, 1.0),
        unit(&["kW.h", "kWh"], 3.6e6, 1.0),
        unit(&["MW.h", "MWh"], 3.6e9, 1.0),
    ],
    &[unit(&["W"], 1.0, 1.0), unit(&["mW"], 1.0, 1e3), unit(&["kW"], 1e3, 1.0), unit(&["MW"], 1e6, 1.0)],
    &[unit(&["VA", "V.A"], 1.0, 1.0), unit(&["kVA", "kV.A"], 1e3, 1.0)],
    &[unit(&["var"], 1.0, 1.0), unit(&["kvar"], 1e3, 1.0)],
    &[unit(&["V"], 1.0, 1.0), unit(&["mV"], 1.0, 1e3), unit(&["kV"], 1e3, 1.0)],
    &[unit(&["A"], 1.0, 1.0), unit(&["mA"], 1.0, 1e3), unit(&["kA"], 1e3, 1.0)],
    &[unit(&["Ohm", "Ω"], 1.0, 1.0), unit(&["kOhm", "kΩ"], 1e3, 1.0), unit(&["MOhm", "MΩ"], 1e6, 1.0)],
    &[unit(&["S/m"], 1.0, 1.0), unit(&["mS/cm"], 1.0, 10.0), unit(&["uS/cm", "µS/cm"], 1.0, 1e4)],
    &[unit(&["N"], 1.0, 1.0), unit(&["kN"], 1e3, 1.0)],
    &[unit(&["N.m", "Nm"], 1.0, 1.0), unit(&["kN.m", "kNm"], 1e3, 1.0)],
    &[unit(&["1"], 1.0, 1.0), unit(&["%"], 1.0, 100.0), unit(&["ppm", "[ppm]"], 1.0, 1e6)],
];

fn find(name: &str) -> Option<(usize, &'static Unit)> {
    QUANTITIES.iter().enumerate().find_map(|(quantity, units)| {
        units.iter().find(|unit| unit.names.contains(&name)).map(|unit| (quantity, unit))
    })
}

/// How values in `from` become values in `to`; `None` if they do not measure the same, or one is not known.
pub fn conversion(from: &str, to: &str) -> Option<Conversion> {
    let ((a, from), (b, to)) = (find(from)?, find(to)?);
    if a != b {
        return None;
    }
    // base = (x + fz) * ft / fo, and y = base * to / tt - tz
    let (times, over) = (from.times * to.over, from.over * to.times);
    Some(Conversion { times, over, offset: from.zero * times / over - to.zero })
}

/// Whether two names mean the same unit, e.g. `rpm` and `/min`.
pub fn same(a: &str, b: &str) -> bool {
    a == b || matches!((find(a), find(b)), (Some((_, a)), Some((_, b))) if std::ptr::eq(a, b))
}

/// Whether it is the name of a unit that can be converted.
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// The first name of the unit with that common code of UNECE recommendation 20; `None` for one without a unit here.
pub fn of_cefact(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(_, known)| *known == code).map(|(name, _)| *name)
}

/// The common code of UNECE recommendation 20, as EUInformation of OPC UA and many other formats use it; `None` for
/// units without one here.
pub fn cefact(name: &str) -> Option<&'static str> {
    let (_, unit) = find(name)?;
    let first = unit.names.first()?;
    CODES.iter().find(|(named, _)| named == first).map(|(_, code)| *code)
}

/// First name of a unit, and its common code (UNECE recommendation 20, revision 17).
const CODES: &[(&str, &str)] = &[
    ("K", "KEL"),
    ("Cel", "CEL"),
    ("[degF]", "FAH"),
    ("Pa", "PAL"),
    ("hPa", "A97"),
    ("kPa", "KPA"),
    ("bar", "BAR"),
    ("MPa", "MPA"),
    ("psi", "PS"),
    ("m", "MTR"),
    ("mm", "MMT"),
    ("cm", "CMT"),
    ("km", "KMT"),
    ("[in_i]", "INH"),
    ("[ft_i]", "FOT"),
    ("kg", "KGM"),
    ("g", "GRM"),
    ("mg", "MGM"),
    ("t", "TNE"),
    ("[lb_av]", "LBR"),
    ("m3", "MTQ"),
    ("l", "LTR"),
    ("ml", "MLT"),
    ("hl", "HLT"),
    ("[gal_us]", "GLL"),
    ("m3/h", "MQH"),
    ("m3/s", "MQS"),
    ("l/min", "L2"),
    ("kg/h", "E93"),
    ("kg/s", "KGS"),
    ("m/s", "MTS"),
    ("km/h", "KMH"),
    ("/min", "RPM"),
    ("/s", "HTZ"),
    ("kHz", "KHZ"),
    ("s", "SEC"),
    ("ms", "C26"),
    ("min", "MIN"),
    ("h", "HUR"),
    ("d", "DAY"),
    ("J", "JOU"),
    ("kJ", "KJO"),
    ("MJ", "3B"),
    ("GJ", "GV"),
    ("W.h", "WHR"),
    ("kW.h", "KWH"),
    ("MW.h", "MWH"),
    ("W", "WTT"),
    ("mW", "C31"),
    ("kW", "KWT"),
    ("MW", "MAW"),
    ("VA", "D46"),
    ("kVA", "KVA"),
    ("var", "D44"),
    ("kvar", "KVR"),
    ("V", "VLT"),
    ("mV", "2Z"),
    ("kV", "KVT"),
    ("A", "AMP"),
    ("mA", "4K"),
    ("kA", "B22"),
    ("Ohm", "OHM"),
    ("kOhm", "B49"),
    ("N", "NEW"),
    ("kN", "B47"),
    ("N.m", "NU"),
    ("1", "C62"),
    ("%", "P1"),
    ("ppm", "59"),
];

/// The names of the units that measure the same as `name`, the first spelling of each; empty if it is not known.
pub fn alternatives(name: &str) -> Vec<&'static str> {
    let quantity = find(name).and_then(|(quantity, _)| QUANTITIES.get(quantity));
    quantity
        .into_iter()
        .flat_map(|units| units.iter())
        .filter_map(|unit| unit.names.first().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_people_know() {
        for (value, from, to, expected) in [
            (878.0, "hPa", "kPa", 87.8),
            (1.0, "bar", "kPa", 100.0),
            (250.0, "kPa", "bar", 2.5),
            (100.0, "Cel", "[degF]", 212.0),
            (-40.0, "°F", "°C", -40.0),
            (25.0, "Cel", "K", 298.15),
            (90.0, "l/min", "m3/h", 5.4),
            (36.0, "km/h", "m/s", 10.0),
            (50.0, "Hz", "rpm", 3_000.0),
            (1.0, "kWh", "MJ", 3.6),
            (0.5, "1", "%", 50.0),
            (1.0, "in", "mm", 25.4),
        ] {
            let got = conversion(from, to).unwrap().apply(value);
            assert!((got - expected).abs() < 1e-9, "{value} {from} is {got} {to}, not {expected}");
        }
        assert_eq!(conversion("hPa", "kPa").unwrap().apply(878.0), 87.8, "exactly, not nearly");
        assert_eq!(conversion("Cel", "[degF]").unwrap().difference(10.0), 18.0);
    }

    #[test]
    fn what_does_not_measure_the_same_is_not_converted() {
        for (from, to) in
            [("bar", "Cel"), ("kW", "kWh"), ("kVA", "kW"), ("furlong", "m"), ("", "m"), ("mw", "MW")]
        {
            assert_eq!(conversion(from, to), None, "{from} to {to}");
        }
        assert!(same("rpm", "/min") && same("x", "x") && !same("mW", "MW") && !same("x", "y"));
        assert!(alternatives("kPa").contains(&"bar") && alternatives("furlong").is_empty());
    }

    #[test]
    fn there_and_back_is_the_same_for_every_pair() {
        for units in QUANTITIES {
            for (a, b) in units.iter().flat_map(|a| units.iter().map(move |b| (a.names[0], b.names[0]))) {
                let (there, back) = (conversion(a, b).unwrap(), conversion(b, a).unwrap());
                let value = back.apply(there.apply(123.5));
                assert!((value - 123.5).abs() < 1e-9, "{a} to {b} and back: {value}");
            }
        }
    }

    #[test]
    fn codes_belong_to_units_of_the_table() {
        assert!(CODES.iter().all(|(name, _)| find(name).is_some_and(|(_, unit)| unit.names[0] == *name)));
        assert_eq!(
            (cefact("°C"), cefact("rpm"), cefact("kWh"), cefact("x")),
            (Some("CEL"), Some("RPM"), Some("KWH"), None)
        );
        assert!(CODES.iter().all(|(name, code)| of_cefact(code) == Some(*name)), "and back");
    }

    #[test]
    fn no_name_stands_twice() {
        let names: Vec<_> =
            QUANTITIES.iter().flat_map(|units| units.iter()).flat_map(|unit| unit.names).collect();
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }
}
