//! The packets that show a finding, on disk: for each finding one pcap file, with some packets of the same conversation
//! before and behind. Bounded; what has to make room is counted.
//!
//! ```text
//!   finding raised or grown ─▶ its packets in the ring of recent ones, and their neighbours ─▶ ID.COUNT.pcap
//!                           └─ again two seconds later, for what came behind
//! ```

use crate::backup::private_folder;
use capture::write::Writer;
use capture::{Damage, Source};
use connect::disk::replace;
use model::Time;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Packets of the same conversation in front of one that shows a finding, and behind.
pub const BEFORE: usize = 16;
/// See [`BEFORE`].
pub const BEHIND: usize = 16;
/// Most packets of a finding.
const MAX_PACKETS: usize = 400;
/// Most bytes of them.
const MAX_BYTES: usize = 1 << 20;
/// What comes behind a packet is looked for after this time.
const LATER: Duration = Duration::from_secs(2);
/// A finding that goes on gets more packets no sooner than after this time.
const AGAIN: Duration = Duration::from_secs(60);
/// Findings whose packets are looked for later.
const MAX_DUE: usize = 4_096;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// When it came.
    pub time_ns: i64,
    /// Link type of its interface.
    pub link: u16,
    /// Bytes on the wire.
    pub original: u32,
    /// As captured.
    pub data: Vec<u8>,
}

/// What is kept of a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Packets.
    pub packets: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// When it was written.
    at: Time,
}

/// The folder of packets.
pub struct Store {
    folder: PathBuf,
    limit: u64,
    sizes: BTreeMap<String, Size>,
    due: BTreeMap<String, Time>,
    /// Findings whose packets made room for others since start.
    pub removed: u64,
}

impl Store {
    /// Opens the folder; at most `limit` bytes are kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: PathBuf, limit: u64) -> io::Result<Self> {
        private_folder(&folder)?;
        let mut store = Self { folder, limit, sizes: BTreeMap::new(), due: BTreeMap::new(), removed: 0 };
        for entry in fs::read_dir(&store.folder)? {
            let path = entry?.path();
            let meta = fs::metadata(&path)?;
            let written = meta.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            let at = Time(written.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)));
            let Some((id, packets)) = parts(&path) else { continue };
            let size = Size { packets, bytes: meta.len(), at };
            // Two of one finding: a crash came between writing the new and removing the old.
            let old = store.sizes.insert(id.clone(), size);
            if let Some(old) = old.filter(|old| old.packets > packets) {
                store.sizes.insert(id.clone(), old);
                fs::remove_file(&path)?;
            } else if let Some(old) = old {
                fs::remove_file(store.path(&id, old.packets))?;
            }
        }
        Ok(store)
    }

    fn path(&self, id: &str, packets: u64) -> PathBuf {
        self.folder.join(format!("{id}.{packets}.pcap"))
    }

    /// What is kept of a finding.
    pub fn size(&self, id: &str) -> Size {
        self.sizes.get(id).copied().unwrap_or_default()
    }

    /// Bytes of all.
    pub fn bytes(&self) -> u64 {
        self.sizes.values().map(|size| size.bytes).sum()
    }

    /// Most bytes of all.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether packets of a finding that was raised or has grown are wanted now; and again later.
    pub fn wants(&mut self, id: &str, now: Time) -> bool {
        let size = self.size(id);
        let full = size.packets >= MAX_PACKETS as u64;
        let fresh = size.packets == 0 || now.since(size.at) >= AGAIN;
        if fresh && !full && self.due.len() < MAX_DUE {
            self.due.insert(id.to_owned(), now.after(LATER));
        }
        fresh && !full
    }

    /// Findings whose packets are wanted once more.
    pub fn due(&mut self, now: Time) -> Vec<String> {
        let due: Vec<String> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        self.due.retain(|_, at| *at > now);
        due
    }

    /// Keeps packets of a finding beside those that are kept already.
    ///
    /// # Errors
    /// What the system says; what was kept stays.
    pub fn keep(&mut self, id: &str, packets: Vec<Shown>, now: Time) -> io::Result<()> {
        let before = self.size(id);
        let mut all = if before.packets == 0 { Vec::new() } else { read(&self.path(id, before.packets))? };
        for packet in packets {
            let fits = all.first().is_none_or(|first: &Shown| first.link == packet.link);
            if fits && !all.iter().any(|known| known.time_ns == packet.time_ns && known.data == packet.data) {
                all.push(packet);
            }
        }
        // What came first shows how it began: that stays when there is no room for all.
        all.sort_by_key(|packet| packet.time_ns);
        let mut room = MAX_BYTES;
        all.truncate(MAX_PACKETS);
        all.retain(|packet| match room.checked_sub(packet.data.len() + 16) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        });
        let Some(first) = all.first().filter(|_| all.len() as u64 > before.packets) else { return Ok(()) };
        let mut writer = Writer::new(Vec::new(), first.link)?;
        for packet in &all {
            writer.cut(packet.time_ns, packet.original, &packet.data)?;
        }
        let bytes = writer.finish()?;
        let size = Size { packets: all.len() as u64, bytes: bytes.len() as u64, at: now };
        replace(&self.path(id, size.packets), &bytes)?;
        self.sizes.insert(id.to_owned(), size);
        if before.packets > 0 {
            fs::remove_file(self.path(id, before.packets))?;
        }
        self.make_room(id)
    }

    /// Removes the packets of findings that were written longest ago, but not those of `id`.
    fn make_room(&mut self, id: &str) -> io::Result<()> {
        while self.bytes() > self.limit {
            let others = self.sizes.iter().filter(|(other, _)| *other != id);
            let Some(oldest) = others.min_by_key(|(_, size)| size.at).map(|(oldest, _)| oldest.clone())
            else {
                break;
            };
            let size = self.size(&oldest);
            fs::remove_file(self.path(&oldest, size.packets))?;
            self.sizes.remove(&oldest);
            self.removed += 1;
        }
        Ok(())
    }

    /// The file of a finding; `None` if nothing is kept.
    ///
    /// # Errors
    /// What the system says.
    pub fn file(&self, id: &str) -> io::Result<Option<Vec<u8>>> {
        match self.size(id).packets {
            0 => Ok(None),
            packets => fs::read(self.path(id, packets)).map(Some),
        }
    }
}

