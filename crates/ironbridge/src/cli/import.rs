//! `import` and `profiles`: what manuals and other programs know, without a running Ironbridge.

use super::discover::write_draft;
use super::table::Table;
use super::{complain, exit, print};
use crate::exchange::import as models;
use connect::draft::Note;
use connect::import::{FORMATS, Input, import};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// `import ...`
#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
    /// The file that the other program wrote
    #[arg(required_unless_present = "formats")]
    file: Option<PathBuf>,
    /// Its format; without it, what the file's name tells
    #[arg(long, value_name = "FORMAT")]
    from: Option<String>,
    /// Kind of connection, where the format leaves a choice
    #[arg(long)]
    kind: Option<String>,
    /// Name of the connection; without it, that of the file
    #[arg(long)]
    name: Option<String>,
    /// Name or address of the device
    #[arg(long)]
    host: Option<String>,
    /// Which device's tags, where the file has those of several
    #[arg(long)]
    device: Option<String>,
    /// Write the draft into this folder instead of printing it
    #[arg(long, value_name = "DIR")]
    drafts: Option<PathBuf>,
    /// List the formats
    #[arg(long)]
    formats: bool,
}

/// Does it. The exit code.
pub fn run(arguments: &ImportArgs) -> u8 {
    if arguments.formats {
        let mut table = Table::new(&["format", "files", "becomes", "how to get it"]);
        for format in FORMATS {
            table.push(vec![
                format.name.into(),
                format.files.into(),
                format.kinds.join(", "),
                format.text.into(),
            ]);
        }
        for format in models::FORMATS {
            let becomes = "types and assets".into();
            table.push(vec![format.name.into(), format.files.into(), becomes, format.text.into()]);
        }
        print(&table.render("none"));
        return exit::OK;
    }
    let Some(path) = &arguments.file else { return exit::MISTAKES };
    let data = match std::fs::metadata(path).and_then(|meta| {
        if meta.len() > models::MOST_BYTES as u64 {
            Err(std::io::Error::other("it is larger than 64 MiB"))
        } else {
            std::fs::read(path)
        }
    }) {
        Ok(data) => data,
        Err(why) => {
            complain(&format!("{}: {why}", path.display()));
            return exit::FAILED;
        }
    };
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let guessed = || models::guess(&file, &data).map(str::to_owned).or_else(|| guess(&file, &data));
    let Some(format) = arguments.from.clone().or_else(guessed) else {
        complain(&format!(
            "`{file}` does not tell what it is: add --from FORMAT (ironbridge import --formats lists them)"
        ));
        return exit::MISTAKES;
    };
    if let Some(format) = models::format(&format) {
        return model(format, &file, &data, arguments.drafts.as_deref());
    }
    let input = Input {
        format: &format,
        file: &file,
        data: &data,
        kind: arguments.kind.as_deref(),
        name: arguments.name.as_deref(),
        host: arguments.host.as_deref(),
        device: arguments.device.as_deref(),
    };
    match import(&input) {
        Ok(draft) => {
            show(&draft, arguments.drafts.as_deref());
            exit::OK
        }
        Err(wrong) => {
            complain(&format!("{}\n  {}", wrong.message, wrong.help));
            exit::MISTAKES
        }
    }
}

/// Names that leave no doubt; of a CSV, the names of its columns.
fn guess(file: &str, data: &[u8]) -> Option<String> {
    let file = file.to_ascii_lowercase();
    if file.ends_with(".csv") {
        let first = String::from_utf8_lossy(data).lines().next().unwrap_or_default().to_ascii_lowercase();
        let columns: Vec<&str> =
            first.split([',', ';', '\t']).map(|name| name.trim_matches(['"', ' ', '\u{feff}'])).collect();
        let has = |names: [&str; 2]| names.iter().all(|name| columns.contains(name));
        let known = [(["tag name", "address"], "kepware-csv"), (["tag", "at"], "csv")];
        return known.into_iter().find(|(names, _)| has(*names)).map(|(_, format)| format.to_owned());
    }
    let ends = [(".l5x", "l5x"), (".json", "ignition-json"), (".xlsx", "tia-xlsx"), (".xml", "tia-xml")];
    ends.into_iter().find(|(end, _)| file.ends_with(end)).map(|(_, format)| format.to_owned())
}

