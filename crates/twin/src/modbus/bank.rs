//! The data of one unit.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use parking_lot::{Mutex, MutexGuard};
use wire::modbus::{ExceptionCode, ReadCode, Table, pack_bits};

use super::Cells;

/// What a unit answers from. Methods append to a response in place and refuse with an exception code; what they
/// appended before an error is taken back by the caller.
pub trait Device: Send + Sync {
    /// Appends `quantity` registers, big-endian, of [`Table::HoldingRegisters`] or [`Table::InputRegisters`].
    ///
    /// # Errors
    /// The exception to answer.
    fn read_registers(
        &self,
        table: Table,
        address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode>;

    /// Appends `quantity` packed bits of [`Table::Coils`] or [`Table::DiscreteInputs`].
    ///
    /// # Errors
    /// The exception to answer.
    fn read_bits(
        &self,
        table: Table,
        address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode>;

    /// Writes holding registers, all or none.
    ///
    /// # Errors
    /// The exception to answer.
    fn write_registers(&self, _address: u16, _values: &[u16]) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Writes coils, all or none.
    ///
    /// # Errors
    /// The exception to answer.
    fn write_bits(&self, _address: u16, _values: &[bool]) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Changes one holding register in one step: (old AND and) OR (or AND NOT and).
    ///
    /// # Errors
    /// The exception to answer.
    fn mask_register(&self, _address: u16, _and_mask: u16, _or_mask: u16) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Appends `quantity` registers of a file, big-endian.
    ///
    /// # Errors
    /// The exception to answer.
    fn read_file(
        &self,
        _file: u16,
        _record: u16,
        _quantity: u16,
        _out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Writes registers of a file.
    ///
    /// # Errors
    /// The exception to answer.
    fn write_file(&self, _file: u16, _record: u16, _values: &[u16]) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Appends the registers of a queue, big-endian.
    ///
    /// # Errors
    /// The exception to answer.
    fn read_fifo(&self, _address: u16, _out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// The eight outputs of function 7.
    ///
    /// # Errors
    /// The exception to answer.
    fn exception_status(&self) -> Result<u8, ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Appends what function 17 answers.
    ///
    /// # Errors
    /// The exception to answer.
    fn server_id(&self, _out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    /// Who it is, for function 43/14.
    ///
    /// # Errors
    /// The exception to answer.
    fn identity(&self) -> Result<Identity, ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }
}

/// Device identification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The most a client may ask for.
    pub level: ReadCode,
    /// Objects by id.
    pub objects: BTreeMap<u8, Vec<u8>>,
}

impl Identity {
    /// The usual: vendor, product code, revision, and beyond them product and model name.
    #[must_use]
    pub fn new(vendor: &str, code: &str, revision: &str, product: &str) -> Self {
        let objects = [(0, vendor), (1, code), (2, revision), (4, product), (5, code)];
        let objects = objects.into_iter().map(|(id, text)| (id, text.as_bytes().to_vec())).collect();
        Self { level: ReadCode::Regular, objects }
    }
}

/// In which order the two words of a 32-bit value lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordOrder {
    /// High word first (ABCD).
    HighFirst,
    /// Low word first (CDAB).
    LowFirst,
}

impl WordOrder {
    /// The two registers of a 32-bit value.
    #[must_use]
    pub const fn split(self, value: u32) -> [u16; 2] {
        let (high, low) = ((value >> 16) as u16, value as u16);
        match self {
            Self::HighFirst => [high, low],
            Self::LowFirst => [low, high],
        }
    }

    /// The 32-bit value of two registers.
    #[must_use]
    pub const fn join(self, words: [u16; 2]) -> u32 {
        let [first, second] = words;
        let (high, low) = match self {
            Self::HighFirst => (first, second),
            Self::LowFirst => (second, first),
        };
        (high as u32) << 16 | low as u32
    }
}

/// Tables with holes, files, queues and identity of one unit.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    /// Coils, 0xxxx.
    pub coils: Cells<bool>,
    /// Discrete inputs, 1xxxx.
    pub discrete: Cells<bool>,
    /// Input registers, 3xxxx.
    pub input: Cells<u16>,
    /// Holding registers, 4xxxx.
    pub holding: Cells<u16>,
    /// Holding registers and coils that a client may write; `None` means all.
    pub writable: Option<Vec<RangeInclusive<u16>>>,
    /// Files by number.
    pub files: BTreeMap<u16, Vec<u16>>,
    /// Queues by address.
    pub fifos: BTreeMap<u16, Vec<u16>>,
    /// What function 7 answers.
    pub exception_status: u8,
    /// What function 17 answers; empty means it is not supported.
    pub server_id: Vec<u8>,
    /// What function 43 answers.
    pub identity: Option<Identity>,
}

const NO_ADDRESS: ExceptionCode = ExceptionCode::ILLEGAL_DATA_ADDRESS;

impl Bank {
    /// The registers of a table.
    #[must_use]
    pub const fn registers(&self, table: Table) -> Option<&Cells<u16>> {
        match table {
            Table::HoldingRegisters => Some(&self.holding),
            Table::InputRegisters => Some(&self.input),
            _ => None,
        }
    }

