//! How history is kept, and what it says about itself.

use crate::catalogue::Entry;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Which samples go, and when.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Points that it concerns, e.g. `acme/leeds/packaging/**`. The first rule that matches a point governs it.
    pub pattern: String,
    /// Oldest sample kept; `None`: no limit.
    pub max_age: Option<Duration>,
    /// Most bytes of these points, about (a segment's bytes are shared out by samples); `None`: no limit.
    pub max_bytes: Option<u64>,
}

/// Settings of the store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Retention, most special rule first.
    pub retention: Vec<Rule>,
    /// Most bytes of all segments; beyond them the oldest goes. Default: no limit.
    pub max_bytes: u64,
    /// Oldest event kept. Default 10 years.
    pub events_max_age: Duration,
    /// Samples in memory after which a segment is written, in bytes. Default 16 MiB.
    pub head_bytes: usize,
    /// Age of the oldest sample in memory after which a segment is written. Default 10 min.
    pub head_age: Duration,
    /// Memory for decoded columns and indexes, in bytes. Default 64 MiB.
    pub cache_bytes: usize,
    /// Segments of a level that are merged at once. Default 8.
    pub merge_fan: usize,
    /// How long nothing must have been written to a past day before it becomes one segment. Default 10 min.
    pub settle: Duration,
    /// Pause before a failed write is tried again. Default 5 s.
    pub retry: Duration,
    /// Merge and expire in the background. Default on; tests and benchmarks may do it by hand.
    pub background: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Vec::new(),
            max_bytes: u64::MAX,
            events_max_age: Duration::from_secs(10 * 365 * 86_400),
            head_bytes: 16 << 20,
            head_age: Duration::from_secs(600),
            cache_bytes: 64 << 20,
            merge_fan: 8,
            settle: Duration::from_secs(600),
            retry: Duration::from_secs(5),
            background: true,
        }
    }
}

/// How the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreState {
    /// Segments are written in time.
    #[default]
    Ok,
    /// The last flush took longer than 10 s.
    Slow,
    /// The disk refuses: samples wait in memory and in the journal, nothing is lost while the journal keeps them.
    Failing,
}

/// What someone should know; made into events by whoever owns the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreNotice {
    /// A segment could not be written.
    WriteFailed {
        /// What the system said.
        detail: String,
    },
    /// Segments are written again.
    WriteRecovered,
    /// A file is damaged and was set aside; what it held is missing from answers.
    Corrupt {
        /// The file, with its new name.
        file: String,
        /// What is wrong.
        detail: String,
        /// Samples that it held.
        rows: u64,
    },
    /// Retention dropped samples.
    Expired {
        /// How many.
        rows: u64,
        /// Everything concerned is older than this, RFC 3339.
        before: String,
        /// Which rule.
        why: String,
    },
    /// Positions that the journal lost before the store saw them.
    Gap {
        /// The range in words.
        range: String,
        /// Samples, where known.
        rows: Option<u64>,
    },
    /// Found at start.
    Repaired {
        /// What was done.
        detail: String,
    },
}

impl StoreNotice {
    /// One sentence: what happened.
    pub fn title(&self) -> String {
        match self {
            Self::WriteFailed { .. } => "History cannot be written".into(),
            Self::WriteRecovered => "History is written again".into(),
            Self::Corrupt { file, .. } => format!("A history file is damaged and was set aside: {file}"),
            Self::Expired { rows, .. } => format!("Retention dropped {rows} samples"),
            Self::Gap { .. } => "History has a gap: the journal lost samples".into(),
            Self::Repaired { .. } => "History was repaired at start".into(),
        }
    }

    /// The figures.
    pub fn detail(&self) -> String {
        match self {
            Self::WriteFailed { detail } => format!("{detail}. Samples wait in memory and in the journal."),
            Self::WriteRecovered => "What waited is on disk.".into(),
            Self::Corrupt { detail, rows, .. } => {
                format!("{detail}. It held {rows} samples; all others are unaffected.")
            }
            Self::Expired { before, why, .. } => {
                format!("Everything concerned is older than {before}: {why}.")
            }
            Self::Gap { range, rows } => {
                format!(
                    "Positions {range}, {} samples.",
                    rows.map_or_else(|| "an unknown number of".into(), |n| n.to_string())
                )
            }
            Self::Repaired { detail } => detail.clone(),
        }
    }

    /// The next step; empty where there is none.
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::WriteFailed { .. } => "Free space on the data disk and check its health.",
            Self::Corrupt { .. } => {
                "Check the data disk's health; restore the file from a backup if there is one."
            }
            Self::Gap { .. } => "Give the journal more room.",
            _ => "",
        }
    }
}

/// Most notices kept until someone takes them.
const NOTICES: usize = 1_000;

/// Figures that change all the time.
#[derive(Default)]
pub(crate) struct Counters {
    pub state: StoreState,
    pub text: String,
    pub samples: u64,
    pub flushes: u64,
    pub merges: u64,
    pub merge_failures: u64,
    pub corrupt: u64,
    pub unreadable: u64,
    pub gaps: u64,
    pub bad_lines: u64,
    pub notices: VecDeque<StoreNotice>,
    pub notices_dropped: u64,
}

impl Counters {
    pub fn notice(&mut self, notice: StoreNotice) {
        self.notices.push_back(notice);
        if self.notices.len() > NOTICES {
            self.notices.pop_front();
            self.notices_dropped += 1;
        }
    }
}

/// Figures of the store.
#[derive(Clone, Debug, Default)]
pub struct StoreStats {
    /// How it is.
    pub state: StoreState,
    /// The same in words; empty when all is well.
    pub text: String,
    /// Segments.
    pub segments: usize,
    /// Bytes of all segments and rollups.
    pub bytes: u64,
    /// Samples in segments.
    pub rows: u64,
    /// Samples in memory.
    pub head_rows: usize,
    /// Their bytes, about.
    pub head_bytes: usize,
    /// Bytes of decoded columns and indexes in memory.
    pub cache_bytes: usize,
    /// Samples taken from the journal since start.
    pub samples: u64,
    /// Segments written since start.
    pub flushes: u64,
    /// Merges since start.
    pub merges: u64,
    /// Merges that failed since start (and are tried again).
    pub merge_failures: u64,
    /// Damaged files set aside since start.
    pub corrupt: u64,
    /// Reads of segments that failed since start.
    pub unreadable: u64,
    /// Samples dropped by retention since the beginning.
    pub expired: u64,
    /// Samples that the journal lost before the store saw them, where known, since start.
    pub gaps: u64,
    /// Lines of logs that could not be understood at start.
    pub bad_lines: u64,
    /// Notices that nobody took in time.
    pub notices_dropped: u64,
}

/// A segment, for SQL and backup.
#[derive(Clone, Debug)]
pub struct SegmentInfo {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub entry: Arc<Entry>,
}
