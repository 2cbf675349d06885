//! Destinations: readers of the journal that hand samples and events to other systems.
//!
//! ```text
//!  destinations/hq.toml ─▶ build() ─▶ Destination ─▶ run() ─▶ Handle { status, pause, resume, stop, rejects }
//!                                                     │
//!                     journal ─▶ Feed (selection, dead-band, rate, catch-up, cursor) ─▶ Sink ─▶ far side
//! ```
//! A sink holds only its protocol: it opens a session, calls [`Feed::connected`], takes [`Feed::next`], sends, and
//! calls [`Feed::ack`] when the far side has it. Everything else is decided here, once for all destinations.

pub mod contract;
pub mod event;
mod feed;
pub mod files;
mod filter;
mod history;
pub mod iceberg;
pub mod influx;
mod intervals;
pub mod kafka;
pub(crate) mod keep;
mod late;
pub mod mqtt;
pub mod nats;
pub mod otlp;
pub mod payload;
mod post;
pub mod postgres;
mod progress;
mod rejects;
mod run;
mod select;
mod settings;
pub mod sparkplug;
mod status;
pub mod syslog;
mod trouble;
pub mod webhook;
mod window;

pub use feed::{Asks, Current, Delivery, Feed, Found, Gathered, Proof, Proofs, Samples, USUAL, Wanted};
pub use filter::Rows;
pub use history::{History, NoHistory, Recorded, Told};
pub use rejects::{Letter, Letters, Reject};
pub use run::{Handle, Place, run};
pub use select::below;
pub use settings::{CatchUp, Deadband, Of, Prove, Quality, Settings, Switch, schema};
pub use status::{Backlog, LastError, Proved, Replay, Skipped, State, Status};

use crate::kind::{Built, Context, Kind, Models, Security, choose};
use contract::Telling;
use futures_util::future::BoxFuture;
use model::Fault;
use model::config::{Diagnostic, Document, check, nearest};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// One destination's protocol, also listening to its far side while idle (rebirth, commands, state).
pub trait Sink: Send {
    /// One session, from connect to lost. Called again after the pause that the returned fault asks for.
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault>;

    /// Tells exactly what it sends, for those who read it.
    fn contract(&self) -> Telling;

    /// Whether it has a use for samples.
    fn wants_samples(&self) -> bool {
        true
    }

    /// Whether its far side can ask for writes.
    fn takes_commands(&self) -> bool {
        false
    }

    /// Whether its far side can be asked what it has of what it acknowledged: see [`Proofs`].
    fn asks(&self) -> Asks {
        Asks::Never
    }

    /// How long its far side may take to acknowledge what it was given, before that is said; `None` where that has no
    /// meaning.
    fn late(&self) -> Option<Duration> {
        Some(late::LATE)
    }

    /// The tables that it fills, for those who read them.
    fn lake(&self) -> Option<lake::Opener> {
        None
    }

    /// What its destination does after an outage unless the configuration says otherwise.
    fn catch_up(&self) -> CatchUp {
        CatchUp::InOrder
    }
}

impl Built<dyn Sink> {
    /// What a kind makes of a file: the sink, its other side for people, and how the traffic is protected.
    pub(crate) fn destination(sink: impl Sink + 'static, endpoint: String, security: Security) -> Self {
        let it = Box::new(sink);
        Self { it, points: Vec::new(), claims: Vec::new(), expected: Vec::new(), endpoint, security }
    }
}

/// A destination that is all about events must name some; the mistake if it does not.
fn events_named(document: &Document, mistakes: &mut Vec<Diagnostic>) {
    let named = document.root.get("events").is_some_and(|node| match &node.value {
        model::config::NodeValue::Array(kinds) => !kinds.is_empty(),
        _ => true,
    });
    if !named {
        let help =
            "write `events = [\"finding\", \"alarm\", \"change\", \"fault\"]`, or those that are wanted";
        mistakes.push(document.mistake(&["events"], "`events` names none: nothing would be sent", help));
    }
}

