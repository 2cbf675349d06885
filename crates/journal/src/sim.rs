//! A disk that tears and forgets, for tests: what was not synced may survive a power cut whole, in part, out of
//! order, as garbage, or not at all.
//!
//! ```text
//!   write ─▶ pending ops ─ sync ─▶ durable            power cut: durable + an arbitrary part of what is pending,
//!   create, rename, remove ─ sync_dir ─▶ durable      sector by sector; names: a prefix of the pending changes
//! ```

use crate::disk::{Disk, DiskFile, Open};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that reach the medium together.
const SECTOR: usize = 512;

/// A simulated disk. Clones share it until [`SimDisk::power_cut`]; after that only the returned handle works.
#[derive(Clone)]
pub struct SimDisk {
    sim: Arc<Mutex<Sim>>,
    life: u64,
}

#[derive(Clone)]
enum Op {
    Write(u64, Vec<u8>),
    Len(u64),
}

#[derive(Default)]
struct Node {
    durable: Vec<u8>,
    pending: Vec<Op>,
    current: Vec<u8>,
}

type Names = BTreeMap<PathBuf, Arc<Mutex<Node>>>;

enum NameOp {
    Link(PathBuf, Arc<Mutex<Node>>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

struct Sim {
    life: u64,
    off: bool,
    random: u64,
    names: Names,
    durable_names: Names,
    pending_names: Vec<NameOp>,
    locks: BTreeSet<PathBuf>,
    capacity: u64,
    syncs_until_failure: Option<u64>,
    failing_syncs: u64,
    ops_until_cut: Option<u64>,
    ops: u64,
}

fn apply_names(names: &mut Names, op: &NameOp) {
    match op {
        NameOp::Link(path, node) => {
            names.insert(path.clone(), node.clone());
        }
        NameOp::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        NameOp::Remove(path) => {
            names.remove(path);
        }
    }
}

fn write_into(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(data.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(to) = bytes.get_mut(start..end) {
        to.copy_from_slice(data);
    }
}

impl Op {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => write_into(bytes, *offset, data),
            Self::Len(len) => bytes.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0),
        }
    }
}

impl Sim {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % (n as u64).max(1)) as usize
    }

    /// Counts a changing operation; the last one before the cut still happens, perhaps in part.
    fn count(&mut self) {
        self.ops += 1;
        if let Some(left) = &mut self.ops_until_cut {
            *left = left.saturating_sub(1);
            self.off |= *left == 0;
        }
    }

    fn used(&self) -> u64 {
        self.names.values().map(|node| node.lock().current.len() as u64).sum()
    }

    /// An arbitrary part of what is pending reaches the medium.
    fn tear(&mut self, node: &mut Node) {
        let pending = std::mem::take(&mut node.pending);
        let mode = self.below(4);
        let whole = self.below(pending.len() + 1);
        for (n, op) in pending.iter().enumerate() {
            match (mode, op) {
                (0, _) => break,
                (1, op) if n < whole => op.apply(&mut node.durable),
                (1, Op::Write(offset, data)) if n == whole => {
                    let sectors = self.below(data.len() / SECTOR + 1);
                    let cut = if self.below(2) == 0 { sectors * SECTOR } else { self.below(data.len() + 1) };
                    write_into(&mut node.durable, *offset, data.get(..cut).unwrap_or(data));
                }
                (1, _) => break,
                (_, Op::Write(offset, data)) => {
                    for (i, sector) in data.chunks(SECTOR).enumerate() {
                        let at = offset + (i * SECTOR) as u64;
                        match self.below(if mode == 3 { 8 } else { 2 }) {
                            0 => {}
                            1 if mode == 3 => {
                                let junk: Vec<u8> = sector.iter().map(|_| self.next() as u8).collect();
                                write_into(&mut node.durable, at, &junk);
                            }
                            _ => write_into(&mut node.durable, at, sector),
                        }
                    }
                }
                (_, op) => {
                    if self.below(2) == 0 {
                        op.apply(&mut node.durable);
                    }
                }
            }
        }
    }
}

impl SimDisk {
    /// An empty disk; `seed` decides what power cuts leave.
    pub fn new(seed: u64) -> Self {
        let sim = Sim {
            life: 0,
            off: false,
            random: seed,
            names: Names::new(),
            durable_names: Names::new(),
            pending_names: Vec::new(),
            locks: BTreeSet::new(),
            capacity: u64::MAX,
            syncs_until_failure: None,
            failing_syncs: 0,
            ops_until_cut: None,
            ops: 0,
        };
        Self { sim: Arc::new(Mutex::new(sim)), life: 0 }
    }

