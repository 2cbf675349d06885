//! `discover`: shows what it would send, asks for a yes, shows who was found, writes drafts where it is told to.

use super::client::{Client, ClientError};
use super::table::Table;
use super::{Running, exit};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a scan under way is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How the API writes that there is none: of a device that has none yet, of a remark about the whole cable.
const NO_ADDRESS: &str = "0.0.0.0";

/// `discover ...`
#[derive(Clone, Debug, clap::Args)]
pub struct DiscoverArgs {
    /// Whom to ask: 10.20.1.0/24, 10.20.1.10-40, 10.20.1.11, a host name, or `neighbours` (the addresses that this
    /// machine has talked to lately)
    #[arg(required_unless_present = "interface")]
    targets: Vec<String>,
    /// Ask everybody on this interface's cable too, with or without an address (PROFINET, BACnet, EtherNet/IP: one packet
    /// each), and listen to what switches say of themselves
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// How long to listen there, 3 to 120 s: switches say every 30 s who they are
    #[arg(long, default_value_t = 35, value_name = "S")]
    listen_s: u64,
    /// Addresses that get nothing, in the same forms
    #[arg(long, value_name = "ADDRESSES")]
    exclude: Vec<String>,
    /// Only these protocols; without it, all that have a probe
    #[arg(long = "protocol", value_name = "NAME")]
    protocols: Vec<String>,
    /// Other ports than the protocol's own, e.g. modbus=502,1502
    #[arg(long = "port", value_name = "PROTOCOL=PORTS")]
    ports: Vec<String>,
    /// Modbus unit ids, e.g. 1-32 or 1,17: a serial gateway's bus is filled by each that is not there
    #[arg(long, default_value = "1,255", value_parser = units)]
    units: Units,
    /// Addresses asked at the same time, 1 to 64; each gets one question at a time
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// How long to wait for an answer
    #[arg(long, default_value_t = 1_000, value_name = "MS")]
    timeout_ms: u64,
    /// Silence between two questions to one address
    #[arg(long, default_value_t = 100, value_name = "MS")]
    pause_ms: u64,
    /// Yes, send these packets (for scripts; without it, it asks)
    #[arg(long)]
    yes: bool,
    /// Write a draft of a connection file for each device into this folder
    #[arg(long, value_name = "DIR")]
    drafts: Option<PathBuf>,
    #[command(flatten)]
    running: Running,
}

/// Unit ids.
#[derive(Clone, Debug, PartialEq)]
struct Units(Vec<u8>);

fn units(text: &str) -> Result<Units, String> {
    let mut found = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number =
            |text: &str| text.trim().parse::<u8>().map_err(|_| format!("`{part}` is no unit id (0 to 255)"));
        let (first, last) = (number(first)?, number(last)?);
        found.extend((first..=last).filter(|unit| !found.contains(unit)).collect::<Vec<_>>());
    }
    if found.is_empty() { Err("no unit id".into()) } else { Ok(Units(found)) }
}

impl DiscoverArgs {
    fn ask(&self) -> Result<Json, String> {
        let ports: BTreeMap<String, Vec<u16>> = connect::discover::parse_ports(&self.ports)
            .map_err(|wrong| format!("{} ({})", wrong.message, wrong.help))?;
        Ok(json!({
            "targets": self.targets, "exclude": self.exclude, "protocols": self.protocols, "ports": ports,
            "units": self.units.0, "at_once": self.at_once, "timeout_ms": self.timeout_ms, "pause_ms": self.pause_ms,
            "interface": self.interface, "listen_s": self.listen_s,
        }))
    }
}

/// Does it. The exit code.
///
/// # Errors
/// [`ClientError`].
pub async fn discover(arguments: &DiscoverArgs, out: &mut impl Write) -> Result<u8, ClientError> {
    let client = Client::new(&arguments.running.data);
    let ask = match arguments.ask() {
        Ok(ask) => ask,
        Err(why) => {
            super::complain(&why);
            return Ok(exit::MISTAKES);
        }
    };
    let plan = client.post("/api/discover/plan", &ask).await?;
    show_plan(&plan, out)?;
    if count(&plan, "addresses") == 0 && arguments.interface.is_none() {
        return Ok(exit::OK);
    }
    if !arguments.yes && !says_yes("Send them?", out)? {
        say(out, "Nothing was sent.\n")?;
        return Ok(exit::FAILED);
    }
    let begun =
        client.post("/api/discover", &json!({"ask": ask, "packets_most": plan.get("packets_most")})).await?;
    let id = text(&begun, "id");
    let scan = follow(&client, &id).await?;
    show_found(&scan, out)?;
    match &arguments.drafts {
        Some(folder) => write_drafts(&client, &id, &scan, folder, out).await?,
        None if list(&scan, "found")
            .iter()
            .any(|found| found.get("can_draft") == Some(&Json::Bool(true))) =>
        {
            say(out, "Drafts of connection files, to review: the same with --drafts DIR\n")?;
        }
        None => {}
    }
    Ok(exit::OK)
}

fn show_plan(plan: &Json, out: &mut impl Write) -> Result<(), ClientError> {
    for skipped in list(plan, "skipped").iter().take(20) {
        say(out, &format!("{} is not asked: {}\n", text(skipped, "address"), text(skipped, "why")))?;
    }
    if list(plan, "skipped").len() > 20 {
        say(out, &format!("and {} more are not asked\n", list(plan, "skipped").len() - 20))?;
    }
    for share in list(plan, "protocols") {
        say(out, &format!("{}: {}\n", text(share, "title"), text(share, "asks")))?;
    }
    say(out, &format!("{}\n", text(plan, "sentence")))
}

