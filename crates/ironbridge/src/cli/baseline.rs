//! `watch --learn` and `watch --baseline`: what is normal, in a file.

use super::table::Table;
use std::path::{Path, PathBuf};
use watch::{Baseline, Mode, Monitor, Report};

/// Rows on the terminal; `--json` has all.
const ROWS: usize = 40;

/// What is normal.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct BaselineArgs {
    /// Learn what is normal from these captures into FILE; what it has already stays
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    learn: Option<PathBuf>,
    /// Hold the captures against what was learned: what differs is a finding
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

fn load(path: &Path) -> Result<Baseline, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| {
        format!("{} is no baseline: {error} (`ironbridge watch --learn FILE` writes one)", path.display())
    })
}

impl BaselineArgs {
    /// Whether captures are held against a baseline.
    pub const fn judges(&self) -> bool {
        self.baseline.is_some()
    }

    /// Makes the monitor ready.
    pub fn begin(&self, monitor: &mut Monitor) -> Result<(), String> {
        if let Some(path) = &self.baseline {
            monitor.set_baseline(load(path)?);
            monitor.set_mode(Mode::Guarding, []);
        }
        if let Some(path) = &self.learn {
            if path.exists() {
                monitor.set_baseline(load(path)?);
            }
            monitor.set_mode(Mode::Learning, []);
        }
        Ok(())
    }

    /// Keeps what was learned. What to say about it.
    pub fn end(&self, monitor: &mut Monitor) -> Result<String, String> {
        let Some(path) = &self.learn else { return Ok(String::new()) };
        monitor.learn();
        let baseline = monitor.baseline();
        let text = serde_json::to_string_pretty(baseline).map_err(|error| error.to_string())?;
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, text + "\n")
            .and_then(|()| std::fs::rename(&fresh, path))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        let mut words = format!(
            "learned into {}: {} assets, {} links; {}\n",
            path.display(),
            baseline.assets.len(),
            baseline.links.len(),
            baseline.stability()
        );
        if baseline.no_room > 0 {
            words += &format!("{} things had no room in it and will be found as new\n", baseline.no_room);
        }
        Ok(words)
    }
}

/// What differs, for the terminal.
pub fn show(report: &Report) -> String {
    let mut table = Table::new(&["what", "who", "with whom", "about"]);
    for row in report.differences.iter().take(ROWS) {
        table.push(vec![row.kind.words().into(), row.source.clone(), row.target.clone(), row.what.clone()]);
    }
    let mut out = format!("\nDIFFERENCES FROM THE BASELINE\n{}", table.render("none"));
    if let more @ 1.. = report.differences.len().saturating_sub(ROWS) {
        out += &format!("  and {more} differences more: --json or --html shows all\n");
    }
    out
}
