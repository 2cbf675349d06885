//! From the monitor's tables to the API's shapes.

use super::Watching;
use super::around::Around;
use super::evidence::Size;
use model::Time;
use model::event::severity;
use std::collections::HashMap;
use watch::book::{KeptFinding, KnownAsset, Standing, Step};
use watch::report::{FindingRow, LinkRow, PointRow};
use watch::{Coverage, Evidence, Field, Protocol};
use web::shapes as api;

/// A word of an enumeration, as its serialisation spells it.
pub fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn keys(protocols: &[String]) -> Vec<String> {
    protocols.to_vec()
}

/// An asset.
pub fn asset(
    id: &str,
    known: &KnownAsset,
    around: &Around,
    open: &HashMap<&str, (usize, u16)>,
) -> api::MonitorAsset {
    let said = |field| known.fact(field).map(str::to_owned);
    let connection = known.addresses.iter().find_map(|address| around.connection(address));
    let findings = open.get(id).copied();
    api::MonitorAsset {
        id: id.to_owned(),
        name: known.called().to_owned(),
        given_name: known.name.clone(),
        addresses: known.addresses.clone(),
        macs: known.macs.clone(),
        card: known.card.clone(),
        vlan: known.vlan,
        role: word(known.role),
        role_words: known.role.words().to_owned(),
        vendor: said(Field::Vendor),
        model: said(Field::Model),
        firmware: said(Field::Firmware),
        serial: said(Field::Serial),
        level: known.level_or_guess(),
        level_given: known.level.is_some(),
        zone: zone(known, around),
        zone_given: known.zone.is_some(),
        approved: known.approved.is_some(),
        note: known.note.clone(),
        connection: connection.map(|endpoint| endpoint.name.clone()),
        own: known.addresses.iter().any(|address| around.is_own(address)),
        serves: keys(&known.serves),
        asks: keys(&known.asks),
        sent: known.sent,
        received: known.received,
        first: known.first.millis_f64(),
        last: known.last.millis_f64(),
        live: known.live,
        findings: findings.map_or(0, |(count, _)| count),
        worst: findings.map(|(_, worst)| worst),
    }
}

/// The zone of an asset: as given, else that of the plant's assets behind its connection; empty for none.
pub fn zone(known: &KnownAsset, around: &Around) -> String {
    known.zone.clone().unwrap_or_else(|| {
        let connection = known.addresses.iter().find_map(|address| around.connection(address));
        connection.map_or_else(String::new, |endpoint| endpoint.zone.clone())
    })
}

/// How a link was seen.
pub fn seen(link: &LinkRow) -> &'static str {
    if link.protocol == Protocol::Silent {
        "silent"
    } else if link.protocol.is_encrypted() || link.hidden {
        "encrypted"
    } else if link.packets_to_client > 0 && link.packets_to_server > 0 || link.port == 0 {
        "both"
    } else {
        "one-way"
    }
}

/// A link.
pub fn link(link: &LinkRow, around: &Around) -> api::MonitorLink {
    let function = |row: &watch::report::FunctionRow| api::MonitorFunction {
        function: row.function,
        name: row.name.clone(),
        effect: word(row.effect),
        requests: row.requests,
        answers: row.answers,
        refused: row.refused,
    };
    api::MonitorLink {
        client: link.client.clone(),
        server: link.server.clone(),
        protocol: link.protocol.key().to_owned(),
        realm: word(link.realm),
        port: link.port,
        seen: seen(link).to_owned(),
        connections: link.connections,
        packets_to_server: link.packets_to_server,
        bytes_to_server: link.bytes_to_server,
        packets_to_client: link.packets_to_client,
        bytes_to_client: link.bytes_to_client,
        changes: link.changes,
        malformed: link.malformed,
        first: link.first.millis_f64(),
        last: link.last.millis_f64(),
        own: around.is_own(&link.client),
        functions: link.functions.iter().map(function).collect(),
    }
}

