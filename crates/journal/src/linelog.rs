//! A small append-only log of text lines, each with its checksum: cursors and point numbers.
//!
//! ```text
//!   c0ffee12 ironbridge-numbers 1
//!   8badf00d + 17 acme/leeds/filler/speed
//! ```
//! Lines, because a person can read them and a damaged one is skipped at the next line end.

use crate::disk::{Disk, DiskFile, Open};
use crate::types::{JournalError, Notice};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) struct LineLog {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    title: &'static str,
    version: u16,
    /// `None` after a failed write or sync: only a rewrite into a new file is trusted then.
    file: Option<Arc<dyn DiskFile>>,
    len: u64,
}

pub(crate) struct Opened {
    pub log: LineLog,
    pub lines: Vec<String>,
    pub notices: Vec<Notice>,
}

fn sealed_line(text: &str) -> String {
    format!("{:08x} {text}\n", crc32c::crc32c(text.as_bytes()))
}

fn checked(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?;
    let (sum, text) = line.split_once(' ')?;
    (sum == format!("{:08x}", crc32c::crc32c(text.as_bytes()))).then_some(text)
}

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let size = usize::try_from(file.size()?).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = vec![0; size];
    let n = file.read_at(&mut bytes, 0)?;
    bytes.truncate(n);
    Ok(bytes)
}

/// Writes a new file under another name, makes it durable, then puts it in place.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn DiskFile>> {
    let fresh = with_suffix(path, "new");
    match disk.remove(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.open(&fresh, Open::Create)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&fresh, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new(".")))?;
    Ok(file)
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

impl LineLog {
    /// Opens or creates. Damaged lines are skipped and named, the damaged file is kept beside the repaired one.
    pub fn open(
        disk: &Arc<dyn Disk>,
        path: PathBuf,
        title: &'static str,
        version: u16,
    ) -> Result<Opened, JournalError> {
        let mut log = Self { disk: disk.clone(), path, title, version, file: None, len: 0 };
        let file = match disk.open(&log.path, Open::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                log.rewrite(&[]).map_err(|e| JournalError::io("create", &log.path, &e))?;
                return Ok(Opened { log, lines: Vec::new(), notices: Vec::new() });
            }
            Err(error) => return Err(JournalError::io("open", &log.path, &error)),
        };
        let bytes = read_all(&*file).map_err(|e| JournalError::io("read", &log.path, &e))?;
        let (lines, good_end, damaged) = log.parse(&bytes)?;
        let mut notices = Vec::new();
        if let Some(detail) = damaged {
            let kept = log.set_aside(&bytes).map_err(|e| JournalError::io("set aside", &log.path, &e))?;
            log.rewrite(&lines).map_err(|e| JournalError::io("rewrite", &log.path, &e))?;
            notices.push(Notice::CorruptFile { file: name_of(&log.path), kept_as: kept, detail });
        } else {
            if good_end < bytes.len() {
                file.set_len(good_end as u64).map_err(|e| JournalError::io("cut", &log.path, &e))?;
                file.sync().map_err(|e| JournalError::io("sync", &log.path, &e))?;
                let bytes = (bytes.len() - good_end) as u64;
                notices.push(Notice::TornTail { file: name_of(&log.path), bytes });
            }
            log.len = good_end as u64;
            log.file = Some(file);
        }
        Ok(Opened { log, lines, notices })
    }

    /// The good lines, the end of the last good one, and what is damaged before it.
    fn parse(&self, bytes: &[u8]) -> Result<(Vec<String>, usize, Option<String>), JournalError> {
        let (mut lines, mut end, mut good_end, mut bad_before) = (Vec::new(), 0, 0, 0);
        let (mut bad, mut versioned) = (0, false);
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            end += line.len();
            let Some(text) = line.strip_suffix(b"\n").and_then(checked) else {
                bad += 1;
                continue;
            };
            match text.strip_prefix(self.title).and_then(|v| v.trim().parse::<u16>().ok()) {
                Some(found) if found > self.version => {
                    let file = name_of(&self.path);
                    return Err(JournalError::NewerFormat { file, found, known: self.version });
                }
                Some(_) => versioned = true,
                None => lines.push(text.to_owned()),
            }
            (good_end, bad_before) = (end, bad);
        }
        let damaged = match (versioned, bad_before) {
            (true, 0) => None,
            (true, n) => Some(format!("{n} unreadable lines")),
            (false, _) => Some("the first line is unreadable".into()),
        };
        Ok((lines, good_end, damaged))
    }

    fn set_aside(&self, bytes: &[u8]) -> io::Result<String> {
        for n in 1..1000 {
            let kept = with_suffix(&self.path, &format!("{n}.corrupt"));
            match self.disk.open(&kept, Open::Create) {
                Ok(file) => {
                    file.write_at(bytes, 0)?;
                    file.sync()?;
                    return Ok(name_of(&kept));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Bytes of the log.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the last write failed, so that only [`LineLog::rewrite`] helps.
    pub fn is_broken(&self) -> bool {
        self.file.is_none()
    }

    /// Appends; durable on return.
    pub fn append(&mut self, lines: &[String]) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            return Err(io::Error::other("an earlier write failed"));
        };
        let text: String = lines.iter().map(|line| sealed_line(line)).collect();
        file.write_at(text.as_bytes(), self.len)?;
        file.sync()?;
        self.len += text.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    /// Replaces the whole log by `lines`; durable on return.
    pub fn rewrite(&mut self, lines: &[String]) -> io::Result<()> {
        self.file = None;
        let mut text = sealed_line(&format!("{} {}", self.title, self.version));
        text.extend(lines.iter().map(|line| sealed_line(line)));
        let file = replace(&*self.disk, &self.path, text.as_bytes())?;
        self.len = text.len() as u64;
        self.file = Some(file);
        Ok(())
    }
}
