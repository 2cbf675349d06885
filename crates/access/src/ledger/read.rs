//! Reading the newest first, without an index: lines are found from the end, and by bisection.

use super::{LedgerFile, MAX_LINE, Record};
use model::Time;
use namespace::Entry;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const BLOCK: u64 = 64 * 1024;
/// Records looked at per call when searching: a page never takes long, `next` goes on from there.
const MAX_SCANNED: usize = 20_000;
/// Records per page.
const MAX_LIMIT: usize = 1_000;

/// A page of the ledger, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// Give this as `before` for what comes next; `None` at the beginning of the ledger.
    pub next: Option<u64>,
    /// Lines that could not be read on the way; a check names them.
    pub damaged: usize,
}

impl LedgerFile {
    /// At most `limit` (1 to 1,000) records older than number `before`, newest first, that contain `search` (case
    /// ignored). A search stops after 20,000 records and can be continued with `next`. Blocks for disk reads.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn page(&self, before: Option<u64>, limit: usize, search: Option<&str>) -> io::Result<Page> {
        let file = File::open(self.path())?;
        let limit = limit.clamp(1, MAX_LIMIT);
        let search = search.filter(|text| !text.is_empty()).map(str::to_lowercase);
        let end = match before {
            Some(before) => find(&file, self.readable(), before)?,
            None => self.readable(),
        };
        let mut back = Backwards { file: &file, start: end, held: Vec::new() };
        let mut page = Page::default();
        for _ in 0..MAX_SCANNED {
            let Some(line) = back.next_line()? else {
                page.next = None;
                return Ok(page);
            };
            let Ok(record) = Record::parse(&line) else {
                page.damaged += 1;
                continue;
            };
            page.next = (record.seq > 1).then_some(record.seq);
            if search.as_ref().is_none_or(|wanted| record.contains(wanted)) {
                page.records.push(record);
            }
            if page.records.len() == limit {
                break;
            }
        }
        Ok(page)
    }
}

impl LedgerFile {
    /// What was recorded after `since` of some actions, oldest first, within the newest 20,000 records. Blocks for disk
    /// reads.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn recent(&self, since: Time, actions: &[&str]) -> io::Result<Vec<(Time, Entry)>> {
        let file = File::open(self.path())?;
        let mut back = Backwards { file: &file, start: self.readable(), held: Vec::new() };
        let mut found = Vec::new();
        for _ in 0..MAX_SCANNED {
            let Some(line) = back.next_line()? else { break };
            let Ok(record) = Record::parse(&line) else { continue };
            if record.time < since {
                break;
            }
            if actions.contains(&record.action.as_str()) {
                let Record { time, actor, action, object, outcome, detail, .. } = record;
                found.push((time, Entry { actor, action, object, outcome, detail }));
            }
        }
        found.reverse();
        Ok(found)
    }
}

/// The offset at which the record `before` begins (or would): all older ones end there.
fn find(file: &File, length: u64, before: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, length);
    while high - low > BLOCK {
        let middle = low + (high - low) / 2;
        match first_record_from(file, middle, high)? {
            Some((begin, seq)) if seq < before => low = begin,
            _ => high = middle,
        }
    }
    let mut at = low;
    // `high` may lie inside the line that begins before it: look a little further.
    let until = high.saturating_add(MAX_LINE as u64 + 1).min(length);
    while let Some((begin, seq)) = record_at(file, at, until)? {
        if seq.is_some_and(|seq| seq >= before) {
            return Ok(at);
        }
        at = begin;
    }
    Ok(at)
}

/// The first whole line that begins behind `from` and before `until`: where, and its number.
fn first_record_from(file: &File, from: u64, until: u64) -> io::Result<Option<(u64, u64)>> {
    let mut at = match line_end(file, from, until)? {
        Some(end) => end,
        None => return Ok(None),
    };
    while let Some((next, seq)) = record_at(file, at, until)? {
        if let Some(seq) = seq {
            return Ok(Some((at, seq)));
        }
        at = next;
    }
    Ok(None)
}

/// The line at `at`: where the next begins, and its number if it can be read.
fn record_at(file: &File, at: u64, until: u64) -> io::Result<Option<(u64, Option<u64>)>> {
    let Some(end) = line_end(file, at, until)? else { return Ok(None) };
    let mut line = vec![0; usize::try_from(end - at).unwrap_or(0)];
    file.read_exact_at(&mut line, at)?;
    let seq = line.strip_suffix(b"\n").and_then(|line| Record::parse(line).ok()).map(|record| record.seq);
    Ok(Some((end, seq)))
}

/// The offset behind the next line end at or after `from`, if there is one before `until`.
fn line_end(file: &File, from: u64, until: u64) -> io::Result<Option<u64>> {
    let mut at = from;
    let mut block = vec![0; BLOCK as usize];
    while at < until {
        let want = usize::try_from((until - at).min(BLOCK)).unwrap_or(0);
        let Some(room) = block.get_mut(..want) else { return Ok(None) };
        let got = file.read_at(room, at)?;
        if got == 0 {
            return Ok(None);
        }
        let part = room.get(..got).unwrap_or_default();
        if let Some(found) = part.iter().position(|byte| *byte == b'\n') {
            return Ok(Some(at + found as u64 + 1));
        }
        at += got as u64;
    }
    Ok(None)
}

/// Lines from the end of a file to its beginning.
struct Backwards<'a> {
    file: &'a File,
    /// What is before this was not read yet.
    start: u64,
    held: Vec<u8>,
}

impl Backwards<'_> {
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let body = self.held.strip_suffix(b"\n").unwrap_or(&self.held);
            if let Some(at) = body.iter().rposition(|byte| *byte == b'\n') {
                let line = body.get(at + 1..).unwrap_or_default().to_vec();
                self.held.truncate(at + 1);
                return Ok(Some(line));
            }
            if self.start == 0 || body.len() > 2 * MAX_LINE {
                // The first line of the file; or something without line ends, which is given up in pieces.
                let line = body.to_vec();
                let is_end = self.held.is_empty();
                self.held.clear();
                return Ok((!is_end).then_some(line));
            }
            let size = self.start.min(BLOCK);
            self.start -= size;
            let mut block = vec![0; size as usize];
            self.file.read_exact_at(&mut block, self.start)?;
            block.append(&mut self.held);
            self.held = block;
        }
    }
}
