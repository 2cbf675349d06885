//! Where the monitor stands: what it sees and what it does not, by interface, connection and zone.

use super::around::{Around, Endpoint};
use super::tap::{Figures, State};
use super::{Watching, rows};
use crate::house::discover::sentence as as_sentence;
use model::Time;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use watch::Report;
use watch::book::AssetBook;
use watch::report::LinkRow;
use web::shapes as api;

impl Watching {
    /// What limits all that is said here, in sentences: lost and left-out packets first.
    pub(super) fn not_seen(&self, report: &Report) -> Vec<String> {
        if !self.is_on() {
            return Vec::new();
        }
        let sum = |of: fn(&Figures) -> u64| self.taps.iter().map(|tap| of(&tap.figures())).sum::<u64>();
        let counts = [
            (
                sum(|it| it.left_out),
                "packets of conversations that flood were left out on purpose: 1 of 64 is decoded",
            ),
            (sum(|it| it.dropped), "packets were lost because they came faster than they could be taken"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, words)| format!("{count} {words}")).chain(report.limits()).collect()
    }

    pub(super) fn state(&self) -> api::MonitorState {
        let (seen, around) = (self.seen.load(), self.around.load());
        let figures: Vec<(&str, Figures)> =
            self.taps.iter().map(|tap| (tap.name.as_str(), tap.figures())).collect();
        let sum = |of: fn(&Figures) -> u64| figures.iter().map(|(_, figures)| of(figures)).sum::<u64>();
        let (dropped, left_out) = (sum(|it| it.dropped), sum(|it| it.left_out));
        let connections = self.connections(&seen.report.links, &around);
        let (open, zones) = {
            let findings = self.findings.lock();
            let open = findings.open_by_level();
            let by_asset = findings.open_by_asset();
            let now = seen.report.links.iter().filter(|link| link.last >= self.since);
            let mut zones = zones(&self.assets.lock(), now, &around, &by_asset);
            for zone in &mut zones {
                zone.mode = self.mode_word(&zone.zone);
            }
            (open.into_iter().map(|(level, count)| (level.to_owned(), count)).collect(), zones)
        };
        let not_seen = self.not_seen(&seen.report);
        let (why, next) = trouble(&figures);
        let explained = self.explained();
        let evidence = self.evidence.lock();
        api::MonitorState {
            on: self.is_on(),
            sentence: self.is_on().then(|| sentence(&figures, &connections)),
            why,
            next,
            since: self.is_on().then(|| self.since.millis_f64()),
            counted_since: self.is_on().then(|| self.traffic.lock().since.millis_f64()),
            now: self.clock.now().millis_f64(),
            revision: self.revisions(),
            open,
            interfaces: figures
                .into_iter()
                .map(|(name, figures)| interface(name, figures, seen.messages_per_second))
                .collect(),
            coverage: rows::coverage(&seen.report.coverage, dropped, left_out),
            not_seen,
            connections,
            zones,
            evidence: api::MonitorEvidenceStore {
                bytes: evidence.bytes(),
                limit_bytes: evidence.limit(),
                removed: evidence.removed,
            },
            explained,
        }
    }

    fn revisions(&self) -> BTreeMap<String, u64> {
        let all = [
            ("assets", &self.revisions.assets),
            ("links", &self.revisions.links),
            ("findings", &self.revisions.findings),
            ("windows", &self.numbers.windows),
            ("baseline", &self.numbers.baseline),
        ];
        all.into_iter().map(|(name, number)| (name.to_owned(), number.load(Ordering::Relaxed))).collect()
    }

    /// Whether each connection is seen.
    fn connections(&self, links: &[LinkRow], around: &Around) -> Vec<api::MonitorConnection> {
        let assets = self.assets.lock();
        let mut by_address: HashMap<&str, &str> = HashMap::new();
        for (id, asset) in &assets.assets {
            by_address.extend(asset.addresses.iter().map(|address| (address.as_str(), id.as_str())));
        }
        let mut by_server: HashMap<&str, Vec<&LinkRow>> = HashMap::new();
        // What earlier runs saw says nothing of what is seen now.
        let now = links.iter().filter(|link| link.last >= self.since);
        now.for_each(|link| by_server.entry(link.server.as_str()).or_default().push(link));
        let connection = |endpoint: &Endpoint| {
            let id = endpoint
                .addresses
                .iter()
                .find_map(|address| by_address.get(address.to_string().as_str()).copied());
            let of = id.and_then(|id| by_server.get(id)).map(Vec::as_slice).unwrap_or_default();
            let of: Vec<&&LinkRow> =
                of.iter().filter(|link| endpoint.port.is_none_or(|port| link.port == port)).collect();
            // What others ask there says nothing of what this gateway asks.
            let own: Vec<&&LinkRow> = of.iter().copied().filter(|link| around.is_own(&link.client)).collect();
            let judged = if own.is_empty() { &of } else { &own };
            let is = |word: &str| judged.iter().any(|link| rows::seen(link) == word);
            let seen = match () {
                () if !endpoint.is_ip => "not-ip",
                () if is("both") => "seen",
                () if is("encrypted") => "encrypted",
                () if is("one-way") => "one-way",
                () => "never",
            };
            api::MonitorConnection {
                name: endpoint.name.clone(),
                kind: endpoint.kind.to_owned(),
                endpoint: endpoint.text.clone(),
                seen: seen.to_owned(),
                asset: id.map(str::to_owned),
                packets: of.iter().map(|link| link.packets_to_client + link.packets_to_server).sum(),
                last: of.iter().map(|link| link.last).max().map(Time::millis_f64),
            }
        };
        around.endpoints.iter().map(connection).collect()
    }
}

