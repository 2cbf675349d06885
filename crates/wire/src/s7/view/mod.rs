//! The tolerant view: looks at any bytes, never fails, and says what is malformed.

use std::fmt;

mod item;
mod problem;

pub use item::ItemView;
pub use problem::Problem;

use super::cotp::{self, Tpdu};
use super::plus::PlusView;
use super::table::{self, Access, Function};
use super::{Error, HeaderError, PROTOCOL, Request, ReturnCode, Setup, be16, tpkt};

/// What a PDU is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request.
    Job,
    /// An answer without data.
    Ack,
    /// An answer.
    AckData,
    /// User data: programmer functions, system status lists, messages.
    UserData,
}

/// Direction of user data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A question.
    Request,
    /// An answer.
    Response,
    /// Sent unasked.
    Push,
}

/// Head of user data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserData {
    /// Which way.
    pub direction: Direction,
    /// Function group, 0 to 15.
    pub group: u8,
    /// Sub-function.
    pub sub: u8,
    /// Sequence number.
    pub sequence: u8,
    /// Error of an answer, 0 if none.
    pub error: u16,
}

/// A look at an S7comm PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PduView<'a> {
    bytes: &'a [u8],
}

impl<'a> PduView<'a> {
    /// Looks at bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether it begins as S7comm does.
    #[must_use]
    pub fn is_s7(&self) -> bool {
        self.bytes.first() == Some(&PROTOCOL)
    }

