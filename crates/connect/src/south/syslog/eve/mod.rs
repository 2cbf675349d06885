//! The alerts of a Suricata that runs beside Ironbridge: its file of records is read as it grows.
//!
//! Rationale: the place in the file is kept when what was read is on disk, so a restart of either loses no alert; what was
//! read twice has the same event id.

mod tail;

use super::alert::Record;
use super::repeats::Repeats;
use super::words::From;
use crate::endless::endless;
use crate::kind::{Built, Context, Kind, Secrets, Security};
use crate::south::tags::{Plan, closed_schema};
use crate::south::{Driver, Layout, Link};
use futures_util::future::BoxFuture;
use model::Fault;
use model::config::{Diagnostic, Document};
use schemars::JsonSchema;
use serde::Deserialize;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tail::{Place, Tail};
use tokio::time::Instant;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Lines that are read before others get their turn.
const LINES: usize = 500;

/// A file of EVE records.
pub static EVE: Kind<dyn Driver> = Kind {
    name: "suricata-eve",
    title: "Suricata alerts (eve.json)",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("../eve-sample.toml"),
};

/// The configuration file of `kind = "suricata-eve"`, as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
struct File {
    /// The kind of connection: "suricata-eve"
    #[serde(rename = "kind")]
    _kind: String,
    /// The file that Suricata writes
    #[serde(default = "usual")]
    file: PathBuf,
    /// Least severe alert that becomes an event: "low" (3 and more in Suricata), "medium" (2), "high" (1)
    #[serde(default)]
    at_least: Least,
    /// Name of the sensor in titles
    #[serde(default = "sensor")]
    sensor: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Least {
    /// All
    #[default]
    Low,
    /// 1 and 2 of Suricata
    Medium,
    /// 1 of Suricata
    High,
}

impl Least {
    const fn severity(self) -> u16 {
        match self {
            Self::Low => 0,
            Self::Medium => model::event::severity::MEDIUM,
            Self::High => model::event::severity::HIGH,
        }
    }
}

fn usual() -> PathBuf {
    "/var/log/suricata/eve.json".into()
}
fn sensor() -> String {
    "suricata".to_owned()
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = EVE.read(document)?;
    let mut plan = Plan::of_arrivals(document, context);
    if !file.file.is_absolute() {
        let help = "write it from the root, e.g. \"/var/log/suricata/eve.json\"";
        plan.mistake(&["file"], format!("`{}` is no whole path", file.file.display()), help);
    }
    if context.site.join(&file.sensor).is_err() || file.sensor.contains('/') {
        let help = "letters, digits, - and _, e.g. \"ids-hall-1\"";
        plan.mistake(&["sensor"], format!("`{}` is no name", file.sensor), help);
    }
    let resolved = plan.finish()?;
    let layout = super::layout([(file.sensor.clone(), file.file.display().to_string())], &resolved);
    Ok(Built {
        endpoint: file.file.display().to_string(),
        points: resolved.points,
        claims: Vec::new(),
        expected: Vec::new(),
        security: Security::none("a file of this machine: whoever may write it can say anything"),
        it: Box::new(Eve {
            secrets: context.secrets.clone(),
            file: file.file,
            least: file.at_least.severity(),
            sensor: file.sensor,
            repeats: Repeats::default(),
            layout,
        }),
    })
}

struct Eve {
    secrets: Arc<dyn Secrets>,
    file: PathBuf,
    least: u16,
    sensor: String,
    repeats: Repeats,
    layout: Layout,
}

impl Eve {
    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let kept = self.secrets.data().map(|data| data.join("eve").join(format!("{}.place", link.name())));
        let (path, place) = (self.file.clone(), kept.clone());
        // A place that cannot be read is said, not guessed: alerts would be told again or left out.
        let opening =
            async move { Tail::open(path, place.as_deref().map(Place::read).transpose()?.flatten()) };
        let mut tail = link.open(opening).await?;
        link.speaking();
        link.alive(0);
        loop {
            while link.take().is_some() {}
            let found = tail.lines(LINES)?;
            link.no_room(found.too_long);
            let mut last = None;
            for line in &found.lines {
                link.received(line.len());
                last = self.tell(line, link).or(last);
            }
            for event in self.repeats.due(link.clock().now()) {
                link.namespace().event(event);
            }
            if found.moved
                && let Some(kept) = &kept
            {
                if let Some(position) = last {
                    let journal = link.namespace().journal().clone();
                    let synced = link.during(journal.wait_synced(position)).await;
                    synced.map_err(|error| Fault::Lost(format!("the journal: {error}").into()))?;
                }
                tail.place().write(kept)?;
            }
            if found.lines.len() < LINES {
                let look = Instant::now() + LOOK;
                while Instant::now() < look {
                    link.wait(Some(look)).await;
                    while link.take().is_some() {}
                }
            } else {
                tokio::task::yield_now().await;
            }
        }
    }

    fn tell(&mut self, line: &str, link: &Link) -> Option<model::Position> {
        if !link.is_active(0) {
            return None;
        }
        let Some(record) = Record::parse(line) else {
            link.bad_frame();
            return None;
        };
        let Some((key, _, event)) = record.alert().filter(|(_, severity, _)| *severity >= self.least) else {
            link.unclaimed(1);
            return None;
        };
        let (now, file) = (link.clock().now(), self.file.display().to_string());
        let from = From { connection: link.name(), device: &self.sensor, address: &file, at: now };
        let told = self.repeats.said(key, now, || event(&from));
        told.map(|event| link.namespace().event(event))
    }
}

impl Driver for Eve {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        endless(self.run(link))
    }
}