fn interface(name: &str, figures: Figures, messages: f64) -> api::MonitorInterface {
    let sampling = figures.sampling_words();
    let (why, next) = figures.why.unzip();
    api::MonitorInterface {
        name: name.to_owned(),
        state: figures.state.word().to_owned(),
        why: why.as_deref().map(as_sentence),
        next: next.map(as_sentence),
        packets: figures.packets,
        bytes: figures.bytes,
        packets_per_second: figures.rates.0,
        bits_per_second: figures.rates.1,
        messages_per_second: messages,
        dropped: figures.dropped,
        not_decoded: figures.left_out,
        sampling,
        last_packet: figures.last.map(Time::millis_f64),
    }
}

/// Why nothing is seen, and what to do about it.
fn trouble(figures: &[(&str, Figures)]) -> (Option<String>, Option<String>) {
    let sentence = |text: &str| Some(as_sentence(text));
    if figures.is_empty() {
        return (
            sentence("no interface is listened to"),
            sentence(
                "name the interface at a span port in ironbridge.toml: [monitor] interfaces = [\"eth1\"], and start Ironbridge again",
            ),
        );
    }
    if let Some((why, next)) = figures.iter().find_map(|(_, figures)| figures.why.as_ref()) {
        return (sentence(why), sentence(next));
    }
    let silent = figures.iter().all(|(_, figures)| figures.state == State::Up && figures.packets == 0);
    if silent {
        return (
            sentence("nothing has passed so far"),
            sentence(
                "check that the switch copies traffic to this port (span, mirror, monitor session), and the cable",
            ),
        );
    }
    (None, None)
}

/// "eth1 sees 1,240 packets/s, none lost; 11 of 12 connections seen"
fn sentence(figures: &[(&str, Figures)], connections: &[api::MonitorConnection]) -> String {
    let one = |(name, figures): &(&str, Figures)| match figures.state {
        State::Up => {
            let lost = if figures.dropped == 0 { "none".to_owned() } else { figures.dropped.to_string() };
            format!("{name} sees {:.0} packets/s, {lost} lost", figures.rates.0)
        }
        State::Starting => format!("{name} is being opened"),
        State::Down => format!("{name} is down"),
        State::Missing => format!("{name} is not there"),
        State::NoRight => format!("{name} may not be listened to"),
        State::Failed => format!("{name} fails"),
    };
    let mut parts: Vec<String> = figures.iter().map(one).collect();
    let on_ip = connections.iter().filter(|connection| connection.seen != "not-ip");
    let (all, seen) = on_ip.fold((0, 0), |(all, seen), connection| {
        (all + 1, seen + usize::from(matches!(connection.seen.as_str(), "seen" | "encrypted")))
    });
    if all > 0 {
        parts.push(format!("{seen} of {all} connections seen"));
    }
    parts.join("; ")
}

/// What is seen of each zone.
fn zones<'a>(
    assets: &AssetBook,
    links: impl Iterator<Item = &'a LinkRow>,
    around: &Around,
    open: &HashMap<&str, (usize, u16)>,
) -> Vec<api::MonitorZone> {
    let mut zones: BTreeMap<String, api::MonitorZone> = BTreeMap::new();
    let mut zone_of: HashMap<&str, String> = HashMap::new();
    for (id, asset) in &assets.assets {
        let name = rows::zone(asset, around);
        let zone = zones.entry(name.clone()).or_default();
        zone.assets += 1;
        zone.approved += usize::from(asset.approved.is_some());
        zone.open_findings += open.get(id.as_str()).map_or(0, |(count, _)| *count);
        zone.zone.clone_from(&name);
        zone_of.insert(id, name);
    }
    for link in links {
        let mut ends = vec![zone_of.get(link.client.as_str()), zone_of.get(link.server.as_str())];
        ends.dedup();
        for name in ends.into_iter().flatten() {
            let Some(zone) = zones.get_mut(name) else { continue };
            match rows::seen(link) {
                "both" => zone.seen += 1,
                "encrypted" => zone.encrypted += 1,
                "one-way" => zone.one_way += 1,
                _ => {}
            }
        }
    }
    zones.into_values().collect()
}
