//! Small files that must survive a power cut.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces a file, and makes its folder if there is none: beside the old one first, so that a power cut leaves one of the
/// two; durable on return. Blocks: call it where that is allowed.
///
/// # Errors
/// What the disk says.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent();
    folder.map_or(Ok(()), fs::create_dir_all)?;
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
