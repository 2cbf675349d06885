//! What pages ask and decide about what is normal and what work is expected.

use super::Watching;
use super::guard::{GUARD, Kept, MAX_WINDOWS, Work, ZoneMode};
use super::view::not_kept;
use model::{Principal, Time};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use watch::Mode;
use watch::baseline::{Difference, DifferenceKind};
use watch::book::Act;
use web::shapes as api;
use web::{Problem, ProblemKind};

const MAX_DIFFERENCES: usize = 5_000;
/// Longest window of work.
const MAX_WORK: Duration = Duration::from_secs(7 * 86_400);
/// Most assets of a window.
const MAX_ASSETS: usize = 1_000;
/// Longest name and ticket, longest note, in characters.
const MAX_WORDS: usize = 200;
const MAX_NOTE: usize = 2_000;

/// The finding that a difference raises.
const fn rule(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Asset => "IB-BASE-001",
        DifferenceKind::Link => "IB-BASE-002",
        DifferenceKind::Function => "IB-BASE-003",
        DifferenceKind::PointRead => "IB-BASE-004",
        DifferenceKind::Writer => "IB-BASE-005",
        DifferenceKind::PointWritten => "IB-BASE-006",
    }
}

fn invalid(title: impl Into<String>, next: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Invalid, title, "Nothing was changed.", next)
}

const fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Learning => "learning",
        Mode::Guarding => "guarding",
    }
}

impl Watching {
    /// Changes what is kept; it is on disk when this comes back.
    fn decide<T>(&self, change: impl FnOnce(&mut Kept) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut kept = self.kept.lock();
        let done = change(&mut kept)?;
        if self.save(GUARD, &kept.versioned()) { Ok(done) } else { Err(not_kept()) }
    }

    pub(super) fn explained(&self) -> api::MonitorExplained {
        let explained = self.monitor.lock().explained();
        api::MonitorExplained {
            commands_matched: explained.commands_matched,
            commands_unmatched: explained.commands_unmatched,
            answers_same: explained.answers_same,
            answers_changed: explained.answers_changed,
            answers_single: explained.answers_single,
            no_room: explained.no_room,
        }
    }

    /// In a word, what is done with what is new in a zone.
    pub(super) fn mode_word(&self, zone: &str) -> Option<String> {
        self.is_on().then(|| word(self.kept.lock().mode(zone)).to_owned())
    }

    pub(super) fn mode_rows(&self) -> api::MonitorModes {
        if !self.is_on() {
            return api::MonitorModes::default();
        }
        let now = self.clock.now();
        let learned = {
            let monitor = self.monitor.lock();
            let baseline = monitor.baseline();
            (!baseline.is_empty()).then_some(Time(baseline.last_new_ns))
        };
        let quiet_s = learned.map(|last| now.since(last).as_secs_f64());
        let kept = self.kept.lock();
        let row = |zone: &str, one: Option<&ZoneMode>| api::MonitorMode {
            zone: zone.to_owned(),
            mode: word(kept.mode(zone)).to_owned(),
            since: one.map_or(self.since, |one| one.since).millis_f64(),
            by: one.map_or_else(|| "monitor".into(), |one| one.by.clone()),
            quiet_s,
        };
        let mut modes = vec![row("", kept.modes.get(""))];
        let zones = kept.modes.iter().filter(|(zone, _)| !zone.is_empty());
        modes.extend(zones.map(|(zone, one)| row(zone, Some(one))));
        api::MonitorModes { modes }
    }

    pub(super) fn set_mode(
        &self,
        who: &Principal,
        ask: &api::MonitorModeAsk,
    ) -> Result<api::MonitorModes, Problem> {
        let mode = if ask.mode == "guarding" { Mode::Guarding } else { Mode::Learning };
        if !ask.zone.is_empty()
            && let Err(why) = model::path::check_segment(&ask.zone)
        {
            return Err(invalid(why.to_string(), "A zone is named like a segment of a path."));
        }
        // What was seen until now counts as learned before anything is guarded.
        self.monitor.lock().learn();
        let one = ZoneMode { mode, since: self.clock.now(), by: who.name.clone() };
        self.decide(|kept| {
            kept.modes.insert(ask.zone.clone(), one);
            Ok(())
        })?;
        // At once: what comes after this answer is judged by it.
        let (mode, others) = self.modes_by_address();
        self.monitor.lock().set_mode(mode, others);
        self.save_baseline();
        Ok(self.mode_rows())
    }

