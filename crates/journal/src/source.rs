//! Walking through a file frame by frame, and finding the way again after damage.

use crate::bytes::Take;
use crate::disk::{Disk, DiskFile, Open};
use crate::files::{Block, FileInfo, HEADER, read_up_to};
use crate::frame::{BLOCK_MAGIC, FRAME_HEAD, MAX_BODY, Skim, Skimmed, frame_crc, is_block};
use model::Position;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Bytes read at once from a raw file.
const CHUNK: usize = 256 << 10;
/// Begins every compressed block: magic, compressed length, raw length, checksum, previous position.
pub(crate) const ZBLOCK_MAGIC: &[u8; 4] = b"IBZB";
/// Bytes before the compressed data.
pub(crate) const ZBLOCK_HEAD: usize = 24;
/// Longest raw content of a compressed block: the longest frame after the largest block that was still open.
pub(crate) const MAX_ZBLOCK: usize = MAX_BODY + (32 << 20);

/// What came next.
pub(crate) enum Step {
    /// The body of a frame, see [`Source::body`].
    Frame(Range<usize>),
    /// The end of what may be read.
    End,
    /// Not a frame; the reason.
    Bad(&'static str),
}

/// A file and a place in it.
pub(crate) struct Source {
    file: Arc<dyn DiskFile>,
    sealed: bool,
    salt: u32,
    /// Offset in the file of the byte behind `buf`.
    offset: u64,
    limit: u64,
    buf: Vec<u8>,
    at: usize,
    /// Sealed files: offset of the block that `buf` came from.
    block_at: u64,
}

/// The head of a compressed block.
pub(crate) struct ZHead {
    pub len: usize,
    pub raw_len: usize,
    pub crc: u32,
    pub previous: Position,
}

impl ZHead {
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Take(bytes.strip_prefix(ZBLOCK_MAGIC)?);
        let (len, raw_len, crc) = (from.u32().ok()? as usize, from.u32().ok()? as usize, from.u32().ok()?);
        let previous = Position(from.u64().ok()?);
        (raw_len <= MAX_ZBLOCK && len <= MAX_ZBLOCK).then_some(Self { len, raw_len, crc, previous })
    }

    /// Checksum of head and data.
    pub fn sum(len: usize, raw_len: usize, previous: Position, data: &[u8]) -> u32 {
        let mut head = [0; 16];
        for (to, from) in head.chunks_exact_mut(4).zip([
            len as u32,
            raw_len as u32,
            previous.0 as u32,
            (previous.0 >> 32) as u32,
        ]) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        crc32c::crc32c_append(crc32c::crc32c(&head), data)
    }

    fn holds(&self, data: &[u8]) -> bool {
        data.len() == self.len && Self::sum(self.len, self.raw_len, self.previous, data) == self.crc
    }
}

impl Source {
    /// From `offset`, which must be a block's beginning, up to `limit`.
    pub fn new(file: Arc<dyn DiskFile>, sealed: bool, salt: u32, offset: u64, limit: u64) -> Self {
        let offset = offset.max(HEADER as u64);
        Self { file, sealed, salt, offset, limit, buf: Vec::new(), at: 0, block_at: offset }
    }

    /// The file has grown.
    pub fn extend(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// Offset of the next frame (in a sealed file, of the block that it stands in).
    pub fn offset(&self) -> u64 {
        if self.sealed { self.block_at } else { self.offset - (self.buf.len() - self.at) as u64 }
    }

    /// The bytes of a frame that [`Source::next`] found; valid until the next call.
    pub fn body(&self, range: Range<usize>) -> &[u8] {
        self.buf.get(range).unwrap_or_default()
    }

    /// The next frame.
    pub fn next(&mut self) -> io::Result<Step> {
        if self.sealed { self.next_sealed() } else { self.next_raw() }
    }

    /// Makes at least `want` bytes available, if the file has them.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        if self.buf.len() - self.at >= want {
            return Ok(());
        }
        self.buf.drain(..self.at);
        self.at = 0;
        let room = usize::try_from(self.limit.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let more = (want - self.buf.len()).max(CHUNK).min(room);
        let have = self.buf.len();
        self.buf.resize(have + more, 0);
        let n = self.file.read_at(self.buf.get_mut(have..).unwrap_or_default(), self.offset)?;
        self.buf.truncate(have + n);
        self.offset += n as u64;
        Ok(())
    }

