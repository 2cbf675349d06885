//! The parts of a ZIP archive (PKWARE APPNOTE 6.3.10): stored or deflated, no encryption, no ZIP64. What a workbook and a
//! package of shells are.

use flate2::read::{DeflateDecoder, DeflateEncoder};
use flate2::{Compression, Crc};
use std::io::Read;

/// Most bytes of one part, unpacked.
pub const MOST_PART: u64 = 64 * 1024 * 1024;
/// Most parts.
const MOST_PARTS: usize = 4_096;
/// Longest comment behind the directory (section 4.3.16), and the record itself.
const END_SPAN: usize = 65_535 + 22;

/// An archive.
pub struct Archive<'a> {
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
    pub fn open(data: &'a [u8]) -> Option<Self> {
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
    ///
    /// # Errors
    /// It cannot be unpacked, is no UTF-8 or is larger than [`MOST_PART`], in words.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.text_within(name, MOST_PART)
    }

    /// A part as text; unpacking stops at `most` bytes, whatever the directory says of its size.
    ///
    /// # Errors
    /// It cannot be unpacked, is no UTF-8 or is larger than `most`, in words.
    pub fn text_within(&self, name: &str, most: u64) -> Result<Option<String>, String> {
        let Some(part) = self.parts.iter().find(|part| part.name == name) else { return Ok(None) };
        let packed = self.packed(part).ok_or_else(|| format!("`{name}` is damaged"))?;
        let mut text = String::new();
        let read = match part.method {
            0 => packed.take(most + 1).read_to_string(&mut text),
            8 => DeflateDecoder::new(packed).take(most + 1).read_to_string(&mut text),
            method => return Err(format!("`{name}` is packed in a way that is not known ({method})")),
        };
        let too_large = || format!("`{name}` is larger than {} MiB, unpacked", most >> 20);
        match read {
            Ok(read) if u64::try_from(read).unwrap_or(u64::MAX) > most => Err(too_large()),
            Ok(_) => Ok(Some(text)),
            Err(why) => Err(format!("`{name}`: {why}")),
        }
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

/// Packs parts into an archive: deflated, all with the first date that the format knows, so that the same parts give the
/// same bytes. `None` if it does not fit a ZIP archive without ZIP64.
pub fn pack(parts: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in parts {
        let (mut crc, mut packed) = (Crc::new(), Vec::new());
        crc.update(data);
        // Reading from memory cannot fail.
        DeflateEncoder::new(*data, Compression::default()).read_to_end(&mut packed).ok()?;
        let at = u32::try_from(out.len()).ok()?;
        // Version 2.0, names in UTF-8, deflated, 1980-01-01 (sections 4.4.3 to 4.4.6).
        let mut about = vec![20, 0, 0, 8, 8, 0, 0, 0, 0x21, 0];
        about.extend(crc.sum().to_le_bytes());
        about.extend(u32::try_from(packed.len()).ok()?.to_le_bytes());
        about.extend(u32::try_from(data.len()).ok()?.to_le_bytes());
        about.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
        about.extend([0, 0]);
        out.extend([0x50, 0x4B, 3, 4]);
        out.extend(&about);
        out.extend(name.as_bytes());
        out.extend(&packed);
        directory.extend([0x50, 0x4B, 1, 2, 20, 0]);
        directory.extend(&about);
        // No comment, first disk, no attributes (section 4.3.12).
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(parts.len()).ok()?.to_le_bytes();
    let (size, at) = (u32::try_from(directory.len()).ok()?, u32::try_from(out.len()).ok()?);
    out.extend(&directory);
    out.extend([0x50, 0x4B, 5, 6, 0, 0, 0, 0]);
    out.extend(count.iter().chain(&count));
    out.extend(size.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let long = "line\n".repeat(100_000);
        let packed =
            pack(&[("a/b.xml", "<a/>".as_bytes()), ("empty", b""), ("long", long.as_bytes())]).unwrap();
        assert!(packed.len() < 10_000, "{}", packed.len());
        let archive = Archive::open(&packed).unwrap();
        assert_eq!(archive.text("a/b.xml").unwrap().as_deref(), Some("<a/>"));
        assert_eq!(archive.text("empty").unwrap().as_deref(), Some(""));
        assert_eq!(archive.text("long").unwrap(), Some(long));
        assert_eq!(archive.text("missing"), Ok(None));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = vec![b'0'; 4 << 20];
        let packed = pack(&[("bomb", &zeros)]).unwrap();
        let why = Archive::open(&packed).unwrap().text_within("bomb", 1 << 20).unwrap_err();
        assert_eq!(why, "`bomb` is larger than 1 MiB, unpacked");
    }

    proptest! {
        #[test]
        fn damaged_archives_are_refused(at in 0_usize..200, byte: u8) {
            let mut packed = pack(&[("a", b"some text"), ("b", b"other")]).unwrap();
            if let Some(place) = packed.get_mut(at) {
                *place = byte;
            }
            if let Some(archive) = Archive::open(&packed) {
                let _ = (archive.text("a"), archive.text("b"));
            }
        }
    }
}
