//! What an asset's type says of a point that a tag feeds: its unit, and what the tag itself leaves unsaid.

use super::{Linear, Scaling};
use crate::kind::Contract;
use model::unit::conversion;
use model::{Access, Declaration, ValueType};

/// Fits a declared point to its contract. Values, range and limits of writes change to the contract's unit where that is
/// a matter of arithmetic; where it is not, the unit stays as the tag has it, and loading the plant says what is wrong.
pub(super) fn fit(contract: &Contract, point: &mut Declaration, scaling: Option<Scaling>) -> Option<Scaling> {
    fill(&contract.name, &mut point.name);
    fill(&contract.description, &mut point.description);
    if point.states.is_empty() {
        point.states.clone_from(&contract.states);
    }
    let converted = convert(contract, point, scaling);
    point.range = point.range.or(contract.range);
    converted
}

fn fill(from: &str, to: &mut String) {
    if to.is_empty() {
        from.clone_into(to);
    }
}

fn convert(contract: &Contract, point: &mut Declaration, scaling: Option<Scaling>) -> Option<Scaling> {
    let number = matches!(point.value_type, ValueType::I64 | ValueType::U64 | ValueType::F64);
    if contract.unit.is_empty() || contract.unit == point.unit || !number {
        return scaling;
    }
    let Some(to) = conversion(&point.unit, &contract.unit) else { return scaling };
    point.unit.clone_from(&contract.unit);
    if (to.times, to.over, to.offset) == (1.0, 1.0, 0.0) {
        // Another name of the same unit.
        return scaling;
    }
    point.value_type = ValueType::F64;
    point.range = point.range.map(|(low, high)| (to.apply(low), to.apply(high)));
    if let Access::Write(rule) = &mut point.access {
        rule.min = rule.min.map(|min| to.apply(min));
        rule.max = rule.max.map(|max| to.apply(max));
        rule.step = rule.step.map(|step| to.difference(step));
        rule.tolerance = rule.tolerance.map(|tolerance| to.difference(tolerance));
    }
    let scaling = scaling.unwrap_or_default();
    let linear = scaling.linear.unwrap_or(Linear::new(1.0, 0.0));
    Some(Scaling { linear: Some(linear.then(&to)), ..scaling })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, Status, Value, WriteRule};

    fn point(unit: &str) -> Declaration {
        let mut point = Declaration::new(Path::new("acme/leeds/boiler/Pressure").unwrap(), ValueType::I64);
        point.unit = unit.into();
        point.range = Some((0.0, 1_000.0));
        let rule = WriteRule { min: Some(0.0), max: Some(800.0), step: Some(50.0), ..WriteRule::default() };
        point.access = Access::Write(Box::new(rule));
        point
    }

    fn contract(unit: &str) -> Contract {
        Contract { unit: unit.into(), description: "Steam".into(), ..Contract::default() }
    }

    #[test]
    fn values_limits_and_range_change_with_the_unit() {
        let mut pressure = point("kPa");
        let tenth = Scaling { linear: Some(Linear::new(0.1, 0.0)), ..Scaling::default() };
        let scaling = fit(&contract("bar"), &mut pressure, Some(tenth)).unwrap();
        assert_eq!(scaling.apply(Value::I64(8_785)), (Value::F64(8.785), Status::GOOD));
        assert_eq!(super::super::to_whole(&Value::F64(2.5), Some(&scaling), 0..=65_535, "u16"), Ok(2_500));
        assert_eq!((pressure.unit.as_str(), pressure.value_type), ("bar", ValueType::F64));
        assert_eq!((pressure.range, pressure.description.as_str()), (Some((0.0, 10.0)), "Steam"));
        let Access::Write(rule) = &pressure.access else { panic!("still writable") };
        assert_eq!((rule.min, rule.max, rule.step), (Some(0.0), Some(8.0), Some(0.5)));
    }

    #[test]
    fn a_difference_has_no_zero_point() {
        let mut temperature = point("Cel");
        let scaling = fit(&contract("[degF]"), &mut temperature, None).unwrap();
        let (Value::F64(value), _) = scaling.apply(Value::I64(100)) else { panic!("a number") };
        assert!((value - 212.0).abs() < 1e-9, "{value}");
        let Access::Write(rule) = &temperature.access else { panic!("still writable") };
        assert!((rule.step.unwrap() - 90.0).abs() < 1e-9 && (rule.min.unwrap() - 32.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_converted_stays_as_it_is() {
        for (has, wants) in [("kPa", "Cel"), ("", "bar"), ("furlong", "m")] {
            let mut odd = point(has);
            assert_eq!(fit(&contract(wants), &mut odd, None), None);
            assert_eq!((odd.unit.as_str(), odd.range), (has, Some((0.0, 1_000.0))));
        }
        let mut renamed = point("rpm");
        assert_eq!(fit(&contract("/min"), &mut renamed, None), None, "another name, the same numbers");
        assert_eq!((renamed.unit.as_str(), renamed.value_type), ("/min", ValueType::I64));
    }
}
