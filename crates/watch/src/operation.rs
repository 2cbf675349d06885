//! What a decoder saw: one message that asks a device for something, answers, or tells.

use crate::decode;
use crate::protocol::Protocol;
use serde::{Deserialize, Serialize};
use std::fmt;
use wire::{dnp3, enip, iec104, modbus, opcua, profinet, s7};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// From the client.
    Request,
    /// The answer.
    Response,
    /// From the server, unasked.
    Notice,
}

/// What a request does to the device, in the same words for all protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Opens, closes, keeps alive.
    Session,
    /// Reads process data.
    Read,
    /// Asks about the device.
    Diagnose,
    /// Not known.
    Unknown,
    /// Changes process data.
    Write,
    /// Changes settings.
    Configure,
    /// A password, a key.
    Security,
    /// Takes a program or file out.
    Upload,
    /// Brings a program, file or firmware in.
    Download,
    /// Starts the program.
    Start,
    /// Stops it.
    Stop,
    /// Restarts or resets the device.
    Restart,
}

impl Effect {
    /// Whether only somebody who programs the device does this.
    #[must_use]
    pub const fn is_engineering(self) -> bool {
        matches!(
            self,
            Self::Configure | Self::Upload | Self::Download | Self::Start | Self::Stop | Self::Restart
        )
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A request, or a message without one.
    Open,
    /// Done.
    Done,
    /// The device refused, with its protocol's own code.
    Refused(u32),
}

/// The message itself, for rules that look closer.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Modbus.
    Modbus(modbus::view::PduView<'a>),
    /// S7comm and S7comm-plus.
    S7(s7::view::PduView<'a>),
    /// CIP, with the class of its path, 0 if it has none.
    Cip(enip::view::MessageView<'a>, u32),
    /// DNP3.
    Dnp3(dnp3::FragmentView<'a>),
    /// IEC 104.
    Iec104(iec104::ApduView<'a>),
    /// OPC UA, and whether its channel has no security.
    OpcUa(opcua::ChunkView<'a>, bool),
    /// PROFINET DCP.
    Dcp(profinet::DcpView<'a>),
    /// What a person reads of it, made safe.
    Words(&'a str),
    /// Nothing to look at.
    None,
}

/// One message.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// In which protocol.
    pub protocol: Protocol,
    /// Which way.
    pub kind: Kind,
    /// Function: a number of the protocol's own, named by [`crate::report`].
    pub function: u32,
    /// What it does.
    pub effect: Effect,
    /// Unit, station or slot behind the address.
    pub unit: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The message.
    pub body: Body<'a>,
}

impl Operation<'_> {
    /// Whether a gateway refused it because nobody is behind it with this unit (Modbus exceptions 10 and 11).
    pub(crate) fn is_for_gateway(&self) -> bool {
        self.protocol == Protocol::Modbus && matches!(self.outcome, Outcome::Refused(10 | 11))
    }

    /// Whether it was refused for now, not for what it asks: the device is busy, fails, or is not there (Modbus exceptions
    /// 4 to 6, 8, 10 and 11).
    pub(crate) fn is_not_now(&self) -> bool {
        self.protocol == Protocol::Modbus && matches!(self.outcome, Outcome::Refused(4..=6 | 8 | 10 | 11))
    }
}

/// One line for a person.
impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.body {
            Body::Modbus(view) if view.function_code() == Some(modbus::umas::FUNCTION) => {
                f.write_str(&decode::function_name(self.protocol, self.function))?;
            }
            Body::Modbus(view) => view.fmt(f)?,
            Body::S7(view) => view.fmt(f)?,
            Body::OpcUa(view, _) if self.kind == Kind::Request => view.fmt(f)?,
            Body::Cip(message, _) if self.kind == Kind::Request => message.fmt(f)?,
            Body::Cip(..) | Body::OpcUa(..) | Body::None => {
                f.write_str(&decode::function_name(self.protocol, self.function))?
            }
            Body::Words(words) => {
                write!(f, "{}: {words}", decode::function_name(self.protocol, self.function))?;
            }
            Body::Dnp3(view) => view.fmt(f)?,
            Body::Iec104(view) => view.fmt(f)?,
            Body::Dcp(view) => view.fmt(f)?,
        }
        match (self.protocol, self.unit) {
            (Protocol::Modbus, unit) => write!(f, " (unit {unit})"),
            (Protocol::Dnp3 | Protocol::Iec104, unit) => write!(f, " (station {unit})"),
            _ => Ok(()),
        }
    }
}
