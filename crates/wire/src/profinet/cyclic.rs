//! PROFINET RT: cyclic data and alarms (IEC 61158-6-10, 4.7).
//!
//! ```text
//!   │ frame id 2 │ data ... │ cycle counter 2 │ data status 1 │ transfer status 1 │
//! ```

/// What a frame carries, by its id (table of frame ids).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// Data in turn, synchronised hard (class 3) or not.
    Data {
        /// 1 to 3.
        class: u8,
        /// Whether the provider's program runs.
        runs: bool,
        /// Whether the provider says that its data may be used.
        is_valid: bool,
        /// Whether the station says that nothing is wrong with it.
        is_well: bool,
    },
    /// An alarm; a high one if this is set.
    Alarm(bool),
    /// Something else: clocks, names, fragments.
    Other,
}

/// A look at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its id: which provider's data for which consumer.
    pub id: u16,
    /// What it carries.
    pub carries: Carries,
}

/// Looks at the payload of a PROFINET frame, padding of Ethernet included; `None` if it is cut short.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Frame> {
    let ([high, low], rest) = payload.split_first_chunk::<2>()?;
    let id = u16::from_be_bytes([*high, *low]);
    let class = match id {
        0x0100..=0x7FFF => 3,
        0x8000..=0xBBFF => 2,
        0xC000..=0xFBFF => 1,
        0xFC01 => return Some(Frame { id, carries: Carries::Alarm(true) }),
        0xFE01 => return Some(Frame { id, carries: Carries::Alarm(false) }),
        _ => return Some(Frame { id, carries: Carries::Other }),
    };
    // Cycle counter, data status, transfer status.
    let (_, [_, _, status, _]) = rest.split_last_chunk::<4>()?;
    let bit = |bit: u8| status >> bit & 1 != 0;
    Some(Frame { id, carries: Carries::Data { class, is_valid: bit(2), runs: bit(4), is_well: bit(5) } })
}
