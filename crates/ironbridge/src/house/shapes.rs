//! From the runners' statuses to the API's shapes. Every field is named on both sides: one that is added to either and
//! forgotten here does not compile.

use connect::kind;
use connect::{north, south};
use model::Time;
use web::shapes as api;

/// A connection.
pub fn connection(status: south::Status) -> api::Connection {
    let south::Status {
        name,
        kind,
        endpoint,
        security,
        state,
        since,
        points,
        good,
        bad,
        requests_per_s,
        budget,
        response_ms,
        scans,
        faults,
        left_out,
        devices,
        doubtful,
        orders,
        last_error,
        // Told by `/metrics`.
        counters: _,
    } = status;
    api::Connection {
        name,
        kind: kind.to_owned(),
        endpoint,
        security: protection(security),
        state: south_state(state).to_owned(),
        since: Some(since),
        points,
        good,
        bad,
        requests_per_s,
        budget: budget.map(
            |south::status::BudgetStatus { requests_per_s: most, connections, open, held_back }| {
                let share = most.map(|most| requests_per_s / most);
                api::Budget { requests_per_s: most, share, connections, open, held_back }
            },
        ),
        response_ms: response_ms.map(|south::status::ResponseMs { p50, p99 }| api::ResponseTime { p50, p99 }),
        scans: scans.into_iter().map(scan).collect(),
        faults: fault_counts(faults),
        left_out: taken(left_out),
        devices: devices.into_iter().map(device).collect(),
        doubtful: doubtful
            .into_iter()
            .map(|south::status::Doubtful { path, quality }| api::Doubtful { path, quality })
            .collect(),
        orders: orders.into_iter().map(order_way).collect(),
        last_error: last_error.map(|south::status::LastError { time, title, meaning, next }| {
            api::LastError { time: Some(time), title, meaning: meaning.into(), next: next.into() }
        }),
    }
}

fn order_way(way: south::OrderWay) -> api::OrderWay {
    let south::OrderWay { command, at, target, outcome, allowed } = way;
    api::OrderWay { command, at, target, outcome, allowed }
}

fn protection(security: kind::Security) -> api::Security {
    let kind::Security { level, text } = security;
    api::Security { level: level.to_owned(), text }
}

fn south_state(state: south::status::State) -> &'static str {
    use south::status::State;
    match state {
        State::Connected => "connected",
        State::Connecting => "connecting",
        State::Lost => "lost",
        State::Paused => "paused",
        State::Failed => "failed",
    }
}

fn scan(status: south::status::ScanStatus) -> api::Scan {
    // What was done is told by `/metrics`.
    let south::status::ScanStatus { name, period_ms, last_ms, overruns, done: _, points, requests } = status;
    let requests = usize::try_from(requests).unwrap_or(usize::MAX);
    api::Scan { name, period_ms, last_ms, overruns, points, requests }
}

fn taken(counts: south::status::LeftOut) -> api::LeftOut {
    let south::status::LeftOut { rejected, no_room, unclaimed, repeated } = counts;
    api::LeftOut { rejected, no_room, unclaimed, repeated }
}

fn fault_counts(counts: south::status::FaultCounts) -> api::FaultCounts {
    let south::status::FaultCounts { timeouts, exceptions, late, desync, reconnects, bad_frames } = counts;
    api::FaultCounts { timeouts, exceptions, late, desync, reconnects, bad_frames }
}

fn device(status: south::status::DeviceStatus) -> api::Device {
    use south::status::DeviceState;
    let south::status::DeviceStatus { name, unit, state, since, next_probe_ms, quarantined, excluded } =
        status;
    let state = match state {
        DeviceState::Ok => "ok",
        DeviceState::Demoted => "demoted",
        DeviceState::Paused => "paused",
        DeviceState::Waiting => "waiting",
    };
    let refused =
        |south::status::Quarantined { address, points, reason }| api::Quarantined { address, points, reason };
    api::Device {
        name,
        unit: Some(unit),
        state: state.to_owned(),
        since: Some(since),
        next_probe_ms,
        quarantined: quarantined.into_iter().map(refused).collect(),
        excluded,
    }
}

