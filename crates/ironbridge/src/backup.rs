//! Backup and restore: one archive with configuration, history and accounts; also of a running Ironbridge.
//!
//! ```text
//! cursors ─▶ segments ─▶ journal ─▶ the rest ─▶ what appeared meanwhile
//! ```
//! Rationale: files are immutable or only grow, so they can be copied while they are used. Cursors first: a cursor that
//! is older than the data replays a little, a newer one would skip. A torn tail is cut off at the next start, as after a
//! power cut. Files that appear during the copy (a merge, a seal) are added until a look finds none.

use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Rounds of looking for new files; a plant that seals files faster than they can be copied is broken otherwise.
const ROUNDS: usize = 20;

/// Writes `archive` from the data folder and, if there is one beside it, the plant folder.
///
/// # Errors
/// The file that could not be read or written. The archive is complete or absent.
pub fn backup(data: &Path, archive: &Path) -> io::Result<u64> {
    if !data.join("journal").is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("{} is no data folder of Ironbridge", data.display()),
        ));
    }
    let partial = archive.with_extension("partial");
    let data = data.canonicalize()?;
    let result = write(&data, &partial).and_then(|count| {
        std::fs::rename(&partial, archive)?;
        Ok(count)
    });
    if result.is_err() {
        // The error that counts is the first one.
        let _ = std::fs::remove_file(&partial);
    }
    result
}

fn write(data: &Path, partial: &Path) -> io::Result<u64> {
    let file = private_file(partial)?;
    let mut tar = tar::Builder::new(zstd::Encoder::new(file, 3)?);
    tar.follow_symlinks(false);
    let mut done: BTreeSet<PathBuf> = BTreeSet::new();
    let bar = bar();
    for round in 0..ROUNDS {
        let mut fresh: Vec<PathBuf> = files(data)?.into_iter().filter(|name| !done.contains(name)).collect();
        if fresh.is_empty() {
            break;
        }
        if round + 1 == ROUNDS {
            return Err(io::Error::other(
                "files appear faster than they can be copied; stop Ironbridge and try again",
            ));
        }
        fresh.sort_by_key(|name| (rank(name), name.clone()));
        bar.inc_length(fresh.len() as u64);
        for name in fresh {
            append(&mut tar, &data.join(&name), &Path::new("data").join(&name))?;
            bar.inc(1);
            done.insert(name);
        }
    }
    if let Some(plant) = data.parent().filter(|folder| folder.join("ironbridge.toml").is_file()) {
        let configuration = files(plant)?
            .into_iter()
            .filter(|name| is_configuration(name) && !plant.join(name).starts_with(data));
        for name in configuration {
            append(&mut tar, &plant.join(&name), &Path::new("plant").join(&name))?;
        }
    }
    let file = tar.into_inner()?.finish()?;
    file.sync_all()?;
    bar.finish_and_clear();
    Ok(done.len() as u64)
}

/// What a plant folder is made of; not the archives that people put beside it.
fn is_configuration(name: &Path) -> bool {
    let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["toml", "csv", "pem", "crt", "key"].contains(&ending)
}

/// Cursors, then segments, then journal, then the rest.
fn rank(name: &Path) -> u8 {
    let text = name.to_string_lossy();
    match () {
        () if text.contains("cursor") => 0,
        () if text.starts_with("store") => 1,
        () if text.starts_with("journal") => 2,
        () => 3,
    }
}

/// Regular files below `dir`, relative to it. Sockets and locks are not data.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let name = entry.file_name().to_string_lossy().into_owned();
            let hidden_git = name == ".git";
            if kind.is_dir() && !hidden_git {
                open.push(path);
            } else if kind.is_file() && !name.ends_with(".tmp") && !name.ends_with(".lock") && name != "lock"
            {
                found.extend(path.strip_prefix(dir).map(Path::to_owned));
            }
        }
    }
    Ok(found)
}

/// One file at the length it has now: a file that grows meanwhile is cut there.
fn append(tar: &mut tar::Builder<impl io::Write>, from: &Path, name: &Path) -> io::Result<()> {
    let file = match File::open(from) {
        Ok(file) => file,
        // Merged or sealed meanwhile: its successor comes in the next round.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", from.display()))),
    };
    let metadata = file.metadata()?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    let length = metadata.len();
    header.set_size(length);
    // A file that shrinks meanwhile is filled up: the tail is checked by its own checksum at the next start.
    tar.append_data(&mut header, name, file.take(length).chain(io::repeat(0)).take(length))
}

/// Unpacks `archive` into an empty `data` folder; the plant folder goes to `data/../` only if nothing is there.
///
/// # Errors
/// The file that could not be read or written, or a folder that is not empty.
pub fn restore(archive: &Path, data: &Path) -> io::Result<u64> {
    if data.exists() && std::fs::read_dir(data)?.next().is_some() {
        let why = format!("{} is not empty; restore into an empty folder, then compare", data.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let mut tar = tar::Archive::new(zstd::Decoder::new(File::open(archive)?)?);
    tar.set_preserve_permissions(true);
    private_folder(data)?;
    let (bar, mut count) = (bar(), 0);
    for entry in tar.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let (place, below) = match (path.strip_prefix("data"), path.strip_prefix("plant")) {
            (Ok(below), _) => (data.to_owned(), below.to_owned()),
            (_, Ok(below)) => (data.join("restored-plant"), below.to_owned()),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no backup of Ironbridge")),
        };
        let safe = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !safe || !entry.header().entry_type().is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} has no business in a backup", path.display()),
            ));
        }
        let target = place.join(below);
        if let Some(folder) = target.parent() {
            private_folder(folder)?;
        }
        entry.unpack(&target)?;
        File::open(&target)?.sync_all()?;
        count += 1;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(count)
}

/// Readable by the owner only: a backup holds accounts and keys.
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Makes a folder for the owner only.
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A bar on a terminal, nothing otherwise.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_and_refuses_a_full_folder() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        for (name, text) in
            [("journal/1.log", "abc"), ("store/2026/a.parquet", "def"), ("access/users.json", "{}")]
        {
            std::fs::create_dir_all(data.join(name).parent().unwrap()).unwrap();
            std::fs::write(data.join(name), text).unwrap();
        }
        std::fs::write(dir.path().join("ironbridge.toml"), "site = \"x\"").unwrap();
        let archive = dir.path().join("x.tar.zst");
        assert_eq!(backup(&data, &archive).unwrap(), 3);
        let back = dir.path().join("back");
        assert_eq!(restore(&archive, &back).unwrap(), 4);
        assert_eq!(std::fs::read_to_string(back.join("store/2026/a.parquet")).unwrap(), "def");
        assert_eq!(
            std::fs::read_to_string(back.join("restored-plant/ironbridge.toml")).unwrap(),
            "site = \"x\""
        );
        assert!(restore(&archive, &back).is_err());
    }

    #[test]
    fn a_hostile_archive_stays_inside() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("x.tar.zst");
        let mut tar = tar::Builder::new(zstd::Encoder::new(File::create(&archive).unwrap(), 1).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        header.as_mut_bytes()[..15].copy_from_slice(b"data/../evil\0\0\0");
        header.set_cksum();
        tar.append(&header, &b"x"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        assert!(restore(&archive, &dir.path().join("back")).is_err());
        assert!(!dir.path().join("evil").exists());
    }
}