fn show(draft: &connect::draft::Draft, folder: Option<&Path>) {
    let notes: Vec<_> =
        draft.notes.iter().map(|note| json!({"line": note.line, "text": note.text})).collect();
    if let Some(folder) = folder {
        let shape = json!({
            "file": draft.file, "text": draft.text, "tags": draft.tags, "notes": notes, "mistakes": draft.mistakes.join("\n"),
        });
        match write_draft(&shape, folder, &mut std::io::stdout()) {
            Ok(()) => complain(
                "Review it, put it into connections/, then: ironbridge check . && ironbridge plan . && ironbridge apply .",
            ),
            Err(why) => complain(&why.to_string()),
        }
        return;
    }
    print(&draft.text);
    tell(&draft.notes, &draft.mistakes);
    complain(&format!("{} points. Review it, then put it into connections/ as {}", draft.tags, draft.file));
}

fn tell(notes: &[Note], mistakes: &[String]) {
    for note in notes {
        let line = note.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        complain(&format!("{line}{}", note.text.replace(char::is_control, "\u{FFFD}")));
    }
    for mistake in mistakes {
        complain(&format!("to mend: {mistake}"));
    }
}

/// Types and assets from a model. The exit code.
fn model(format: &models::Format, file: &str, data: &[u8], folder: Option<&Path>) -> u8 {
    let drafts = match models::import(format, file, data) {
        Ok(drafts) => drafts,
        Err(wrong) => {
            complain(&format!("{}\n  {}", wrong.message, wrong.help));
            return exit::MISTAKES;
        }
    };
    let mut code = exit::OK;
    for (name, text) in &drafts.files {
        let Some(folder) = folder else {
            print(&format!("## {name}\n{text}\n"));
            continue;
        };
        let path = folder.join(name);
        match write_new(&path, text) {
            Ok(()) => print(&format!("{}\n", path.display())),
            Err(why) => {
                complain(&format!("{}: {why}; move it away or choose another folder", path.display()));
                code = exit::FAILED;
            }
        }
    }
    tell(&drafts.notes, &drafts.mistakes);
    let waiting = match drafts.unbound {
        0 => String::new(),
        count => format!(" {count} points wait for a tag: see [bind] in the assets."),
    };
    complain(&format!(
        "{} files.{waiting} Review them, put them into types/ and assets/, then: ironbridge check .",
        drafts.files.len()
    ));
    code
}

/// An existing file is never overwritten.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// `profiles`. The exit code.
pub fn profiles(name: Option<&str>) -> u8 {
    if let Some(name) = name {
        let Some(file) = connect::south::modbus::profile_file(name) else {
            complain(&format!("there is no profile `{name}`; ironbridge profiles lists them"));
            return exit::MISTAKES;
        };
        print(file);
        return exit::OK;
    }
    let mut table = Table::new(&["profile", "vendor", "models", "points", "made from"]);
    for profile in connect::south::modbus::profiles() {
        let points = profile.points.to_string();
        table.push(vec![
            profile.name.into(),
            profile.vendor,
            profile.models.join(", "),
            points,
            profile.source,
        ]);
    }
    print(&table.render("none"));
    exit::OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_that_tell() {
        assert_eq!(guess("Line1.L5X", b"").as_deref(), Some("l5x"));
        assert_eq!(guess("tags.csv", b"name,address\n"), None);
        assert_eq!(guess("tags.csv", b"\"Tag Name\",\"Address\",x\n").as_deref(), Some("kepware-csv"));
        assert_eq!(guess("tags.csv", b"tag;at;type\n").as_deref(), Some("csv"));
    }
}
