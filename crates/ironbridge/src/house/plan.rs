//! What an apply would do, said before anything is done.

use super::{House, Running};
use crate::plant::{Connection, Loaded, Plant, Settings, Switch};
use crate::report::count;
use connect::kind::{Claim, Secrets as _};
use connect::south::budget;
use connect::{north, south};
use model::{Access, Declaration};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use web::shapes::{
    ConnectionPlan, DestinationPlan, KeptShape, NowThen, PlanShape, PlanTotals, PointPlan, PointsPlan,
};

/// Changed points of one connection that are named.
const NAMED: usize = 200;

impl House {
    /// What [`House::apply`] would do with this plant.
    pub(super) fn change_plan(&self, plant: &Plant) -> PlanShape {
        let mut plan = PlanShape::default();
        let mut touched: Vec<String> = Vec::new();
        {
            let running = self.connections.lock();
            for one in &plant.connections {
                plan.connections.push(self.connection_plan(running.get(&one.name), Some(one), &mut touched));
            }
            for (name, one) in running.iter().filter(|(name, _)| !plant.has_connection(name)) {
                let closed = self.connection_plan(Some(one), None, &mut touched);
                plan.connections.push(ConnectionPlan { name: name.clone(), ..closed });
            }
        }
        plan.destinations = self.destination_plans(plant);
        plan.rebirths = self.rebirths(plant, &touched);
        plan.totals = self.totals(&plan, plant.kept.connections.len());
        plan.kept = KeptShape {
            connections: plant.kept.connections.len(),
            destinations: plant.kept.destinations.len(),
        };
        let facts = self.facts.load();
        (plan.settings, plan.restart) =
            settings(&facts.settings, &plant.settings, self.namespace.writes_on());
        if *facts.assets != *super::assets_of(plant) {
            plan.settings.push("assets change".into());
        }
        plan.files = self.applied.diff(&plant.folder).unwrap_or_else(|why| {
            tracing::warn!(%why, "the files cannot be compared with those that were applied last");
            Vec::new()
        });
        plan.notes = self.missing_secrets(plant);
        plan.nothing = plan.connections.is_empty()
            && plan.destinations.is_empty()
            && plan.settings.is_empty()
            && plan.restart.is_empty();
        plan
    }

    /// Secrets that the plant names and that nobody has set.
    pub(super) fn missing_secrets(&self, plant: &Plant) -> Vec<String> {
        plant.missing_secrets(|name| self.secrets.secret(name).is_some())
    }

    fn connection_plan(
        &self,
        old: Option<&Running<south::Handle>>,
        new: Option<&Loaded<Connection>>,
        touched: &mut Vec<String>,
    ) -> ConnectionPlan {
        let action = match (old, new) {
            (Some(_), Some(_)) => "change",
            (None, _) => "open",
            (_, None) => "close",
        };
        let ids = old.map(|old| old.handle.points()).unwrap_or_default();
        // Points that appear by themselves are not in the file: they stay or come back.
        let appear = |path: &model::Path| {
            let claims = new.into_iter().flat_map(|new| &new.mark.claims);
            claims
                .into_iter()
                .any(|claim| matches!(claim, Claim::Below(place) if path.is_under(place.as_str())))
        };
        let mut before: HashMap<String, Arc<Declaration>> = ids
            .iter()
            .filter_map(|id| self.namespace.meta(*id))
            .map(|known| (known.path.folded(), known))
            .collect();
        let mut plan = ConnectionPlan {
            name: new.map(|new| new.name.clone()).unwrap_or_default(),
            action: action.to_owned(),
            measured: new.map(|new| new.it.built.it.measured().to_owned()).unwrap_or_default(),
            ..ConnectionPlan::default()
        };
        let mut note = |plan: &mut ConnectionPlan, path: &model::Path, what: &str, text: String| {
            touched.push(path.to_string());
            if plan.paths.len() < NAMED {
                plan.paths.push(PointPlan { path: path.to_string(), what: what.to_owned(), text });
            }
        };
        for point in new.into_iter().flat_map(|new| &new.it.built.points) {
            match before.remove(&point.path.folded()) {
                None => {
                    plan.points.added += 1;
                    note(&mut plan, &point.path, "added", point.source.clone());
                }
                Some(known) if known == *point => plan.points.same += 1,
                Some(known) => {
                    plan.points.changed += 1;
                    note(&mut plan, &point.path, "changed", difference(&known, point));
                }
            }
        }
        let mut gone: Vec<_> = before.into_values().collect();
        gone.sort_by(|a, b| a.path.as_str().cmp(b.path.as_str()));
        for known in gone {
            if appear(&known.path) {
                plan.points.same += 1;
                continue;
            }
            plan.points.removed += 1;
            note(&mut plan, &known.path, "removed", String::new());
        }
        load(old, new, &mut plan);
        plan
    }