    pub(super) fn difference_rows(&self) -> api::MonitorDifferences {
        let found =
            if self.is_on() { self.monitor.lock().differences(MAX_DIFFERENCES + 1) } else { Vec::new() };
        let (seen, around) = (self.seen.load(), self.around.load());
        let book = self.findings.lock();
        let findings: HashMap<(&str, &str, &str), &String> = book
            .findings
            .iter()
            .map(|(id, kept)| ((kept.rule.as_str(), kept.source.as_str(), kept.target.as_str()), id))
            .collect();
        let strangers: HashMap<&str, &String> = book
            .findings
            .iter()
            .filter(|(_, kept)| kept.rule == rule(DifferenceKind::Asset))
            .map(|(id, kept)| (kept.source.as_str(), id))
            .collect();
        let zone_of: HashMap<String, String> = {
            let assets = self.assets.lock();
            let zone = |asset| super::rows::zone(asset, &around);
            assets.assets.iter().map(|(id, asset)| (id.clone(), zone(asset))).collect()
        };
        let mut last: HashMap<(&str, &str), Time> = HashMap::new();
        for asset in &seen.report.assets {
            last.insert((&asset.id, ""), asset.last);
        }
        for link in &seen.report.links {
            let known = last.entry((&link.client, &link.server)).or_insert(link.last);
            *known = (*known).max(link.last);
        }
        let row = |one: &Difference| {
            let pair = (one.source.as_str(), one.target.as_str());
            let about = if one.target.is_empty() { &one.source } else { &one.target };
            let finding = findings.get(&(rule(one.kind), one.source.as_str(), one.target.as_str()));
            let stranger =
                || strangers.get(one.source.as_str()).filter(|_| one.kind == DifferenceKind::Asset);
            let words = one.kind.words();
            api::MonitorDifference {
                id: one.id(),
                kind: one.kind.key().to_owned(),
                title: if one.what.is_empty() { words.into() } else { format!("{words}: {}", one.what) },
                source: one.source.clone(),
                target: one.target.clone(),
                zone: zone_of.get(about).cloned().unwrap_or_default(),
                first: Time(one.first_ns).millis_f64(),
                last: last.get(&pair).copied().unwrap_or(Time(one.first_ns)).millis_f64(),
                count: 1,
                finding: finding.or_else(stranger).map(|id| (*id).clone()),
            }
        };
        let more = found.len() > MAX_DIFFERENCES;
        api::MonitorDifferences { differences: found.iter().take(MAX_DIFFERENCES).map(row).collect(), more }
    }

    pub(super) fn approve_differences(
        &self,
        who: &Principal,
        ids: &[String],
    ) -> Result<(api::MonitorApproved, Vec<model::Event>), Problem> {
        let rows = self.difference_rows();
        let approved = {
            let mut monitor = self.monitor.lock();
            let all = monitor.differences(MAX_DIFFERENCES);
            let wanted: Vec<_> = all.into_iter().filter(|one| ids.contains(&one.id())).collect();
            wanted.iter().for_each(|difference| monitor.approve(difference));
            wanted.len()
        };
        if approved > 0 && !self.save_baseline() {
            return Err(not_kept());
        }
        // What was approved is done, unless more than that was found with it.
        let left = self.difference_rows();
        let raised = |rows: &api::MonitorDifferences| -> Vec<String> {
            rows.differences.iter().filter_map(|row| row.finding.clone()).collect()
        };
        let still = raised(&left);
        let mut done = raised(&rows);
        done.retain(|id| !still.contains(id));
        let now = self.clock.now();
        let events = {
            let mut findings = self.findings.lock();
            for id in done {
                // It may have been closed by hand.
                let _ = findings.act(&id, &who.name, Act::Close { note: "approved as normal".into() }, now);
            }
            self.revisions.findings.fetch_add(1, Ordering::Relaxed);
            let events = findings.events(now);
            self.save(super::FINDINGS, &*findings);
            events
        };
        Ok((api::MonitorApproved { approved }, events))
    }

    fn window_row(&self, work: &Work, now: Time) -> api::MonitorWindow {
        let findings = self.findings.lock();
        let within = findings.findings.values().filter(|kept| kept.window.as_deref() == Some(&*work.id));
        api::MonitorWindow {
            id: work.id.clone(),
            who: work.who.clone(),
            assets: work.assets.clone(),
            from: work.from.millis_f64(),
            until: work.until.millis_f64(),
            ticket: work.ticket.clone(),
            note: work.note.clone(),
            by: work.by.clone(),
            created: work.created.millis_f64(),
            state: work.state(now).to_owned(),
            findings: within.count(),
        }
    }

