//! Which files are meant: files, folders, standard input.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How deep folders are looked into.
const MAX_DEPTH: usize = 16;
/// Most files of all arguments together.
const MAX_FILES: usize = 100_000;

/// One capture to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// What comes on standard input.
    Stdin,
}

impl Input {
    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".into(),
        }
    }

    /// Its size in bytes; 0 if that is not known.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
            Self::Stdin => 0,
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self) -> std::io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::File(path) => Box::new(File::open(path)?),
            Self::Stdin => Box::new(std::io::stdin().lock()),
        })
    }
}

/// The inputs that arguments mean, in order: `-` is standard input, a folder means all captures below it by name.
///
/// # Errors
/// A sentence for a person: what is not there or cannot be read, a folder without a capture, too many files.
pub fn inputs(arguments: &[PathBuf]) -> Result<Vec<Input>, String> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            found.push(Input::Stdin);
        } else if argument.is_dir() {
            let before = found.len();
            folder(argument, MAX_DEPTH, &mut found)?;
            if found.len() == before {
                return Err(format!(
                    "{} has no captures: files that end in .pcap, .pcapng or .cap are read",
                    argument.display()
                ));
            }
        } else if argument.exists() {
            found.push(Input::File(argument.clone()));
        } else {
            return Err(format!("{} is not there: check the name", argument.display()));
        }
    }
    if found.len() > MAX_FILES {
        return Err(format!("{} files are too many, {MAX_FILES} is the limit", found.len()));
    }
    Ok(found)
}

fn is_capture(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    ["pcap", "pcapng", "cap", "dmp"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        // Ring files of tcpdump: trace.pcap0, trace.pcap1.
        || extension.starts_with("pcap")
}

fn folder(dir: &Path, depth: usize, found: &mut Vec<Input>) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{} cannot be read: {error}", dir.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(wrong)? {
        entries.push(entry.map_err(wrong)?.path());
    }
    entries.sort();
    for path in entries {
        // Links are not followed: a loop of them has no end.
        let is_link = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink());
        if path.is_dir() && !is_link && depth > 0 {
            folder(&path, depth - 1, found)?;
        } else if path.is_file() && is_capture(&path) && found.len() <= MAX_FILES {
            found.push(Input::File(path));
        }
    }
    Ok(())
}
