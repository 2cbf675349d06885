//! Measuring devices for pages and command line: consent, the pause of the running connection, the record.

use super::House;
use super::discover::{mistakes, problem, recorded};
use connect::characterise::{Busy, Effort, Line, Run, Survey, Touched};
use connect::discover::ScanState;
use connect::kind::{self, Context};
use connect::south::status::State;
use connect::south::{self, KINDS};
use model::config::Document;
use model::{Fault, Principal, Time};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use web::shapes::{
    CharacteriseAsk, CharacteriseDevice, CharacteriseLine, CharacterisePlan, CharacteriseRun,
    CharacteriseStart,
};
use web::{Problem, ProblemKind};

/// How long a running connection may take to close.
const CLOSING: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);
/// Largest connection file that is measured, bytes.
const MOST_BYTES: u64 = 4 << 20;

/// What an ask comes to.
struct Prepared {
    connection: String,
    survey: Box<dyn Survey>,
    effort: Effort,
    /// The running connection to the same endpoint, which is paused meanwhile.
    pauses: Option<String>,
}

impl House {
    pub(super) fn characterise_plan(&self, ask: &CharacteriseAsk) -> Result<CharacterisePlan, Problem> {
        let prepared = self.prepare(ask)?;
        Ok(self.plan_of(&prepared.connection, &prepared.effort, prepared.pauses.is_some()))
    }

