//! `characterise`: shows what it would ask of a device, asks for a yes, shows what was measured, saves it where told to.

use super::client::{Client, ClientError, encode};
use super::discover::{count, list, say, says_yes, text};
use super::table::Table;
use super::{Running, exit};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

/// How often a run under way is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// `characterise ...`
#[derive(Clone, Debug, clap::Args)]
pub struct CharacteriseArgs {
    /// A connection of the plant, e.g. line-1; or with --read the name or address of a device that no connection reads
    target: String,
    /// What to read of a device without a connection, e.g. "holding 0-99" or 40001-40100 (may be repeated)
    #[arg(long, value_name = "RANGE")]
    read: Vec<String>,
    /// Its Modbus unit id
    #[arg(long, default_value_t = 1, requires = "read")]
    unit: u8,
    /// Its TCP port
    #[arg(long, default_value_t = 502, requires = "read")]
    port: u16,
    /// Yes, send these packets (for scripts; without it, it asks)
    #[arg(long)]
    yes: bool,
    /// Save the outcome as measured/CONNECTION.toml without asking
    #[arg(long, conflicts_with = "read")]
    save: bool,
    /// Remove what was measured of the connection; nothing is sent to the device
    #[arg(long, conflicts_with_all = ["read", "save", "yes"])]
    forget: bool,
    #[command(flatten)]
    running: Running,
}

/// Does it. The exit code.
///
/// # Errors
/// [`ClientError`].
pub async fn characterise(arguments: &CharacteriseArgs, out: &mut impl Write) -> Result<u8, ClientError> {
    let client = Client::new(&arguments.running.data);
    if arguments.forget {
        return forget(&client, &arguments.target, out).await;
    }
    let ask = match ask(arguments) {
        Ok(ask) => ask,
        Err(why) => {
            super::complain(&why);
            return Ok(exit::MISTAKES);
        }
    };
    let plan = client.post("/api/characterise/plan", &ask).await?;
    for device in list(&plan, "devices") {
        say(out, &format!("{}: {}\n", text(device, "name"), text(device, "touches")))?;
    }
    say(out, &format!("{}\n", text(&plan, "sentence")))?;
    if !arguments.yes && !says_yes("Send them?", out)? {
        say(out, "Nothing was sent.\n")?;
        return Ok(exit::FAILED);
    }
    let yes = json!({"ask": ask, "packets_most": plan.get("packets_most")});
    let begun = client.post("/api/characterise", &yes).await?;
    let run = follow(&client, &text(&begun, "id")).await?;
    show(&run, out)?;
    if text(&run, "state") != "done" {
        return Ok(exit::FAILED);
    }
    if arguments.read.is_empty() {
        keep(&client, arguments, &run, out).await?;
    } else {
        say(
            out,
            "To keep it for the planner: make a connection to this device (ironbridge discover), then characterise that.\n",
        )?;
    }
    Ok(exit::OK)
}

/// A connection by its name, or the file of one that reads the ranges.
fn ask(arguments: &CharacteriseArgs) -> Result<Json, String> {
    if arguments.read.is_empty() {
        let target = &arguments.target;
        if target.contains(['.', ':']) {
            return Err(format!("what should be read of {target}? Name it, e.g. --read \"holding 0-99\""));
        }
        return Ok(json!({"connection": target}));
    }
    let ranges = connect::south::modbus::single_tags(&arguments.read)
        .map_err(|wrong| format!("{} ({})", wrong.message, wrong.help))?;
    let mut file = format!(
        "kind = \"modbus-tcp\"\nhost = {}\nport = {}\n[device.device]\nunit = {}\n[device.device.tags]\n",
        connect::draft::quoted(&arguments.target),
        arguments.port,
        arguments.unit,
    );
    for tag in ranges {
        // Writing to memory cannot fail.
        let _ = writeln!(file, "{tag}");
    }
    Ok(json!({"file": "connections/device.toml", "text": file}))
}

/// Looks at the run until it ends. Ctrl-C stops the run, not only the looking.
async fn follow(client: &Client, id: &str) -> Result<Json, ClientError> {
    let path = format!("/api/characterise/{id}");
    let bar = indicatif::ProgressBar::new_spinner();
    loop {
        let run = client.get(&path).await?;
        bar.set_message(format!("{} ({} requests)", text(&run, "step"), count(&run, "requests_sent")));
        bar.tick();
        if text(&run, "state") != "running" {
            bar.finish_and_clear();
            return Ok(run);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => {
                client.post(&format!("{path}/stop"), &json!({})).await?;
            }
        }
    }
}

fn show(run: &Json, out: &mut impl Write) -> Result<(), ClientError> {
    let mut table = Table::new(&["device", "what", "measured", "meaning"]);
    for line in list(run, "lines") {
        table.push(["device", "what", "value", "text"].iter().map(|name| text(line, name)).collect());
    }
    say(out, &table.render("nothing was measured"))?;
    let (requests, packets) = (count(run, "requests_sent"), count(run, "packets_sent"));
    say(out, &format!("{requests} requests in {packets} packets; {}\n", text(run, "state")))?;
    match text(run, "problem") {
        problem if problem.is_empty() => Ok(()),
        problem => say(out, &format!("{}\n", problem.replace(char::is_control, "\u{FFFD}"))),
    }
}

/// Saves the file if a person says so.
async fn keep(
    client: &Client,
    arguments: &CharacteriseArgs,
    run: &Json,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let file = text(run, "file");
    say(out, &format!("\n{}\n", text(run, "text")))?;
    let question = format!("Save this as {file} in the plant folder?");
    if !arguments.save && (arguments.yes || !says_yes(&question, out)?) {
        return say(out, &format!("Not saved. To keep it: the same with --save, or save it as {file}\n"));
    }
    let version = version(client, &file).await;
    let edit = json!({"name": file, "text": text(run, "text"), "version": version});
    client.post("/api/config/save", &json!({"edits": [edit]})).await?;
    say(
        out,
        &format!(
            "Saved as {file}. See what it changes: ironbridge plan PLANT, then: ironbridge apply PLANT\n"
        ),
    )
}

/// The version of a file that is there.
async fn version(client: &Client, file: &str) -> Option<String> {
    let known = client.get(&format!("/api/config/file?name={}", encode(file))).await.ok()?;
    Some(text(&known, "version"))
}

async fn forget(client: &Client, connection: &str, out: &mut impl Write) -> Result<u8, ClientError> {
    let file = format!("measured/{connection}.toml");
    let Some(version) = version(client, &file).await else {
        say(out, &format!("There is no {file}: nothing was measured, or it was forgotten already.\n"))?;
        return Ok(exit::FAILED);
    };
    let edit = json!({"name": file, "text": null, "version": version});
    client.post("/api/config/save", &json!({"edits": [edit]})).await?;
    say(
        out,
        &format!(
            "Removed {file}. See what it changes: ironbridge plan PLANT, then: ironbridge apply PLANT\n"
        ),
    )?;
    Ok(exit::OK)
}