/// Every kind of destination.
pub const KINDS: &[&Kind<dyn Sink>] = &[
    &mqtt::KIND,
    &sparkplug::KIND,
    &postgres::KIND,
    &nats::KIND,
    &kafka::KIND,
    &syslog::KIND,
    &webhook::KIND,
    &influx::KIND,
    &otlp::KIND,
    &iceberg::KIND,
    &files::KIND,
];

/// A destination that can be started.
pub struct Destination {
    /// Name of its file without `.toml`.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// The sink, its claims and how it is protected.
    pub built: Built<dyn Sink>,
    /// The common keys.
    pub settings: Settings,
    /// Order after an outage.
    pub catch_up: CatchUp,
    /// How often the far side is asked whether it has what it acknowledged.
    pub prove: Option<Duration>,
    /// Types and assets, for what is selected by type.
    pub models: Arc<Models>,
}

/// Checks a destination file and constructs what it describes, without any IO but reading files that it names.
///
/// # Errors
/// Every mistake in it, with its place.
pub fn build(document: &Document, context: &Context) -> Result<Destination, Vec<Diagnostic>> {
    let kind = choose(KINDS, "destination", document)?;
    let mistakes = check(document, &(kind.schema)());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let settings = Settings::read(document);
    let built = (kind.build)(document, context);
    let (settings, built) = match (settings, built) {
        (Ok(settings), Ok(built)) => (settings, built),
        (settings, built) => {
            let mut all = settings.err().unwrap_or_default();
            all.extend(built.err().unwrap_or_default());
            return Err(all);
        }
    };
    if settings.commands == Switch::On && !built.it.takes_commands() {
        let message = format!("a destination of the kind \"{}\" takes no commands", kind.name);
        return Err(vec![document.mistake(&["commands"], message, "leave `commands` out")]);
    }
    if let Some(mistake) = unknown_type(document, &settings, &context.models) {
        return Err(vec![mistake]);
    }
    let prove = match (settings.prove, built.it.asks()) {
        (Some(Prove(Some(_))), Asks::Never) => {
            let message = format!("a destination of the kind \"{}\" cannot be asked what it has", kind.name);
            return Err(vec![document.mistake(&["prove"], message, "leave `prove` out")]);
        }
        (Some(Prove(every)), _) => every,
        (None, asks) => (asks == Asks::Usually).then_some(USUAL),
    };
    let catch_up = settings.catch_up.unwrap_or_else(|| built.it.catch_up());
    let models = context.models.clone();
    Ok(Destination { name: context.name.clone(), kind: kind.name, built, settings, catch_up, prove, models })
}

