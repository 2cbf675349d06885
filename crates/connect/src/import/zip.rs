//! The parts of a ZIP archive (PKWARE APPNOTE 6.3.10): stored or deflated, no encryption, no ZIP64. What a workbook is.

use flate2::read::DeflateDecoder;
use std::io::Read;

/// Most bytes of one part, unpacked.
const MOST_PART: u64 = 64 * 1024 * 1024;
/// Most parts.
const MOST_PARTS: usize = 4_096;
/// Longest comment behind the directory (section 4.3.16), and the record itself.
const END_SPAN: usize = 65_535 + 22;

/// An archive.
pub(super) struct Archive<'a> {
    data: &'a [u8],
    parts: Vec<Part>,
}

struct Part {
    name: String,
    method: u16,
    packed: usize,
    header: usize,
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    usize::try_from(data.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?).ok()
}

impl<'a> Archive<'a> {
    /// Reads the directory; `None` if it is no such archive.
    pub(super) fn open(data: &'a [u8]) -> Option<Self> {
        let from = data.len().saturating_sub(END_SPAN);
        let tail = data.get(from..)?;
        let end = from + tail.windows(4).rposition(|four| four == [0x50, 0x4B, 5, 6])?;
        let (count, mut at) = (u16_at(data, end + 10)?, u32_at(data, end + 16)?);
        let mut parts = Vec::new();
        for _ in 0..usize::from(count).min(MOST_PARTS) {
            // Central directory header (section 4.3.12).
            (u32_at(data, at)? == 0x0201_4B50).then_some(())?;
            let (name, extra, comment) =
                (u16_at(data, at + 28)?, u16_at(data, at + 30)?, u16_at(data, at + 32)?);
            let bytes = data.get(at + 46..at + 46 + usize::from(name))?;
            parts.push(Part {
                name: String::from_utf8_lossy(bytes).into_owned(),
                method: u16_at(data, at + 10)?,
                packed: u32_at(data, at + 20)?,
                header: u32_at(data, at + 42)?,
            });
            at += 46 + usize::from(name) + usize::from(extra) + usize::from(comment);
        }
        Some(Self { data, parts })
    }

    /// A part as text; `None` if there is none of that name.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(part) = self.parts.iter().find(|part| part.name == name) else { return Ok(None) };
        let packed = self.packed(part).ok_or_else(|| format!("`{name}` is damaged"))?;
        let mut text = String::new();
        let read = match part.method {
            0 => packed.take(MOST_PART + 1).read_to_string(&mut text),
            8 => DeflateDecoder::new(packed).take(MOST_PART + 1).read_to_string(&mut text),
            method => return Err(format!("`{name}` is packed in a way that is not known ({method})")),
        };
        let read = read.map_err(|why| format!("`{name}`: {why}"))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > MOST_PART {
            return Err(format!("`{name}` is larger than 64 MiB"));
        }
        Ok(Some(text))
    }

    /// The bytes behind the local header (section 4.3.7).
    fn packed(&self, part: &Part) -> Option<&'a [u8]> {
        let at = part.header;
        (u32_at(self.data, at)? == 0x0403_4B50).then_some(())?;
        let start =
            at + 30 + usize::from(u16_at(self.data, at + 26)?) + usize::from(u16_at(self.data, at + 28)?);
        self.data.get(start..)?.get(..part.packed)
    }
}