    /// As a handle for the journal.
    pub fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// The power fails and comes back. All older handles are dead; the returned one sees what has survived.
    #[must_use]
    pub fn power_cut(&self) -> Self {
        let mut sim = self.sim.lock();
        sim.life += 1;
        (sim.off, sim.ops_until_cut, sim.syncs_until_failure, sim.failing_syncs) = (false, None, None, 0);
        let pending = std::mem::take(&mut sim.pending_names);
        let survive = sim.below(pending.len() + 1);
        let mut names = std::mem::take(&mut sim.durable_names);
        pending.iter().take(survive).for_each(|op| apply_names(&mut names, op));
        // New nodes: handles from before the cut must not reach the survivors.
        let mut fresh = Names::new();
        for (path, node) in names {
            let mut node = node.lock();
            sim.tear(&mut node);
            let durable = std::mem::take(&mut node.durable);
            let node = Node { current: durable.clone(), durable, pending: Vec::new() };
            fresh.insert(path, Arc::new(Mutex::new(node)));
        }
        sim.durable_names.clone_from(&fresh);
        sim.names = fresh;
        sim.locks.clear();
        Self { sim: self.sim.clone(), life: sim.life }
    }

    /// The power fails after `n` more changing operations (writes, syncs, creations, renames, removals).
    pub fn cut_after(&self, n: u64) {
        self.sim.lock().ops_until_cut = Some(n);
    }

    /// Whether [`SimDisk::cut_after`] has struck.
    pub fn is_off(&self) -> bool {
        self.sim.lock().off
    }

    /// Changing operations so far.
    pub fn ops(&self) -> u64 {
        self.sim.lock().ops
    }

    /// The disk holds so many bytes; beyond them writes fail with `StorageFull`.
    pub fn set_capacity(&self, bytes: u64) {
        self.sim.lock().capacity = bytes;
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.sim.lock().used()
    }

    /// After `n` good syncs, `count` syncs fail; what they should have made durable is then durable in part.
    pub fn fail_syncs(&self, n: u64, count: u64) {
        let mut sim = self.sim.lock();
        sim.syncs_until_failure = Some(n);
        sim.failing_syncs = count;
    }

    /// Changes a file's bytes behind everybody's back.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let node = self.sim.lock().names.get(path).cloned();
        if let Some(node) = node {
            let mut node = node.lock();
            let mut bytes = node.current.clone();
            change(&mut bytes);
            *node = Node { durable: bytes.clone(), pending: Vec::new(), current: bytes };
        }
    }

    /// A file's bytes as they are now.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let node = self.sim.lock().names.get(path).cloned();
        node.map(|node| node.lock().current.clone())
    }

    /// A copy of everything as it is now, as if all had been synced; with its own life and seed.
    #[must_use]
    pub fn copy(&self, seed: u64) -> Self {
        let copy = Self::new(seed);
        let mut fresh = Names::new();
        for (path, node) in &self.sim.lock().names {
            let bytes = node.lock().current.clone();
            let node = Node { durable: bytes.clone(), pending: Vec::new(), current: bytes };
            fresh.insert(path.clone(), Arc::new(Mutex::new(node)));
        }
        {
            let mut sim = copy.sim.lock();
            sim.durable_names.clone_from(&fresh);
            sim.names = fresh;
        }
        copy
    }

    /// All files, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        self.sim.lock().names.keys().cloned().collect()
    }

    fn alive(&self) -> io::Result<parking_lot::MutexGuard<'_, Sim>> {
        alive(&self.sim, self.life)
    }
}

fn alive(sim: &Mutex<Sim>, life: u64) -> io::Result<parking_lot::MutexGuard<'_, Sim>> {
    let sim = sim.lock();
    if sim.life == life && !sim.off { Ok(sim) } else { Err(io::Error::other("the power is off")) }
}

