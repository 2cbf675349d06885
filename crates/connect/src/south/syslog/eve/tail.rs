//! A file that another program writes, and sometimes puts away and begins anew.

use crate::disk;
use model::Fault;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longest line, in bytes.
const LONGEST: usize = 1 << 20;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which file: its inode.
    pub inode: u64,
    /// Bytes that are done with.
    pub offset: u64,
}

impl Place {
    /// As it was kept; `None` if it never was.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Fault> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(path, &error)),
        };
        let numbers = text.trim().strip_prefix("1 ").and_then(|rest| rest.split_once(' '));
        let place = numbers.and_then(|(inode, offset)| {
            Some(Self { inode: inode.parse().ok()?, offset: offset.parse().ok()? })
        });
        let why = "is damaged: remove it, and reading begins at the end of the file";
        place.map(Some).ok_or_else(|| Fault::Config(format!("{} {why}", path.display()).into()))
    }

    /// Keeps it; beside the old one first, so that a power cut leaves one of the two.
    ///
    /// # Errors
    /// The disk does not take it.
    pub(super) fn write(self, path: &Path) -> Result<(), Fault> {
        disk::replace(path, format!("1 {} {}\n", self.inode, self.offset).as_bytes())
            .map_err(|error| fault(path, &error))
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whole lines.
    pub lines: Vec<String>,
    /// Lines that were left out because they are longer than 1 MiB.
    pub too_long: usize,
    /// Whether the place has changed.
    pub moved: bool,
}

/// See the module.
pub(super) struct Tail {
    path: PathBuf,
    file: File,
    place: Place,
    /// What was read of the line behind the place.
    part: Vec<u8>,
    /// In a line that is too long.
    skipping: bool,
}

impl Tail {
    /// Goes on at `place`; without one begins at the end: what is old is not news. If the file was put away meanwhile, begins
    /// at the start of the new one.
    ///
    /// # Errors
    /// The file is not there, or may not be read.
    pub(super) fn open(path: PathBuf, place: Option<Place>) -> Result<Self, Fault> {
        let mut file = File::open(&path).map_err(|error| missing(&path, &error))?;
        let about = file.metadata().map_err(|error| fault(&path, &error))?;
        let offset = match place {
            None => about.len(),
            Some(place) if place.inode == about.ino() && place.offset <= about.len() => place.offset,
            Some(_) => 0,
        };
        file.seek(SeekFrom::Start(offset)).map_err(|error| fault(&path, &error))?;
        let place = Place { inode: about.ino(), offset };
        Ok(Self { path, file, place, part: Vec::new(), skipping: false })
    }

    /// How far it was read.
    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// At most `most` lines that have come since.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub(super) fn lines(&mut self, most: usize) -> Result<Found, Fault> {
        let (mut found, before) = (Found::default(), self.place);
        loop {
            self.cut(most, &mut found);
            if found.lines.len() >= most {
                break;
            }
            let mut chunk = Vec::new();
            let read = (&mut self.file).take(CHUNK as u64).read_to_end(&mut chunk);
            if read.map_err(|error| fault(&self.path, &error))? == 0 && !self.follow()? {
                break;
            }
            self.part.append(&mut chunk);
        }
        found.moved = self.place != before;
        Ok(found)
    }

    fn cut(&mut self, most: usize, found: &mut Found) {
        while found.lines.len() < most {
            let Some(end) = self.part.iter().position(|byte| *byte == b'\n') else { break };
            let line: Vec<u8> = self.part.drain(..=end).collect();
            self.place.offset += line.len() as u64;
            if std::mem::take(&mut self.skipping) || line.len() > LONGEST {
                found.too_long += 1;
            } else {
                found.lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        }
        let whole = self.part.contains(&b'\n');
        if self.part.len() > LONGEST && !whole {
            self.place.offset += self.part.len() as u64;
            self.part.clear();
            self.skipping = true;
        }
    }

    /// At the end of the file: whether there is another one to read, or the same from its start.
    fn follow(&mut self) -> Result<bool, Fault> {
        let here = self.file.metadata().map_err(|error| fault(&self.path, &error))?;
        let read = self.place.offset + self.part.len() as u64;
        if here.len() > read {
            return Ok(true);
        }
        let again = match std::fs::metadata(&self.path) {
            Ok(about) if about.ino() != here.ino() => true,
            Ok(_) => here.len() < read,
            // Between putting it away and beginning anew.
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(missing(&self.path, &error)),
        };
        if again {
            let begin = Place { inode: 0, offset: 0 };
            *self = Self::open(self.path.clone(), Some(begin))?;
        }
        Ok(again)
    }
}