    /// The bits of a table.
    #[must_use]
    pub const fn bits(&self, table: Table) -> Option<&Cells<bool>> {
        match table {
            Table::Coils => Some(&self.coils),
            Table::DiscreteInputs => Some(&self.discrete),
            _ => None,
        }
    }

    /// Sets a 32-bit value in holding registers.
    pub fn put_u32(&mut self, address: u16, value: u32, order: WordOrder) {
        self.holding.put(address, &order.split(value));
    }

    /// Sets a float in holding registers.
    pub fn put_f32(&mut self, address: u16, value: f32, order: WordOrder) {
        self.put_u32(address, value.to_bits(), order);
    }

    /// A float from holding registers; `None` in a hole.
    #[must_use]
    pub fn f32(&self, address: u16, order: WordOrder) -> Option<f32> {
        let words: [u16; 2] = self.holding.get(address, 2)?.try_into().ok()?;
        Some(f32::from_bits(order.join(words)))
    }

    /// Sets text in holding registers: two characters each, first in the high byte, padded with zeros to `words`.
    pub fn put_text(&mut self, address: u16, words: usize, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(words * 2, 0);
        let values: Vec<u16> = wire::modbus::registers(&bytes).collect();
        self.holding.put(address, &values);
    }

    fn may_write(&self, address: u16, quantity: usize) -> bool {
        let last = usize::from(address) + quantity.saturating_sub(1);
        self.writable
            .as_ref()
            .is_none_or(|ranges| ranges.iter().any(|r| r.contains(&address) && last <= usize::from(*r.end())))
    }
}

type ReadHook = Box<dyn Fn(&mut Bank, Table, u16, u16) -> Result<(), ExceptionCode> + Send + Sync>;
type WriteHook = Box<dyn Fn(&mut Bank, Table, u16, &[u16]) -> Result<(), ExceptionCode> + Send + Sync>;

/// A bank that a server and a model share.
#[derive(Default)]
pub struct SharedBank {
    bank: Mutex<Bank>,
    on_read: Option<ReadHook>,
    on_write: Option<WriteHook>,
}

impl SharedBank {
    /// Shares a bank.
    #[must_use]
    pub fn new(bank: Bank) -> Self {
        Self { bank: Mutex::new(bank), on_read: None, on_write: None }
    }

    /// Called before every read with table, address and quantity: may refresh values or refuse.
    #[must_use]
    pub fn on_read(
        mut self,
        hook: impl Fn(&mut Bank, Table, u16, u16) -> Result<(), ExceptionCode> + Send + Sync + 'static,
    ) -> Self {
        self.on_read = Some(Box::new(hook));
        self
    }

    /// Called before every write with table, address and values (coils as 0 and 1): may refuse.
    #[must_use]
    pub fn on_write(
        mut self,
        hook: impl Fn(&mut Bank, Table, u16, &[u16]) -> Result<(), ExceptionCode> + Send + Sync + 'static,
    ) -> Self {
        self.on_write = Some(Box::new(hook));
        self
    }

    /// Looks at or changes the bank. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, Bank> {
        self.bank.lock()
    }

