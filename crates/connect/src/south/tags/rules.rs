//! The rules of one tag that do not depend on its protocol: scaling, states, limits of a write.

use super::keys::{Confirm as ConfirmSetting, ConfirmWord, TagKeys, Write};
use super::plan::{Plan, Tag};
use super::{Linear, Scaling, Wrong};
use model::condition::Condition;
use model::{Access, Confirm, Interlock, Rate, Role, States, ValueType, WriteRule};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest wait for another point that confirms a write.
const LONGEST_CONFIRM: Duration = Duration::from_secs(30);
/// Longest span over which writes are counted: what the ledger recalls after a restart.
const LONGEST_RATE: Duration = Duration::from_secs(86_400);

const fn is_number(value: ValueType) -> bool {
    matches!(value, ValueType::I64 | ValueType::U64 | ValueType::F64)
}

pub(super) fn scaling(plan: &mut Plan<'_>, tag: &Tag<'_>, value: ValueType) -> Option<Scaling> {
    let linear = linear(tag.keys).unwrap_or_else(|(key, wrong)| {
        plan.wrong(tag, key, wrong);
        None
    });
    let (bad_above, bad_below) = (tag.keys.bad_above, tag.keys.bad_below);
    let any = linear.is_some() || bad_above.is_some() || bad_below.is_some();
    if any && !is_number(value) {
        let message = format!("a {} has no scale and no raw limits", value.name());
        plan.wrong(tag, "type", Wrong::new(message, "leave them out"));
    }
    any.then_some(Scaling { linear, bad_above, bad_below })
}

fn linear(keys: &TagKeys) -> Result<Option<Linear>, (&'static str, Wrong)> {
    let wrong = |key, message: &str, help: &str| Err((key, Wrong::new(message, help)));
    match (keys.raw, keys.range, keys.scale.or(keys.offset)) {
        (Some(_), _, Some(_)) => {
            wrong("raw", "`raw` and `scale`/`offset` are two ways to say the same", "keep one of them")
        }
        (Some(_), None, None) => wrong(
            "raw",
            "`raw` needs `range`: the values that the raw numbers stand for",
            "write e.g. raw = [0, 27648], range = [0, 100]",
        ),
        (Some(raw), Some(range), None) => {
            Linear::between(raw, range).map(Some).map_err(|wrong| ("raw", wrong))
        }
        (None, _, Some(_)) => match keys.scale.unwrap_or(1.0) {
            0.0 => wrong("scale", "`scale` is 0, so every value would be the same", "write another factor"),
            factor => Ok(Some(Linear::new(factor, keys.offset.unwrap_or(0.0)))),
        },
        (None, _, None) => Ok(None),
    }
}

pub(super) fn states(plan: &mut Plan<'_>, tag: &Tag<'_>) -> States {
    let mut states = States::new();
    for (value, name) in &tag.keys.states {
        match value.parse() {
            Ok(value) => {
                states.insert(value, name.clone());
            }
            Err(_) => {
                let message = format!("`{value}` in `states` is no whole number");
                let help = "write states = { 0 = \"Idle\", 1 = \"Execute\" }";
                plan.wrong(tag, "states", Wrong::new(message, help));
            }
        }
    }
    states
}

pub(super) fn access(plan: &mut Plan<'_>, tag: &Tag<'_>, value: ValueType) -> Access {
    let Some(write) = &tag.keys.write else { return Access::Read };
    let mut wrong = |message: String, help: &str| plan.wrong(tag, "write", Wrong::new(message, help));
    if tag.home.keys.safety {
        wrong(
            "points of a safety controller are never writable".into(),
            "leave out `write`, or `safety` if this is none",
        );
    }
    if let (Some(min), Some(max)) = (write.min, write.max)
        && min > max
    {
        wrong(format!("`min` {min} is above `max` {max}"), "swap them");
    }
    if write.step.is_some_and(|step| step <= 0.0) {
        wrong("`step` must be above 0".into(), "leave it out if any change is allowed");
    }
    let limited = write.min.is_some() || write.max.is_some() || write.step.is_some();
    if limited && !is_number(value) {
        wrong(format!("a {} has no limits", value.name()), "leave out min, max and step");
    }
    if write.tolerance.is_some_and(|tolerance| tolerance < 0.0)
        || (write.tolerance.is_some() && !is_number(value))
    {
        wrong(
            "`tolerance` is a number of the tag's unit, 0 or more".into(),
            "leave it out if it must be equal",
        );
    }
    if [write.role, write.approval].contains(&Some(Role::Viewer)) {
        wrong("a viewer may not write".into(), "write \"operator\", \"engineer\" or \"administrator\"");
    }
    let rate = write.rate.as_ref().map(|rate| Rate { writes: rate.writes, per: rate.per.0 });
    if rate.is_some_and(|rate| rate.per.is_zero() || rate.per > LONGEST_RATE) {
        wrong(
            "`per` of a rate is longer than 0 and at most a day".into(),
            "write e.g. rate = { writes = 6, per = \"1m\" }",
        );
    }
    let (confirm, interlock) = (confirm(plan, tag, write), interlock(plan, tag, write));
    Access::Write(Box::new(WriteRule {
        min: write.min,
        max: write.max,
        step: write.step,
        confirm,
        tolerance: write.tolerance,
        rate,
        role: write.role,
        approval: write.approval,
        interlock,
    }))
}

fn interlock(plan: &mut Plan<'_>, tag: &Tag<'_>, write: &Write) -> Option<Interlock> {
    let wanted = write.interlock.as_ref()?;
    let mut points = BTreeMap::new();
    for (name, below) in &wanted.points {
        match plan.context().site.join(below) {
            Ok(path) => drop(points.insert(name.clone(), path)),
            Err(error) => {
                let message = format!("`{below}` is no path: {error}");
                plan.wrong(tag, "write", Wrong::new(message, "write the point's path below enterprise/site"));
            }
        }
    }
    match Condition::parse(&wanted.allow_if) {
        Err(why) => {
            let help = "write it like \"guard && speed < 10\"";
            plan.wrong(tag, "write", Wrong::new(format!("`allow_if` cannot be understood: {why}"), help));
        }
        Ok(condition) => {
            for name in condition.names().into_iter().filter(|name| !wanted.points.contains_key(*name)) {
                let message = format!("`allow_if` asks for `{name}`, and `points` does not say what that is");
                let help = format!("write points = {{ {name} = \"path/below/the/site\" }}");
                plan.wrong(tag, "write", Wrong::new(message, help));
            }
        }
    }
    Some(Interlock { allow_if: wanted.allow_if.clone(), points })
}

fn confirm(plan: &mut Plan<'_>, tag: &Tag<'_>, write: &Write) -> Confirm {
    match &write.confirm {
        None | Some(ConfirmSetting::Word(ConfirmWord::Readback)) => Confirm::Readback,
        Some(ConfirmSetting::Word(ConfirmWord::None)) => Confirm::None,
        Some(ConfirmSetting::Point(point)) => match plan.context().site.join(&point.point) {
            Ok(path) => Confirm::Point { path, within: point.within.0.min(LONGEST_CONFIRM) },
            Err(error) => {
                let message = format!("`{}` is no path: {error}", point.point);
                plan.wrong(tag, "write", Wrong::new(message, "write the point's path below enterprise/site"));
                Confirm::Readback
            }
        },
    }
}
