//! The files of the plant for the pages: read, checked, changed, saved. Nothing here starts or stops anything.
//!
//! ```text
//! edits ─▶ overlay (links to the folder, edited files beside them) ─▶ plant::load ─▶ mistakes, differences
//!       └▶ ledger ─▶ files (all or none) ─▶ git, if the folder is in a repository
//! ```

mod diff;
mod git;
mod keys;
mod overlay;

use super::House;
use crate::plant::{self, Asset, AssetType, Settings};
use connect::{kind, north, south};
use model::config::{Diagnostic, schema_of};
use model::{Principal, Role};
use namespace::{Entry, Ledger};
use parking_lot::Mutex;
use serde_json::Value as Json;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use web::shapes::{
    ChangedText, Edit, FileChange, FileKind, FileText, Findings, KeyChange, Mistake, PlantFile, PlantFiles,
    Saved,
};
use web::{Problem, ProblemKind};

/// Largest file that is shown and saved.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// Most mistakes and files that are listed.
const MOST_MISTAKES: usize = 200;
const MOST_FILES: usize = 20_000;
/// Longest difference that goes into the ledger; the commit has all of it.
const MOST_RECORDED: usize = 4_000;

const SAMPLE_ASSET: &str = "type = \"Filler\"\npath = \"packaging/line-1/filler\"\nname = \"Filler\"\nlevel = \"work-unit\"\nowner_ot = \"\"\nowner_it = \"\"\nzone = \"\"\n";

const SAMPLE_TYPE: &str = "description = \"a machine that fills bottles\"\n\n[points]\nSpeed = { type = \"number\", unit = \"/min\" }\nState = { type = \"whole\", required = false }\n";

/// What a file of the plant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Plant,
    Connection,
    Destination,
    Asset,
    Type,
    Measured,
    List,
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Plant => "plant",
            Self::Connection => "connection",
            Self::Destination => "destination",
            Self::Asset => "asset",
            Self::Type => "type",
            Self::Measured => "measured",
            Self::List => "list",
        }
    }

    /// What a name below the plant folder is; nothing else is ever read or written.
    fn of(name: &str) -> Option<Self> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let (stem, ending) = file.rsplit_once('.')?;
        model::path::check_segment(stem).ok()?;
        match (folder, ending) {
            ("", "toml") if stem == "ironbridge" => Some(Self::Plant),
            ("connections", "toml") => Some(Self::Connection),
            ("destinations", "toml") => Some(Self::Destination),
            ("assets", "toml") => Some(Self::Asset),
            ("types", "toml") => Some(Self::Type),
            ("measured", "toml") => Some(Self::Measured),
            ("" | "connections", "csv") => Some(Self::List),
            _ => None,
        }
    }

    fn named(name: &str) -> Result<Self, Problem> {
        Self::of(name).ok_or_else(|| {
            Problem::not_found(format!("file {} in a plant", name.chars().take(100).collect::<String>()))
        })
    }
}

/// The plant folder of a house.
pub struct Files {
    house: Arc<House>,
    /// One check or save at a time: a check builds the whole plant.
    busy: Mutex<()>,
}

/// Tells versions of a text apart; nothing relies on it against an attacker.
fn version(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}-{}", hasher.finish(), text.len())
}

fn unreadable(name: &str, why: impl std::fmt::Display) -> Problem {
    tracing::warn!(name, %why, "a file of the plant cannot be read");
    let next = "Look at its rights on the machine: the account of Ironbridge must be able to read it.";
    Problem::new(ProblemKind::Unavailable, format!("{name} cannot be read."), "Nothing was changed.", next)
}

impl Files {
    /// The files of `house`.
    pub fn new(house: &Arc<House>) -> Self {
        Self { house: house.clone(), busy: Mutex::default() }
    }

    fn folder(&self) -> PathBuf {
        self.house.facts.load().folder.clone()
    }