fn missing(path: &Path, error: &io::Error) -> Fault {
    let next = match error.kind() {
        io::ErrorKind::NotFound => "is Suricata running, and does `eve-log` in suricata.yaml name this file?",
        io::ErrorKind::PermissionDenied => {
            "the user that runs Ironbridge must be in the group that may read it"
        }
        _ => "look at the disk",
    };
    Fault::Connect(format!("{}: {error}; {next}", path.display()).into())
}

fn fault(path: &Path, error: &io::Error) -> Fault {
    Fault::Lost(format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Log(tempfile::TempDir);

    impl Log {
        fn new() -> Self {
            let log = Self(tempfile::tempdir().unwrap());
            log.write("old\n");
            log
        }
        fn path(&self) -> PathBuf {
            self.0.path().join("eve.json")
        }
        fn write(&self, text: &str) {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(self.path());
            file.unwrap().write_all(text.as_bytes()).unwrap();
        }
    }

    fn lines(tail: &mut Tail) -> Vec<String> {
        tail.lines(100).unwrap().lines
    }

    #[test]
    fn a_file_is_followed_through_rotation_and_restart() {
        let log = Log::new();
        let mut tail = Tail::open(log.path(), None).unwrap();
        assert_eq!(lines(&mut tail), [""; 0], "what is old is not news");
        log.write("a\nb\npart");
        assert_eq!(lines(&mut tail), ["a", "b"]);
        // A restart reads the part again.
        let mut tail = Tail::open(log.path(), Some(tail.place())).unwrap();
        log.write("ial\n");
        assert_eq!(lines(&mut tail), ["partial"]);
        // Put away with a line that was not read yet.
        log.write("last\n");
        std::fs::rename(log.path(), log.0.path().join("eve.json.1")).unwrap();
        assert_eq!(lines(&mut tail), ["last"]);
        log.write("new\n");
        assert_eq!(lines(&mut tail), ["new"]);
        // Emptied in place.
        std::fs::write(log.path(), "x\n").unwrap();
        assert_eq!(lines(&mut tail), ["x"]);
        // Another file since the last start: from its beginning.
        let place = Place { inode: 1, offset: 77 };
        assert_eq!(lines(&mut Tail::open(log.path(), Some(place)).unwrap()), ["x"]);
    }

    #[test]
    fn lines_are_bounded() {
        let log = Log::new();
        let mut tail = Tail::open(log.path(), None).unwrap();
        log.write(&"x".repeat(LONGEST * 2));
        log.write("\nshort\n");
        let found = tail.lines(100).unwrap();
        assert_eq!((found.lines, found.too_long), (vec!["short".to_owned()], 1));
        log.write("1\n2\n3\n");
        assert_eq!((tail.lines(2).unwrap().lines.len(), tail.lines(2).unwrap().lines.len()), (2, 1));
    }

    #[test]
    fn the_place_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("eve").join("ids.place");
        assert_eq!(Place::read(&path).unwrap(), None);
        let place = Place { inode: 7, offset: 12 };
        place.write(&path).unwrap();
        assert_eq!(Place::read(&path).unwrap(), Some(place));
        std::fs::write(&path, "2 x").unwrap();
        assert!(Place::read(&path).unwrap_err().to_string().contains("damaged"));
    }
}
