//! What the monitor keeps on disk: versioned JSON with a checksum, replaced in one step, for its owner alone.
//!
//! ```text
//!   {"version":1, ... ,"checksum":"0a1b2c3d"}     CRC-32C of all before the comma; files of 2026 have none
//! ```

use crate::backup::private_folder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use watch::book::VERSION;

/// No file of ours is larger, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// The end of a file, but for the eight digits and `\"}`.
const CHECKSUM: &[u8] = b",\"checksum\":\"";

/// The folder of the monitor.
pub struct Disk(PathBuf);

#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

impl Disk {
    /// Below the data folder; makes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(data: &Path) -> io::Result<Self> {
        let folder = data.join("monitor");
        private_folder(&folder)?;
        Ok(Self(folder))
    }

    /// A folder within it.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads a file; a new one where there is none.
    ///
    /// # Errors
    /// In words: it is damaged, or of a newer Ironbridge. It is set aside, so that nothing of it is lost.
    pub fn load<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, String> {
        let path = self.0.join(name);
        let size = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(format!("{}: {error}", path.display())),
            Ok(meta) => meta.len(),
        };
        let read = || -> Result<T, String> {
            if size > MAX_FILE {
                return Err(format!("{size} bytes is more than this file can ever have"));
            }
            let bytes = fs::read(&path).map_err(|error| error.to_string())?;
            check(&bytes)?;
            let version: Version = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
            if version.version > VERSION {
                return Err(format!("it was written by a newer Ironbridge (version {})", version.version));
            }
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())
        };
        read().map_err(|why| {
            let aside = path.with_extension("aside");
            let moved = match fs::rename(&path, &aside) {
                Ok(()) => format!("it is kept as {}", aside.display()),
                Err(error) => format!("it cannot be set aside: {error}"),
            };
            format!("{}: {why}; {moved}", path.display())
        })
    }

    /// Replaces a file: after a crash there is the old content or the new one. How many bytes that are.
    ///
    /// # Errors
    /// What the system says; it is larger than a file may be.
    pub fn save<T: Serialize>(&self, name: &str, what: &T) -> io::Result<usize> {
        let bytes = sealed(serde_json::to_vec(what)?);
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::Error::other(format!("{} bytes is more than this file may have", bytes.len())));
        }
        connect::disk::replace(&self.0.join(name), &bytes)?;
        Ok(bytes.len())
    }
}

/// An object with its checksum as the last field.
fn sealed(mut json: Vec<u8>) -> Vec<u8> {
    if json.pop() != Some(b'}') {
        return json;
    }
    let sum = crc32c::crc32c(&json);
    json.extend_from_slice(CHECKSUM);
    json.extend_from_slice(format!("{sum:08x}\"}}").as_bytes());
    json
}

/// Whether a file is as it was written, as far as it says.
fn check(bytes: &[u8]) -> Result<(), String> {
    let Some((front, digits)) = bytes.strip_suffix(b"\"}").and_then(|rest| rest.split_last_chunk::<8>())
    else {
        return Ok(());
    };
    match front.strip_suffix(CHECKSUM) {
        Some(json) if format!("{:08x}", crc32c::crc32c(json)).as_bytes() != digits => {
            Err("its checksum does not fit what is in it".into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watch::book::FindingBook;

    #[test]
    fn what_is_damaged_or_newer_is_set_aside_in_words() {
        let data = tempfile::tempdir().unwrap();
        let disk = Disk::new(data.path()).unwrap();
        assert_eq!(disk.load::<FindingBook>("findings.json"), Ok(FindingBook::default()));
        disk.save("findings.json", &FindingBook { no_room: 3, ..FindingBook::default() }).unwrap();
        assert_eq!(disk.load::<FindingBook>("findings.json").unwrap().no_room, 3);
        let written = fs::read_to_string(data.path().join("monitor/findings.json")).unwrap();
        let changed = written.replace("\"no_room\":3", "\"no_room\":7");
        assert_ne!(written, changed);
        for (text, words) in [
            ("{\"version\":99}", "newer Ironbridge (version 99)"),
            ("{\"vers", "EOF"),
            (&changed, "checksum"),
        ] {
            fs::write(data.path().join("monitor/findings.json"), text).unwrap();
            let why = disk.load::<FindingBook>("findings.json").unwrap_err();
            assert!(why.contains(words) && why.contains("findings.aside"), "{why}");
            assert_eq!(fs::read_to_string(data.path().join("monitor/findings.aside")).unwrap(), text);
            assert_eq!(disk.load::<FindingBook>("findings.json"), Ok(FindingBook::default()));
        }
    }

    #[test]
    fn files_from_before_the_checksum_are_read() {
        let data = tempfile::tempdir().unwrap();
        let disk = Disk::new(data.path()).unwrap();
        fs::write(data.path().join("monitor/findings.json"), "{\"version\":1,\"findings\":{},\"no_room\":5}")
            .unwrap();
        assert_eq!(disk.load::<FindingBook>("findings.json").unwrap().no_room, 5);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let whole = sealed(b"{\"version\":1,\"no_room\":3}".to_vec());
        assert_eq!(check(&whole), Ok(()));
        for at in 0..whole.len() - 2 - 8 - CHECKSUM.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            assert!(check(&other).is_err(), "byte {at}");
        }
    }
}