    fn prepare(&self, ask: &CharacteriseAsk) -> Result<Prepared, Problem> {
        let facts = self.facts.load_full();
        let (file, text) = match (&ask.connection, &ask.file, &ask.text) {
            (Some(name), None, None) => {
                let file = format!("connections/{name}.toml");
                let text = connection_text(&facts.folder, name, &file)?;
                (file, text)
            }
            (None, Some(file), Some(text)) => (file.clone(), text.clone()),
            _ => {
                let next = "give `connection`, or `file` and `text`";
                return Err(problem(ProblemKind::Invalid, "it does not say what to measure", next));
            }
        };
        let document = Document::parse(&file, &text).map_err(|found| mistakes(&found))?;
        let chosen = kind::choose(KINDS, "connection", &document).map_err(|found| mistakes(&found))?;
        let Some(surveyor) = south::surveyor(chosen.name) else {
            let why = south::why_not_measured(chosen.name);
            let title = format!("there is nothing to measure of {}: {why}", chosen.title);
            let names: Vec<&str> = south::surveyors().map(|surveyor| surveyor.kind).collect();
            let next = format!("nothing needs to be done; kinds that are measured: {}", names.join(", "));
            return Err(problem(ProblemKind::Refused, &title, &next));
        };
        let stem = Path::new(&file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("draft");
        if model::path::check_segment(stem).is_err() {
            return Err(problem(
                ProblemKind::Invalid,
                "the file name is no name of a connection",
                "use letters, digits, - and _",
            ));
        }
        let mut context = Context::new(stem, facts.site.clone(), facts.folder.clone());
        context.secrets = self.secrets();
        context.budget = self.budget_at(stem, &document);
        let survey = (surveyor.prepare)(&document, &context).map_err(|found| mistakes(&found))?;
        let effort = survey.effort();
        let running = self.endpoints().into_iter().find(|(_, endpoint)| *endpoint == effort.endpoint);
        if self.bench.runs().first().is_some_and(|run| run.snapshot().state == ScanState::Running) {
            return Err(busy(Busy::Running));
        }
        if let Some((name, _)) = &running
            && self.is_paused(name)
        {
            let title =
                format!("a person has paused connection {name} or a device of it, so nothing is sent there");
            return Err(problem(ProblemKind::Refused, &title, "resume it, then measure"));
        }
        Ok(Prepared { connection: stem.to_owned(), survey, effort, pauses: running.map(|(name, _)| name) })
    }

    /// Whether a person has paused a connection, or a device of it.
    fn is_paused(&self, name: &str) -> bool {
        let connections = self.connections.lock();
        let handle = connections.get(name).map(|one| &one.handle);
        handle.is_some_and(|it| it.state() == State::Paused || !it.paused_devices().is_empty())
    }

    fn plan_of(&self, connection: &str, effort: &Effort, pauses: bool) -> CharacterisePlan {
        let device = |touched: &Touched| CharacteriseDevice {
            name: touched.name.clone(),
            unit: touched.unit.clone(),
            touches: touched.what.clone(),
        };
        let mut sentence = effort.sentence();
        if pauses {
            sentence.push_str(
                " The running connection is paused meanwhile and goes on afterwards: until then its points are out of service.",
            );
        }
        CharacterisePlan {
            connection: connection.to_owned(),
            endpoint: effort.endpoint.clone(),
            devices: effort.devices.iter().map(device).collect(),
            requests_most: effort.requests,
            packets_most: effort.packets,
            seconds_least: effort.least.as_secs_f64(),
            seconds_most: effort.most.as_secs_f64(),
            pauses,
            sentence,
            measured: measured_before(&self.facts.load().folder, connection),
        }
    }

    pub(super) async fn characterise(
        self: &Arc<Self>,
        who: &Principal,
        yes: &CharacteriseStart,
    ) -> Result<CharacteriseRun, Problem> {
        let Prepared { connection, survey, effort, pauses } = self.prepare(&yes.ask)?;
        let detail = effort.sentence();
        let begun = self.bench.begin(&connection, effort, yes.packets_most, pauses.is_some(), &who.name);
        let run = begun.map_err(busy)?;
        // Without a record, no packet.
        let object = format!("connection/{connection} at {}", run.effort.endpoint);
        if let Err(why) = recorded(&self.access, who, "characterise", object, detail).await {
            self.bench.cancel(&run);
            return Err(why);
        }
        let (house, running) = (self.clone(), run.clone());
        let asks = self.announce_endpoint(format!("characterise/{connection}"), &run.effort.endpoint).await;
        self.supervisor.spawn("characterise", async move {
            let paused = match &pauses {
                Some(name) => house.pause_for(name).await.then(|| name.clone()),
                None => None,
            };
            tokio::select! {
                () = house.supervisor.stopped() => running.stop(),
                () = running.run(survey, &*house.clock) => {}
            }
            drop(asks);
            if let Some(name) = paused {
                house.connections.lock().get(&name).iter().for_each(|one| one.handle.resume());
            }
        });
        Ok(self.run_shape(&run))
    }

    /// Pauses a connection and waits until it is closed. False if a person had paused it already.
    async fn pause_for(&self, name: &str) -> bool {
        let state = |house: &Self| house.connections.lock().get(name).map(|one| one.handle.state());
        if matches!(state(self), None | Some(State::Paused)) {
            return false;
        }
        self.connections.lock().get(name).iter().for_each(|one| one.handle.pause());
        let closed = async {
            while !matches!(state(self), None | Some(State::Paused)) {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(CLOSING, closed).await.is_err() {
            tracing::warn!(connection = name, "it does not close; it is measured all the same");
        }
        true
    }

    pub(super) fn characterise_runs(&self) -> Vec<CharacteriseRun> {
        self.bench.runs().iter().map(|run| self.run_shape(run)).collect()
    }

    pub(super) fn characterise_stop(&self, id: &str) -> bool {
        let run = self.bench.find(id);
        run.iter().for_each(|run| run.stop());
        run.is_some()
    }

    fn run_shape(&self, run: &Run) -> CharacteriseRun {
        let now = run.snapshot();
        let line = |line: Line| CharacteriseLine {
            device: line.device,
            what: line.what.to_owned(),
            value: line.value,
            text: line.text,
        };
        CharacteriseRun {
            id: run.id.clone(),
            who: run.who.clone(),
            started: run.started.millis_f64(),
            ended: now.ended.map(Time::millis_f64),
            state: if now.fault.is_some() { "failed".to_owned() } else { now.state.word().to_owned() },
            plan: self.plan_of(&run.connection, &run.effort, run.pauses),
            step: if now.state == ScanState::Running { now.step } else { String::new() },
            requests_sent: now.requests,
            packets_sent: now.packets,
            faults: now.faults,
            dropped: now.dropped,
            problem: now.fault.map(|fault| failed(&fault)).unwrap_or_default(),
            lines: now.lines.into_iter().map(line).collect(),
            file: run.file(),
            text: now.text,
        }
    }
}

/// Why a run failed, in words.
fn failed(fault: &Fault) -> String {
    format!(
        "The device stopped answering as it should ({fault}), so it was left alone and nothing is to be saved. Look at it by \
         hand: address, unit id, who else talks to it; then measure again."
    )
}

fn busy(busy: Busy) -> Problem {
    match busy {
        Busy::Running => {
            problem(ProblemKind::Refused, "a device is being measured", "wait for its end, or stop it")
        }
        Busy::Changed(packets) => problem(
            ProblemKind::Refused,
            &format!("the plan is another one now: at most {packets} packets"),
            "look at the plan again, then say yes to it",
        ),
    }
}

fn connection_text(folder: &Path, name: &str, file: &str) -> Result<String, Problem> {
    let missing = || Problem::not_found(format!("connection {}", name.chars().take(100).collect::<String>()));
    model::path::check_segment(name).map_err(|_| missing())?;
    let path = folder.join(file);
    let size = std::fs::metadata(&path).map_err(|_| missing())?.len();
    if size > MOST_BYTES {
        return Err(problem(
            ProblemKind::TooMuch,
            "the connection file is too large",
            "measure with fewer tags",
        ));
    }
    std::fs::read_to_string(&path).map_err(|_| missing())
}

/// When the file of an earlier measurement says that it was made.
fn measured_before(folder: &Path, connection: &str) -> Option<String> {
    let path = folder.join("measured").join(format!("{connection}.toml"));
    let size = std::fs::metadata(&path).ok()?.len();
    let text = (size <= MOST_BYTES).then(|| std::fs::read_to_string(path).ok())??;
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("measured")?.as_str()?.to_owned())
}
