//! Sealed files: the same frames without their checksums, a compressed block at a time.
//!
//! ```text
//!   | header 64 | block | block | ...
//!   block: | "IBZB" | length u32 | raw length u32 | crc32c u32 | previous u64 | zstd( | len varint | body | ... ) |
//! ```

use crate::bytes::put_varint;
use crate::disk::{Disk, DiskFile, Open};
use crate::files::{Block, FileInfo, HEADER, Header, Kind, file_name};
use crate::frame::{Skim, Skimmed};
use crate::linelog::with_suffix;
use crate::source::{Source, Step, ZBLOCK_MAGIC, ZHead};
use model::Position;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// zstd level for sealed files: higher ones cost several times the time for a few percent.
const LEVEL: i32 = 3;

/// Writes a file of compressed blocks under a passing name and puts it in place when it is complete.
pub(crate) struct SealedWriter {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    raw: Vec<u8>,
    previous: Position,
    blocks: Vec<Block>,
    zstd: zstd::bulk::Compressor<'static>,
    done: bool,
}

impl SealedWriter {
    pub fn create(disk: &Arc<dyn Disk>, path: &Path, header: &Header) -> io::Result<Self> {
        let fresh = with_suffix(path, "new");
        match disk.remove(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.open(&fresh, Open::Create)?;
        let mut zstd = zstd::bulk::Compressor::new(LEVEL)?;
        zstd.include_checksum(false)?;
        let mut writer = Self {
            disk: disk.clone(),
            file,
            path: path.to_owned(),
            len: HEADER as u64,
            raw: Vec::new(),
            previous: header.previous,
            blocks: Vec::new(),
            zstd,
            done: false,
        };
        writer.file.write_at(&header.encode().0, 0).inspect_err(|_| writer.drop_file())?;
        Ok(writer)
    }

    fn drop_file(&mut self) {
        if !std::mem::replace(&mut self.done, true) {
            let _ = self.disk.remove(&with_suffix(&self.path, "new"));
        }
    }

    /// Ends the block; the next one stands behind `previous`.
    pub fn block(&mut self, previous: Position) -> io::Result<()> {
        self.flush()?;
        self.previous = previous;
        Ok(())
    }

    pub fn frame(&mut self, body: &[u8]) {
        put_varint(&mut self.raw, body.len() as u64);
        self.raw.extend_from_slice(body);
    }

    /// Bytes of the block so far, not yet compressed.
    pub const fn pending(&self) -> usize {
        self.raw.len()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.raw.is_empty() {
            return Ok(());
        }
        let data = self.zstd.compress(&self.raw)?;
        let mut block = Vec::with_capacity(data.len() + 24);
        block.extend_from_slice(ZBLOCK_MAGIC);
        block.extend_from_slice(&(data.len() as u32).to_le_bytes());
        block.extend_from_slice(&(self.raw.len() as u32).to_le_bytes());
        block.extend_from_slice(&ZHead::sum(data.len(), self.raw.len(), self.previous, &data).to_le_bytes());
        block.extend_from_slice(&self.previous.0.to_le_bytes());
        block.extend_from_slice(&data);
        self.file.write_at(&block, self.len)?;
        self.blocks.push(Block { previous: self.previous, offset: self.len });
        self.len += block.len() as u64;
        self.raw.clear();
        Ok(())
    }

    /// Makes the file durable under its name. Returns its length and blocks.
    pub fn finish(mut self) -> io::Result<(u64, Vec<Block>)> {
        self.flush()?;
        self.file.sync()?;
        self.disk.rename(&with_suffix(&self.path, "new"), &self.path)?;
        self.done = true;
        self.disk.sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok((self.len, std::mem::take(&mut self.blocks)))
    }
}

impl Drop for SealedWriter {
    fn drop(&mut self) {
        self.drop_file();
    }
}

/// Compresses a raw file. Returns the sealed one's entry, and whether damage was skipped.
pub(crate) fn seal(disk: &Arc<dyn Disk>, info: &FileInfo) -> io::Result<(FileInfo, bool)> {
    let dir = info.path.parent().unwrap_or(Path::new(".")).to_owned();
    let path = dir.join(file_name(info.number, true));
    let header = Header {
        kind: Kind::Sealed,
        epoch: info.epoch,
        number: info.number,
        previous: info.previous,
        created: info.created,
        samples_before: info.samples_before,
        last: info.last,
        samples: u32::try_from(info.samples).unwrap_or(u32::MAX),
    };
    let raw = disk.open(&info.path, Open::Read)?;
    let mut source = Source::new(raw, false, info.salt, HEADER as u64, info.len);
    let mut writer = SealedWriter::create(disk, &path, &header)?;
    let mut skim = Skim::default();
    let mut damaged = false;
    loop {
        let sound = match source.next()? {
            Step::End => break,
            Step::Bad(_) => false,
            Step::Frame(range) => {
                let body = source.body(range);
                match skim.frame(body) {
                    Ok(Skimmed::Block) => {
                        writer.block(skim.position)?;
                        writer.frame(body);
                        true
                    }
                    Ok(_) => {
                        writer.frame(body);
                        true
                    }
                    Err(_) => false,
                }
            }
        };
        if !sound {
            damaged = true;
            skim.lose();
            if !source.resync()? {
                break;
            }
        }
    }
    let (len, blocks) = writer.finish()?;
    let sealed = FileInfo { path, sealed: true, salt: 0, len, blocks: Arc::new(blocks), ..info.clone() };
    Ok((sealed, damaged))
}
