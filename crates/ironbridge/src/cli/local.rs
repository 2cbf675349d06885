//! Dispatch, and the commands that need no running Ironbridge.

use super::client::{Client, ClientError};
use super::{
    AuditCommand, Cli, Command, LogFormat, ask, characterise, connections, destination, discover, exit,
    import, monitor, watch,
};
use crate::{backup, demo, exchange, house, plant, report};
use clap::CommandFactory;
use serde_json::json;
use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Does what was asked; the exit code.
pub fn dispatch(cli: Cli) -> u8 {
    match cli.command {
        Command::Run { plant, data } => {
            start_logs(cli.log_format, &cli.log);
            let data = data.unwrap_or_else(|| plant.join("data"));
            house::run(&plant, &data)
        }
        Command::Demo { dir, listen, seed } => {
            start_logs(cli.log_format, &cli.log);
            demo::run(dir, &listen, seed)
        }
        Command::Simulate { seed, write_config, port } => {
            start_logs(cli.log_format, &cli.log);
            demo::simulate(seed, write_config.as_deref(), port)
        }
        Command::Check { plant, json } => check(&plant, json),
        Command::Export { format, plant } => export(&plant, format),
        Command::Schema { what } => schema(what.as_deref()),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ironbridge", &mut stdout());
            exit::OK
        }
        Command::Import(arguments) => import::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Profiles { name } => import::profiles(name.as_deref()),
        Command::Backup { data, archive } => told(backup::backup(&data, &archive), "files kept in", &archive),
        Command::Restore { archive, data } => {
            told(backup::restore(&archive, &data), "files brought back to", &data)
        }
        Command::Audit(command) => audit(&command),
        Command::Query { sql, offline: Some(dir), format, limit, .. } => {
            house::query_offline(&dir, &sql, format, limit)
        }
        other => on_runtime(async move { asked(other).await }),
    }
}