    /// The text of a file; `None` if there is none.
    fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let path = self.folder().join(name);
        let size = match std::fs::metadata(&path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(|why| unreadable(name, why))?.len(),
        };
        if size > MOST_BYTES {
            let next = "Edit it on the machine, then check and apply it there.";
            return Err(Problem::new(
                ProblemKind::TooMuch,
                format!("{name} is too large for this page."),
                "Nothing was changed.",
                next,
            ));
        }
        std::fs::read_to_string(&path).map(Some).map_err(|why| unreadable(name, why))
    }

    fn found(&self, edits: &[Edit]) -> Result<Findings, Problem> {
        for edit in edits {
            Sort::named(&edit.name)?;
        }
        let folder = self.folder();
        let overlay = overlay::make(&folder, &self.house.data, edits)
            .map_err(|why| unreadable("the plant folder", why))?;
        let mistakes = plant::load(overlay.path(), self.house.secrets()).err().unwrap_or_default();
        let mut changes = Vec::new();
        for edit in edits {
            let before = self.text(&edit.name)?.unwrap_or_default();
            let diff::Diff { added, removed, text } =
                diff::lines(&before, edit.text.as_deref().unwrap_or_default());
            changes.push(FileChange { name: edit.name.clone(), added, removed, diff: text });
        }
        Ok(Findings { mistakes: mistakes.iter().take(MOST_MISTAKES).map(mistake).collect(), changes })
    }

    /// Whether `who` may make these edits on a page, and whether they still fit what is on disk.
    fn allowed(&self, who: &Principal, edits: &[Edit]) -> Result<(), Problem> {
        let refused = |title: String, next: &str| {
            Err(Problem::new(ProblemKind::Refused, title, "Nothing was changed.", next))
        };
        for edit in edits {
            let now = self.text(&edit.name)?;
            if now.as_deref().map(version) != edit.version {
                let what = if now.is_some() { "has changed meanwhile" } else { "is not there any more" };
                return refused(
                    format!("{} {what}.", edit.name),
                    "Open it again: your text is kept until you leave the page.",
                );
            }
            if edit.text.as_ref().is_some_and(|text| text.len() as u64 > MOST_BYTES) {
                return refused(
                    format!("{} would be too large for this page.", edit.name),
                    "Put it into the plant folder on the machine.",
                );
            }
            if Sort::of(&edit.name) != Some(Sort::Plant) {
                continue;
            }
            if who.role < Role::Administrator {
                return refused(
                    "Only an administrator may change ironbridge.toml here.".into(),
                    "Ask an administrator.",
                );
            }
            if edit.text.is_none() {
                return refused(
                    "A plant needs its ironbridge.toml.".into(),
                    "Change what stands in it instead.",
                );
            }
            let on = |text: Option<&str>| {
                keys::values(text.unwrap_or_default()).get("writes").and_then(Json::as_str) == Some("on")
            };
            if on(edit.text.as_deref()) && !on(now.as_deref()) {
                let next = "Set writes = \"on\" in the file on the machine and apply it there: `ironbridge apply PLANT`.";
                return refused(
                    "Writing to machines is turned on at the machine itself, not from a page.".into(),
                    next,
                );
            }
        }
        Ok(())
    }

    /// All files or none: what was written before a failure is put back.
    fn write(&self, edits: &[Edit]) -> Result<(), Problem> {
        let folder = self.folder();
        let mut undo: Vec<(PathBuf, Option<String>)> = Vec::new();
        for edit in edits {
            let path = folder.join(&edit.name);
            let before = self.text(&edit.name)?;
            if let Err(why) = put(&path, edit.text.as_deref()) {
                tracing::error!(name = edit.name, %why, "a file of the plant was not saved");
                for (path, text) in undo.iter().rev() {
                    if let Err(why) = put(path, text.as_deref()) {
                        tracing::error!(path = %path.display(), %why, "a file of the plant was not put back");
                    }
                }
                let next = "Look at the rights of the plant folder and at the free space of its disk.";
                return Err(Problem::new(
                    ProblemKind::Unavailable,
                    format!("{} cannot be written.", edit.name),
                    "Nothing was changed.",
                    next,
                ));
            }
            undo.push((path, before));
        }
        Ok(())
    }
}