    fn for_read(
        &self,
        table: Table,
        address: u16,
        quantity: u16,
    ) -> Result<MutexGuard<'_, Bank>, ExceptionCode> {
        let mut bank = self.bank.lock();
        match &self.on_read {
            Some(hook) => hook(&mut bank, table, address, quantity).map(|()| bank),
            None => Ok(bank),
        }
    }

    fn for_write(
        &self,
        table: Table,
        address: u16,
        values: &[u16],
    ) -> Result<MutexGuard<'_, Bank>, ExceptionCode> {
        let mut bank = self.bank.lock();
        if !bank.may_write(address, values.len()) {
            return Err(NO_ADDRESS);
        }
        match &self.on_write {
            Some(hook) => hook(&mut bank, table, address, values).map(|()| bank),
            None => Ok(bank),
        }
    }
}

fn put_words(words: &[u16], out: &mut Vec<u8>) {
    words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
}

impl Device for SharedBank {
    fn read_registers(
        &self,
        table: Table,
        address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        let bank = self.for_read(table, address, quantity)?;
        let cells = bank.registers(table).ok_or(ExceptionCode::ILLEGAL_FUNCTION)?;
        put_words(cells.get(address, quantity.into()).ok_or(NO_ADDRESS)?, out);
        Ok(())
    }

    fn read_bits(
        &self,
        table: Table,
        address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        let bank = self.for_read(table, address, quantity)?;
        let cells = bank.bits(table).ok_or(ExceptionCode::ILLEGAL_FUNCTION)?;
        pack_bits(cells.get(address, quantity.into()).ok_or(NO_ADDRESS)?.iter().copied(), out);
        Ok(())
    }

    fn write_registers(&self, address: u16, values: &[u16]) -> Result<(), ExceptionCode> {
        let mut bank = self.for_write(Table::HoldingRegisters, address, values)?;
        bank.holding.get_mut(address, values.len()).ok_or(NO_ADDRESS)?.copy_from_slice(values);
        Ok(())
    }

    fn write_bits(&self, address: u16, values: &[bool]) -> Result<(), ExceptionCode> {
        let words: Vec<u16> = values.iter().map(|value| u16::from(*value)).collect();
        let mut bank = self.for_write(Table::Coils, address, &words)?;
        bank.coils.get_mut(address, values.len()).ok_or(NO_ADDRESS)?.copy_from_slice(values);
        Ok(())
    }

    fn mask_register(&self, address: u16, and_mask: u16, or_mask: u16) -> Result<(), ExceptionCode> {
        let old =
            self.bank.lock().holding.get(address, 1).and_then(<[u16]>::first).copied().ok_or(NO_ADDRESS)?;
        let new = (old & and_mask) | (or_mask & !and_mask);
        let mut bank = self.for_write(Table::HoldingRegisters, address, &[new])?;
        let cell = bank.holding.get_mut(address, 1).and_then(<[u16]>::first_mut).ok_or(NO_ADDRESS)?;
        *cell = (*cell & and_mask) | (or_mask & !and_mask);
        Ok(())
    }

    fn read_file(
        &self,
        file: u16,
        record: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        let bank = self.bank.lock();
        let start = usize::from(record);
        let words = bank.files.get(&file).and_then(|f| f.get(start..start + usize::from(quantity)));
        put_words(words.ok_or(NO_ADDRESS)?, out);
        Ok(())
    }

    fn write_file(&self, file: u16, record: u16, values: &[u16]) -> Result<(), ExceptionCode> {
        let mut bank = self.bank.lock();
        let start = usize::from(record);
        let words = bank.files.get_mut(&file).and_then(|f| f.get_mut(start..start + values.len()));
        words.ok_or(NO_ADDRESS)?.copy_from_slice(values);
        Ok(())
    }

    fn read_fifo(&self, address: u16, out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
        let bank = self.bank.lock();
        let queue = bank.fifos.get(&address).ok_or(NO_ADDRESS)?;
        if queue.len() > 31 {
            return Err(ExceptionCode::ILLEGAL_DATA_VALUE);
        }
        put_words(queue, out);
        Ok(())
    }

    fn exception_status(&self) -> Result<u8, ExceptionCode> {
        Ok(self.bank.lock().exception_status)
    }

    fn server_id(&self, out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
        let bank = self.bank.lock();
        if bank.server_id.is_empty() {
            return Err(ExceptionCode::ILLEGAL_FUNCTION);
        }
        out.extend_from_slice(&bank.server_id);
        Ok(())
    }

    fn identity(&self) -> Result<Identity, ExceptionCode> {
        self.bank.lock().identity.clone().ok_or(ExceptionCode::ILLEGAL_FUNCTION)
    }
}
