//! Iceberg tables in a folder or an S3 bucket: history that any engine reads.
//!
//! ```text
//! feed.gather() for `commit` ─▶ rows by day, sorted ─▶ Parquet files ─▶ one commit: files and how far we are ─▶ ack
//! ```
//! Rationale: how far we are stands in the same commit as the rows. Whatever was killed, and whichever answer was lost, the
//! next session reads there what the table has, and leaves that out of what the journal gives once more: every row stands
//! there exactly once. The table is in `lake`; here is only when to commit, and what to do when the table tells another
//! story than we remember.

mod config;

use super::contract::{Contract, Language, Message, Telling};
use super::{Asks, Delivery, Feed, Found, Gathered, Proof, Proofs, Samples, Sink};
use crate::endless::endless;
use crate::kind::Kind;
use config::Target;
use futures_util::future::BoxFuture;
use lake::{EventRows, LakeError, Place, Reader, SampleRows, Table, Tidied};
use model::event::severity;
use model::{Event, EventKind, Fault, PointId, Position, Time};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How Iceberg tables enter the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "iceberg",
    title: "Iceberg tables (S3 or folder)",
    schema: config::schema,
    build: config::build,
    sample: include_str!("sample.toml"),
};

/// Most samples of one commit, about: more are committed sooner.
const MAX_ROWS: usize = 500_000;
/// How long a commit may take.
const COMMITTING: Duration = Duration::from_secs(60);
/// After so many commits it is looked whether small files should become one.
const TIDY_EVERY: u64 = 16;
/// How often old snapshots and files that nothing names are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// Remembered in the destination's own file: the number of this journal, and how far the table was.
const JOURNAL: &str = "iceberg journal";
const DELIVERED: &str = "iceberg delivered";

/// See the module.
struct Iceberg {
    target: Target,
    /// Since the start, for housekeeping.
    commits: u64,
    swept: Option<Instant>,
    /// Path, time and number of samples.
    proofs: Proofs<(Arc<str>, Time, Position)>,
}

/// What a session works with.
struct Session {
    place: Place,
    samples: Table,
    /// Made with the first event.
    events: Option<Table>,
    /// Our name in the tables: gateway, destination and journal.
    writer: String,
    /// Up to where the tables have our rows already.
    had_samples: Position,
    had_events: Position,
    paths: HashMap<PointId, Arc<str>>,
}

impl Sink for Iceberg {
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        Telling::new(|known| {
            let table = |of: &str, kind: lake::Kind, key: &str| Message {
                of: of.into(),
                place: format!("table {}", kind.name()),
                key: key.into(),
                media: "application/vnd.apache.parquet".into(),
                language: Language::Iceberg,
                schema: kind.described(),
                note: String::new(),
            };
            let mut all = vec![table("sample", lake::Kind::Samples, "path, time, nanos, seq")];
            all.extend(known.events.then(|| table("event", lake::Kind::Events, "id, seq")));
            Contract::new("iceberg", all)
        })
    }

    fn late(&self) -> Option<Duration> {
        Some(self.target.commit + COMMITTING)
    }

    fn asks(&self) -> Asks {
        Asks::Usually
    }

    fn lake(&self) -> Option<lake::Opener> {
        Some(self.target.opener())
    }
}

/// An error of a table as what it does to the session.
pub(super) fn fault(why: LakeError) -> Fault {
    match why {
        LakeError::Unreachable(text) => Fault::Connect(text.into()),
        LakeError::Refused(text) => Fault::Security(text.into()),
        LakeError::Gone(text) => Fault::Lost(text.into()),
        LakeError::Unfit(text) => Fault::Config(text.into()),
    }
}