    fn next_raw(&mut self) -> io::Result<Step> {
        self.fill(FRAME_HEAD)?;
        let rest = self.buf.get(self.at..).unwrap_or_default();
        let Some(head) = rest.first_chunk::<FRAME_HEAD>() else {
            return Ok(if rest.is_empty() { Step::End } else { Step::Bad("an incomplete frame") });
        };
        let head = u64::from_le_bytes(*head);
        let (len, crc) = ((head & 0xFFFF_FFFF) as usize, (head >> 32) as u32);
        if len == 0 || len > MAX_BODY {
            return Ok(Step::Bad("a frame of impossible length"));
        }
        self.fill(FRAME_HEAD + len)?;
        let range = self.at + FRAME_HEAD..self.at + FRAME_HEAD + len;
        let Some(body) = self.buf.get(range.clone()) else { return Ok(Step::Bad("an incomplete frame")) };
        if frame_crc(self.salt, body) != crc {
            return Ok(Step::Bad("a frame's checksum is wrong"));
        }
        self.at = range.end;
        Ok(Step::Frame(range))
    }

    fn next_sealed(&mut self) -> io::Result<Step> {
        if self.at >= self.buf.len() {
            if self.offset >= self.limit {
                return Ok(Step::End);
            }
            if let Some(why) = self.load_block()? {
                return Ok(Step::Bad(why));
            }
        }
        let mut from = Take(self.buf.get(self.at..).unwrap_or_default());
        let len = from.count(MAX_BODY);
        let start = self.buf.len() - from.0.len();
        match len {
            Ok(len) if len > 0 && len <= from.0.len() => {
                self.at = start + len;
                Ok(Step::Frame(start..start + len))
            }
            _ => Ok(Step::Bad("a frame of impossible length")),
        }
    }

    fn load_block(&mut self) -> io::Result<Option<&'static str>> {
        self.block_at = self.offset;
        let head = read_up_to(&*self.file, self.offset, ZBLOCK_HEAD)?;
        let Some(head) = ZHead::decode(&head).filter(|_| head.len() == ZBLOCK_HEAD) else {
            return Ok(Some("a block's head is damaged"));
        };
        let data_at = self.offset + ZBLOCK_HEAD as u64;
        if data_at + head.len as u64 > self.limit {
            return Ok(Some("a block is cut off"));
        }
        let data = read_up_to(&*self.file, data_at, head.len)?;
        if !head.holds(&data) {
            return Ok(Some("a block's checksum is wrong"));
        }
        match zstd::bulk::decompress(&data, head.raw_len) {
            Ok(raw) if raw.len() == head.raw_len => self.buf = raw,
            _ => return Ok(Some("a block cannot be decompressed")),
        }
        self.at = 0;
        self.offset = data_at + head.len as u64;
        Ok(None)
    }

    /// After `Bad`: goes on to the next sound block. False if there is none.
    pub fn resync(&mut self) -> io::Result<bool> {
        let mut from = self.offset() + 1;
        self.buf.clear();
        self.at = 0;
        while from < self.limit {
            let room = usize::try_from(self.limit - from).unwrap_or(usize::MAX);
            let bytes = read_up_to(&*self.file, from, room.min(CHUNK + 32))?;
            let magic: &[u8] = if self.sealed { ZBLOCK_MAGIC } else { BLOCK_MAGIC };
            for hit in bytes.windows(magic.len()).enumerate().filter(|(_, w)| *w == magic) {
                let at = from + hit.0 as u64;
                if self.try_block(if self.sealed { at } else { at.saturating_sub(FRAME_HEAD as u64) })? {
                    return Ok(true);
                }
            }
            if bytes.len() < CHUNK + 32 {
                break;
            }
            from += CHUNK as u64;
        }
        self.offset = self.limit;
        self.block_at = self.limit;
        self.buf.clear();
        Ok(false)
    }

    fn try_block(&mut self, at: u64) -> io::Result<bool> {
        (self.offset, self.block_at, self.at) = (at, at, 0);
        self.buf.clear();
        let good = match self.next()? {
            Step::Frame(range) => is_block(self.body(range)),
            _ => false,
        };
        (self.offset, self.block_at, self.at) = (at, at, 0);
        self.buf.clear();
        Ok(good)
    }
}

