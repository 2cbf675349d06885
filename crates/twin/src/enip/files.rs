//! Data files of a controller that speaks PCCC, and its answers to Execute PCCC.

use super::controller::{Controller, count};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use wire::enip::Error;
use wire::enip::pccc::{
    Address, Ask, Family, FileKind, Message, PcccStatus, PcccView, Place, Requester, command, emit_answer,
};

/// Most bytes that are given out at once (1770-6.5.16, 7).
const MOST: u8 = 236;

/// One data file.
#[derive(Debug, Clone)]
struct DataFile {
    kind: FileKind,
    bytes: Vec<u8>,
    protected: bool,
}

/// The data files of a controller.
#[derive(Debug)]
pub struct DataFiles {
    family: Family,
    /// Older controllers know no write with a mask.
    masks: bool,
    /// By number; those of inputs and outputs of an SLC 500 by slot too.
    files: RwLock<BTreeMap<(u16, u16), DataFile>>,
}

impl DataFiles {
    /// None yet.
    #[must_use]
    pub fn new(family: Family) -> Self {
        Self { family, masks: true, files: RwLock::default() }
    }

    /// The same in a controller that knows no write with a mask.
    #[must_use]
    pub const fn without_masks(mut self) -> Self {
        self.masks = false;
        self
    }

    /// With a file of so many elements, all zero.
    #[must_use]
    pub fn with(self, kind: FileKind, number: u16, elements: usize) -> Self {
        self.put((number, 0), kind, elements)
    }

    /// With a slot of an SLC 500's inputs or outputs.
    #[must_use]
    pub fn slot(self, kind: FileKind, slot: u16, words: usize) -> Self {
        let number = if kind == FileKind::Output { 0 } else { 1 };
        self.put((number, slot), kind, words)
    }

    fn put(self, key: (u16, u16), kind: FileKind, elements: usize) -> Self {
        let bytes = vec![0; elements * usize::from(kind.bytes())];
        self.files.write().insert(key, DataFile { kind, bytes, protected: false });
        self
    }

    /// The same with a file that nobody may write.
    #[must_use]
    pub fn protecting(self, number: u16) -> Self {
        for ((file, _), data) in self.files.write().iter_mut() {
            data.protected |= *file == number;
        }
        self
    }

    fn key(&self, at: &Place) -> (u16, u16) {
        let by_slot = self.family == Family::Slc && matches!(at.kind, FileKind::Input | FileKind::Output);
        (at.file, if by_slot { at.element } else { 0 })
    }

    /// The bytes at an address.
    #[must_use]
    pub fn get(&self, at: &str) -> Option<Vec<u8>> {
        let address = Address::parse(at, self.family).ok()?;
        let files = self.files.read();
        let file = files.get(&self.key(&address.place))?;
        let from = address.offset() as usize;
        file.bytes.get(from..from + usize::from(address.bytes)).map(<[u8]>::to_vec)
    }

    /// Sets bytes from an address on. Returns whether they are there.
    pub fn set(&self, at: &str, data: &[u8]) -> bool {
        let Ok(address) = Address::parse(at, self.family) else { return false };
        let mut files = self.files.write();
        let from = address.offset() as usize;
        let room = files.get_mut(&self.key(&address.place));
        match room.and_then(|file| file.bytes.get_mut(from..from + data.len())) {
            Some(room) => {
                room.copy_from_slice(data);
                true
            }
            None => false,
        }
    }

    fn answer(&self, message: &Message, identity: &str) -> Result<Vec<u8>, PcccStatus> {
        if message.ask != Ask::Status && message.family != self.family {
            return Err(PcccStatus::ILLEGAL);
        }
        match &message.ask {
            // Mode, type and name of the controller; the name stands behind five bytes (1770-6.5.16, 10).
            Ask::Status => Ok([&[0, 0xEE, 0x34, 0x8C, 0x20], identity.as_bytes()].concat()),
            Ask::Read { bytes, .. } if *bytes > MOST => Err(PcccStatus::ILLEGAL),
            Ask::Read { at, bytes } => {
                let files = self.files.read();
                let (file, from) = self.find(&files, at)?;
                let data = file.bytes.get(from..from + usize::from(*bytes));
                data.map(<[u8]>::to_vec).ok_or(PcccStatus::FILE_SIZE)
            }
            Ask::Write { at, data } => self.write(at, |room| {
                let room = room.get_mut(..data.len()).ok_or(PcccStatus::FILE_SIZE)?;
                room.copy_from_slice(data);
                Ok(())
            }),
            Ask::Mask { .. } if !self.masks => Err(PcccStatus::ILLEGAL),
            Ask::Mask { at, mask, bits } => self.write(at, |room| {
                let word = room.first_chunk_mut().ok_or(PcccStatus::FILE_SIZE)?;
                *word = (u16::from_le_bytes(*word) & !mask | bits & mask).to_le_bytes();
                Ok(())
            }),
        }
    }

