//! Engineering units: the standard's numbers (21, `BACnetEngineeringUnits`) and our names.

/// Number and name; what is not here has no name of ours, and none is guessed.
const UNITS: &[(u32, &str)] = &[
    (2, "mA"),
    (3, "A"),
    (4, "Ohm"),
    (5, "V"),
    (6, "kV"),
    (8, "VA"),
    (9, "kVA"),
    (11, "var"),
    (12, "kvar"),
    (16, "J"),
    (17, "kJ"),
    (18, "W.h"),
    (19, "kW.h"),
    (27, "Hz"),
    (29, "%"),
    (30, "mm"),
    (31, "m"),
    (32, "[in_i]"),
    (33, "[ft_i]"),
    (36, "lm"),
    (37, "lx"),
    (39, "kg"),
    (40, "[lb_av]"),
    (41, "t"),
    (42, "kg/s"),
    (43, "kg/min"),
    (44, "kg/h"),
    (47, "W"),
    (48, "kW"),
    (49, "MW"),
    (53, "Pa"),
    (54, "kPa"),
    (55, "bar"),
    (56, "psi"),
    (59, "mm[Hg]"),
    (62, "Cel"),
    (63, "K"),
    (64, "[degF]"),
    (70, "d"),
    (71, "h"),
    (72, "min"),
    (73, "s"),
    (74, "m/s"),
    (75, "km/h"),
    (80, "m3"),
    (82, "l"),
    (83, "[gal_us]"),
    (85, "m3/s"),
    (87, "l/s"),
    (88, "l/min"),
    (96, "ppm"),
    (98, "%"),
    (100, "/min"),
    (101, "/s"),
    (104, "/min"),
    (118, "cm"),
    (121, "K"),
    (122, "kOhm"),
    (123, "MOhm"),
    (124, "mV"),
    (126, "MJ"),
    (129, "kHz"),
    (131, "/h"),
    (132, "mW"),
    (133, "hPa"),
    (134, "mbar"),
    (135, "m3/h"),
    (136, "l/h"),
    (146, "MW.h"),
    (153, "N"),
    (154, "g/s"),
    (156, "t/h"),
    (159, "ms"),
    (160, "N.m"),
    (161, "mm/s"),
    (163, "m/min"),
    (165, "m3/min"),
    (174, "S/m"),
    (193, "km"),
    (194, "um"),
    (195, "g"),
    (196, "mg"),
    (197, "ml"),
    (206, "mm[H2O]"),
];

/// Our name of a unit; `None` for those that have none here and for "no units" (95).
pub(super) fn name(number: u32) -> Option<&'static str> {
    UNITS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::unit;

    #[test]
    fn the_names_are_those_that_can_be_converted() {
        let without = ["lx", "lm"];
        for (number, name) in UNITS.iter().filter(|(_, name)| !without.contains(name)) {
            assert!(unit::conversion(name, name).is_some(), "{number}: {name}");
        }
        assert!(UNITS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((name(62), name(95)), (Some("Cel"), None));
    }
}
