//! The first page: the plant in one sentence, its lines, what is abnormal, whether the data can be trusted.

use crate::history::Span;
use crate::plant::Asset;
use crate::quality_index::Counted;
use crate::shapes::{
    Connection, ConnectionCounts, DataHealth, Destination, Disk, EventShape, JournalHealth, Line, Overview,
    PointCounts, StateNow, Unit,
};
use crate::state::Web;
use journal::State;
use model::event::severity;
use model::{Event, EventKind, Path, PointId, Time};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How old the first page may be: however many screens show it, it is made once in this time.
const FRESH: Duration = Duration::from_secs(1);
/// Abnormal events shown.
const ABNORMAL: usize = 10;
/// Assets looked at for the first page.
const MOST_ASSETS: usize = 2_000;
/// Samples looked back through for the moment when a state began.
const LOOK_BACK: usize = 2_000;
/// How far back.
const LOOK_BACK_TIME: Duration = Duration::from_secs(7 * 86_400);

/// What is remembered between two looks.
#[derive(Default)]
pub(crate) struct Standing {
    page: Mutex<Option<(Duration, Arc<Overview>)>>,
    since: Mutex<HashMap<PointId, (i64, Time)>>,
    rate: Mutex<Rate>,
}

#[derive(Default)]
struct Rate {
    at: Duration,
    samples: u64,
    per_s: f64,
}

impl Web {
    /// Samples per second, over about the last second.
    pub fn samples_per_s(&self) -> f64 {
        let (now, samples) = (self.clock.monotonic(), self.namespace.samples());
        let mut rate = self.standing.rate.lock();
        let passed = now.saturating_sub(rate.at);
        if passed >= FRESH {
            let per_s = samples.saturating_sub(rate.samples) as f64 / passed.as_secs_f64();
            *rate = Rate { at: now, samples, per_s };
        }
        rate.per_s
    }

    /// The first page. May read history: call it where blocking is allowed.
    pub fn overview(&self) -> Arc<Overview> {
        let now = self.clock.monotonic();
        let mut page = self.standing.page.lock();
        if let Some((at, made)) = &*page
            && now.saturating_sub(*at) < FRESH
        {
            return made.clone();
        }
        let made = Arc::new(make(self));
        *page = Some((now, made.clone()));
        made
    }
}

fn make(web: &Web) -> Overview {
    let now = web.clock.now();
    let counted = web.quality.counted(&web.namespace);
    let active: Vec<Arc<Event>> = web
        .namespace
        .active_events()
        .into_iter()
        .filter(|event| !matches!(event.kind, EventKind::Interval | EventKind::Change))
        .collect();
    let lines = lines(web, &counted, &active);
    let connections = web.plant.connections();
    let health = data_health(web, &counted, &connections, &web.plant.destinations());
    let level = lines
        .iter()
        .map(|line| rank(&line.level))
        .chain(active.iter().map(|e| rank_of(e)))
        .max()
        .unwrap_or(0);
    let level = if health.connections.lost > 0 { level.max(1) } else { level };
    Overview {
        sentence: sentence(now, &lines, &active, &health),
        level: word(level).to_owned(),
        lines,
        abnormal: active.iter().take(ABNORMAL).map(|event| EventShape::from(&**event)).collect(),
        data_health: health,
    }
}

fn word(rank: u8) -> &'static str {
    match rank {
        0 => "normal",
        1 => "attention",
        _ => "alarm",
    }
}

fn rank(word: &str) -> u8 {
    match word {
        "alarm" => 2,
        "attention" => 1,
        _ => 0,
    }
}

fn rank_of(event: &Event) -> u8 {
    match (event.kind, event.severity) {
        (EventKind::Alarm | EventKind::Finding, severity::HIGH..) => 2,
        (_, severity::LOW..) => 1,
        _ => 0,
    }
}

/// How abnormal a machine's state is (PackML, ISA-TR88.00.02: what a machine does not do of its own plan).
fn rank_of_state(text: &str) -> u8 {
    match text.to_ascii_lowercase().as_str() {
        "aborted" | "aborting" | "fault" | "faulted" | "failed" => 2,
        "stopped" | "stopping" | "held" | "holding" | "suspended" | "suspending" | "clearing" | "blocked"
        | "starved" => 1,
        _ => 0,
    }
}

