//! The CPU: its memory, what it tells about itself, what it allows.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use parking_lot::RwLock;
use wire::s7::szl::Identity;
use wire::s7::{Area, Item, ReturnCode, Size};

use super::behaviour::Behaviour;

/// What a block allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// Reading and writing.
    #[default]
    None,
    /// Reading only.
    ReadOnly,
    /// An optimised block: it has no addresses, so that it does not exist for S7 communication.
    Optimised,
}

/// A data block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// Its contents.
    pub bytes: Vec<u8>,
    /// What it allows.
    pub protection: Protection,
}

impl Block {
    /// A block of this many zeros.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self { bytes: vec![0; length], protection: Protection::None }
    }
}

/// Everything that can be read.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Data blocks by number.
    pub blocks: BTreeMap<u16, Block>,
    /// Inputs at the terminals.
    pub peripheral: Vec<u8>,
    /// Process image of the inputs.
    pub inputs: Vec<u8>,
    /// Process image of the outputs.
    pub outputs: Vec<u8>,
    /// Flags.
    pub flags: Vec<u8>,
    /// Counters, as they stand in memory (BCD, 0 to 999).
    pub counters: Vec<u16>,
    /// Timers, as they stand in memory (S5TIME).
    pub timers: Vec<u16>,
    /// Operating state, see [`wire::s7::szl::STATES`].
    pub state: u8,
    /// What it tells about itself.
    pub identity: Identity,
}

impl Default for Memory {
    /// No blocks, 128 bytes of each other area, 64 counters and timers, RUN.
    fn default() -> Self {
        Self {
            blocks: BTreeMap::new(),
            peripheral: vec![0; 128],
            inputs: vec![0; 128],
            outputs: vec![0; 128],
            flags: vec![0; 128],
            counters: vec![0; 64],
            timers: vec![0; 64],
            state: 8,
            identity: Identity {
                order: "IB7 315-2EH14-0AB0".into(),
                firmware: "V3.2.6".into(),
                hardware: 1,
                system: "Ironbridge simulation".into(),
                module: "CPU 315-2 PN/DP".into(),
                plant: "Demonstration".into(),
                serial: "S SIM0001".into(),
                kind: "CPU 315-2 PN/DP".into(),
            },
        }
    }
}