    pub(super) fn window_rows(&self, past: bool) -> api::MonitorWindows {
        let now = self.clock.now();
        let works = self.kept.lock().windows.clone();
        let shown = works.iter().rev().filter(|work| past || matches!(work.state(now), "planned" | "open"));
        api::MonitorWindows { windows: shown.map(|work| self.window_row(work, now)).collect() }
    }

    pub(super) fn add_window(
        &self,
        who: &Principal,
        ask: &api::MonitorWindowAsk,
    ) -> Result<api::MonitorWindow, Problem> {
        let now = self.clock.now();
        // More than 200 years around 1970 is no time; the casts stop at the ends.
        let from = ask.from.map_or(now, |from| Time::from_millis(from as i64));
        let until = Time::from_millis(ask.until as i64);
        check(ask, from, until, now)?;
        let addresses = self.addresses(&ask.assets)?;
        let work = self.decide(|kept| {
            if kept.windows.len() >= MAX_WINDOWS {
                let over = kept.windows.iter().position(|work| matches!(work.state(now), "over" | "ended"));
                let Some(over) = over else {
                    return Err(invalid(
                        format!("{MAX_WINDOWS} windows are open or planned already"),
                        "End one that is not needed any more.",
                    ));
                };
                kept.windows.remove(over);
            }
            kept.last += 1;
            let work = Work {
                id: format!("W-{}", kept.last),
                who: ask.who.trim().to_owned(),
                assets: ask.assets.clone(),
                addresses,
                from,
                until,
                ticket: ask.ticket.trim().to_owned(),
                note: ask.note.clone(),
                by: who.name.clone(),
                created: now,
                ended: false,
            };
            kept.windows.push(work.clone());
            Ok(work)
        })?;
        self.windows_changed();
        Ok(self.window_row(&work, now))
    }

    /// Brings the windows to the monitor at once.
    fn windows_changed(&self) {
        self.numbers.windows.fetch_add(1, Ordering::Relaxed);
        let kept = self.kept.lock();
        self.monitor.lock().set_windows(kept.windows());
    }

    /// All addresses of assets.
    fn addresses(&self, ids: &[String]) -> Result<Vec<String>, Problem> {
        let assets = self.assets.lock();
        let mut addresses = Vec::new();
        for id in ids {
            let Some(asset) = assets.assets.get(id) else {
                // It may be on its way: then it must be an address.
                if id.parse::<std::net::IpAddr>().is_err() {
                    return Err(invalid(
                        format!("there is no asset {id:?}"),
                        "Name assets by their address as the page Assets shows it.",
                    ));
                }
                addresses.push(id.clone());
                continue;
            };
            addresses.extend(asset.addresses.iter().chain(&asset.macs).cloned());
        }
        Ok(addresses)
    }

    pub(super) fn end_window(&self, id: &str) -> Result<api::MonitorWindow, Problem> {
        let now = self.clock.now();
        let work = self.decide(|kept| {
            let work = kept.windows.iter_mut().find(|work| work.id == id);
            let work = work.ok_or_else(|| Problem::not_found(format_args!("window {id}")))?;
            if matches!(work.state(now), "over" | "ended") {
                return Err(Problem::new(
                    ProblemKind::Refused,
                    "The window is over already.",
                    "Nothing was changed.",
                    "Open a new one for more work.",
                ));
            }
            (work.ended, work.until) = (true, now.max(work.from));
            Ok(work.clone())
        })?;
        self.windows_changed();
        Ok(self.window_row(&work, now))
    }
}

fn check(ask: &api::MonitorWindowAsk, from: Time, until: Time, now: Time) -> Result<(), Problem> {
    let long = |text: &str, most: usize| text.chars().count() > most;
    let wrong = match () {
        () if ask.who.trim().is_empty() || long(&ask.who, MAX_WORDS) => {
            ("Who works is missing, or longer than 200 characters", "Name the person or the firm.")
        }
        () if ask.ticket.trim().is_empty() || long(&ask.ticket, MAX_WORDS) => (
            "The ticket is missing, or longer than 200 characters",
            "Name the order that the work is done by.",
        ),
        () if long(&ask.note, MAX_NOTE) => ("The note is longer than 2,000 characters", "Shorten it."),
        () if ask.assets.is_empty() || ask.assets.len() > MAX_ASSETS => {
            ("A window is about 1 to 1,000 assets", "Name the devices that are worked on.")
        }
        () if until <= from || until <= now => {
            ("The window ends before it begins, or is over already", "Give an end in the future.")
        }
        () if until.since(from) > MAX_WORK => {
            ("The window is longer than 7 days", "Open another when the work goes on.")
        }
        () => return Ok(()),
    };
    Err(invalid(wrong.0, wrong.1))
}