/// Replaces a file in one step, or removes it.
fn put(path: &Path, text: Option<&str>) -> std::io::Result<()> {
    let Some(text) = text else {
        return match std::fs::remove_file(path) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why),
            _ => Ok(()),
        };
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut fresh = tempfile::Builder::new().prefix(".saving-").suffix(".tmp").tempfile_in(folder)?;
    std::io::Write::write_all(&mut fresh, text.as_bytes())?;
    fresh.as_file().sync_all()?;
    // A new file gets what the folder's other files have; a temporary one is for its owner alone.
    let rights = std::fs::metadata(path)
        .map_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o644), |known| known.permissions());
    fresh.as_file().set_permissions(rights)?;
    fresh.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

fn mistake(found: &Diagnostic) -> Mistake {
    let line = (!found.text.is_empty()).then(|| found.line());
    Mistake { file: found.file.to_string(), line, message: found.message.clone(), help: found.help.clone() }
}

/// The kind that a text names, and the schema it is checked against.
fn kind_and_schema(sort: Sort, values: &Json) -> (Option<String>, Json) {
    let kind = values.get("kind").and_then(Json::as_str).map(str::to_owned);
    let name = kind.as_deref().unwrap_or_default();
    let schema = match sort {
        Sort::Plant => schema_of::<Settings>(),
        Sort::Asset => schema_of::<Asset>(),
        Sort::Type => schema_of::<AssetType>(),
        Sort::Connection => kind::find(south::KINDS, name).map_or(Json::Null, |kind| (kind.schema)()),
        Sort::Destination => kind::find(north::KINDS, name).map_or(Json::Null, |kind| (kind.schema)()),
        Sort::Measured => south::surveyor(name).map_or(Json::Null, |surveyor| (surveyor.schema)()),
        Sort::List => Json::Null,
    };
    (kind.filter(|_| matches!(sort, Sort::Connection | Sort::Destination | Sort::Measured)), schema)
}

impl web::Configuration for Files {
    fn kinds(&self) -> Vec<FileKind> {
        let kind = |sort: Sort, name: &str, title: &str, sample: &str| FileKind {
            sort: sort.word().into(),
            name: name.into(),
            title: title.into(),
            sample: sample.into(),
        };
        let south = south::KINDS.iter().map(|one| kind(Sort::Connection, one.name, one.title, one.sample));
        let north = north::KINDS.iter().map(|one| kind(Sort::Destination, one.name, one.title, one.sample));
        let own = [
            kind(Sort::Asset, "", "Asset: a machine, line or area", SAMPLE_ASSET),
            kind(Sort::Type, "", "Asset type: what every machine of a sort has", SAMPLE_TYPE),
        ];
        south.chain(north).chain(own).collect()
    }

