//! Every sample and event, in the order of the journal, as server-sent events. Each message carries the position up to
//! which everything is said; a client that comes back with it (`Last-Event-ID`) goes on there, out of the journal.
//!
//! Nothing is queued for a slow reader: it reads older records from the journal's files. Whoever is too far behind, or
//! comes back too late, is told what is missing (`gap`) and goes on with the newest values.

use super::given::Given;
use super::points::short;
use super::sse::{self, Beat, Heart};
use crate::ApiError;
use crate::answer;
use crate::chosen::chosen;
use crate::extract::Params;
use crate::json::Writer;
use crate::point_json::{BYTES_PER_POINT, for_each_point, point};
use crate::shapes::EventShape;
use crate::state::{Shared, Who, stopped};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::stream;
use journal::{Item, Reader, Record};
use model::{Batch, Declaration, Event, EventKind, PointId, Position};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Most points of one stream.
const MOST_POINTS: usize = 10_000;
/// Most records looked at, and rows, about, in one message.
const RECORDS: usize = 256;
const ROWS: usize = 1_000;
/// Shapes of batches whose rows are remembered.
const SHAPES: usize = 1_024;
const KINDS: [(&str, EventKind); 5] = [
    ("alarm", EventKind::Alarm),
    ("finding", EventKind::Finding),
    ("fault", EventKind::Fault),
    ("interval", EventKind::Interval),
    ("change", EventKind::Change),
];

pub(super) async fn stream(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Params(pairs): Params<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let mut given = Given::new(pairs);
    let wanted = given.all("points");
    let kinds = kinds(&given.all("events"))?;
    let interval = Duration::from_millis(given.whole("interval_ms")?.unwrap_or(250).min(10_000));
    let after = given.one("after")?;
    given.end()?;
    if wanted.is_empty() && kinds.is_empty() {
        let text = "`points` or `events` says what is meant, e.g. points=packaging/** or events=alarm.";
        return Err(ApiError::bad_request(text));
    }
    if !kinds.is_empty() && who.principal.prefix.is_some() {
        return Err(ApiError::scoped());
    }
    // What the browser's own EventSource and other clients send when they come back.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let place = web.streams.enter(&who.key).map_err(ApiError::too_many_streams)?;
    let mut tail = Tail {
        reader: web.namespace.journal().reader(web.namespace.journal().head()),
        heart: Heart::new(web, who, place),
        wanted,
        kinds,
        points: HashMap::new(),
        shapes: HashMap::new(),
        interval,
        not_before: Instant::now(),
        queue: VecDeque::new(),
        begun: false,
    };
    tail.choose().await?;
    tail.begin(last.or(after).as_deref());
    Ok(sse::answer(stream::unfold(tail, |mut tail| async move { Some((tail.next().await?, tail)) })))
}

fn kinds(given: &[String]) -> Result<Vec<EventKind>, ApiError> {
    let mut found = Vec::new();
    for word in given.iter().flat_map(|words| words.split(',')).filter(|word| !word.is_empty()) {
        match KINDS.iter().find(|(name, _)| *name == word) {
            Some((_, kind)) => found.push(*kind),
            None if word == "all" => found.extend(KINDS.map(|(_, kind)| kind)),
            None => {
                let text = format!("There is no kind of events `{}`.", short(word));
                return Err(ApiError::bad_request(text));
            }
        }
    }
    Ok(found)
}

/// One open stream.
struct Tail {
    heart: Heart,
    reader: Reader,
    wanted: Vec<String>,
    kinds: Vec<EventKind>,
    points: HashMap<PointId, Arc<Declaration>>,
    /// Rows that are meant, by the number of a shape.
    shapes: HashMap<u32, Arc<[usize]>>,
    interval: Duration,
    not_before: Instant,
    /// Messages that are ready; filled only when it is empty.
    queue: VecDeque<String>,
    begun: bool,
}