    /// The whole plan in figures. What no driver can tell beforehand makes a sum unknown.
    fn totals(&self, plan: &PlanShape, kept: usize) -> PlanTotals {
        let count = |action: &str| plan.connections.iter().filter(|one| one.action == action).count();
        let sum =
            |points: fn(&PointsPlan) -> usize| plan.connections.iter().map(|one| points(&one.points)).sum();
        let touched: HashSet<&str> = plan.connections.iter().map(|one| one.name.as_str()).collect();
        let (mut now, mut untouched) = (0.0, 0.0);
        for (name, one) in self.connections.lock().iter() {
            let rate = one.handle.planned_requests_per_s();
            now += rate;
            if !touched.contains(name.as_str()) {
                untouched += rate;
            }
        }
        let then = plan.connections.iter().map(|one| match one.action.as_str() {
            "close" => Some(0.0),
            _ => one.requests_per_s.then,
        });
        PlanTotals {
            opened: count("open"),
            closed: count("close"),
            changed: count("change"),
            kept,
            points: PointsPlan {
                added: sum(|points| points.added),
                removed: sum(|points| points.removed),
                changed: sum(|points| points.changed),
                same: sum(|points| points.same),
            },
            requests_per_s: NowThen {
                now: Some(now),
                then: then.sum::<Option<f64>>().map(|sum| sum + untouched),
            },
            rebirths: plan.rebirths.len(),
        }
    }

    fn destination_plans(&self, plant: &Plant) -> Vec<DestinationPlan> {
        let running = self.destinations.lock();
        let named = |name: &str, action: &str, text: &str| DestinationPlan {
            name: name.to_owned(),
            action: action.to_owned(),
            text: text.to_owned(),
        };
        let wanted = plant.destinations.iter().map(|one| {
            let (action, text) = match running.contains_key(&one.name) {
                true => ("change", "its session ends and begins anew; it goes on where it was"),
                false => ("open", "it begins where its file says"),
            };
            let born = if one.it.kind.starts_with("sparkplug") { "; node and devices are born" } else { "" };
            named(&one.name, action, &format!("{text}{born}"))
        });
        let gone = running.keys().filter(|name| !plant.has_destination(name));
        let gone = gone.map(|name| named(name, "close", "its place in the journal is forgotten"));
        wanted.chain(gone).collect()
    }

    /// Sparkplug destinations that stay and whose metrics change: they are born anew.
    fn rebirths(&self, plant: &Plant, touched: &[String]) -> Vec<DestinationPlan> {
        let running = self.destinations.lock();
        let kept = running.iter().filter(|(name, _)| plant.kept.destinations.contains_key(*name));
        let concerned = kept.filter_map(|(name, one)| {
            let count = touched.iter().filter(|path| selects(one, path)).count();
            (count > 0 && one.handle.status().kind.starts_with("sparkplug")).then_some((name, count))
        });
        concerned
            .map(|(name, count)| DestinationPlan {
                name: name.clone(),
                action: "rebirth".to_owned(),
                text: format!(
                    "{count} of its metrics are added, removed or changed: node and devices are born anew"
                ),
            })
            .collect()
    }
}

fn selects(one: &Running<north::Handle>, path: &str) -> bool {
    model::Path::new(path).is_ok_and(|path| one.handle.selects(&path))
}

/// Requests per second, their share of the budget and of the line's time, before and after.
fn load(old: Option<&Running<south::Handle>>, new: Option<&Loaded<Connection>>, plan: &mut ConnectionPlan) {
    let now = old.map(|old| old.handle.planned_requests_per_s());
    let then = new.and_then(|new| budget::demand(new.it.built.it.as_ref()));
    let allowed = NowThen {
        now: old.and_then(|old| old.handle.budget().limits().requests_per_s),
        then: new.and_then(|new| new.it.built.it.layout().budget.requests_per_s),
    };
    plan.budget = allowed;
    let part = |rate: Option<f64>, of: Option<f64>| Some(rate? / of?);
    plan.share = NowThen { now: part(now, allowed.now), then: part(then, allowed.then) };
    plan.notes.extend(new.and_then(|new| new.it.note.as_ref()).map(ToString::to_string));
    let answer_s = old.and_then(|old| old.handle.status().response_ms).map(|response| response.p50 / 1_000.0);
    let share = |rate: Option<f64>| Some((rate? * answer_s?).min(1.0));
    plan.requests_per_s = NowThen { now, then };
    plan.busy = NowThen { now: share(now), then: share(then) };
}