/// A destination.
pub fn destination(status: north::Status) -> api::Destination {
    let north::Status {
        name,
        kind,
        endpoint,
        state,
        since,
        catch_up,
        lag_s,
        lag_samples,
        backlog,
        rate_per_s,
        sent,
        last_ack,
        outage_hours,
        rejects,
        letters,
        replay: again,
        late,
        skipped,
        commands,
        // Told by the ledger, command by command.
        commands_taken: _,
        commands_refused: _,
        sessions: _,
        proof,
        last_error,
        security,
    } = status;
    api::Destination {
        name,
        kind: kind.to_owned(),
        endpoint,
        state: north_state(state).to_owned(),
        since: Some(since.millis_f64()),
        catch_up: match catch_up {
            north::CatchUp::LiveFirst => "live_first",
            north::CatchUp::InOrder => "in_order",
        }
        .to_owned(),
        lag_s,
        lag_samples,
        backlog: backlog.map(backlog_of),
        rate_per_s,
        sent,
        last_ack: last_ack.map(Time::millis_f64),
        outage_hours,
        rejects,
        letters: letters_of(letters),
        replay: again.map(replay),
        late,
        proof: proof_of(proof),
        skipped: skipped.into_iter().map(gap).collect(),
        commands: match commands {
            north::Switch::Off => "off",
            north::Switch::On => "on",
        }
        .to_owned(),
        last_error: last_error.map(|north::LastError { time, title, meaning, next }| api::LastError {
            time: Some(time.millis_f64()),
            title,
            meaning,
            next,
        }),
        security: protection(security),
    }
}

/// The word of a destination's state.
pub fn north_state(state: north::State) -> &'static str {
    match state {
        north::State::Connecting => "connecting",
        north::State::Connected => "connected",
        north::State::Waiting => "waiting",
        north::State::Lost => "lost",
        north::State::Paused => "paused",
    }
}

fn gap(skipped: north::Skipped) -> api::Skipped {
    let north::Skipped { range, count, time } = skipped;
    api::Skipped { range, count, time: Some(time.millis_f64()) }
}

fn backlog_of(backlog: north::Backlog) -> api::Backlog {
    let north::Backlog { from, to, remaining } = backlog;
    api::Backlog { from: from.map(Time::millis_f64), to: Some(to.millis_f64()), remaining }
}

fn proof_of(proof: north::Proved) -> api::Proof {
    let north::Proved { every_s, found, gone, last, trouble } = proof;
    api::Proof { every_s, found, gone, last: last.map(Time::millis_f64), trouble }
}

fn letters_of(letters: north::Letters) -> api::Letters {
    let north::Letters { waiting, resent, dropped, fallen_out } = letters;
    api::Letters { waiting, resent, dropped, fallen_out }
}

/// What is sent again.
pub fn replay(replay: north::Replay) -> api::Replay {
    let north::Replay { from, to, done, sent, finished, trouble } = replay;
    api::Replay {
        from: from.millis_f64(),
        to: to.millis_f64(),
        done: done.millis_f64(),
        sent,
        finished: finished.map(Time::millis_f64),
        trouble,
    }
}

/// One version of what a destination sends; `None` if it is not kept.
pub fn schema(
    destination: &str,
    kind: &str,
    versions: &north::contract::Versions,
    wanted: Option<u32>,
) -> Option<api::DestinationSchema> {
    let following = versions.all.iter().skip(1).map(|one| Some(one.since.millis_f64()));
    let ends = following.chain(std::iter::once(None));
    let listed: Vec<api::SchemaVersion> = versions
        .all
        .iter()
        .zip(ends)
        .map(|(one, until)| api::SchemaVersion { version: one.number, since: one.since.millis_f64(), until })
        .collect();
    let newest = versions.all.back()?.number;
    let number = wanted.unwrap_or(newest);
    let one = versions.all.iter().find(|one| one.number == number)?;
    let until = listed.iter().find(|known| known.version == number).and_then(|known| known.until);
    let message = |told: &north::contract::Message| api::SchemaMessage {
        of: told.of.clone(),
        place: told.place.clone(),
        key: told.key.clone(),
        media: told.media.clone(),
        language: told.language.word().to_owned(),
        schema: told.schema.clone(),
        note: told.note.clone(),
    };
    Some(api::DestinationSchema {
        destination: destination.to_owned(),
        kind: kind.to_owned(),
        version: number,
        since: one.since.millis_f64(),
        until,
        format: one.contract.format.clone(),
        messages: one.contract.messages.iter().map(message).collect(),
        versions: listed,
        forgotten: versions.forgotten,
    })
}

/// What a destination refused.
pub fn reject(letter: north::Letter) -> api::Reject {
    let north::Letter { id, reject, span: _, trouble } = letter;
    let north::Reject { position, path, reason, time } = reject;
    api::Reject {
        id,
        position: position.to_string(),
        path: Some(path).filter(|path| !path.is_empty()),
        reason,
        time: Some(time.millis_f64()),
        trouble,
    }
}