fn lines(web: &Web, counted: &Counted, active: &[Arc<Event>]) -> Vec<Line> {
    let assets = web.assets();
    let all: Vec<&Asset> = assets.all.iter().take(MOST_ASSETS).collect();
    let mut lines: BTreeMap<String, (Option<&Asset>, Vec<&Asset>)> = BTreeMap::new();
    for asset in all.iter().filter(|asset| asset.level == "line") {
        lines.entry(asset.path.folded()).or_default().0 = Some(asset);
    }
    for asset in all.iter().filter(|asset| matches!(asset.level.as_str(), "work-unit" | "cell")) {
        lines.entry(home_of(&lines, asset)).or_default().1.push(asset);
    }
    lines
        .into_iter()
        .map(|(home, (line, units))| {
            let path = line.map_or_else(
                || units.first().and_then(|u| u.path.parent()).map_or(home, |p| p.to_string()),
                |l| l.path.to_string(),
            );
            let name = line.map_or_else(
                || assets.at(&path).map_or_else(|| words_of(&path), |area| area.display_name().to_owned()),
                |line| line.display_name().to_owned(),
            );
            let state = line.and_then(|line| state_now(web, line));
            let units: Vec<Unit> = units.into_iter().map(|asset| unit(web, counted, asset)).collect();
            let concerned = active.iter().filter(|event| concerns(event, &path)).map(|event| rank_of(event));
            let states = units
                .iter()
                .filter_map(|u| u.state.as_ref())
                .chain(&state)
                .map(|state| rank_of_state(&state.text));
            let level = word(concerned.chain(states).max().unwrap_or(0)).to_owned();
            Line { path, name, level, state, units }
        })
        .collect()
}

