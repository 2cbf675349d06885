//! Files in a folder: CSV or Parquet, one for each stretch of time, whole or not there.
//!
//! ```text
//! feed.gather() ─▶ .NAME.part ─▶ the stretch is over ─▶ sync, rename ─▶ feed.ack ─▶ retention
//! ```
//! Rationale: a file's name carries its positions. After a crash between renaming and acknowledging, the names tell what is
//! there already; what was being written is thrown away and written anew.

mod folder;
mod table;
mod writing;

use super::contract::{Contract, Language, Message, Telling};
use super::intervals::floor;
use super::{Asks, CatchUp, Delivery, Feed, Found, Gathered, Proof, Proofs, Samples, Sink, settings};
use crate::endless::endless;
use crate::kind::{Built, Context, Kind, Security};
use folder::{Folder, Keep, Stretch};
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document, Period};
use model::{Event, EventKind, Fault, Position, Time};
use schemars::JsonSchema;
use serde::Deserialize;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use table::Line;
use writing::Writing;

/// How files enter the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "files",
    title: "Files (CSV, Parquet)",
    schema: settings::schema::<Keys>,
    build,
    sample: include_str!("sample.toml"),
};

/// Samples taken at once, about, and how long they wait for more.
const MAX_LINES: usize = 10_000;
const LINGER: Duration = Duration::from_millis(500);
/// Records of one file at most: so many are held unacknowledged.
const MAX_RECORDS: usize = 200_000;
/// How long after a stretch its last samples are waited for.
const SETTLE: Duration = Duration::from_secs(2);
/// Remembered in the destination's own file: the last position that stands in a whole file.
const WRITTEN: &str = "written";

/// Keys of `kind = "files"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// the folder; a relative one is below the plant folder
    folder: String,
    /// "csv" or "parquet"
    #[serde(default)]
    format: Format,
    /// how much time one file holds, 1 s to 1 d
    #[serde(default = "hour")]
    per: Period,
    /// most samples of one file, 1,000 to 50,000,000
    #[serde(default = "max_rows")]
    #[schemars(range(min = 1_000, max = 50_000_000))]
    max_rows: u64,
    /// folders for years, months and days, as DuckDB, Spark and others read them: year=2026/month=11/day=22
    #[serde(default)]
    by_day: bool,
    /// how long files stay, and how much room they take: { age = "90d", gb = 20.0 }; all stay if left out
    #[serde(default)]
    keep: KeepKeys,
}

/// What stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeepKeys {
    /// files older than this are removed
    #[serde(default)]
    age: Option<Period>,
    /// the oldest files are removed when all of them together are larger, in GB
    #[serde(default)]
    gb: Option<f64>,
}

/// How files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Comma-separated text (RFC 4180).
    #[default]
    Csv,
    /// Apache Parquet, zstd.
    Parquet,
}

const fn hour() -> Period {
    Period(Duration::from_secs(3_600))
}