/// Id and number of packets in the name of a file.
fn parts(path: &Path) -> Option<(String, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".pcap")?;
    let (id, packets) = name.rsplit_once('.')?;
    Some((id.to_owned(), packets.parse().ok()?))
}

fn read(path: &Path) -> io::Result<Vec<Shown>> {
    let mut packets = Vec::new();
    let damaged = |damage: Damage| io::Error::other(damage.to_string());
    let mut source = Source::open(fs::File::open(path)?).map_err(damaged)?;
    while let Some(packet) = source.next_packet().map_err(damaged)? {
        let (time_ns, link, original) = (packet.time_ns, packet.link, packet.original);
        packets.push(Shown { time_ns, link, original, data: packet.data.to_vec() });
    }
    Ok(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(time_ns: i64, length: usize) -> Shown {
        Shown { time_ns, link: 1, original: length as u32 + 4, data: vec![time_ns as u8; length] }
    }

    fn at(seconds: i64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    #[test]
    fn packets_are_kept_once_in_order_and_come_back_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(folder.path().join("packets"), 1 << 20).unwrap();
        let mut store = open();
        assert!(store.wants("IB-1", at(1)));
        store.keep("IB-1", vec![shown(5, 60), shown(3, 60)], at(1)).unwrap();
        assert!(store.due(at(2)).is_empty());
        assert_eq!(store.due(at(3)), ["IB-1"]);
        store.keep("IB-1", vec![shown(3, 60), shown(9, 61)], at(3)).unwrap();
        let store = open();
        assert_eq!((store.size("IB-1").packets, store.sizes.len()), (3, 1));
        let file = store.file("IB-1").unwrap().unwrap();
        assert_eq!(file.len() as u64, store.size("IB-1").bytes);
        let kept = read(&store.path("IB-1", 3)).unwrap();
        assert_eq!(kept, [shown(3, 60), shown(5, 60), shown(9, 61)]);
        assert_eq!(store.file("IB-2").unwrap(), None);
    }

    #[test]
    fn a_finding_that_goes_on_is_not_written_all_the_time_and_never_grows_out_of_its_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("packets"), 4 << 20).unwrap();
        store.keep("IB-1", vec![shown(1, 60)], at(1)).unwrap();
        assert!(!store.wants("IB-1", at(30)));
        assert!(store.wants("IB-1", at(61)));
        store.keep("IB-1", (0..2_000).map(|number| shown(number * 3 + 2, 60)).collect(), at(61)).unwrap();
        assert_eq!(store.size("IB-1").packets, MAX_PACKETS as u64);
        assert!(!store.wants("IB-1", at(1_000)));
        store.keep("IB-2", (0..300).map(|number| shown(number, 60_000)).collect(), at(62)).unwrap();
        assert!(store.size("IB-2").bytes <= MAX_BYTES as u64 + 24);
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("packets"), 10_000).unwrap();
        for number in 0..8 {
            store.keep(&format!("IB-{number}"), vec![shown(1, 2_000)], at(number)).unwrap();
        }
        assert!(store.bytes() <= 10_000);
        assert_eq!((store.removed, store.size("IB-0").packets, store.size("IB-7").packets), (4, 0, 1));
        assert_eq!(fs::read_dir(folder.path().join("packets")).unwrap().count(), 4);
    }
}