/// What a walk through a whole file found.
#[derive(Default)]
pub(crate) struct Survey {
    pub blocks: Vec<Block>,
    /// Last position, if any record was found.
    pub last: Option<Position>,
    /// Lifetime samples at the end, if any block was found.
    pub samples: Option<u64>,
    /// End of the last sound frame.
    pub good_end: u64,
    /// Damage with sound blocks behind it: last good position and reason.
    pub damage: Vec<(Position, &'static str)>,
    /// Damage with nothing behind it.
    pub tail: Option<&'static str>,
    /// Sound frames stand behind that damage: it is no torn write, and the bytes are worth keeping.
    pub tail_has_frames: bool,
}

/// Walks through a raw file. Frames at or behind `bound` belong to the next file: the file ends before them.
pub(crate) fn survey_raw(file: &Arc<dyn DiskFile>, salt: u32, bound: Position) -> io::Result<Survey> {
    let size = file.size()?;
    let mut source = Source::new(file.clone(), false, salt, HEADER as u64, size);
    let mut skim = Skim::default();
    let mut survey = Survey { good_end: HEADER as u64, ..Survey::default() };
    loop {
        let at = source.offset();
        let bad = match source.next()? {
            Step::End => return Ok(survey),
            Step::Bad(why) => why,
            Step::Frame(range) => match skim.frame(source.body(range)) {
                Ok(Skimmed::Block) if skim.position < bound => {
                    survey.blocks.push(Block { previous: skim.position, offset: at });
                    survey.good_end = source.offset();
                    survey.samples = Some(skim.samples);
                    continue;
                }
                Ok(Skimmed::Shape) => {
                    survey.good_end = source.offset();
                    continue;
                }
                Ok(Skimmed::Record) if skim.position < bound => {
                    survey.last = Some(skim.position);
                    survey.samples = Some(skim.samples);
                    survey.good_end = source.offset();
                    continue;
                }
                Ok(_) => {
                    survey.tail = Some("records that were written again into the next file");
                    return Ok(survey);
                }
                Err(why) => why.0,
            },
        };
        skim.lose();
        if !source.resync()? {
            survey.tail = Some(bad);
            survey.tail_has_frames = has_frames(&**file, salt, survey.good_end, size)?;
            return Ok(survey);
        }
        survey.damage.push((survey.last.unwrap_or(skim.position), bad));
    }
}

/// Whether a sound frame begins within 64 KiB behind `from`, itself not longer than that.
fn has_frames(file: &dyn DiskFile, salt: u32, from: u64, size: u64) -> io::Result<bool> {
    const WINDOW: usize = 64 << 10;
    let room = usize::try_from(size.saturating_sub(from)).unwrap_or(usize::MAX);
    let bytes = read_up_to(file, from, room.min(2 * WINDOW))?;
    Ok((1..bytes.len().min(WINDOW)).any(|at| {
        let Some((head, rest)) = bytes.get(at..).and_then(|b| b.split_first_chunk::<FRAME_HEAD>()) else {
            return false;
        };
        let head = u64::from_le_bytes(*head);
        let (len, crc) = ((head & 0xFFFF_FFFF) as usize, (head >> 32) as u32);
        len > 0 && len <= WINDOW && rest.get(..len).is_some_and(|body| frame_crc(salt, body) == crc)
    }))
}

/// Hops over the block heads of a sealed file.
pub(crate) fn survey_sealed(file: &Arc<dyn DiskFile>) -> io::Result<Survey> {
    let size = file.size()?;
    let mut survey = Survey { good_end: HEADER as u64, ..Survey::default() };
    let mut at = HEADER as u64;
    while at < size {
        let head = read_up_to(&**file, at, ZBLOCK_HEAD)?;
        let end = |head: &ZHead| at + (ZBLOCK_HEAD + head.len) as u64;
        match ZHead::decode(&head).filter(|head| end(head) <= size) {
            Some(head) => {
                survey.blocks.push(Block { previous: head.previous, offset: at });
                at = end(&head);
                survey.good_end = at;
            }
            None => {
                let last = survey.blocks.last().map_or(Position::START, |b| b.previous);
                let mut source = Source::new(file.clone(), true, 0, at, size);
                if !source.resync()? {
                    survey.tail = Some("a block's head is damaged");
                    return Ok(survey);
                }
                survey.damage.push((last, "a block's head is damaged"));
                at = source.offset();
            }
        }
    }
    Ok(survey)
}

/// Lifetime samples up to `position`; `None` if its block cannot be read.
pub(crate) fn survey_from(
    disk: &Arc<dyn Disk>,
    info: &FileInfo,
    position: Position,
) -> io::Result<Option<u64>> {
    let file = disk.open(&info.path, Open::Read)?;
    let mut source = Source::new(file, info.sealed, info.salt, info.block_for(position), info.len);
    let mut skim = Skim::default();
    let mut samples = None;
    while let Step::Frame(range) = source.next()? {
        if skim.frame(source.body(range)).is_err() || skim.position > position {
            break;
        }
        samples = Some(skim.samples);
    }
    Ok(samples)
}