    fn find<'a>(
        &self,
        files: &'a BTreeMap<(u16, u16), DataFile>,
        at: &Place,
    ) -> Result<(&'a DataFile, usize), PcccStatus> {
        let file = files.get(&self.key(at)).ok_or(PcccStatus::NO_ADDRESS)?;
        if self.family == Family::Slc && file.kind != at.kind {
            return Err(PcccStatus::NO_ADDRESS);
        }
        // A PLC-5 address does not say what the file holds; the file knows.
        let (_, slot) = self.key(at);
        let element = usize::from(at.element - slot.min(at.element));
        Ok((file, element * usize::from(file.kind.bytes()) + usize::from(at.word) * 2))
    }

    fn write(
        &self,
        at: &Place,
        change: impl FnOnce(&mut [u8]) -> Result<(), PcccStatus>,
    ) -> Result<Vec<u8>, PcccStatus> {
        let mut files = self.files.write();
        let (file, from) = self.find(&files, at)?;
        if file.protected {
            return Err(PcccStatus::NO_ACCESS);
        }
        let room = files.get_mut(&self.key(at)).and_then(|file| file.bytes.get_mut(from..));
        change(room.ok_or(PcccStatus::FILE_SIZE)?)?;
        Ok(Vec::new())
    }
}

/// Appends the data of the reply to Execute PCCC; `None` if what came is no command at all.
pub(super) fn execute(
    controller: &Controller,
    files: &DataFiles,
    data: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    let view = PcccView::new(data);
    let (code, transaction) = (view.command()?, view.transaction()?);
    let requester = Requester { vendor: 1, serial: controller.identity.serial };
    let answered = match Message::parse(data) {
        Ok(message) => {
            count(&controller.counters.requests);
            files.answer(&message, &controller.identity.name)
        }
        // A function that is not there, or a format that is not right.
        Err(Error::Value { field: "levels of the address", .. }) => Err(PcccStatus::NO_ADDRESS),
        Err(_) => Err(PcccStatus::ILLEGAL),
    };
    let (status, data) = answered.map_or_else(|status| (status, Vec::new()), |data| (PcccStatus::OK, data));
    emit_answer(&requester, code.max(command::DIAGNOSTIC), transaction, status, &data, out);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::enip::pccc::Answer;

    #[test]
    fn what_is_written_is_read_and_what_is_not_there_is_refused() {
        for family in [Family::Slc, Family::Plc5] {
            let files = DataFiles::new(family)
                .with(FileKind::Integer, 7, 20)
                .with(FileKind::Timer, 4, 3)
                .with(FileKind::Bit, 3, 2)
                .protecting(3);
            let controller = Controller::new(super::super::Program::new("x"));
            let ask = |ask: Ask| {
                let requester = Requester { vendor: 0, serial: 1 };
                let message = Message { requester, transaction: 9, family, ask };
                let (mut sent, mut out) = (Vec::new(), Vec::new());
                message.emit(&mut sent).unwrap();
                execute(&controller, &files, &sent, &mut out).unwrap();
                let answer = Answer::parse(&out, &message).unwrap();
                (answer.status, answer.data.to_vec())
            };
            let place = |at: &str| Address::parse(at, family).unwrap().place;
            assert!(files.set("N7:3", &[1, 2]));
            assert_eq!(ask(Ask::Read { at: place("N7:2"), bytes: 4 }).1, [0, 0, 1, 2]);
            assert!(ask(Ask::Write { at: place("T4:1.ACC"), data: vec![7, 0] }).0.is_ok());
            assert_eq!(files.get("T4:1.ACC").unwrap(), [7, 0]);
            assert!(ask(Ask::Mask { at: place("N7:3"), mask: 3, bits: 2 }).0.is_ok());
            assert_eq!(files.get("N7:3").unwrap(), [2, 2]);
            assert_eq!(ask(Ask::Read { at: place("N7:19"), bytes: 4 }).0, PcccStatus::FILE_SIZE);
            assert_eq!(ask(Ask::Read { at: place("N9:0"), bytes: 4 }).0, PcccStatus::NO_ADDRESS);
            assert_eq!(ask(Ask::Write { at: place("B3:0"), data: vec![1, 0] }).0, PcccStatus::NO_ACCESS);
        }
    }
}
