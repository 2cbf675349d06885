//! Counters of this room, and all metrics as Prometheus text (exposition format 0.0.4). Every name is written out
//! once below, so that it can be found with grep.

use crate::shapes::Destination;
use crate::state::Web;
use axum::http::StatusCode;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// Media type of the text format.
pub(crate) const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What this room counts.
#[derive(Default)]
pub(crate) struct Counters {
    pub connections: Counter,
    pub connections_refused: Counter,
    pub connections_broken: Counter,
    pub accept_errors: Counter,
    pub handshakes_failed: Counter,
    pub hosts_refused: Counter,
    pub rate_limited: Counter,
    pub unauthorised: Counter,
    pub csrf_refused: Counter,
    pub timeouts: Counter,
    pub panics: Counter,
    pub streams: Counter,
    pub stream_messages: Counter,
    pub stream_gaps: Counter,
    pub stream_skipped: Counter,
    pub queries: Counter,
    ok: Counter,
    client_errors: Counter,
    server_errors: Counter,
}

impl Counters {
    /// Counts an answer by its status.
    pub fn answered(&self, status: StatusCode) {
        match status.as_u16() {
            0..400 => self.ok.add(1),
            400..500 => self.client_errors.add(1),
            _ => self.server_errors.add(1),
        }
    }
}

/// Writes the text format.
#[derive(Default)]
pub(crate) struct Text(pub String);