/// Asks a person. Without a terminal there is nobody to say yes.
pub(super) fn says_yes(question: &str, out: &mut impl Write) -> Result<bool, ClientError> {
    if !std::io::stdin().is_terminal() {
        super::complain("this needs a yes; in a script, give --yes");
        return Ok(false);
    }
    say(out, &format!("{question} Type yes: "))?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && answer.trim().eq_ignore_ascii_case("yes"))
}

/// Looks at the scan until it ends. Ctrl-C stops the scan, not only the looking.
async fn follow(client: &Client, id: &str) -> Result<Json, ClientError> {
    let path = format!("/api/discover/{id}");
    let bar = indicatif::ProgressBar::no_length();
    loop {
        let scan = client.get(&path).await?;
        bar.set_length(count(&scan, "addresses_total"));
        bar.set_position(count(&scan, "addresses_done"));
        if text(&scan, "state") != "running" {
            bar.finish_and_clear();
            return Ok(scan);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => {
                client.post(&format!("{path}/stop"), &json!({})).await?;
            }
        }
    }
}

fn show_found(scan: &Json, out: &mut impl Write) -> Result<(), ClientError> {
    let mut table =
        Table::new(&["address", "protocol", "where", "name", "vendor", "model", "firmware", "profile"]);
    for found in list(scan, "found") {
        let address = match (text(found, "address"), count(found, "port")) {
            (none, 0) if none == NO_ADDRESS => "no address".to_owned(),
            (address, 0) => address,
            (address, port) => format!("{address}:{port}"),
        };
        let columns = ["title", "where", "name", "vendor", "model", "firmware", "profile"];
        table.push(std::iter::once(address).chain(columns.iter().map(|name| text(found, name))).collect());
    }
    say(out, &table.render("nobody answered; check the range, or name --units of a serial gateway"))?;
    for remark in list(scan, "remarks") {
        let text = text(remark, "text").replace(char::is_control, "\u{FFFD}");
        let whom = match self::text(remark, "address") {
            none if none == NO_ADDRESS => String::new(),
            address => format!("{address} ({}): ", self::text(remark, "protocol")),
        };
        say(out, &format!("{whom}{text}\n"))?;
    }
    let (sent, asked) = (count(scan, "packets_sent"), count(scan, "addresses_done"));
    let addresses = if asked == 1 { "address" } else { "addresses" };
    let packets = if sent == 1 { "packet" } else { "packets" };
    say(out, &format!("{sent} {packets} sent to {asked} {addresses}; {}\n", text(scan, "state")))
}

async fn write_drafts(
    client: &Client,
    id: &str,
    scan: &Json,
    folder: &Path,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let mut endpoints = BTreeSet::new();
    for found in list(scan, "found").iter().filter(|found| found.get("can_draft") == Some(&Json::Bool(true)))
    {
        // One file is one endpoint: the units behind it stand in the draft of the first.
        if !endpoints.insert((text(found, "protocol"), text(found, "address"), count(found, "port"))) {
            continue;
        }
        let draft =
            client.post(&format!("/api/discover/{id}/draft"), &json!({"index": found.get("index")})).await?;
        write_draft(&draft, folder, out)?;
    }
    if endpoints.is_empty() {
        return Ok(());
    }
    say(
        out,
        "Review them and put them into connections/; where it says so, let `ironbridge browse connections/NAME.toml` fill them. \
         Then: ironbridge check . && ironbridge apply .\n",
    )
}

/// Writes one draft. An existing file is never overwritten.
pub fn write_draft(draft: &Json, folder: &Path, out: &mut impl Write) -> Result<(), ClientError> {
    let name = text(draft, "file");
    let path = folder.join(name.rsplit('/').next().unwrap_or(&name));
    let file = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::OpenOptions::new().write(true).create_new(true).open(&path));
    match file.and_then(|mut file| file.write_all(text(draft, "text").as_bytes())) {
        Ok(()) => {
            let tags = count(draft, "tags");
            let points = if tags == 1 { "point" } else { "points" };
            say(out, &format!("{}: {tags} {points}\n", path.display()))?;
        }
        Err(why) => {
            super::complain(&format!("{}: {why}; move it away or choose another folder", path.display()))
        }
    }
    for note in list(draft, "notes") {
        let line =
            note.get("line").and_then(Json::as_u64).map(|line| format!("line {line}: ")).unwrap_or_default();
        say(out, &format!("  {line}{}\n", text(note, "text").replace(char::is_control, "\u{FFFD}")))?;
    }
    for mistake in text(draft, "mistakes").lines() {
        say(out, &format!("  to mend: {mistake}\n"))?;
    }
    Ok(())
}

pub(super) fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn text(json: &Json, key: &str) -> String {
    json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

pub(super) fn count(json: &Json, key: &str) -> u64 {
    json.get(key).and_then(Json::as_u64).unwrap_or_default()
}

pub(super) fn say(out: &mut impl Write, text: &str) -> Result<(), ClientError> {
    super::ask::write(out, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_ids_as_people_write_them() {
        assert_eq!(units("1,255"), Ok(Units(vec![1, 255])));
        assert_eq!(units("1-4, 3,9"), Ok(Units(vec![1, 2, 3, 4, 9])));
        for wrong in ["", "256", "x", "9-1"] {
            assert!(units(wrong).is_err(), "{wrong}");
        }
    }
}
