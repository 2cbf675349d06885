//! The nouns of this room: records, options, what readers get, notices, statistics, errors.

use model::point::Last;
use model::{Batch, Declaration, Event, PointId, Position};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Declared points, shared by everybody who keeps them.
pub type Declared = Arc<[(PointId, Arc<Declaration>)]>;

/// One thing that happened; has one [`Position`]. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Record {
    /// Metadata of points, in force from this position on.
    Declare(Declared),
    /// Samples of one shape.
    Samples(Arc<Batch>),
    /// What happened, in words.
    Event(Arc<Event>),
    /// A line across all streams, for replays and tests.
    Mark(Arc<str>),
}

impl Record {
    /// Number of samples in it.
    pub fn samples(&self) -> u64 {
        match self {
            Self::Samples(batch) => batch.shape.points().len() as u64,
            _ => 0,
        }
    }
}

/// How the journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The journal's own folder; created when missing, locked while open.
    pub dir: PathBuf,
    /// Longest time that an appended record waits for the disk. Default 100 ms.
    pub sync_interval: Duration,
    /// Encoded bytes (estimated) after which a sync starts at once. Default 4 MiB.
    pub sync_bytes: usize,
    /// Memory for recent records, in bytes. Default 64 MiB.
    pub ring_bytes: usize,
    /// Size at which a file is sealed and compressed. Default 64 MiB.
    pub file_bytes: u64,
    /// Most bytes on disk; beyond them the oldest file goes. Default 4 GiB.
    pub max_bytes: u64,
    /// Oldest file kept; beyond it the file goes. Default 30 days.
    pub max_age: Duration,
    /// Pause between two attempts to write while the disk is full or failing. Default 1 s.
    pub retry_interval: Duration,
    /// How often cursors are saved and files are cleared away. Default 1 s.
    pub keep_interval: Duration,
    /// Bytes written after which a new snapshot of declarations and last values is taken. Default 16 MiB.
    pub snapshot_bytes: u64,
}

impl Options {
    /// The defaults, in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            sync_interval: Duration::from_millis(100),
            sync_bytes: 4 << 20,
            ring_bytes: 64 << 20,
            file_bytes: 64 << 20,
            max_bytes: 4 << 30,
            max_age: Duration::from_secs(30 * 24 * 3600),
            retry_interval: Duration::from_secs(1),
            keep_interval: Duration::from_secs(1),
            snapshot_bytes: 16 << 20,
        }
    }
}

/// Where a cursor that is seen for the first time begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After the last record appended.
    Now,
    /// Before the oldest record kept.
    Oldest,
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub enum Item {
    /// A record.
    Record {
        /// Where it stands.
        position: Position,
        /// What it says.
        record: Record,
    },
    /// Positions that exist no more: dropped at the bound, lost with a failing disk, or unreadable.
    Gap {
        /// First position missing.
        from: Position,
        /// Last position missing.
        to: Position,
        /// How many samples they held, where that is known.
        samples: Option<u64>,
    },
}

impl Item {
    /// The last position that the item stands for.
    pub fn position(&self) -> Position {
        match self {
            Self::Record { position, .. } => *position,
            Self::Gap { to, .. } => *to,
        }
    }
}

/// What someone should know; the namespace makes events of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The bound was reached and the oldest file went although a cursor had not passed it.
    CursorJumped {
        /// Name of the cursor, e.g. `destination/hq`.
        cursor: String,
        /// First position that it will not see.
        from: Position,
        /// Last position that it will not see.
        to: Position,
        /// Samples in between; `None` if a part of them could not be read any more.
        samples: Option<u64>,
    },
    /// Records left memory before the disk took them.
    Lost {
        /// First position lost.
        from: Position,
        /// Last position lost.
        to: Position,
        /// Samples in between.
        samples: u64,
        /// Why.
        why: String,
    },
    /// The last write before a power cut was incomplete; the half frame was cut off.
    TornTail {
        /// The file.
        file: String,
        /// Bytes cut off.
        bytes: u64,
    },
    /// A file could not be understood and was set aside.
    CorruptFile {
        /// The file.
        file: String,
        /// Its new name, beside it.
        kept_as: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A part of a file could not be read; what follows was read again.
    CorruptRange {
        /// The file.
        file: String,
        /// Last position read before the damage.
        after: Position,
        /// What is wrong with it.
        detail: String,
    },
    /// The disk refused a write or a sync: the file was sealed at the last good sync and a new one is tried.
    WriteFailed {
        /// The file.
        file: String,
        /// What the system said.
        detail: String,
    },
    /// Writing goes on after a failure.
    WriteRecovered {
        /// The new file.
        file: String,
        /// Records lost meanwhile.
        records: u64,
        /// Samples lost meanwhile.
        samples: u64,
    },
    /// A side task (compression, snapshot, cursors) failed and will be tried again.
    Trouble {
        /// What was tried and what the system said.
        detail: String,
    },
}

impl Notice {
    /// One sentence: what happened.
    pub fn title(&self) -> String {
        match self {
            Self::CursorJumped { cursor, .. } => {
                format!("{cursor} fell behind the journal's bound and lost data")
            }
            Self::Lost { .. } => "Samples were lost before they reached the disk".into(),
            Self::TornTail { file, .. } => format!("The last write to {file} was incomplete and was cut off"),
            Self::CorruptFile { file, .. } => format!("{file} is damaged and was set aside"),
            Self::CorruptRange { file, .. } => format!("A part of {file} is damaged"),
            Self::WriteFailed { .. } => "The journal cannot be written".into(),
            Self::WriteRecovered { .. } => "The journal is written again".into(),
            Self::Trouble { .. } => "A task of the journal failed and will be tried again".into(),
        }
    }