impl Iceberg {
    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut session = self.open(feed).await?;
        feed.secured(self.target.security());
        feed.connected().await;
        if session.had_samples.max(session.had_events) > feed.live_from() {
            return Err(self.another_journal(feed).await);
        }
        self.proofs.begin(feed);
        let mut gathered = Gathered::default();
        loop {
            // What is gathered waits for its time, also when somebody is to be asked meanwhile.
            let ready = tokio::select! {
                biased;
                () = feed.gather(&mut gathered, MAX_ROWS, self.target.commit) => true,
                () = self.proofs.due() => false,
            };
            self.prove(&session.place, feed).await?;
            if !ready {
                continue;
            }
            let stop = gathered.stop;
            let committed = session.deliver(feed, std::mem::take(&mut gathered), &mut self.proofs).await?;
            if stop {
                return Err(Fault::Stopped);
            }
            if committed {
                self.commits += 1;
                self.tidy(&mut session, feed).await?;
            }
        }
    }

    /// Asks the table for what was committed, when it is time.
    async fn prove(&mut self, place: &Place, feed: &mut Feed) -> Result<(), Fault> {
        for proof in self.proofs.take_due() {
            let (path, time, seq) = &proof.key;
            let found = match Reader::open(place, lake::Kind::Samples).await.map_err(fault)? {
                None => Found::Gone("there is no table any more".into()),
                Some(table) => match table.has(path, *time, *seq).await {
                    Ok(true) => Found::There,
                    Ok(false) => Found::Gone("the table has no such row any more".into()),
                    // Housekeeping of others may take a file away while it is read; that somebody deleted files shows again.
                    Err(LakeError::Gone(why)) => Found::Gone(why),
                    Err(why) => return Err(fault(why)),
                },
            };
            self.proofs.answered(feed, &proof, found);
        }
        Ok(())
    }

    async fn open(&self, feed: &mut Feed) -> Result<Session, Fault> {
        let journal = match feed.recall(JOURNAL) {
            Some(number) => number,
            None => {
                let number = feed.now().0.unsigned_abs();
                feed.remember(JOURNAL, number).await?;
                number
            }
        };
        let place = self.target.place(true)?;
        let opening = async {
            let samples = match Table::open(&place, lake::Kind::Samples).await? {
                Some(table) => table,
                None => Table::make(&place, lake::Kind::Samples).await?,
            };
            Ok((samples, Table::open(&place, lake::Kind::Events).await?))
        };
        let (samples, events) = tokio::select! {
            tables = opening => tables.map_err(fault)?,
            () = feed.stopping() => return Err(Fault::Stopped),
        };
        let writer = format!("{}/{journal:x}", self.target.gateway);
        let at = |table: Option<&Table>| {
            table.and_then(|table| table.delivered(&writer)).unwrap_or(Position::START)
        };
        let (had_samples, had_events) = (at(Some(&samples)), at(events.as_ref()));
        let far = had_samples.max(had_events);
        if feed.recall(DELIVERED).is_some_and(|had| far < Position(had)) {
            let text = "The table was put back to an older state, or made anew. What the journal still holds is sent again.";
            let next = "Ask who changed the table. What is older than the journal stands in the history: read it there with SQL and load it.";
            // What one table lost, the other may still have: it leaves that out again.
            feed.forgot("data", text, next, had_samples);
            feed.remember(DELIVERED, far.0).await?;
        }
        Ok(Session { place, samples, events, writer, had_samples, had_events, paths: HashMap::new() })
    }

    /// The table knows positions that our journal has not reached: the data folder was put back to an older state. From
    /// here on it is another journal, so that none of its rows is taken for one that is there already.
    async fn another_journal(&self, feed: &mut Feed) -> Fault {
        let title = format!("{} has rows that our journal does not know", feed.name());
        let text = "The data folder of this gateway was put back to an older state. Rows between then and now stay in the table; new rows are added.";
        let id = format!("destination/{}/ahead/{}", feed.name(), feed.now().millis());
        let source = format!("destination/{}", feed.name());
        let event = Event::info(EventKind::Fault, id, source, feed.now(), title);
        let mut event = event.explained(text, "Nothing, if you restored a backup. Else find out who did.");
        event.severity = severity::MEDIUM;
        feed.tell(event);
        let number = feed.now().0.unsigned_abs();
        for (name, value) in [(JOURNAL, number), (DELIVERED, 0)] {
            if let Err(fault) = feed.remember(name, value).await {
                return fault;
            }
        }
        Fault::Lost("the table knows more than the journal: it is written under another number now".into())
    }

    /// Housekeeping after some commits. It may fail and is then tried again later: rows are safe without.
    async fn tidy(&mut self, session: &mut Session, feed: &mut Feed) -> Result<(), Fault> {
        if !self.commits.is_multiple_of(TIDY_EVERY) {
            return Ok(());
        }
        let sweep = self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY);
        let (how, now) = (self.target.tidy, feed.now());
        let work = async {
            let mut all = Tidied::default();
            for table in std::iter::once(&mut session.samples).chain(session.events.as_mut()) {
                let done = table.compact(&how, now).await?;
                all.merged += done.merged;
                if sweep {
                    let done = table.sweep(&how, now).await?;
                    (all.expired, all.removed) = (all.expired + done.expired, all.removed + done.removed);
                }
            }
            Ok::<_, LakeError>(all)
        };
        let done = tokio::select! {
            done = work => done,
            () = feed.stopping() => return Err(Fault::Stopped),
        };
        if sweep {
            self.swept = Some(Instant::now());
        }
        match done {
            Ok(done) if done == Tidied::default() => {}
            Ok(done) => {
                let Tidied { merged, expired, removed } = done;
                tracing::info!(destination = feed.name(), merged, expired, removed, "the tables were tidied");
            }
            Err(why @ LakeError::Gone(_)) => return Err(fault(why)),
            Err(why) => {
                tracing::warn!(destination = feed.name(), %why, "housekeeping of the tables failed; later again");
            }
        }
        Ok(())
    }
}