    /// The same bytes as S7comm-plus, if they are.
    #[must_use]
    pub fn plus(&self) -> Option<PlusView<'a>> {
        PlusView::new(self.bytes)
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        if !self.is_s7() {
            return None;
        }
        Some(match self.bytes.get(1)? {
            1 => Kind::Job,
            2 => Kind::Ack,
            3 => Kind::AckData,
            7 => Kind::UserData,
            _ => return None,
        })
    }

    /// Reference, the same in question and answer.
    #[must_use]
    pub fn reference(&self) -> Option<u16> {
        self.is_s7().then(|| be16(self.bytes, 4)).flatten()
    }

    fn header(&self) -> usize {
        if matches!(self.kind(), Some(Kind::Ack | Kind::AckData)) { 12 } else { 10 }
    }

    /// Error of an answer; `None` if it is none, or there is no error.
    #[must_use]
    pub fn error(&self) -> Option<HeaderError> {
        matches!(self.kind()?, Kind::Ack | Kind::AckData).then_some(())?;
        be16(self.bytes, 10).filter(|code| *code != 0).map(HeaderError)
    }

    /// The parameters, as far as they reach.
    #[must_use]
    pub fn parameters(&self) -> &'a [u8] {
        let rest = self.bytes.get(self.header()..).unwrap_or_default();
        let announced = be16(self.bytes, 6).map_or(0, usize::from);
        rest.get(..announced).unwrap_or(rest)
    }

    /// The data, as far as they reach.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        let start = self.header() + be16(self.bytes, 6).map_or(0, usize::from);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let announced = be16(self.bytes, 8).map_or(0, usize::from);
        rest.get(..announced).unwrap_or(rest)
    }

    /// Function code of a job or its answer.
    #[must_use]
    pub fn function_code(&self) -> Option<u8> {
        matches!(self.kind()?, Kind::Job | Kind::AckData | Kind::Ack).then_some(())?;
        self.parameters().first().copied()
    }

    /// The head of user data.
    #[must_use]
    pub fn user_data(&self) -> Option<UserData> {
        (self.kind()? == Kind::UserData).then_some(())?;
        let parameters = self.parameters();
        let [_, _, _, _, _, group, sub, sequence, ..] = parameters else { return None };
        let direction = match group >> 4 {
            4 => Direction::Request,
            8 => Direction::Response,
            _ => Direction::Push,
        };
        let error = be16(parameters, 10).unwrap_or_default();
        Some(UserData { direction, group: group & 15, sub: *sub, sequence: *sequence, error })
    }

    /// The function, if it is known: of a job, an answer or user data.
    #[must_use]
    pub fn function(&self) -> Option<&'static Function> {
        match self.user_data() {
            Some(user) => table::userdata(user.group, user.sub),
            None => table::function(self.function_code()?),
        }
    }

    /// Whether it is about a block that a CPU fetches from who downloads to it: there the CPU asks.
    #[must_use]
    pub fn is_fetch(&self) -> bool {
        self.user_data().is_none() && matches!(self.function_code(), Some(0x1B | 0x1C))
    }

    /// Whether it asks the device for something (a job, or a question in user data).
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self.kind() {
            Some(Kind::Job) => true,
            Some(Kind::UserData) => self.user_data().is_some_and(|user| user.direction == Direction::Request),
            _ => false,
        }
    }

    /// What it does to the device.
    #[must_use]
    pub fn access(&self) -> Access {
        if let Some(plus) = self.plus() {
            return plus.operation().map_or(Access::Unknown, |(_, access)| access);
        }
        self.function().map_or(Access::Unknown, |function| function.access)
    }

    /// Whether it is a request that changes process data, program, state or protection of the device.
    #[must_use]
    pub fn changes_device(&self) -> bool {
        let changes =
            matches!(self.access(), Access::Write | Access::Download | Access::Control | Access::Security);
        changes && (self.is_request() || self.plus().is_some_and(|plus| plus.kind() == Some("request")))
    }

    /// What was negotiated.
    #[must_use]
    pub fn setup(&self) -> Option<Setup> {
        (self.function_code()? == table::SETUP).then_some(())?;
        let p = self.parameters();
        Some(Setup { calling: be16(p, 2)?, called: be16(p, 4)?, pdu: be16(p, 6)? })
    }

    /// Variables of a read or write job.
    pub fn items(&self) -> impl Iterator<Item = ItemView<'a>> + use<'a> {
        let job = self.kind() == Some(Kind::Job)
            && matches!(self.function_code(), Some(table::READ | table::WRITE));
        let mut rest = if job { self.parameters().get(2..).unwrap_or_default() } else { &[] };
        std::iter::from_fn(move || {
            let [_, length, ..] = rest else { return None };
            let (item, tail) = rest.split_at_checked(usize::from(*length) + 2)?;
            // Items begin at even offsets.
            rest = if item.len() % 2 == 1 { tail.get(1..).unwrap_or_default() } else { tail };
            Some(ItemView::new(item))
        })
    }

    /// Codes of the items of an answer to a read or write.
    pub fn results(&self) -> impl Iterator<Item = ReturnCode> + use<'a> {
        let read = self.function_code() == Some(table::READ);
        let answer =
            self.kind() == Some(Kind::AckData) && (read || self.function_code() == Some(table::WRITE));
        let mut rest = if answer { self.data() } else { &[] };
        std::iter::from_fn(move || {
            let (code, tail) = rest.split_first()?;
            if !read {
                rest = tail;
                return Some(ReturnCode(*code));
            }
            let length = match (*code, tail.first()) {
                (0xFF, Some(size)) => {
                    let length = usize::from(be16(tail, 1)?);
                    if matches!(size, 3..=5) { length.div_ceil(8) } else { length }
                }
                _ => 0,
            };
            rest = rest.get((4 + length).next_multiple_of(2)..).unwrap_or_default();
            Some(ReturnCode(*code))
        })
    }

    /// Id and index of a system status list, in question and answer.
    #[must_use]
    pub fn szl(&self) -> Option<(u16, u16)> {
        let user = self.user_data()?;
        ((user.group, user.sub) == (4, 1)).then_some(())?;
        let data = self.data();
        (data.first() == Some(&0xFF)).then_some((be16(data, 4)?, be16(data, 6)?))
    }

    /// Name of a PI service, or of what a PLC stop stops.
    #[must_use]
    pub fn service(&self) -> Option<&'a str> {
        (self.kind()? == Kind::Job).then_some(())?;
        let parameters = self.parameters();
        let at = match self.function_code()? {
            // Function, seven bytes, length of the arguments, the arguments, length of the name, the name.
            table::PI_SERVICE => 10 + usize::from(be16(parameters, 8)?),
            table::STOP => 6,
            _ => return None,
        };
        let (length, name) = parameters.get(at..)?.split_first()?;
        std::str::from_utf8(name.get(..usize::from(*length))?).ok()
    }

    /// Type and number of the block of an up- or download, e.g. `("DB", 1)`.
    #[must_use]
    pub fn block(&self) -> Option<(&'static str, u32)> {
        (self.kind()? == Kind::Job && matches!(self.function_code()?, 0x1A..=0x1D)).then_some(())?;
        let (length, name) = self.parameters().get(8..)?.split_first()?;
        let name = name.get(..usize::from(*length))?;
        let kind = table::block_type(name.get(1..3)?)?;
        Some((kind, std::str::from_utf8(name.get(3..8)?).ok()?.parse().ok()?))
    }

    /// Everything that is not as it should be, at most four problems, the most telling first.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.plus().is_some() {
            return found;
        }
        if !self.is_s7() {
            found.push(Problem::Protocol(self.bytes.first().copied()));
            return found;
        }
        if self.kind().is_none() {
            found.extend(self.bytes.get(1).map(|kind| Problem::Kind(*kind)));
        }
        let announced = self.header()
            + be16(self.bytes, 6).map_or(0, usize::from)
            + be16(self.bytes, 8).map_or(0, usize::from);
        if announced != self.bytes.len() {
            found.push(Problem::Length { announced, found: self.bytes.len() });
            return found;
        }
        match self.user_data() {
            Some(user) if self.function().is_none() => {
                found.push(Problem::Function(u16::from_be_bytes([user.group, user.sub])));
            }
            None if self.function().is_none() => {
                found.extend(self.function_code().map(|code| Problem::Function(code.into())));
            }
            _ => {}
        }
        found.extend(self.item_problem());
        found
    }

    fn item_problem(&self) -> Option<Problem> {
        let reads_or_writes = matches!(self.function_code()?, table::READ | table::WRITE);
        (self.kind()? == Kind::Job && reads_or_writes).then_some(())?;
        let (announced, found) =
            (self.parameters().get(1).copied().map_or(0, usize::from), self.items().count());
        if announced != found {
            return Some(Problem::Items { announced, found });
        }
        // Other syntaxes than "any" are right, but none of ours.
        if self.items().all(|item| item.any()) {
            return Request::parse(self.bytes).err().map(Problem::Refused);
        }
        None
    }
}