/// A folder that no asset names, as people would write it: `north-hall_2` is North hall 2.
fn words_of(path: &str) -> String {
    let text = path.rsplit('/').next().unwrap_or(path).replace(['-', '_'], " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The line above a machine; without one, whatever stands right above it.
fn home_of(lines: &BTreeMap<String, (Option<&Asset>, Vec<&Asset>)>, asset: &Asset) -> String {
    let mut above = asset.path.parent();
    let parent = above.as_ref().map(Path::folded).unwrap_or_default();
    while let Some(path) = above {
        if lines.get(&path.folded()).is_some_and(|(line, _)| line.is_some()) {
            return path.folded();
        }
        above = path.parent();
    }
    parent
}

fn concerns(event: &Event, path: &str) -> bool {
    event.refs.iter().chain([&event.source]).any(|name| Path::new(name).is_ok_and(|name| name.is_under(path)))
}

fn unit(web: &Web, counted: &Counted, asset: &Asset) -> Unit {
    let counts = counted.of(&counted.tree.under(asset.path.as_str()));
    Unit {
        path: asset.path.to_string(),
        name: asset.display_name().to_owned(),
        asset_type: asset.asset_type.clone(),
        state: state_now(web, asset),
        points: counts.total,
        bad: counts.bad,
    }
}

fn state_now(web: &Web, asset: &Asset) -> Option<StateNow> {
    let path = asset.state.clone().or_else(|| asset.path.join("state").ok())?;
    let id = web.namespace.find(path.as_str())?;
    let declared = web.namespace.meta(id).filter(|declared| !declared.states.is_empty())?;
    let last = web.namespace.last(id)?;
    let number = last.value.as_i64();
    let text = match (declared.state_of(&last.value), number) {
        (Some(text), _) => text.to_owned(),
        (None, Some(number)) => format!("state {number}"),
        (None, None) => "unknown".to_owned(),
    };
    let since = number.and_then(|number| since(web, id, number));
    Some(StateNow {
        text,
        since: since.map(Time::millis_f64),
        quality: last.status.name().to_owned(),
        number,
    })
}

/// When the present state began: seen by us, or found in history at the first look.
fn since(web: &Web, id: PointId, number: i64) -> Option<Time> {
    let known = web.standing.since.lock().get(&id).copied();
    let began = match known {
        Some((same, began)) if same == number => return Some(began),
        _ => look_back(web, id, number)?,
    };
    let mut all = web.standing.since.lock();
    if all.len() > 2 * MOST_ASSETS {
        all.clear();
    }
    all.insert(id, (number, began));
    Some(began)
}

fn look_back(web: &Web, id: PointId, number: i64) -> Option<Time> {
    let now = web.clock.now();
    let span = Span { from: now.before(LOOK_BACK_TIME), to: now };
    // Without history the state began when it was last seen: better than nothing.
    let samples = web.store.range(id, span, LOOK_BACK, true).unwrap_or_default();
    let mut began = web.namespace.last(id).map(|last| last.good).filter(|time| *time != Time::ZERO);
    for sample in samples {
        match sample.value.as_i64() {
            Some(then) if then == number => began = Some(sample.time),
            Some(_) => break,
            None => {}
        }
    }
    began
}

fn data_health(
    web: &Web,
    counted: &Counted,
    connections: &[Connection],
    destinations: &[Destination],
) -> DataHealth {
    let points = counted.of(&(0..counted.tree.len()));
    let state = |wanted: &[&str]| connections.iter().filter(|c| wanted.contains(&c.state.as_str())).count();
    let journal = web.namespace.journal().stats();
    let store = web.store.figures();
    let free_bytes = web.plant.free_bytes().unwrap_or(journal.free_bytes);
    let used_bytes = journal.bytes + store.bytes;
    DataHealth {
        connections: ConnectionCounts {
            total: connections.len(),
            connected: state(&["connected"]),
            lost: state(&["lost", "failed", "connecting"]),
            paused: state(&["paused"]),
        },
        points: PointCounts {
            total: points.total,
            good: points.good,
            uncertain: points.uncertain,
            bad: points.bad,
        },
        good_percent: if points.total == 0 {
            100.0
        } else {
            points.good as f64 * 100.0 / points.total as f64
        },
        oldest_unsent_s: destinations
            .iter()
            .filter_map(|d| d.lag_s)
            .fold(None, |most, lag| Some(most.map_or(lag, |m: f64| m.max(lag)))),
        outage_hours: Some(journal.outage_hours).filter(|hours| hours.is_finite()),
        disk_days_left: web.disk_days_left(used_bytes, free_bytes),
        disk: Disk { used_bytes, free_bytes },
        clock: web.plant.clock(),
        monitor_coverage: web.plant.monitor().state().sentence,
        journal: JournalHealth {
            state: match journal.state {
                State::Ok => "ok",
                State::Slow => "slow",
                State::Failing => "failing",
            }
            .to_owned(),
            text: journal.text,
        },
        rate_per_s: web.samples_per_s(),
    }
}

/// Longest title in the sentence, in characters: it is read from 3 m. The list below it has all of it.
const MOST_TITLE: usize = 120;

/// The first sentence of a title, cut behind a word if it is too long.
fn short(title: &str) -> String {
    let first = title.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let Some((end, _)) = first.char_indices().nth(MOST_TITLE) else { return first.to_owned() };
    let head = first.get(..end).unwrap_or_default();
    let words = head.rsplit_once(' ').map_or(head, |(words, _)| words);
    format!("{} …", words.trim_end_matches([',', ':', ';', ' ']))
}

/// The plant in one sentence: the worst first, and why.
fn sentence(now: Time, lines: &[Line], active: &[Arc<Event>], health: &DataHealth) -> String {
    let units = lines.iter().flat_map(|line| &line.units);
    let worst = units
        .filter_map(|unit| unit.state.as_ref().map(|state| (rank_of_state(&state.text), unit, state)))
        .filter(|(rank, _, state)| *rank > 0 && state.quality.starts_with("Good"))
        .max_by_key(|(rank, _, _)| *rank);
    if let Some((_, unit, state)) = worst {
        let age =
            state.since.map(|since| format!(" {}", age(now, Time((since * 1e6) as i64)))).unwrap_or_default();
        let line = lines.iter().find(|line| line.units.iter().any(|other| other.path == unit.path));
        let cause = active.iter().filter(|e| e.kind == EventKind::Alarm).find(|event| {
            concerns(event, &unit.path) || line.is_some_and(|line| concerns(event, &line.path))
        });
        let cause = cause
            .map(|event| format!(": {}", lower_first(event.title.trim_end_matches('.'))))
            .unwrap_or_default();
        return format!("{} {}{age}{cause}.", unit.name, state.text.to_lowercase());
    }
    if let Some(event) = active.iter().find(|event| rank_of(event) > 0) {
        let more = active.iter().filter(|event| rank_of(event) > 0).count() - 1;
        let more = if more == 0 { String::new() } else { format!(" And {more} more.") };
        return format!("{} ({}).{more}", short(&event.title), age(now, event.start));
    }
    let counts = &health.connections;
    // The gateway's own health is Good from the first moment, and says nothing of the plant.
    if counts.total == 0 || health.points.total == 0 {
        return "Nothing is connected yet.".to_owned();
    }
    if counts.lost > 0 {
        return format!(
            "{} of {} connections {} lost.",
            counts.lost,
            counts.total,
            if counts.lost == 1 { "is" } else { "are" }
        );
    }
    format!(
        "All is normal: {:.1} % of {} points are good.",
        (health.good_percent * 10.0).floor() / 10.0,
        health.points.total
    )
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    // An abbreviation such as PLC stays as it is.
    let keep = text.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(first) if !keep => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

fn age(now: Time, since: Time) -> String {
    match now.since(since).as_secs() {
        s @ 0..60 => format!("{s} s"),
        s @ 60..7_200 => format!("{} min", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(points: usize, lost: usize) -> DataHealth {
        DataHealth {
            connections: ConnectionCounts { total: 3, connected: 3 - lost, lost, paused: 0 },
            points: PointCounts { total: points, good: points, uncertain: 0, bad: 0 },
            good_percent: 100.0,
            oldest_unsent_s: None,
            outage_hours: None,
            disk_days_left: None,
            disk: Disk::default(),
            clock: crate::shapes::ClockHealth::default(),
            monitor_coverage: None,
            journal: JournalHealth::default(),
            rate_per_s: 0.0,
        }
    }

    fn line(state: &str) -> Line {
        let state =
            StateNow { text: state.into(), since: Some(0.0), quality: "Good".into(), number: Some(2) };
        let unit = Unit {
            path: "s/l/filler".into(),
            name: "Filler".into(),
            asset_type: "Filler".into(),
            state: Some(state),
            points: 5,
            bad: 0,
        };
        Line {
            path: "s/l".into(),
            name: "Line".into(),
            level: "normal".into(),
            state: None,
            units: vec![unit],
        }
    }

    #[test]
    fn a_folder_without_an_asset_is_written_as_people_do() {
        for (path, words) in
            [("acme/leeds/north-hall_2", "North hall 2"), ("utilities", "Utilities"), ("", "")]
        {
            assert_eq!(words_of(path), words);
        }
    }

    #[test]
    fn a_long_title_is_cut_behind_a_word() {
        assert_eq!(short("Connection a is lost. Do this."), "Connection a is lost");
        assert_eq!(short("no answer within 1.5 s."), "no answer within 1.5 s");
        let long = format!("certificate not trusted: CN={}, thumb {}", "é".repeat(60), "0".repeat(60));
        let cut = short(&long);
        assert_eq!(cut, format!("certificate not trusted: CN={}, thumb …", "é".repeat(60)));
        assert!(short(&"é".repeat(500)).chars().count() <= MOST_TITLE + 2);
    }

    #[test]
    fn the_sentence_names_the_worst_and_why() {
        let now = Time::from_millis(12 * 60_000);
        let check = |lines: &[Line], active: &[Arc<Event>], health: &DataHealth, expected: &str| {
            assert_eq!(sentence(now, lines, active, health), expected);
        };
        check(&[], &[], &health(0, 0), "Nothing is connected yet.");
        let mut own = health(10, 0);
        own.connections = ConnectionCounts::default();
        check(&[], &[], &own, "Nothing is connected yet.");
        check(&[line("Execute")], &[], &health(4, 0), "All is normal: 100.0 % of 4 points are good.");
        check(&[line("Execute")], &[], &health(4, 1), "1 of 3 connections is lost.");
        let mut alarm =
            Event::active(EventKind::Alarm, "a", "s/l/capper", Time(0), severity::HIGH, "Capper blocked.");
        check(
            &[line("Stopped")],
            &[Arc::new(alarm.clone())],
            &health(4, 0),
            "Filler stopped 12 min: capper blocked.",
        );
        alarm.title = "PLC stopped".into();
        check(&[line("Held")], &[Arc::new(alarm.clone())], &health(4, 0), "Filler held 12 min: PLC stopped.");
        alarm.source = "elsewhere".into();
        check(&[line("Stopped")], &[Arc::new(alarm.clone())], &health(4, 0), "Filler stopped 12 min.");
        check(&[line("Execute")], &[Arc::new(alarm)], &health(4, 0), "PLC stopped (12 min).");
    }
}