/// A packet.
pub fn packet(watching: &Watching, evidence: Evidence) -> api::MonitorPacket {
    let tap = watching.taps.get(evidence.file as usize);
    api::MonitorPacket {
        interface: tap.map(|tap| tap.name.clone()).unwrap_or_default(),
        packet: evidence.frame,
    }
}

/// Data that were touched.
pub fn point(watching: &Watching, point: &PointRow) -> api::MonitorPoint {
    api::MonitorPoint {
        server: point.server.clone(),
        protocol: point.protocol.key().to_owned(),
        unit: point.unit,
        name: point.name.clone(),
        reads: point.reads,
        writes: point.writes,
        readers: point.readers.clone(),
        writers: point.writers.clone(),
        others: point.others,
        last_value: point.last_value,
        last_write: point.last_write.map(|evidence| packet(watching, evidence)),
        first: point.first.millis_f64(),
        last: point.last.millis_f64(),
    }
}

fn decision(step: &Step) -> api::MonitorDecision {
    api::MonitorDecision {
        by: step.by.clone(),
        at: step.at.millis_f64(),
        note: step.note.clone(),
        until: step.until.map(Time::millis_f64),
    }
}

/// A finding; `live` is what this run knows of it, `called` names assets.
pub fn finding(
    watching: &Watching,
    (id, kept): (&str, &KeptFinding),
    live: Option<&FindingRow>,
    size: Size,
    called: impl Fn(&str) -> String,
) -> api::MonitorFinding {
    let technique = |(id, name): &(String, String)| api::MonitorTechnique {
        id: id.clone(),
        name: name.clone(),
        was: watch::Technique::of(id).and_then(|one| one.was).map(str::to_owned),
    };
    let decided = |standing| kept.step(standing).map(decision);
    api::MonitorFinding {
        id: id.to_owned(),
        rule: kept.rule.clone(),
        title: kept.title.clone(),
        meaning: kept.meaning.clone(),
        next: kept.next.clone(),
        severity: kept.severity,
        level: severity::word(kept.severity).to_owned(),
        techniques: kept.techniques.iter().map(technique).collect(),
        source: kept.source.clone(),
        source_name: called(&kept.source),
        target: kept.target.clone(),
        target_name: called(&kept.target),
        state: word(kept.standing),
        count: kept.count,
        first: kept.first.millis_f64(),
        last: kept.last.millis_f64(),
        details: kept.details.clone(),
        path: kept.path.clone(),
        window: kept.window.clone(),
        acknowledged: decided(Standing::Acknowledged),
        muted: decided(Standing::Muted),
        closed: decided(Standing::Closed),
        evidence: live.into_iter().flat_map(|row| &row.evidence).map(|one| packet(watching, *one)).collect(),
        packets: size.packets,
        packet_bytes: size.bytes,
        told: kept.told.map(Time::millis_f64),
        history: Vec::new(),
    }
}

/// What was done with a finding.
pub fn history(kept: &KeptFinding) -> Vec<api::MonitorStep> {
    let step = |step: &Step| api::MonitorStep {
        at: step.at.millis_f64(),
        by: step.by.clone(),
        what: step.what.clone(),
        note: step.note.clone(),
    };
    kept.history.iter().map(step).collect()
}

/// What was seen and what was not. Every count of the monitor stands in it under its own name.
pub fn coverage(coverage: &Coverage, dropped: u64, not_decoded: u64) -> api::MonitorCoverage {
    let some = |ns: i64| (ns != 0).then(|| Time(ns).millis_f64());
    let mut counts = std::collections::BTreeMap::new();
    if let Ok(serde_json::Value::Object(all)) = serde_json::to_value(coverage) {
        let others = all
            .into_iter()
            .filter(|(name, _)| !["packets", "bytes", "first_ns", "last_ns"].contains(&name.as_str()));
        counts.extend(others.filter_map(|(name, count)| Some((name, count.as_u64()?))));
    }
    counts.insert("dropped".into(), dropped);
    counts.insert("not_decoded".into(), not_decoded);
    api::MonitorCoverage {
        packets: coverage.packets,
        bytes: coverage.bytes,
        first: some(coverage.first_ns),
        last: some(coverage.last_ns),
        counts,
    }
}