impl Tail {
    /// Finds the points anew; gives those that are new.
    async fn choose(&mut self) -> Result<Vec<PointId>, ApiError> {
        if self.wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (who, wanted) = (self.heart.who.clone(), self.wanted.clone());
        let found =
            answer::look(&self.heart.web, move |web| chosen(web, &who.principal, &wanted, MOST_POINTS))
                .await??;
        let added = found.iter().map(|(id, _)| *id).filter(|id| !self.points.contains_key(id)).collect();
        self.points = found.into_iter().collect();
        self.shapes.clear();
        Ok(added)
    }

    /// From a position that the client names, or with the newest values.
    fn begin(&mut self, after: Option<&str>) {
        let journal = self.heart.web.namespace.journal();
        let Some(after) = after else { return self.newest(None) };
        match after.parse().map(Position) {
            Ok(position) if position <= journal.head() => self.reader = journal.reader(position),
            _ => self.gap(None, 0, None, "this gateway knows no such position"),
        }
    }

    /// The next message; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                self.heart.web.counters.stream_messages.add(1);
                // How long a client waits before it comes back; in the first message, because some clients take a
                // block of its own for a message without data.
                let begun = std::mem::replace(&mut self.begun, true);
                return Some(if begun { message } else { format!("retry: 2000\n{message}") });
            }
            let mut stop = self.heart.web.stop.clone();
            let item = tokio::select! {
                biased;
                () = stopped(&mut stop) => return None,
                () = sleep_until(self.heart.ping_at) => None,
                item = async {
                    sleep_until(self.not_before).await;
                    self.reader.next().await
                } => Some(item),
            };
            match item {
                Some(item) => self.take(item).await,
                None => self.ping().await?,
            }
        }
    }

    /// `None` when whoever listens may do so no longer.
    async fn ping(&mut self) -> Option<()> {
        match self.heart.beat() {
            Beat::Over => return None,
            Beat::Lives => {}
            // A path that went away ends nothing: its point says nothing more.
            Beat::Changed => {
                if let Ok(added) = self.choose().await {
                    self.newest(Some(&added));
                }
            }
        }
        let mut out = self.opened("ping", self.reader.position());
        out.raw("}\n\n");
        self.queue.push_back(out.finish());
        Some(())
    }

    fn opened(&self, event: &str, position: Position) -> Writer {
        let mut out = Writer::default();
        out.raw("id: ");
        out.u64(position.0);
        out.raw("\n");
        self.heart.open(&mut out, event);
        out
    }

    /// The newest values of all points, or of these.
    fn newest(&mut self, of: Option<&[PointId]>) {
        let mut ids = of.map_or_else(|| self.points.keys().copied().collect(), <[PointId]>::to_vec);
        ids.sort_unstable();
        for some in ids.chunks(ROWS) {
            let mut out = self.opened("values", self.reader.position());
            let mut points = Writer::with_capacity(some.len() * BYTES_PER_POINT);
            let mut first = true;
            for_each_point(&self.heart.web.namespace, some, |_, known| {
                let Some((declared, last)) = known else { return };
                points.raw(if std::mem::take(&mut first) { "" } else { "," });
                point(&mut points, declared, last);
            });
            out.raw(",\"points\":[");
            out.raw(&points.finish());
            out.raw("]}\n\n");
            self.queue.push_back(out.finish());
        }
    }

    /// Says what is missing, then the newest values.
    fn gap(&mut self, from: Option<Position>, records: u64, samples: Option<u64>, why: &str) {
        let counters = &self.heart.web.counters;
        counters.stream_gaps.add(1);
        counters.stream_skipped.add(records);
        let to = self.reader.position();
        let mut out = self.opened("gap", to);
        for (name, position) in [("from", from), ("to", Some(to))] {
            out.raw(",\"");
            out.raw(name);
            out.raw("\":");
            out.text_or_null(&position.map_or_else(String::new, |position| position.0.to_string()));
        }
        out.raw(",\"records\":");
        out.u64(records);
        out.raw(",\"samples\":");
        match samples {
            Some(samples) => out.u64(samples),
            None => out.raw("null"),
        }
        out.raw(",\"why\":");
        out.text(why);
        out.raw(",\"next\":\"What is missing is in history: ask /api/range.\"}\n\n");
        self.queue.push_back(out.finish());
        self.newest(None);
    }

    async fn take(&mut self, item: Item) {
        let lag = self.reader.lag();
        if lag > self.heart.web.limits.stream_behind {
            let journal = self.heart.web.namespace.journal();
            let from = item.position();
            self.reader = journal.reader(journal.head());
            return self.gap(Some(from), lag, None, "the reader was too far behind");
        }
        let mut rows = Writer::default();
        let (mut count, mut item) = (0, Some(item));
        for looked in 1..=RECORDS {
            match item {
                Some(Item::Record { position, record: Record::Samples(batch) }) => {
                    count += self.rows(&mut rows, count == 0, position, &batch);
                }
                Some(Item::Record { position, record: Record::Event(event) })
                    if self.kinds.contains(&event.kind) =>
                {
                    self.samples(&mut rows, &mut count, position);
                    self.event(position, &event);
                }
                Some(Item::Gap { from, to, samples }) => {
                    self.samples(&mut rows, &mut count, from);
                    let records = to.0.saturating_sub(from.0).saturating_add(1);
                    self.gap(Some(from), records, samples, "the journal does not hold it any more");
                }
                Some(Item::Record { .. }) => {}
                // Only who has caught up waits.
                None => {
                    self.not_before = Instant::now() + self.interval;
                    break;
                }
            }
            if count >= ROWS || looked == RECORDS {
                break;
            }
            item = self.reader.try_next();
        }
        self.samples(&mut rows, &mut count, self.reader.position());
        // Somebody who reads much of the past does not keep the thread from others.
        tokio::task::yield_now().await;
    }

    /// Appends the rows of a batch that are meant; how many.
    fn rows(&mut self, out: &mut Writer, first: bool, position: Position, batch: &Batch) -> usize {
        let meant = match self.shapes.get(&batch.shape.id()) {
            Some(meant) => meant.clone(),
            None => {
                let points = batch.shape.points().iter().enumerate();
                let meant: Arc<[usize]> =
                    points.filter(|(_, id)| self.points.contains_key(id)).map(|(row, _)| row).collect();
                if self.shapes.len() >= SHAPES {
                    self.shapes.clear();
                }
                self.shapes.insert(batch.shape.id(), meant.clone());
                meant
            }
        };
        let mut first = first;
        for row in meant.iter() {
            let known = batch.shape.points().get(*row).and_then(|id| self.points.get(id));
            let (Some(declared), Some(value)) = (known, batch.values.get(*row)) else { continue };
            let status = batch.status.get(*row).unwrap_or(model::Status::BAD);
            let value = if status.is_bad() { &model::Value::None } else { value };
            out.raw(if std::mem::take(&mut first) { "{\"path\":" } else { ",{\"path\":" });
            out.text(declared.path.as_str());
            out.raw(",\"time\":");
            out.time(batch.time.get(*row).unwrap_or(batch.received));
            out.raw(",\"value\":");
            out.value(value);
            out.raw(",\"state\":");
            out.text_or_null(declared.state_of(value).unwrap_or_default());
            out.raw(",\"quality\":\"");
            out.raw(status.name());
            out.raw("\",\"good\":");
            out.bool(status.is_good());
            out.raw(",\"historical\":");
            out.bool(batch.flags.historical);
            out.raw(",\"seq\":\"");
            out.u64(position.0);
            out.raw("\"}");
        }
        meant.len()
    }

    /// Makes a message of the rows gathered, if there are some.
    fn samples(&mut self, rows: &mut Writer, count: &mut usize, position: Position) {
        if std::mem::take(count) == 0 {
            return;
        }
        let mut out = self.opened("samples", position);
        out.raw(",\"samples\":[");
        out.raw(&std::mem::take(rows).finish());
        out.raw("]}\n\n");
        self.queue.push_back(out.finish());
    }

    fn event(&mut self, position: Position, event: &Event) {
        let mut out = self.opened("event", position);
        out.raw(",\"event\":");
        // Serde writes no line end that is not escaped.
        out.raw(&serde_json::to_string(&EventShape::from(event)).unwrap_or_else(|_| "null".into()));
        out.raw("}\n\n");
        self.queue.push_back(out.finish());
    }
}