/// A type of assets that is selected, and that neither a file nor an asset names.
fn unknown_type(document: &Document, settings: &Settings, models: &Models) -> Option<Diagnostic> {
    let mut known: BTreeSet<String> = models.types.keys().map(|name| name.to_ascii_lowercase()).collect();
    known.extend(models.kinds.values().flatten().cloned());
    let unknown = settings.types.iter().find(|name| !known.contains(&name.to_ascii_lowercase()))?;
    let help = nearest(&unknown.to_ascii_lowercase(), known.iter().map(String::as_str)).map_or_else(
        || "write the name of a file under types/, or what an asset has as `type`".to_owned(),
        |near| format!("did you mean \"{near}\"?"),
    );
    Some(document.mistake(&["types"], format!("no asset is of the type \"{unknown}\""), help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Path;

    fn context() -> Context {
        Context::new("hq", Path::new("acme/leeds").unwrap(), "")
    }

    #[test]
    fn every_sample_builds_and_stands_in_its_readme() {
        let readmes = [
            include_str!("mqtt/README.md"),
            include_str!("sparkplug/README.md"),
            include_str!("postgres/README.md"),
            include_str!("nats/README.md"),
            include_str!("kafka/README.md"),
            include_str!("syslog/README.md"),
            include_str!("webhook/README.md"),
            include_str!("influx/README.md"),
            include_str!("otlp/README.md"),
            include_str!("iceberg/README.md"),
            include_str!("files/README.md"),
        ];
        assert_eq!(readmes.len(), KINDS.len());
        for (kind, readme) in KINDS.iter().zip(readmes) {
            let document = Document::parse("destinations/hq.toml", kind.sample).unwrap();
            let built = build(&document, &context())
                .unwrap_or_else(|mistakes| panic!("{}: {mistakes:#?}", kind.name));
            assert_eq!(built.kind, kind.name);
            assert!(readme.contains(kind.sample.trim()), "{}: the README shows another sample", kind.name);
        }
    }

    fn mistakes(text: &str) -> Vec<String> {
        let document = Document::parse("hq.toml", text).unwrap();
        match build(&document, &context()) {
            Ok(_) => Vec::new(),
            Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        }
    }

    /// `cases/NAME.toml` has a mistake in each line that ends with `# ! words`, and no other.
    #[test]
    fn cases_of_wrong_files_name_each_mistake_at_its_line() {
        let cases = [
            include_str!("mqtt/cases/wrong-keys.toml"),
            include_str!("mqtt/cases/wrong-meaning.toml"),
            include_str!("postgres/cases/wrong.toml"),
            include_str!("nats/cases/wrong.toml"),
            include_str!("kafka/cases/wrong.toml"),
            include_str!("syslog/cases/wrong.toml"),
            include_str!("webhook/cases/wrong.toml"),
            include_str!("influx/cases/wrong.toml"),
            include_str!("otlp/cases/wrong.toml"),
            include_str!("iceberg/cases/wrong.toml"),
            include_str!("files/cases/wrong.toml"),
            include_str!("iceberg/cases/wrong-folder.toml"),
        ];
        for text in cases {
            let expected: Vec<(usize, &str)> = text
                .lines()
                .enumerate()
                .filter_map(|(n, line)| Some((n + 1, line.split_once("# ! ")?.1)))
                .collect();
            let found = mistakes(text);
            assert_eq!(found.len(), expected.len(), "{found:#?}");
            for (line, words) in expected {
                let start = format!("hq.toml:{line}:");
                assert!(
                    found.iter().any(|m| m.starts_with(&start) && m.contains(words)),
                    "line {line}, {words}: {found:#?}"
                );
            }
        }
    }

    #[test]
    fn a_type_that_nothing_has_is_a_mistake() {
        let told = mistakes("kind = \"nats\"\nurl = \"nats://a\"\ntypes = [\"Pmp\"]\n");
        assert!(told.len() == 1 && told[0].contains("no asset is of the type"), "{told:?}");
    }

    #[test]
    fn commands_from_where_none_can_come_are_a_mistake() {
        let told = mistakes("kind = \"nats\"\nurl = \"nats://a\"\ncommands = \"on\"\n");
        assert!(told.len() == 1 && told[0].contains("takes no commands"), "{told:?}");
    }

    #[test]
    fn whoever_cannot_be_asked_is_not_and_how_often_is_bounded() {
        let told = mistakes("kind = \"mqtt\"\nurl = \"mqtt://a\"\nprove = \"60s\"\n");
        assert!(told.len() == 1 && told[0].contains("cannot be asked"), "{told:?}");
        let told = mistakes("kind = \"nats\"\nurl = \"nats://a\"\nprove = \"20ms\"\n");
        assert!(told.len() == 1 && told[0].contains("write \"60s\""), "{told:?}");
        let of = |prove: &str| {
            let text = format!("kind = \"nats\"\nurl = \"nats://a\"\n{prove}");
            build(&Document::parse("hq.toml", &text).unwrap(), &context()).map(|built| built.prove).unwrap()
        };
        assert_eq!(
            (of(""), of("prove = \"off\""), of("prove = \"5min\"")),
            (Some(USUAL), None, Some(Duration::from_secs(300)))
        );
    }

    #[test]
    fn an_unknown_kind_is_told_with_the_nearest() {
        assert!(mistakes("kind = \"mqqt\"\n")[0].contains("did you mean \"mqtt\""));
        assert!(mistakes("url = \"x\"\n")[0].contains("`kind` is missing"));
    }
}
