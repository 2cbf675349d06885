//! Private files: 0600 in folders of 0700, replaced in one step, synced.

use crate::AccessError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// No state file is larger; one that is, is some other file.
const MAX_FILE: u64 = 64 << 20;

/// Creates `dir` for its owner alone, and takes rights away from others if it has them.
pub(crate) fn private_dir(dir: &Path) -> Result<(), AccessError> {
    fs::create_dir_all(dir).map_err(AccessError::io(dir))?;
    fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(AccessError::io(dir))
}

/// Takes the folder for this process; the lock goes with the file.
pub(crate) fn lock(dir: &Path) -> Result<File, AccessError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(AccessError::io(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(AccessError::InUse(dir.to_owned())),
        Err(error) => Err(AccessError::Io { path, source: error.into() }),
    }
}

/// Reads a private file; `None` if there is none. Takes rights away from others if it has them, and says so.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, AccessError> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AccessError::io(path)(error)),
    };
    if meta.len() > MAX_FILE {
        return Err(AccessError::Corrupt {
            path: path.to_owned(),
            why: format!(
                "{} bytes is more than this file can ever have; restore it from a backup",
                meta.len()
            ),
        });
    }
    if meta.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others could read this file; its rights were set to 0600");
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(AccessError::io(path))?;
    }
    fs::read(path).map(Some).map_err(AccessError::io(path))
}

/// Replaces `path` in one step: after a crash there is the old content or the new one, never a mixture.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), AccessError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_parent(path)
    };
    write().map_err(AccessError::io(path))
}

/// Makes the names in the folder of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_and_folders_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("access");
        private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        let file = dir.join("users.json");
        assert!(read(&file).unwrap().is_none());
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!((read(&file).unwrap().unwrap(), mode(&file)), (b"two".to_vec(), 0o600));
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        read(&file).unwrap();
        assert_eq!(mode(&file), 0o600, "rights of others are taken away");
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
    }

    #[test]
    fn a_folder_has_one_owner() {
        let temp = tempfile::tempdir().unwrap();
        let first = lock(temp.path()).unwrap();
        assert!(matches!(lock(temp.path()), Err(AccessError::InUse(_))));
        drop(first);
        lock(temp.path()).unwrap();
    }
}