impl Text {
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{}\"", if index == 0 { "{" } else { "," }, escape(text));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.line(name, &[], value);
    }

    /// One line for each item.
    fn each<T>(&mut self, name: &str, kind: &str, help: &str, items: &[T], line: impl Fn(&mut Self, &T)) {
        if !items.is_empty() {
            self.head(name, kind, help);
            items.iter().for_each(|item| line(self, item));
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Everything.
pub(crate) fn text(web: &Web) -> String {
    let mut out = Text::default();
    namespace(&mut out, web);
    journal(&mut out, web);
    store(&mut out, web);
    connections(&mut out, web);
    destinations(&mut out, web);
    own(&mut out, web);
    out.0.push_str(&web.plant.metrics());
    out.0
}

fn namespace(out: &mut Text, web: &Web) {
    let counted = web.quality.counted(&web.namespace);
    let points = counted.of(&(0..counted.tree.len()));
    let uptime = web.clock.now().since(web.plant.facts().started).as_secs_f64();
    out.gauge("ironbridge_uptime_seconds", "Time since start.", uptime);
    out.head("ironbridge_points", "gauge", "Live points by quality.");
    for (quality, count) in [("good", points.good), ("uncertain", points.uncertain), ("bad", points.bad)] {
        out.line("ironbridge_points", &[("quality", quality)], count);
    }
    out.counter("ironbridge_samples_total", "Samples published.", web.namespace.samples());
    out.counter(
        "ironbridge_unsound_batches_total",
        "Batches dropped because their columns do not fit.",
        web.namespace.unsound_batches(),
    );
    out.gauge(
        "ironbridge_clock_sound",
        "1 while the gateway's clock counts as sound.",
        u8::from(web.namespace.clock_is_sound()),
    );
    out.gauge("ironbridge_events_active", "Events that last.", web.namespace.active_events().len());
}

fn journal(out: &mut Text, web: &Web) {
    let stats = web.namespace.journal().stats();
    out.counter("ironbridge_journal_records_total", "Records appended.", stats.records);
    out.counter(
        "ironbridge_journal_lost_records_total",
        "Records lost before they were on disk.",
        stats.lost_records,
    );
    out.counter(
        "ironbridge_journal_lost_samples_total",
        "Samples lost before they were on disk.",
        stats.lost_samples,
    );
    out.counter("ironbridge_journal_syncs_total", "Syncs to disk.", stats.syncs);
    out.gauge(
        "ironbridge_journal_sync_seconds",
        "Duration of the last sync.",
        stats.sync_latency.as_secs_f64(),
    );
    out.gauge(
        "ironbridge_journal_sync_max_seconds",
        "Longest sync since start.",
        stats.sync_latency_max.as_secs_f64(),
    );
    out.gauge("ironbridge_journal_unsynced_records", "Records not on disk yet.", stats.unsynced);
    out.gauge("ironbridge_journal_ring_bytes", "Memory that recent records take.", stats.ring_bytes);
    out.gauge("ironbridge_journal_bytes", "Bytes of all journal files.", stats.bytes);
    out.gauge("ironbridge_journal_free_bytes", "Free bytes of the disk.", stats.free_bytes);
    out.gauge("ironbridge_journal_outage_hours", "Hours of outage that still fit.", stats.outage_hours);
    out.gauge(
        "ironbridge_journal_ok",
        "1 while the journal writes as it should.",
        u8::from(stats.state == journal::State::Ok),
    );
    out.each(
        "ironbridge_journal_cursor_lag_records",
        "gauge",
        "Records between a cursor and the head.",
        &stats.cursors,
        |out, cursor| {
            out.line("ironbridge_journal_cursor_lag_records", &[("cursor", &cursor.name)], cursor.lag);
        },
    );
}

fn store(out: &mut Text, web: &Web) {
    let figures = web.store.figures();
    out.gauge("ironbridge_store_bytes", "Bytes of all segments.", figures.bytes);
    out.gauge("ironbridge_store_segments", "Segments.", figures.segments);
    out.gauge("ironbridge_store_samples", "Samples in segments.", figures.samples);
    out.gauge(
        "ironbridge_store_head_samples",
        "Samples in memory, not yet in a segment.",
        figures.head_samples,
    );
    out.gauge(
        "ironbridge_store_lag_records",
        "Records between the journal's head and the historian.",
        figures.lag_records,
    );
}

fn connections(out: &mut Text, web: &Web) {
    let all = web.plant.connections();
    out.each("ironbridge_connection_up", "gauge", "1 while connected.", &all, |out, c| {
        out.line(
            "ironbridge_connection_up",
            &[("connection", &c.name), ("kind", &c.kind)],
            u8::from(c.state == "connected"),
        );
    });
    out.each("ironbridge_connection_points", "gauge", "Points by quality.", &all, |out, c| {
        out.line("ironbridge_connection_points", &[("connection", &c.name), ("quality", "good")], c.good);
        out.line("ironbridge_connection_points", &[("connection", &c.name), ("quality", "bad")], c.bad);
    });
    out.each("ironbridge_connection_requests_per_second", "gauge", "Requests per second.", &all, |out, c| {
        out.line("ironbridge_connection_requests_per_second", &[("connection", &c.name)], c.requests_per_s);
    });
    out.each(
        "ironbridge_connection_held_back_total",
        "counter",
        "Requests that waited for the budget of the endpoint.",
        &all,
        |out, c| {
            if let Some(budget) = &c.budget {
                out.line(
                    "ironbridge_connection_held_back_total",
                    &[("connection", &c.name)],
                    budget.held_back,
                );
            }
        },
    );
    out.each("ironbridge_connection_overruns_total", "counter", "Scans skipped.", &all, |out, c| {
        for scan in &c.scans {
            let labels = [("connection", c.name.as_str()), ("scan", scan.name.as_str())];
            out.line("ironbridge_connection_overruns_total", &labels, scan.overruns);
        }
    });
    out.each("ironbridge_connection_faults_total", "counter", "Faults by sort.", &all, |out, c| {
        let f = &c.faults;
        let sorts = [
            ("timeout", f.timeouts),
            ("exception", f.exceptions),
            ("late", f.late),
            ("desync", f.desync),
            ("reconnect", f.reconnects),
            ("bad_frame", f.bad_frames),
        ];
        for (sort, count) in sorts {
            out.line(
                "ironbridge_connection_faults_total",
                &[("connection", &c.name), ("fault", sort)],
                count,
            );
        }
    });
}

fn destinations(out: &mut Text, web: &Web) {
    let all = web.plant.destinations();
    out.each("ironbridge_destination_up", "gauge", "1 while connected.", &all, |out, d| {
        out.line(
            "ironbridge_destination_up",
            &[("destination", &d.name), ("kind", &d.kind)],
            u8::from(d.state == "connected"),
        );
    });
    out.each("ironbridge_destination_sent_total", "counter", "Samples sent.", &all, |out, d| {
        out.line("ironbridge_destination_sent_total", &[("destination", &d.name)], d.sent);
    });
    out.each(
        "ironbridge_destination_rejects_total",
        "counter",
        "Samples that the far side refused.",
        &all,
        |out, d| {
            out.line("ironbridge_destination_rejects_total", &[("destination", &d.name)], d.rejects);
        },
    );
    out.each(
        "ironbridge_destination_letters_dropped_total",
        "counter",
        "Dead letters that a person dropped, or that fell out of the full list.",
        &all,
        |out, d| {
            let labels = [("destination", d.name.as_str())];
            out.line(
                "ironbridge_destination_letters_dropped_total",
                &labels,
                d.letters.dropped + d.letters.fallen_out,
            );
        },
    );
    destinations_beside(out, &all);
    out.each(
        "ironbridge_destination_lag_records",
        "gauge",
        "Records not yet acknowledged.",
        &all,
        |out, d| {
            out.line("ironbridge_destination_lag_records", &[("destination", &d.name)], d.lag_samples);
        },
    );
    out.each(
        "ironbridge_destination_lag_seconds",
        "gauge",
        "Age of the oldest sample not yet acknowledged.",
        &all,
        |out, d| {
            out.line(
                "ironbridge_destination_lag_seconds",
                &[("destination", &d.name)],
                d.lag_s.unwrap_or(0.0),
            );
        },
    );
}

/// What destinations do not have, or not in time.
fn destinations_beside(out: &mut Text, all: &[Destination]) {
    out.each(
        "ironbridge_destination_gone_total",
        "counter",
        "Samples that the far side did not have any more after it had acknowledged them, of those that it was asked for.",
        all,
        |out, d| {
            out.line("ironbridge_destination_gone_total", &[("destination", &d.name)], d.proof.gone);
        },
    );
    out.each(
        "ironbridge_destination_late_total",
        "counter",
        "Samples that came after their interval was sent.",
        all,
        |out, d| {
            out.line("ironbridge_destination_late_total", &[("destination", &d.name)], d.late);
        },
    );
}

fn own(out: &mut Text, web: &Web) {
    let c = &web.counters;
    out.head("ironbridge_web_answers_total", "counter", "Answers by class of status.");
    for (class, counter) in
        [("ok", &c.ok), ("client_error", &c.client_errors), ("server_error", &c.server_errors)]
    {
        out.line("ironbridge_web_answers_total", &[("class", class)], counter.get());
    }
    out.counter("ironbridge_web_connections_total", "Connections accepted.", c.connections.get());
    out.head("ironbridge_web_refused_total", "counter", "Requests and connections refused, by reason.");
    let reasons = [
        ("connections", &c.connections_refused),
        ("broken", &c.connections_broken),
        ("accept", &c.accept_errors),
        ("handshake", &c.handshakes_failed),
        ("host", &c.hosts_refused),
        ("rate", &c.rate_limited),
        ("unauthorised", &c.unauthorised),
        ("csrf", &c.csrf_refused),
        ("timeout", &c.timeouts),
        ("panic", &c.panics),
    ];
    for (reason, counter) in reasons {
        out.line("ironbridge_web_refused_total", &[("reason", reason)], counter.get());
    }
    out.gauge("ironbridge_web_streams", "Live streams open.", web.streams.len());
    out.counter("ironbridge_web_streams_total", "Live streams opened.", c.streams.get());
    out.counter(
        "ironbridge_web_stream_messages_total",
        "Messages sent on live streams.",
        c.stream_messages.get(),
    );
    out.counter(
        "ironbridge_web_stream_gaps_total",
        "Times that a stream of samples could not say everything: its reader was too slow, or came back too late.",
        c.stream_gaps.get(),
    );
    out.counter(
        "ironbridge_web_stream_skipped_records_total",
        "Records of the journal in those gaps, as far as known.",
        c.stream_skipped.get(),
    );
    out.counter("ironbridge_web_queries_total", "SQL queries.", c.queries.get());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_format() {
        let mut out = Text::default();
        out.counter("a_total", "Help.", 3);
        out.each("b", "gauge", "Help.", &["x\"y"], |out, name| {
            out.line("b", &[("name", name), ("k", "v")], 1.5)
        });
        out.each("c", "gauge", "Help.", &[] as &[&str], |out, name| out.line("c", &[("name", name)], 1));
        let expected = "# HELP a_total Help.\n# TYPE a_total counter\na_total 3\n# HELP b Help.\n# TYPE b gauge\nb{name=\"x\\\"y\",k=\"v\"} 1.5\n";
        assert_eq!(out.0, expected);
    }
}