    /// The next step for whoever reads it; empty when there is none.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::CursorJumped { .. } => "Bring the destination back, or give the journal more room.",
            Self::Lost { .. } | Self::WriteFailed { .. } => {
                "Free space on the data disk and check its health."
            }
            Self::CorruptFile { .. } | Self::CorruptRange { .. } => {
                "Check the data disk's health (smartctl)."
            }
            Self::TornTail { .. } | Self::WriteRecovered { .. } => "",
            Self::Trouble { .. } => "Check free space and permissions of the data folder.",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: &Option<u64>| n.map_or_else(|| "an unknown number of".into(), |n| n.to_string());
        match self {
            Self::CursorJumped { cursor, from, to, samples } => {
                write!(f, "{cursor} lost positions {from} to {to}, {} samples", count(samples))
            }
            Self::Lost { from, to, samples, why } => {
                write!(f, "positions {from} to {to}, {samples} samples, were lost: {why}")
            }
            Self::TornTail { file, bytes } => {
                write!(f, "{file}: {bytes} bytes of an incomplete last frame were cut off")
            }
            Self::CorruptFile { file, kept_as, detail } => write!(f, "{file}: {detail}; kept as {kept_as}"),
            Self::CorruptRange { file, after, detail } => {
                write!(f, "{file}: damaged after position {after}: {detail}")
            }
            Self::WriteFailed { file, detail } => write!(f, "{file}: {detail}"),
            Self::WriteRecovered { file, records, samples } => {
                write!(f, "writing to {file}; {records} records with {samples} samples were lost meanwhile")
            }
            Self::Trouble { detail } => f.write_str(detail),
        }
    }
}

/// How the journal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Written and synced in time.
    #[default]
    Ok,
    /// The disk takes longer than ten sync intervals.
    Slow,
    /// The disk refuses: full or broken. Live values go on, new records wait in memory.
    Failing,
}

/// Figures of the journal.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// How it is.
    pub state: State,
    /// The same in words, with the system's message; empty when all is well.
    pub text: String,
    /// Last position appended.
    pub head: Position,
    /// Last position on disk.
    pub synced: Position,
    /// Last position before the oldest record kept.
    pub oldest: Position,
    /// Records appended since start.
    pub records: u64,
    /// Samples appended since start.
    pub samples: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of files.
    pub files: usize,
    /// Bytes written a second, smoothed over about a minute.
    pub bytes_per_second: f64,
    /// Duration of the last sync.
    pub sync_latency: Duration,
    /// Longest sync since start.
    pub sync_latency_max: Duration,
    /// Number of syncs since start.
    pub syncs: u64,
    /// Records not on disk yet.
    pub unsynced: u64,
    /// Bytes of memory that recent records take.
    pub ring_bytes: usize,
    /// Records lost since start.
    pub lost_records: u64,
    /// Samples lost since start.
    pub lost_samples: u64,
    /// Notices that were not taken in time and fell out.
    pub notices_dropped: u64,
    /// Free bytes of the disk.
    pub free_bytes: u64,
    /// Hours of a destination's outage that still fit at the present rate; infinite while nothing is written.
    pub outage_hours: f64,
    /// Of sealed files: compressed size as a fraction of the raw size.
    pub sealed_ratio: f64,
    /// Each cursor.
    pub cursors: Vec<CursorStats>,
}

/// Figures of a cursor.
#[derive(Clone, Debug)]
pub struct CursorStats {
    /// Its name.
    pub name: String,
    /// Last position acknowledged.
    pub acknowledged: Position,
    /// Last position saved on disk.
    pub saved: Position,
    /// Records between acknowledged and head, as far as they are still there.
    pub lag: u64,
}

/// What was found at start.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The epoch that this start opened.
    pub epoch: u32,
    /// Newest sample of each point; its status is as it was, the namespace decides what it is worth now.
    pub last: Vec<(PointId, Last)>,
    /// Newest declaration of each point.
    pub declarations: Vec<(PointId, Arc<Declaration>)>,
    /// Newest events, oldest first, at most 10,000.
    pub events: Vec<Arc<Event>>,
    /// What was wrong.
    pub notices: Vec<Notice>,
    /// Records replayed behind the snapshot.
    pub replayed: u64,
    /// Last position of the epochs before.
    pub end: Position,
}

/// Why something could not be done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process holds the folder.
    #[error("{dir} is in use by another Ironbridge; stop that one first")]
    Locked {
        /// The folder.
        dir: String,
    },
    /// A file of a newer version.
    #[error(
        "{file} was written by a newer Ironbridge (format {found}, this program knows up to {known}); \
         install that version again, or restore a backup made with this one"
    )]
    NewerFormat {
        /// The file.
        file: String,
        /// Its format version.
        found: u16,
        /// The newest version that this program reads.
        known: u16,
    },
    /// The system refused.
    #[error("cannot {doing} {path}: {detail}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// The record never reached the disk.
    #[error("position {position} was lost before it reached the disk")]
    Lost {
        /// The record's position.
        position: Position,
    },
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
    /// A name that cannot be kept.
    #[error("`{0}` cannot name a cursor; write 1 to 200 characters without control characters")]
    CursorName(String),
    /// Four thousand million points were declared.
    #[error("no point numbers are left")]
    NumbersExhausted,
}

impl JournalError {
    pub(crate) fn io(doing: &'static str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Io { doing, path: path.display().to_string(), detail: error.to_string() }
    }
}