impl Memory {
    /// Puts bytes into a block, which grows to hold them.
    pub fn put(&mut self, db: u16, at: usize, bytes: &[u8]) {
        let block = self.blocks.entry(db).or_default();
        if block.bytes.len() < at + bytes.len() {
            block.bytes.resize(at + bytes.len(), 0);
        }
        if let Some(place) = block.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn area(&mut self, item: &Item, write: bool) -> Result<&mut Vec<u8>, ReturnCode> {
        match item.area {
            Area::Peripheral => Ok(&mut self.peripheral),
            Area::Inputs => Ok(&mut self.inputs),
            Area::Outputs => Ok(&mut self.outputs),
            Area::Flags => Ok(&mut self.flags),
            Area::Db => match self.blocks.get_mut(&item.db) {
                Some(block) => match block.protection {
                    Protection::Optimised => Err(ReturnCode::MISSING),
                    Protection::ReadOnly if write => Err(ReturnCode::ACCESS),
                    _ => Ok(&mut block.bytes),
                },
                None => Err(ReturnCode::MISSING),
            },
            Area::Counters | Area::Timers => Err(ReturnCode::TYPE),
        }
    }

    fn numbered(&mut self, item: &Item) -> Option<&mut [u16]> {
        let words = if item.area == Area::Counters { &mut self.counters } else { &mut self.timers };
        let first = usize::try_from(item.address).ok()?;
        words.get_mut(first..first + usize::from(item.count))
    }

    /// The data of an item, appended.
    pub(super) fn read(&mut self, item: &Item, out: &mut Vec<u8>) -> Result<(), ReturnCode> {
        if item.area.is_numbered() {
            let words = self.numbered(item).ok_or(ReturnCode::ADDRESS)?;
            out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            return Ok(());
        }
        let bytes = self.area(item, false)?;
        let at = usize::try_from(item.address >> 3).unwrap_or(usize::MAX);
        let data = bytes.get(at..at.saturating_add(item.data_length())).ok_or(ReturnCode::ADDRESS)?;
        match (item.size, data) {
            (Size::Bit, [byte]) => out.push(byte >> (item.address & 7) & 1),
            _ => out.extend_from_slice(data),
        }
        Ok(())
    }

    pub(super) fn write(&mut self, item: &Item, data: &[u8]) -> Result<(), ReturnCode> {
        if item.area.is_numbered() {
            let words = self.numbered(item).ok_or(ReturnCode::ADDRESS)?;
            words
                .iter_mut()
                .zip(data.as_chunks().0)
                .for_each(|(word, pair)| *word = u16::from_be_bytes(*pair));
            return Ok(());
        }
        let bytes = self.area(item, true)?;
        let at = usize::try_from(item.address >> 3).unwrap_or(usize::MAX);
        let place = bytes.get_mut(at..at.saturating_add(item.data_length())).ok_or(ReturnCode::ADDRESS)?;
        if place.len() != data.len() {
            return Err(ReturnCode::INCONSISTENT);
        }
        match (item.size, &mut *place, data) {
            (Size::Bit, [byte], [on]) => {
                let mask = 1 << (item.address & 7);
                *byte = if on & 1 == 1 { *byte | mask } else { *byte & !mask };
            }
            _ => place.copy_from_slice(data),
        }
        Ok(())
    }
}

/// What it has done since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections closed at once, because there were too many.
    pub refused: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
    /// Requests received, negotiations included.
    pub requests: AtomicU64,
    /// Variables read.
    pub items: AtomicU64,
    /// Answers sent.
    pub responses: AtomicU64,
    /// Streams that were not S7.
    pub desync: AtomicU64,
    /// Most requests that were waiting at one moment.
    pub waiting: AtomicU64,
}

/// What it negotiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Largest PDU in bytes, 240 by default.
    pub pdu: u16,
    /// Jobs at once, 1 by default.
    pub jobs: u16,
    /// Rack and slot of the CPU; anything else is refused. `None` takes every selector.
    pub place: Option<(u8, u8)>,
    /// Whether PUT/GET is permitted; if not, reads and writes are refused as a whole.
    pub put_get: bool,
    /// Most connections at a time, 16 by default.
    pub connections: usize,
    /// Answers longer than this get lost, whatever was agreed, as behind some communication processors.
    pub mute_above: Option<u16>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { pdu: 240, jobs: 1, place: None, put_get: true, connections: 16, mute_above: None }
    }
}

/// A simulated CPU.
pub struct Cpu {
    memory: RwLock<Memory>,
    behaviour: RwLock<Behaviour>,
    rules: RwLock<Rules>,
    pub(super) seed: u64,
    /// What it has done.
    pub counters: Counters,
}

impl Cpu {
    /// A sound CPU with this memory.
    #[must_use]
    pub fn new(seed: u64, memory: Memory) -> Self {
        Self {
            memory: RwLock::new(memory),
            behaviour: RwLock::new(Behaviour::default()),
            rules: RwLock::new(Rules::default()),
            seed,
            counters: Counters::default(),
        }
    }

    /// The same with other rules.
    #[must_use]
    pub fn with(self, rules: Rules) -> Self {
        *self.rules.write() = rules;
        self
    }

    /// Changes what it negotiates and allows, from the next request on.
    pub fn set_rules(&self, rules: Rules) {
        *self.rules.write() = rules;
    }

    /// What it negotiates and allows.
    #[must_use]
    pub fn rules(&self) -> Rules {
        *self.rules.read()
    }

    /// Changes the behaviour from the next request on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        *self.behaviour.write() = behaviour;
    }

    /// The present behaviour.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        *self.behaviour.read()
    }

    /// Looks at its memory or changes it, in one step for every reader.
    pub fn memory<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.memory.write())
    }
}
