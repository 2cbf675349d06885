//! Every check that needs no device: type, limits, rate, interlock.

use crate::Namespace;
use model::condition::{Condition, ConditionError, Operand};
use model::{
    Access, Command, Declaration, Interlock, Last, PointId, Principal, Rate, Time, Value, ValueType,
    WriteRule,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest time-to-live: a wish older than this is no wish any more.
const MAX_TTL: Duration = Duration::from_secs(300);
/// The same where a second person has to be found first.
const MAX_TTL_APPROVED: Duration = Duration::from_secs(3_600);

/// What was written to a point since the start, and whose turn it is.
#[derive(Default)]
pub(super) struct Written {
    /// Commands to one point go one after the other: a step is measured from what the one before has set.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// When commands were sent, as many as a rate may ask for, oldest first.
    sent: VecDeque<Time>,
    /// The newest read-back and when it came: newer than the last scan for a moment.
    confirmed: Option<(Value, Time)>,
}

/// Most writes that a rate may count.
const MOST_SENT: usize = 1_000;

impl Written {
    pub(super) fn sent_at(&mut self, at: Time) {
        self.sent.push_back(at);
        if self.sent.len() > MOST_SENT {
            self.sent.pop_front();
        }
    }

    pub(super) fn confirmed_at(&mut self, at: Time, readback: Value) {
        self.confirmed = Some((readback, at));
    }
}

/// A command that may be sent.
pub(super) struct Admitted {
    pub(super) point: PointId,
    pub(super) declaration: Arc<Declaration>,
    pub(super) value: Value,
    pub(super) owner: mpsc::Sender<super::Order>,
}

impl Admitted {
    pub(super) fn rule(&self) -> Option<&WriteRule> {
        match &self.declaration.access {
            Access::Write(rule) => Some(rule),
            Access::Read => None,
        }
    }
}

impl Namespace {
    /// Whether the command may be sent now.
    pub(super) fn admit(
        &self,
        principal: &Principal,
        command: &Command,
        asked: Time,
    ) -> Result<Admitted, String> {
        self.may_write(principal, &command.path)?;
        let point = self.find(command.path.as_str()).ok_or("no such point")?;
        let declaration = self.live(point).ok_or("no such point")?;
        let Access::Write(rule) = &declaration.access else {
            return Err("this point is not writable".into());
        };
        let now = self.0.clock.now();
        if command.expires <= now {
            return Err("its time-to-live is over".into());
        }
        let longest = if rule.approval.is_some() { MAX_TTL_APPROVED } else { MAX_TTL };
        if command.expires.since(asked) > longest {
            return Err(format!("its time-to-live is longer than {} s", longest.as_secs()));
        }
        let value = coerce(&command.value, declaration.value_type)?;
        let last = self.last(point).ok_or("no such point")?;
        let present = self.present(point, &last);
        limits(rule, &value, present.as_ref(), &declaration.unit)?;
        if let Some(limit) = rule.rate {
            let written = self.0.commands.written.lock();
            rate(limit, written.get(&point).map(|written| &written.sent), now)?;
        }
        if let Some(wanted) = &rule.interlock {
            interlock(self, wanted)?;
        }
        let owner = self.0.commands.owners.read().get(&point).cloned();
        let owner =
            owner.filter(|owner| !owner.is_closed()).ok_or("no running connection feeds this point")?;
        Ok(Admitted { point, declaration, value, owner })
    }

    /// The present value for the step limit: Good and read since the start, or what the newest write read back.
    fn present(&self, point: PointId, last: &Last) -> Option<Value> {
        let scanned =
            (last.status.is_good() && self.is_of_this_run(last)).then(|| (last.value.clone(), last.received));
        let written =
            self.0.commands.written.lock().get(&point).and_then(|written| written.confirmed.clone());
        match (scanned, written) {
            (Some((value, at)), Some((newer, then))) => Some(if then > at { newer } else { value }),
            (Some((value, _)), None) => Some(value),
            // A bad quality stays one, whatever was written before.
            (None, _) => None,
        }
    }

    /// Whether the sample came since this start: an older one says nothing about the plant now.
    fn is_of_this_run(&self, last: &Last) -> bool {
        last.position.epoch() == self.journal().epoch()
    }
}

/// The value in the point's type, if that is possible without loss.
pub(super) fn coerce(value: &Value, wanted: ValueType) -> Result<Value, String> {
    let fits = match (wanted, value) {
        (ValueType::F64, _) => value.as_f64().filter(|v| v.is_finite()).map(Value::F64),
        (ValueType::I64, _) => value.as_i64().map(Value::I64),
        (ValueType::U64, Value::U64(v)) => Some(Value::U64(*v)),
        (ValueType::U64, _) => value.as_i64().and_then(|v| u64::try_from(v).ok()).map(Value::U64),
        (ValueType::Bool, Value::Bool(v)) => Some(Value::Bool(*v)),
        (ValueType::Bool, _) => match value.as_i64() {
            Some(0) => Some(Value::Bool(false)),
            Some(1) => Some(Value::Bool(true)),
            _ => None,
        },
        (ValueType::Text, Value::Text(_)) | (ValueType::Bytes, Value::Bytes(_)) => Some(value.clone()),
        _ => None,
    };
    fits.ok_or_else(|| format!("{value:?} is not a {} value", wanted.name()))
}

pub(super) fn limits(
    rule: &WriteRule,
    value: &Value,
    present: Option<&Value>,
    unit: &str,
) -> Result<(), String> {
    let Some(number) = value.as_f64() else { return Ok(()) };
    let with_unit = |number: f64| format!("{number} {unit}").trim_end().to_owned();
    if let Some(min) = rule.min.filter(|min| number < *min) {
        return Err(format!("{} is below the lowest allowed value, {}", with_unit(number), with_unit(min)));
    }
    if let Some(max) = rule.max.filter(|max| number > *max) {
        return Err(format!("{} is above the highest allowed value, {}", with_unit(number), with_unit(max)));
    }
    if let Some(step) = rule.step {
        let Some(present) = present.and_then(Value::as_f64).filter(|present| present.is_finite()) else {
            return Err("the present value is not Good, so the allowed step cannot be checked".into());
        };
        if (number - present).abs() > step {
            let (from, to, most) = (with_unit(present), with_unit(number), with_unit(step));
            return Err(format!("from {from} to {to} is more than the allowed step of {most}"));
        }
    }
    Ok(())
}

pub(super) fn rate(limit: Rate, sent: Option<&VecDeque<Time>>, now: Time) -> Result<(), String> {
    let begin = now.before(limit.per);
    let recent: Vec<Time> = sent.into_iter().flatten().copied().filter(|at| *at > begin).collect();
    let allowed = limit.writes as usize;
    // Of those that count, the one that has to leave the window first.
    let Some(oldest) = recent.len().checked_sub(allowed).and_then(|index| recent.get(index)) else {
        return Ok(());
    };
    let wait = oldest.after(limit.per).since(now).as_secs_f64();
    Err(format!(
        "this point may be written {} within {} s; the next write is possible in {wait:.0} s",
        if allowed == 1 { "once".to_owned() } else { format!("{allowed} times") },
        limit.per.as_secs_f64(),
    ))
}

/// Whether the interlock lets a write through. What is not Good lets nothing through.
pub(super) fn interlock(namespace: &Namespace, wanted: &Interlock) -> Result<(), String> {
    let text = &wanted.allow_if;
    let cannot = |why: &dyn std::fmt::Display| format!("the interlock `{text}` cannot be checked: {why}");
    let condition = Condition::parse(text).map_err(|why| cannot(&why))?;
    let mut seen = Vec::new();
    let mut look = |name: &str| -> Result<Operand, ConditionError> {
        let path = wanted
            .points
            .get(name)
            .ok_or_else(|| ConditionError::new(format!("it names no point for `{name}`")))?;
        let found =
            namespace.find(path.as_str()).and_then(|id| Some((namespace.live(id)?, namespace.last(id)?)));
        let (declared, last) =
            found.ok_or_else(|| ConditionError::new(format!("there is no point {path}")))?;
        if !last.status.is_good() || !namespace.is_of_this_run(&last) {
            let status = if last.status.is_good() {
                "not read since the start".to_owned()
            } else {
                last.status.to_string()
            };
            return Err(ConditionError::new(format!("{path} is {status}")));
        }
        seen.push(format!(
            "{name} is {}",
            declared.state_of(&last.value).map_or_else(|| last.value.to_string(), str::to_owned)
        ));
        Operand::of(&last.value, declared.state_of(&last.value))
            .map_err(|why| ConditionError::new(format!("{path}: {why}")))
    };
    // A name that the condition does not use is looked at all the same: it was written down for a reason.
    let unused = wanted.points.keys().filter(|name| !condition.names().contains(name.as_str()));
    let unused: Result<Vec<_>, _> = unused.map(|name| look(name)).collect();
    unused.map_err(|why| cannot(&why))?;
    match condition.holds(&mut look) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("the interlock `{text}` does not allow it: {}", seen.join(", "))),
        Err(why) => Err(cannot(&why)),
    }
}