/// In which ways two declarations of a point differ, in words.
fn difference(was: &Declaration, is: &Declaration) -> String {
    let mut words = Vec::new();
    let mut word = |what: &str, is: String, was: String| {
        if is != was {
            let or = |text: String| if text.is_empty() { "none".to_owned() } else { text };
            words.push(format!("{what} {}, was {}", or(is), or(was)));
        }
    };
    let range =
        |point: &Declaration| point.range.map_or_else(String::new, |(low, high)| format!("{low} to {high}"));
    word("source", is.source.clone(), was.source.clone());
    word("type", is.value_type.name().to_owned(), was.value_type.name().to_owned());
    word("unit", is.unit.clone(), was.unit.clone());
    word("range", range(is), range(was));
    word("scan", format!("{} ms", is.scan.as_millis()), format!("{} ms", was.scan.as_millis()));
    word("name", is.name.clone(), was.name.clone());
    word("connection", is.connection.clone(), was.connection.clone());
    word("device", is.device.clone(), was.device.clone());
    match (&is.access, &was.access) {
        (a, b) if a == b => {}
        (Access::Write(_), Access::Read) => words.push("may be written now".into()),
        (Access::Read, Access::Write(_)) => words.push("may no longer be written".into()),
        _ => words.push("another rule for writing".into()),
    }
    if is.states != was.states {
        words.push("other names of its values".into());
    }
    if words.is_empty() { "another description or history".into() } else { words.join("; ") }
}

/// Changed settings: what takes effect, and what needs a restart.
fn settings(was: &Settings, is: &Settings, writes_on: bool) -> (Vec<String>, Vec<String>) {
    let (mut effective, mut restart) = (Vec::new(), Vec::new());
    match (writes_on, is.writes == Switch::On) {
        (false, true) => effective.push(
            "writes are turned ON if it is applied on the machine itself: commands then reach the machines"
                .into(),
        ),
        (true, false) => effective.push("writes are turned off: READ-ONLY".into()),
        _ => {}
    }
    let mut later = |changed: bool, what: &str| {
        if changed {
            restart.push(format!("{what} changed: it takes effect when Ironbridge is started again"));
        }
    };
    later(was.web != is.web, "[web]");
    later(was.history != is.history, "[history]");
    later(was.journal != is.journal, "[journal]");
    later(was.serve != is.serve, "[serve]");
    later(was.max_skew != is.max_skew, "max_skew");
    later(was.monitor != is.monitor, "[monitor]");
    (effective, restart)
}

/// The plan for a terminal.
pub fn text(plan: &PlanShape) -> String {
    if plan.nothing {
        return "Nothing to do: this folder is what runs.\n".to_owned();
    }
    let mut out = totals_text(&plan.totals);
    for one in &plan.connections {
        let PointsPlan { added, removed, changed, same } = one.points;
        out.push_str(&format!(
            "{} connection {}: points {added} added, {removed} removed, {changed} changed, {same} as before{}\n",
            verb(&one.action), one.name, load_text(one)
        ));
        if !one.measured.is_empty() {
            out.push_str(&format!("  = {}\n", one.measured));
        }
        for note in &one.notes {
            out.push_str(&format!("  note: {note}\n"));
        }
        for point in &one.paths {
            let sign = match point.what.as_str() {
                "added" => '+',
                "removed" => '-',
                _ => '~',
            };
            out.push_str(format!("  {sign} {}  {}", point.path, point.text).trim_end());
            out.push('\n');
        }
        let more = (added + removed + changed).saturating_sub(one.paths.len());
        if more > 0 {
            out.push_str(&format!("  ... and {more} more\n"));
        }
    }
    for one in plan.destinations.iter().chain(&plan.rebirths) {
        out.push_str(&format!("{} destination {}: {}\n", verb(&one.action), one.name, one.text));
    }
    for line in &plan.settings {
        out.push_str(&format!("setting: {line}\n"));
    }
    for line in &plan.restart {
        out.push_str(&format!("restart: {line}\n"));
    }
    out.push_str(&format!(
        "untouched: {}, {}\n",
        count(plan.kept.connections, "connection"),
        count(plan.kept.destinations, "destination")
    ));
    out
}

fn verb(action: &str) -> &str {
    match action {
        "rebirth" => "rebirth of",
        action => action,
    }
}