async fn asked(command: Command) -> u8 {
    let out = &mut stdout();
    let result = match &command {
        Command::Connections { name, running } => {
            connections::connections(name.as_deref(), running, out).await
        }
        Command::Points { prefix, running } => ask::points(prefix, running, out).await,
        Command::Tail { prefix, lines, running } => ask::tail(prefix, *lines, running, out).await,
        Command::Query { sql, format, limit, running, .. } => {
            ask::query(sql, *format, *limit, running, out).await
        }
        Command::User(command) => ask::user(command, out).await,
        Command::Token(command) => ask::token(command, out).await,
        Command::Secret(command) => ask::secret(command, &mut stdin(), out).await,
        Command::Discover(arguments) => match discover::discover(arguments, out).await {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Characterise(arguments) => match characterise::characterise(arguments, out).await {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Browse { file, running } => ask::browse(file, running, out).await,
        Command::Trust { thumbprint, remove, running } => {
            ask::trust(thumbprint.as_deref(), *remove, running, out).await
        }
        Command::Plan { plant, data, json } => return plan(plant, data.as_deref(), *json).await,
        Command::Apply { plant, data, gate, force } => {
            return apply(plant, data.as_deref(), &json!({"gate_s": gate, "force": force})).await;
        }
        Command::Write { path, value, reason, running } => {
            ask::write_value(path, value, reason, running, out).await
        }
        Command::Commands { running } => ask::commands(running, out).await,
        Command::Destination(command) => destination::run(command, out).await,
        Command::Monitor(command) => monitor::run(command, out).await,
        _ => Ok(()),
    };
    finish(result)
}

fn finish(result: Result<(), ClientError>) -> u8 {
    match result {
        Ok(()) => exit::OK,
        Err(error @ ClientError::NobodyReads) => error.code(),
        Err(error) => {
            complain(&error.to_string());
            if matches!(error, ClientError::NotRunning(_)) {
                complain("start it with: ironbridge run PLANT   or name its data folder with --data DIR");
            }
            error.code()
        }
    }
}

/// Asks the running process about a plant folder. The process draws the mistakes; without one they are drawn here, so
/// that they are known before it is started.
async fn about(
    folder: &Path,
    data: Option<&Path>,
    path: &str,
    how: &serde_json::Value,
) -> Result<serde_json::Value, u8> {
    let data = data.map_or_else(|| folder.join("data"), Path::to_owned);
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mut asked = how.clone();
    if let Some(asked) = asked.as_object_mut() {
        asked.insert("plant".into(), json!(whole));
    }
    match Client::new(&data).post(path, &asked).await {
        Ok(answer) => match answer.get("mistakes").and_then(|mistakes| mistakes.as_str()) {
            Some(mistakes) => {
                complain(mistakes);
                Err(exit::MISTAKES)
            }
            None => Ok(answer),
        },
        Err(error) => {
            if let (ClientError::NotRunning(_), Err(found)) =
                (&error, plant::load(folder, Arc::new(connect::kind::NoSecrets)))
            {
                complain(&report::mistakes(&found));
                return Err(exit::MISTAKES);
            }
            Err(finish(Err(error)))
        }
    }
}

async fn plan(folder: &Path, data: Option<&Path>, as_json: bool) -> u8 {
    let answer = match about(folder, data, "/local/plan", &json!({})).await {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    if as_json {
        print(&format!("{answer:#}\n"));
        return exit::OK;
    }
    match serde_json::from_value::<web::shapes::PlanShape>(answer) {
        Ok(plan) => {
            print(&house::plan_text(&plan));
            plan.notes.iter().for_each(|note| print(&format!("note: {note}\n")));
            exit::OK
        }
        Err(why) => finish(Err(ClientError::Broken(why.to_string()))),
    }
}

async fn apply(folder: &Path, data: Option<&Path>, how: &serde_json::Value) -> u8 {
    let answer = match about(folder, data, "/local/apply", how).await {
        Ok(answer) => answer,
        Err(code) => return code,
    };
    let done = match serde_json::from_value::<web::shapes::AppliedShape>(answer) {
        Ok(done) => done,
        Err(why) => return finish(Err(ClientError::Broken(why.to_string()))),
    };
    print(&format!("{}\n", done.summary));
    done.notes.iter().for_each(|note| print(&format!("note: {note}\n")));
    if done.rolled_back {
        complain(&format!("rolled back, the plant runs as it did before: {}", done.why));
        complain(
            "mend the file and apply again, or give it more time with --gate SECONDS, or insist with --force",
        );
        return exit::FAILED;
    }
    exit::OK
}

fn check(folder: &Path, as_json: bool) -> u8 {
    match plant::load(folder, Arc::new(connect::kind::NoSecrets)) {
        Ok(plant) if as_json => {
            print(&sound_json(folder, &plant));
            exit::OK
        }
        Ok(plant) => {
            print(&format!(
                "{}: {}, {}, {}, {}; writes {}. No mistakes.\n",
                plant.site,
                report::count(plant.connections.len(), "connection"),
                report::count(points_of(&plant), "point"),
                report::count(plant.assets.len(), "asset"),
                report::count(plant.destinations.len(), "destination"),
                if plant.settings.writes == plant::Switch::On { "on" } else { "off (READ-ONLY)" },
            ));
            notes_of(folder, &plant).iter().for_each(|note| print(&format!("note: {note}\n")));
            exit::OK
        }
        Err(found) if as_json => {
            print(&report::json(&found));
            exit::MISTAKES
        }
        Err(found) => {
            complain(&report::mistakes(&found));
            exit::MISTAKES
        }
    }
}

/// What is no mistake and worth a word: scans that ask much, and secrets that nobody has set where the data folder lies beside
/// the files.
fn notes_of(folder: &Path, plant: &plant::Plant) -> Vec<String> {
    let mut notes: Vec<String> =
        plant.connections.iter().filter_map(|one| one.it.note.as_ref().map(ToString::to_string)).collect();
    if let Some(set) = access::names_of_secrets(&folder.join("data/access")) {
        notes.extend(plant.missing_secrets(|name| set.contains(name)));
    }
    notes
}

fn points_of(plant: &plant::Plant) -> usize {
    plant.connections.iter().map(|one| one.it.built.points.len()).sum()
}

/// What a sound folder holds, on one line.
fn sound_json(folder: &Path, plant: &plant::Plant) -> String {
    let told = json!({
        "site": plant.site.to_string(),
        "connections": plant.connections.len(),
        "points": points_of(plant),
        "assets": plant.assets.len(),
        "destinations": plant.destinations.len(),
        "writes": if plant.settings.writes == plant::Switch::On { "on" } else { "off" },
        "notes": notes_of(folder, plant),
    });
    format!("{told}\n")
}

fn export(folder: &Path, format: exchange::ExportFormat) -> u8 {
    match plant::load(folder, Arc::new(connect::kind::NoSecrets)) {
        Ok(plant) => match exchange::export(&plant, format) {
            // A package is no text; a reader that went away wanted no more of it.
            Ok(bytes) => {
                let _ = stdout().write_all(&bytes).and_then(|()| stdout().flush());
                exit::OK
            }
            Err(why) => {
                complain(why);
                exit::FAILED
            }
        },
        Err(found) => {
            complain(&report::mistakes(&found));
            exit::MISTAKES
        }
    }
}

fn schema(what: Option<&str>) -> u8 {
    let connections =
        connect::south::KINDS.iter().map(|kind| (kind.name, kind.schema, "connections/NAME.toml"));
    let destinations =
        connect::north::KINDS.iter().map(|kind| (kind.name, kind.schema, "destinations/NAME.toml"));
    let all: Vec<_> = connections.chain(destinations).collect();
    let measured = |name: &str| connect::south::surveyor(name.strip_prefix("measured-")?);
    let found = match what {
        None => {
            print("plant  ironbridge.toml\nasset  assets/NAME.toml\ntype  types/NAME.toml\n");
            all.iter().for_each(|(name, _, file)| print(&format!("{name}  {file}\n")));
            let surveyors = connect::south::surveyors();
            surveyors.for_each(|one| print(&format!("measured-{}  measured/NAME.toml\n", one.kind)));
            return exit::OK;
        }
        Some("plant") => Some(model::config::schema_of::<plant::Settings>()),
        Some("asset") => Some(model::config::schema_of::<plant::Asset>()),
        Some("type") => Some(model::config::schema_of::<plant::AssetType>()),
        Some(name) if measured(name).is_some() => measured(name).map(|surveyor| (surveyor.schema)()),
        Some(name) => all.iter().find(|(kind, ..)| *kind == name).map(|(_, schema, _)| schema()),
    };
    let Some(schema) = found else {
        complain("there is no such file or kind; `ironbridge schema` lists them");
        return exit::MISTAKES;
    };
    print(&format!("{schema:#}\n"));
    exit::OK
}

fn audit(command: &AuditCommand) -> u8 {
    let data = ask::audit_data(command);
    match house::verify_audit(data) {
        Ok(records) => {
            print(&format!("{records} records, every hash fits the one before\n"));
            exit::OK
        }
        Err(why) => {
            complain(&why);
            exit::NOT_SOUND
        }
    }
}

fn told(result: std::io::Result<u64>, what: &str, place: &Path) -> u8 {
    match result {
        Ok(count) => {
            print(&format!("{count} {what} {}\n", place.display()));
            exit::OK
        }
        Err(error) => {
            complain(&error.to_string());
            exit::FAILED
        }
    }
}

/// A runtime for one question.
fn on_runtime(task: impl Future<Output = u8>) -> u8 {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(task),
        Err(error) => {
            complain(&error.to_string());
            exit::FAILED
        }
    }
}

fn start_logs(format: LogFormat, filter: &str) {
    // What the OPC UA library says of a cut line is said by the connection, in words.
    let quiet = "opcua_client=off,opcua_core=off,opcua_crypto=off,opcua_types=off,opcua_server=off";
    let filter =
        tracing_subscriber::EnvFilter::try_new(format!("{quiet},{filter}")).unwrap_or_else(|_| "info".into());
    // Colours are for a person at a terminal; in a file or a service's log they are noise.
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colours);
    match format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_target(false).init(),
    }
}

/// To standard output. A closed pipe ends the printing, not the program.
pub fn print(text: &str) {
    let _ = stdout().write_all(text.as_bytes());
}

/// To standard error.
pub fn complain(text: &str) {
    let _ = writeln!(stderr(), "{}", text.trim_end());
}

/// Where `demo` and `simulate` put files when no folder is given.
pub fn scratch() -> std::io::Result<PathBuf> {
    tempfile::Builder::new().prefix("ironbridge-demo-").tempdir().map(tempfile::TempDir::keep)
}