/// One line for a person: "Write Var: DB10.DBX4.0 REAL 1".
impl fmt::Display for PduView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(plus) = self.plus() {
            return plus.fmt(f);
        }
        if !self.is_s7() {
            return f.write_str("not S7");
        }
        match (self.function(), self.user_data(), self.function_code()) {
            (Some(function), ..) => f.write_str(function.name)?,
            (None, Some(user), _) => write!(f, "user data {}/{}", user.group, user.sub)?,
            (None, None, Some(code)) => write!(f, "function {code:02X}")?,
            _ => f.write_str("acknowledgement")?,
        }
        if let Some(error) = self.error() {
            return write!(f, ": error {error}");
        }
        if let Some(setup) = self.setup() {
            return write!(f, ": {} bytes, {} jobs", setup.pdu, setup.called);
        }
        if let Some((id, index)) = self.szl() {
            return write!(f, ": {id:04X} index {index:04X}");
        }
        if let Some((kind, number)) = self.block() {
            return write!(f, ": {kind}{number}");
        }
        if let Some(service) = self.service() {
            return match table::service(service) {
                Some(words) => write!(f, ": {service} ({words})"),
                None => write!(f, ": {}", service.escape_debug()),
            };
        }
        for (index, item) in self.items().take(4).enumerate() {
            write!(f, "{} {item}", if index == 0 { ":" } else { "," })?;
        }
        match self.items().count() {
            0..=4 => {}
            count => write!(f, " and {} more", count - 4)?,
        }
        let refused = self.results().filter(|code| *code != ReturnCode::SUCCESS).count();
        if refused > 0 { write!(f, ": {refused} refused") } else { Ok(()) }
    }
}

/// A look at a whole packet: TPKT, COTP and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketView<'a> {
    bytes: &'a [u8],
}

impl<'a> PacketView<'a> {
    /// Looks at exactly one packet, as far as it was captured.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The transport layer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn tpdu(&self) -> Result<Tpdu<'a>, Error> {
        Tpdu::parse(self.bytes.get(tpkt::HEADER..).unwrap_or_default())
    }

    /// The PDU in a data packet; a fragment is no PDU of its own, unless it is the first.
    #[must_use]
    pub fn pdu(&self) -> Option<PduView<'a>> {
        match self.tpdu() {
            Ok(Tpdu::Data { payload, .. }) => Some(PduView::new(payload)),
            _ => None,
        }
    }

    /// Everything that is not as it should be, the transport first. A fragment is not judged further.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        match self.bytes {
            [3, _, hi, lo, ..] => {
                let announced = u16::from_be_bytes([*hi, *lo]).into();
                if announced != self.bytes.len() {
                    found.push(Problem::Length { announced, found: self.bytes.len() });
                }
            }
            _ => found.push(Problem::Tpkt),
        }
        match self.tpdu() {
            Ok(Tpdu::Data { last: true, payload }) if !payload.is_empty() => {
                found.extend(PduView::new(payload).problems());
            }
            Ok(_) => {}
            Err(error) => found.push(Problem::Cotp(error)),
        }
        found
    }
}

/// One line for a person.
impl fmt::Display for PacketView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tpdu() {
            Ok(Tpdu::ConnectRequest(connect)) => {
                write!(f, "connect {} to {}", connect.calling, connect.called)
            }
            Ok(Tpdu::ConnectConfirm(connect)) => {
                write!(f, "connected {} to {}", connect.calling, connect.called)
            }
            Ok(Tpdu::Disconnect { reason }) => write!(f, "disconnected: {}", cotp::reason(reason)),
            Ok(Tpdu::Error { cause }) => write!(f, "transport error {cause}"),
            Ok(Tpdu::Data { payload, .. }) => PduView::new(payload).fmt(f),
            Err(_) => f.write_str("not S7"),
        }
    }
}