    fn files(&self) -> Result<PlantFiles, Problem> {
        let folder = self.folder();
        let mut files = Vec::new();
        for sub in ["", "assets", "connections", "destinations", "measured", "types"] {
            let entries = match std::fs::read_dir(folder.join(sub)) {
                Err(why) if why.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|why| unreadable("the plant folder", why))?,
            };
            for entry in entries.filter_map(Result::ok).take(MOST_FILES) {
                let file = entry.file_name().to_string_lossy().into_owned();
                let name = if sub.is_empty() { file } else { format!("{sub}/{file}") };
                let (Some(sort), Ok(about)) = (Sort::of(&name), std::fs::metadata(entry.path())) else {
                    continue;
                };
                let since = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let changed = since.map(|since| since.as_secs_f64() * 1e3);
                files.push(PlantFile { name, sort: sort.word().into(), bytes: about.len(), changed });
            }
        }
        files.sort_by(|a, b| (a.sort != "plant", &a.name).cmp(&(b.sort != "plant", &b.name)));
        Ok(PlantFiles { repository: git::repository(&folder), folder: folder.display().to_string(), files })
    }

    fn read(&self, name: &str) -> Result<FileText, Problem> {
        let sort = Sort::named(name)?;
        let text = self.text(name)?.ok_or_else(|| Problem::not_found(format!("file {name}")))?;
        let values = if sort == Sort::List { Json::Null } else { keys::values(&text) };
        let (kind, schema) = kind_and_schema(sort, &values);
        Ok(FileText {
            name: name.into(),
            sort: sort.word().into(),
            version: version(&text),
            text,
            kind,
            values,
            schema,
        })
    }

    fn check(&self, edits: &[Edit]) -> Result<Findings, Problem> {
        let _one = self.busy.lock();
        self.found(edits)
    }

    fn change(&self, name: &str, text: &str, set: &[KeyChange]) -> Result<ChangedText, Problem> {
        let sort = (!name.is_empty()).then(|| Sort::named(name)).transpose()?;
        let changed = keys::change(text, set.iter().map(|one| (one.path.as_slice(), &one.value)));
        let text = changed.map_err(|why| {
            let next = "Correct the text by hand; the check says where the mistake is.";
            Problem::new(
                ProblemKind::Invalid,
                format!("The text cannot be changed key by key: {why}."),
                "Nothing was changed.",
                next,
            )
        })?;
        let values = keys::values(&text);
        let schema = sort.map_or(Json::Null, |sort| kind_and_schema(sort, &values).1);
        Ok(ChangedText { text, values, schema })
    }

    fn save(&self, who: &Principal, edits: &[Edit]) -> Result<Saved, Problem> {
        let _one = self.busy.lock();
        let findings = self.found(edits)?;
        self.allowed(who, edits)?;
        if let Some(first) = findings.mistakes.first() {
            let place =
                first.line.map_or_else(|| first.file.clone(), |line| format!("{}, line {line}", first.file));
            let more = findings.mistakes.len() - 1;
            let more = if more == 0 { String::new() } else { format!(" And {more} more.") };
            let title = format!("{place}: {}.{more}", first.message);
            return Err(Problem::new(
                ProblemKind::Invalid,
                title,
                "Nothing was saved; the plant runs on as it was.",
                first.help.clone(),
            ));
        }
        for change in &findings.changes {
            let (action, diff): (_, String) =
                ("config-save".to_owned(), change.diff.chars().take(MOST_RECORDED).collect());
            let detail = format!("+{} -{} lines\n{diff}", change.added, change.removed);
            let entry = Entry {
                actor: who.name.clone(),
                action,
                object: change.name.clone(),
                outcome: "done".into(),
                detail,
            };
            self.house.access.record(entry).map_err(|why| {
                let next =
                    "Look at the events: the audit ledger must be writable before anything is changed.";
                Problem::new(
                    ProblemKind::Unavailable,
                    format!("The change cannot be recorded: {why}."),
                    "Nothing was saved.",
                    next,
                )
            })?;
        }
        self.write(edits)?;
        let files: Vec<&str> = edits.iter().map(|edit| edit.name.as_str()).collect();
        let folder = self.folder();
        let person = who.name.rsplit(':').next().unwrap_or_default();
        let committed = git::repository(&folder)
            .map(|_| {
                git::commit(&folder, &files, &format!("Change {} on the page", files.join(", ")), person)
            })
            .transpose();
        let (commit, remark) = match committed {
            Ok(commit) => (commit, String::new()),
            Err(why) => (None, why),
        };
        Ok(Saved { files: files.into_iter().map(str::to_owned).collect(), commit, remark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_a_plant_are_touched() {
        for (name, sort) in [
            ("ironbridge.toml", Some(Sort::Plant)),
            ("connections/line-1.toml", Some(Sort::Connection)),
            ("connections/filler.csv", Some(Sort::List)),
            ("destinations/hq.toml", Some(Sort::Destination)),
            ("assets/filler.toml", Some(Sort::Asset)),
            ("types/Filler.toml", Some(Sort::Type)),
            ("measured/line-1.toml", Some(Sort::Measured)),
            ("other.toml", None),
            ("../ironbridge.toml", None),
            ("connections/../ironbridge.toml", None),
            ("connections/.hidden.toml", None),
            ("connections/a/b.toml", None),
            ("connections/..toml", None),
            ("/etc/passwd", None),
            ("data/access/users.json", None),
            ("assets/a.csv", None),
            ("connections/key.pem", None),
            ("", None),
        ] {
            assert_eq!(Sort::of(name), sort, "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_keeps_its_rights() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connections/a.toml");
        put(&path, Some("one")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        put(&path, Some("two")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        put(&path, None).unwrap();
        put(&path, None).unwrap();
        assert_eq!(
            std::fs::read_dir(folder.path().join("connections")).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
}