struct SimFile {
    sim: Arc<Mutex<Sim>>,
    life: u64,
    node: Arc<Mutex<Node>>,
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let _sim = alive(&self.sim, self.life)?;
        let node = self.node.lock();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(node.current.len());
        let rest = node.current.get(start..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(n)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut sim = alive(&self.sim, self.life)?;
        sim.count();
        let room = sim.capacity.saturating_sub(sim.used());
        let mut node = self.node.lock();
        let grows = (offset + data.len() as u64).saturating_sub(node.current.len() as u64);
        let fits =
            data.len() - usize::try_from(grows.saturating_sub(room)).unwrap_or(usize::MAX).min(data.len());
        let part = data.get(..fits).unwrap_or(data);
        write_into(&mut node.current, offset, part);
        node.pending.push(Op::Write(offset, part.to_vec()));
        if fits < data.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if sim.off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut sim = alive(&self.sim, self.life)?;
        sim.count();
        let mut node = self.node.lock();
        if sim.off {
            return Err(io::Error::other("the power is off"));
        }
        if let Some(left) = sim.syncs_until_failure {
            if left == 0 && sim.failing_syncs > 0 {
                sim.failing_syncs -= 1;
                sim.tear(&mut node);
                return Err(io::Error::other("simulated fault: the sync failed"));
            }
            sim.syncs_until_failure = Some(left.saturating_sub(1));
        }
        let pending = std::mem::take(&mut node.pending);
        pending.iter().for_each(|op| op.apply(&mut node.durable));
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let _sim = alive(&self.sim, self.life)?;
        Ok(self.node.lock().current.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut sim = alive(&self.sim, self.life)?;
        sim.count();
        let mut node = self.node.lock();
        let op = Op::Len(len);
        op.apply(&mut node.current);
        node.pending.push(op);
        Ok(())
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut sim = self.alive()?;
        let known = sim.names.get(path).cloned();
        let node = match (how, known) {
            (Open::Create, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Open::Create, None) => {
                sim.count();
                if sim.used() >= sim.capacity {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let node = Arc::new(Mutex::new(Node::default()));
                sim.names.insert(path.to_owned(), node.clone());
                sim.pending_names.push(NameOp::Link(path.to_owned(), node.clone()));
                node
            }
            (_, Some(node)) => node,
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Arc::new(SimFile { sim: self.sim.clone(), life: self.life, node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut sim = self.alive()?;
        sim.count();
        if !sim.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let op = NameOp::Rename(from.to_owned(), to.to_owned());
        apply_names(&mut sim.names, &op);
        sim.pending_names.push(op);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut sim = self.alive()?;
        if !sim.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        sim.count();
        let op = NameOp::Remove(path.to_owned());
        apply_names(&mut sim.names, &op);
        sim.pending_names.push(op);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let sim = self.alive()?;
        let inside = sim.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|(path, node)| {
                Some((path.file_name()?.to_str()?.to_owned(), node.lock().current.len() as u64))
            })
            .collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.alive().map(|_| ())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut sim = self.alive()?;
        sim.count();
        if sim.off {
            return Err(io::Error::other("the power is off"));
        }
        // One journal for all names, as real file systems have: what came before is durable with it.
        let _ = dir;
        for op in std::mem::take(&mut sim.pending_names) {
            apply_names(&mut sim.durable_names, &op);
        }
        Ok(())
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        let sim = self.alive()?;
        Ok(sim.capacity.saturating_sub(sim.used()))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut sim = self.alive()?;
        if !sim.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Lock { sim: self.sim.clone(), life: self.life, path: path.to_owned() }))
    }
}

struct Lock {
    sim: Arc<Mutex<Sim>>,
    life: u64,
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut sim = self.sim.lock();
        if sim.life == self.life {
            sim.locks.remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_bytes_and_names_survive_others_may_not() {
        let path = Path::new("/d/a");
        let (mut torn, mut missing) = (0, 0);
        for seed in 0..200 {
            let disk = SimDisk::new(seed);
            let file = disk.open(path, Open::Create).unwrap();
            file.write_at(&[1; 1000], 0).unwrap();
            file.sync().unwrap();
            if seed % 2 == 0 {
                disk.sync_dir(Path::new("/d")).unwrap();
            }
            file.write_at(&[2; 2000], 1000).unwrap();
            let after = disk.power_cut();
            assert!(file.write_at(&[3], 0).is_err(), "handles from before are dead");
            match after.content(path) {
                Some(bytes) => {
                    assert!(bytes.get(..1000).unwrap().iter().all(|b| *b == 1));
                    torn += u32::from(bytes.len() > 1000 && bytes.get(1000..).unwrap() != [2; 2000]);
                }
                None => {
                    assert_eq!(seed % 2, 1);
                    missing += 1;
                }
            }
        }
        assert!(torn > 10 && missing > 10, "{torn} {missing}");
    }

    #[test]
    fn a_full_disk_takes_a_part() {
        let disk = SimDisk::new(1);
        disk.set_capacity(100);
        let file = disk.open(Path::new("/d/a"), Open::Create).unwrap();
        assert_eq!(file.write_at(&[1; 150], 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.size().unwrap(), 100);
    }
}