impl Session {
    /// Commits what was gathered; whether there was anything.
    async fn deliver(
        &mut self,
        feed: &mut Feed,
        gathered: Gathered,
        proofs: &mut Proofs<(Arc<str>, Time, Position)>,
    ) -> Result<bool, Fault> {
        let positions = gathered.positions();
        let Some(newest) = positions.iter().max().copied() else { return Ok(false) };
        let (mut samples, mut events) = (SampleRows::default(), EventRows::default());
        let mut proof = None;
        for delivery in gathered.deliveries {
            match delivery {
                // What is sent again stands in the table already; values of intervals have no position of their own.
                Delivery::Samples(some)
                    if some.position > self.had_samples || some.position == Position::START =>
                {
                    proof = self.rows(&mut samples, &some, feed).or(proof);
                }
                Delivery::Event { position, event, .. } if position > self.had_events => {
                    events.add(position, event)
                }
                // Its points may have other paths now.
                Delivery::Declare { .. } => self.paths.clear(),
                Delivery::Samples(_) | Delivery::Event { .. } | Delivery::Stop => {}
            }
        }
        let some = !samples.is_empty() || !events.is_empty();
        let now = feed.now();
        if !samples.is_empty() {
            // Never back: what comes from history, as values of intervals, stands before what was delivered long ago.
            let to = newest.max(self.had_samples);
            self.samples.add_samples(samples, &self.writer, to, now).await.map_err(fault)?;
            self.had_samples = to;
        }
        if !events.is_empty() {
            if self.events.is_none() {
                self.events = Some(Table::make(&self.place, lake::Kind::Events).await.map_err(fault)?);
            }
            let to = newest.max(self.had_events);
            if let Some(table) = &mut self.events {
                table.add_events(events, &self.writer, to, now).await.map_err(fault)?;
            }
            self.had_events = to;
        }
        if some {
            feed.remember(DELIVERED, self.had_samples.max(self.had_events).0).await?;
        }
        feed.ack_all(&positions, Vec::new());
        proofs.took(|| proof);
        Ok(some)
    }

    /// Adds rows; gives the last of them, to ask for it later.
    fn rows(
        &mut self,
        rows: &mut SampleRows,
        samples: &Samples,
        feed: &Feed,
    ) -> Option<Proof<(Arc<str>, Time, Position)>> {
        let mut last = None;
        for n in 0..samples.len() {
            let Some((point, time, status, value)) = samples.get(n) else { continue };
            let path = match self.paths.entry(point) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => match feed.meta(point) {
                    Some(meta) => place.insert(Arc::from(meta.path.as_str())),
                    None => continue,
                },
            };
            let times = (time, samples.batch.received);
            rows.add(path, times, samples.position, (status, value), samples.batch.flags.historical);
            last = Some((path.clone(), time, samples.position));
        }
        let key = last?;
        Some(Proof { what: key.0.to_string(), time: key.1, key })
    }
}