const fn max_rows() -> u64 {
    1_000_000
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let mut wrong =
        |at: &[&str], message: &str, help: &str| mistakes.push(document.mistake(at, message, help));
    if keys.folder.trim().is_empty() {
        wrong(&["folder"], "`folder` names no folder", "write its path, e.g. \"/srv/plant/archive\"");
    }
    let seconds = keys.per.0.as_secs_f64();
    if !(1.0..=86_400.0).contains(&seconds) || seconds.fract() != 0.0 {
        wrong(
            &["per"],
            "a file cannot have this length",
            "write whole seconds from \"1s\" to \"1d\", e.g. \"1h\"",
        );
    }
    if keys.keep.gb.is_some_and(|gb| gb <= 0.0 || !gb.is_finite()) {
        wrong(&["keep", "gb"], "this keeps nothing", "write a number above 0, e.g. 20.0, or leave it out");
    }
    if document.root.get("catch_up").and_then(|node| node.as_text()) == Some("live_first") {
        wrong(&["catch_up"], "files are written in order", "leave `catch_up` out");
    }
    if document.root.get("events").is_some() {
        wrong(
            &["events"],
            "the table has no events",
            "leave `events` out; `syslog`, `webhook` and `postgres` take them",
        );
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let path = context.folder.join(keys.folder.trim());
    let endpoint = path.display().to_string();
    let bytes = keys.keep.gb.map(|gb| (gb * 1e9) as u64);
    let extension = if keys.format == Format::Csv { "csv" } else { "parquet" };
    let keep = Keep { age: keys.keep.age.map(|age| age.0), bytes };
    let folder = Folder { path, name: context.name.clone(), extension, by_day: keys.by_day, keep };
    let files = Files {
        folder: Arc::new(folder),
        format: keys.format,
        per: keys.per.0,
        max_rows: keys.max_rows,
        proofs: Proofs::default(),
    };
    Ok(Built::destination(
        files,
        endpoint,
        Security::none("files on this machine: whoever may read the folder may read them"),
    ))
}

/// See the module.
struct Files {
    folder: Arc<Folder>,
    format: Format,
    per: Duration,
    max_rows: u64,
    /// Files with their sizes.
    proofs: Proofs<(PathBuf, u64)>,
}

/// A file that is being filled, and what is acknowledged with it.
#[derive(Default)]
struct Open {
    file: Option<Writing>,
    /// Start of its stretch.
    begin: Time,
    positions: Vec<Position>,
}

impl Sink for Files {
    fn late(&self) -> Option<Duration> {
        None
    }

    fn asks(&self) -> Asks {
        // Whoever takes files away as soon as they are there does what files are for.
        Asks::OnRequest
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let (folder, format) = (self.folder.clone(), self.format);
        Telling::new(move |_| {
            let (word, media, language, schema) = match format {
                Format::Csv => ("csv", "text/csv", Language::Text, table::CSV_WORDS.to_owned()),
                Format::Parquet => {
                    ("parquet", "application/vnd.apache.parquet", Language::Parquet, table::parquet_words())
                }
            };
            let days = if folder.by_day { "year=YYYY/month=MM/day=DD/" } else { "" };
            let rows = Message {
                of: "sample".into(),
                place: format!("file {days}{}_BEGIN_FIRST-LAST.{}", folder.name, folder.extension),
                key: "path, time, seq".into(),
                media: media.into(),
                language,
                schema,
                note: "value, value_int and value_text are empty where the quality is Bad. What is sent again is in files of its \
                       own (_again)."
                    .into(),
            };
            Contract::new(word, vec![rows])
        })
    }

    fn catch_up(&self) -> CatchUp {
        CatchUp::InOrder
    }
}

impl Files {
    async fn run(&mut self, feed: &mut Feed) -> Result<Infallible, Fault> {
        let folder = self.folder.clone();
        let there = blocking(&self.folder, move || folder.open()).await?;
        let kept = feed.recall(WRITTEN).map(Position);
        feed.connected().await;
        // Files of a journal that is no more (the data folder was made anew) say nothing about this one.
        let head = feed.live_from();
        let known = [Some(there), kept].into_iter().flatten().filter(|position| *position <= head);
        let mut written = known.max().unwrap_or_default();
        self.proofs.begin(feed);
        let (mut live, mut again) = (Open::default(), Open::default());
        let mut gathered = Gathered::default();
        loop {
            let due = self.due(&live, &again, feed.now());
            tokio::select! {
                biased;
                () = feed.gather(&mut gathered, MAX_LINES, LINGER) => {}
                () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {}
                () = self.proofs.due() => {}
            }
            self.prove(feed).await?;
            let stop = gathered.stop;
            let mut of_past = false;
            for delivery in std::mem::take(&mut gathered).deliveries {
                let past = delivery.position().is_some_and(|position| feed.is_past(position));
                of_past |= past;
                let open = if past { &mut again } else { &mut live };
                self.take(delivery, (open, past), &mut written, feed).await?;
            }
            if stop || (!of_past && again.file.is_some()) {
                self.finish(&mut again, true, &mut written, feed).await?;
            }
            let over = feed.now() >= live.begin.after(self.per).after(SETTLE);
            if stop || (over && live.file.is_some()) {
                self.finish(&mut live, false, &mut written, feed).await?;
            }
            if stop {
                return Err(Fault::Stopped);
            }
        }
    }

    /// Looks whether files are still there and whole, when it is time.
    async fn prove(&mut self, feed: &mut Feed) -> Result<(), Fault> {
        for proof in self.proofs.take_due() {
            let (path, bytes) = proof.key.clone();
            let found = blocking(&self.folder, move || {
                Ok(match std::fs::metadata(&path) {
                    Ok(there) if there.len() == bytes => Found::There,
                    Ok(there) => Found::Gone(format!("it has {} bytes now and had {bytes}", there.len())),
                    Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                        Found::Gone("it is not there any more".into())
                    }
                    Err(why) => return Err(why),
                })
            });
            let found = found.await?;
            self.proofs.answered(feed, &proof, found);
        }
        Ok(())
    }

    /// When something has to be finished even if nothing comes.
    fn due(&self, live: &Open, again: &Open, now: Time) -> Option<Duration> {
        if again.file.is_some() {
            return Some(LINGER * 2);
        }
        live.file
            .as_ref()
            .map(|_| live.begin.after(self.per).after(SETTLE).since(now).max(Duration::from_millis(10)))
    }

    async fn take(
        &mut self,
        delivery: Delivery,
        (open, past): (&mut Open, bool),
        written: &mut Position,
        feed: &mut Feed,
    ) -> Result<(), Fault> {
        let Some(position) = delivery.position() else { return Ok(()) };
        let Delivery::Samples(samples) = delivery else {
            if open.file.is_none() {
                feed.ack(position, Vec::new());
            } else {
                open.positions.push(position);
            }
            return Ok(());
        };
        if !past && position <= *written {
            // It stands in a whole file already; the crash came before it was acknowledged.
            feed.ack(position, Vec::new());
            return Ok(());
        }
        let begin = floor(samples.batch.received, self.per);
        let full = open.positions.len() >= MAX_RECORDS
            || open.file.as_ref().is_some_and(|file| file.rows() >= self.max_rows);
        if open.file.is_some() && (full || (!past && begin > open.begin)) {
            self.finish(open, past, written, feed).await?;
        }
        let lines = lines(&samples, feed);
        let file = match open.file.take() {
            Some(file) => file,
            None => {
                open.begin = begin;
                let (folder, format) = (self.folder.clone(), self.format);
                blocking(&self.folder, move || Writing::create(&folder.part(past), format)).await?
            }
        };
        let add = move || {
            let mut file = file;
            file.add(&lines, position)?;
            Ok(file)
        };
        open.file = Some(blocking(&self.folder, add).await?);
        open.positions.push(position);
        Ok(())
    }

    /// Gives a file its name, then acknowledges what is in it.
    async fn finish(
        &mut self,
        open: &mut Open,
        past: bool,
        written: &mut Position,
        feed: &mut Feed,
    ) -> Result<(), Fault> {
        let Some(file) = open.file.take() else { return Ok(()) };
        let positions = std::mem::take(&mut open.positions);
        let (first, last) = file.positions();
        let stretch = Stretch { begin: open.begin, first, last, again: past };
        let folder = self.folder.clone();
        let now = feed.now();
        let finish = move || {
            file.finish()?;
            let made = folder.complete(&stretch)?;
            Ok((made, folder.retain(now)?))
        };
        let ((path, bytes), removed) = blocking(&self.folder, finish).await?;
        if !past {
            *written = (*written).max(last);
            feed.remember(WRITTEN, written.0).await?;
        }
        feed.ack_all(&positions, Vec::new());
        self.proofs
            .took(|| Some(Proof { what: path.display().to_string(), key: (path, bytes), time: open.begin }));
        if !removed.is_empty() {
            self.proofs.forget(|(path, _)| removed.contains(path));
            self.removed(removed.len(), feed);
        }
        Ok(())
    }

    fn removed(&self, count: usize, feed: &Feed) {
        let now = feed.now();
        let title = format!("{} removed {count} old files, as `keep` says", self.folder.name);
        let source = format!("destination/{}", self.folder.name);
        let id = format!("{source}/removed/{}", now.0);
        let text = format!("In {}.", self.folder.path.display());
        feed.tell(Event::info(EventKind::Change, id, source, now, title).explained(text, ""));
    }
}

fn lines(samples: &Samples, feed: &Feed) -> Vec<Line> {
    let line = |n: usize| {
        let (point, time, status, value) = samples.get(n)?;
        Some(Line {
            meta: feed.meta(point)?,
            time,
            received: samples.batch.received,
            seq: samples.position,
            status,
            value: value.clone(),
            historical: samples.batch.flags.historical,
        })
    };
    (0..samples.len()).filter_map(line).collect()
}

/// Does something on the disk where blocking is allowed.
async fn blocking<T: Send + 'static>(
    folder: &Folder,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let shown = folder.path.display();
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(why)) if why.kind() == std::io::ErrorKind::StorageFull => Err(Fault::Config(
            format!("the disk of {shown} is full: make room there, or let `keep` remove old files").into(),
        )),
        Ok(Err(why)) => Err(Fault::Config(format!("{shown} cannot be written: {why}").into())),
        Err(panic) => Err(Fault::Protocol(format!("writing to {shown} broke off: {panic}").into())),
    }
}
