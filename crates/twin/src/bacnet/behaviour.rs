//! How a device misbehaves.

use wire::bacnet::Apdu;

/// What it does with a confirmed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conduct {
    /// Answers.
    #[default]
    Sound,
    /// Takes the request and never answers.
    Silent,
    /// Refuses every request with this class and code.
    Refuse(u32, u32),
    /// Takes subscriptions and never tells anything.
    Mute,
    /// Answers, but not the truth.
    Lie(Lie),
}

/// Which untruth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Another number of the exchange.
    Invoke,
    /// Another service.
    Service,
    /// Another object.
    Object,
    /// Only the first half of the service's bytes.
    Short,
    /// Bytes behind the end.
    More,
    /// No message at all.
    Garbage,
    /// Bytes that change a length within.
    Length,
    /// Every answer twice.
    Twice,
}

/// All of them.
pub const LIES: [Lie; 8] =
    [Lie::Invoke, Lie::Service, Lie::Object, Lie::Short, Lie::More, Lie::Garbage, Lie::Length, Lie::Twice];

impl Lie {
    /// The APDUs that leave instead of `apdu`.
    pub(super) fn tell(self, apdu: &[u8]) -> Vec<Vec<u8>> {
        let told = match (self, Apdu::parse(apdu)) {
            (Self::Twice, _) => return vec![apdu.to_vec(); 2],
            (Self::Garbage, _) => vec![0xF0, 0xBA, 0xD0],
            (_, Ok(Apdu::ComplexAck { segment, invoke, service, body })) => {
                let mut body = body.to_vec();
                match self {
                    Self::Object => flip(&mut body, 4),
                    Self::Length => flip(&mut body, 0),
                    Self::Short => body.truncate(body.len() / 2),
                    Self::More => body.extend([0x21, 7]),
                    _ => {}
                }
                let invoke = if self == Self::Invoke { invoke.wrapping_add(100) } else { invoke };
                let service = if self == Self::Service { service ^ 1 } else { service };
                emitted(&Apdu::ComplexAck { segment, invoke, service, body: &body })
            }
            (Self::Invoke, Ok(Apdu::SimpleAck { invoke, service })) => {
                emitted(&Apdu::SimpleAck { invoke: invoke.wrapping_add(100), service })
            }
            _ => apdu.to_vec(),
        };
        vec![told]
    }
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 3;
    }
}

fn emitted(apdu: &Apdu<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    apdu.emit(&mut out);
    out
}
