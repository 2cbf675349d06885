//! Small files that must survive a power cut.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What every JSON file of ours begins with.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// Reads a JSON file with a `version`; what holds at first if there is none. One that cannot be understood is set aside
/// with `corrupt` for its extension. Blocks.
///
/// # Errors
/// In words: the file is of a version above `newest`.
pub(crate) fn load<T: DeserializeOwned + Default>(path: &Path, newest: u32) -> Result<T, String> {
    let Ok(bytes) = fs::read(path) else { return Ok(T::default()) };
    let read = match serde_json::from_slice(&bytes) {
        Ok(Head { version }) if version > newest => {
            return Err(format!("{} was written by a newer version of Ironbridge", path.display()));
        }
        Ok(Head { .. }) => serde_json::from_slice(&bytes),
        Err(why) => Err(why),
    };
    Ok(read.unwrap_or_else(|why| {
        tracing::warn!(file = %path.display(), %why, "a file that cannot be understood was set aside");
        let _ = fs::rename(path, path.with_extension("corrupt"));
        T::default()
    }))
}

/// Replaces a file by one for its owner alone, and makes its folder if there is none: beside the old one first, so that a
/// power cut leaves one of the two; durable on return. Blocks: call it where that is allowed.
///
/// # Errors
/// What the disk says.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent();
    folder.map_or(Ok(()), fs::create_dir_all)?;
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