fn load_text(one: &ConnectionPlan) -> String {
    let figure = |pair: NowThen, show: fn(f64) -> String| {
        let word = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), show);
        match (pair.now, pair.then) {
            (None, None) => None,
            (None, then) => Some(word(then)),
            (now, then) => Some(format!(
                "{} -> {}",
                word(now),
                if one.action == "close" { "0".into() } else { word(then) }
            )),
        }
    };
    let rate =
        figure(one.requests_per_s, |rate| format!("{rate:.1}")).map(|text| format!("; requests/s {text}"));
    let busy =
        figure(one.busy, |share| format!("{:.0} %", share * 100.0)).map(|text| format!("; line busy {text}"));
    let budget = budget_text(one).map(|text| format!("; {text}"));
    format!("{}{}{}", rate.unwrap_or_default(), budget.unwrap_or_default(), busy.unwrap_or_default())
}

/// `60 % of its budget of 20 requests/s`; what it was, too, if that is another.
fn budget_text(one: &ConnectionPlan) -> Option<String> {
    let percent =
        |share: Option<f64>| share.map_or_else(|| "?".to_owned(), |share| format!("{:.0} %", share * 100.0));
    match (one.budget.now, one.budget.then) {
        (None, None) => None,
        _ if one.action == "close" => None,
        (_, None) => Some("no budget any more".to_owned()),
        (None, Some(most)) => Some(format!("{} of its budget of {most} requests/s", percent(one.share.then))),
        (Some(was), Some(most)) => {
            let was = if was == most { String::new() } else { format!(" (was {was})") };
            let (now, then) = (percent(one.share.now), percent(one.share.then));
            let share = if now == then { then } else { format!("{now} -> {then}") };
            Some(format!("{share} of its budget of {most} requests/s{was}"))
        }
    }
}

/// The first lines: all of it in figures.
fn totals_text(totals: &PlanTotals) -> String {
    let PlanTotals { opened, closed, changed, kept, points, requests_per_s, rebirths } = totals;
    let PointsPlan { added, removed, changed: other, same: _ } = points;
    let rate = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), |rate| format!("{rate:.1}"));
    format!(
        "connections: {opened} opened, {closed} closed, {changed} closed and opened anew, {kept} kept open\n\
         points: {added} added, {removed} removed, {other} changed\n\
         requests/s, all connections together: {} -> {}\n\
         Sparkplug rebirths: {rebirths}\n",
        rate(requests_per_s.now),
        rate(requests_per_s.then),
    )
}

/// Paths that change hands or leave, for the summary.
pub(super) fn changed_points(plan: &PlanShape) -> usize {
    plan.connections.iter().map(|one| one.points.added + one.points.removed + one.points.changed).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, ValueType};

    #[test]
    fn the_difference_of_two_declarations_is_said_in_words() {
        let was = Declaration::new(Path::new("a/b").unwrap(), ValueType::F64);
        let mut is = was.clone();
        assert!(difference(&was, &is).contains("description"));
        is.unit = "kPa".into();
        is.scan = std::time::Duration::from_millis(250);
        is.access = Access::Write(Box::default());
        assert_eq!(difference(&was, &is), "unit kPa, was none; scan 250 ms, was 0 ms; may be written now");
    }

    #[test]
    fn settings_that_need_a_restart_are_named() {
        let was: Settings = toml::from_str("enterprise = \"a\"\nsite = \"b\"").unwrap();
        let mut is = was.clone();
        assert_eq!(settings(&was, &is, false), (vec![], vec![]));
        is.web.listen = "127.0.0.1:9999".into();
        is.writes = Switch::On;
        let (effective, restart) = settings(&was, &is, false);
        assert!(
            effective[0].contains("turned ON") && restart[0].contains("[web]"),
            "{effective:?} {restart:?}"
        );
    }

    #[test]
    fn a_plan_reads_as_lines() {
        let plan = PlanShape {
            connections: vec![ConnectionPlan {
                name: "line-1".into(),
                action: "change".into(),
                points: PointsPlan { added: 1, changed: 1, ..PointsPlan::default() },
                paths: vec![PointPlan {
                    path: "a/b".into(),
                    what: "added".into(),
                    text: "holding 1 i16".into(),
                }],
                requests_per_s: NowThen { now: Some(2.0), then: Some(3.0) },
                busy: NowThen { now: None, then: Some(0.25) },
                budget: NowThen { now: Some(10.0), then: Some(2.0) },
                share: NowThen { now: Some(0.2), then: Some(1.5) },
                notes: vec!["connections/line-1.toml:4: the scans need more".into()],
                measured: "measured 2026-11-22: at most 60 registers".into(),
            }],
            ..PlanShape::default()
        };
        let text = text(&plan);
        for part in [
            "change connection line-1: points 1 added",
            "requests/s 2.0 -> 3.0; 20 % -> 150 % of its budget of 2 requests/s (was 10)",
            "  note: connections/line-1.toml:4: the scans need more",
            "line busy 25 %",
            "  = measured 2026-11-22: at most 60 registers\n",
            "  + a/b  holding 1 i16",
            "... and 1 more",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }
}
