//! Answers: what a device says to a request.

use super::{
    ACK, ACK_DATA, METHOD_RESPONSE, Parts, ReadItem, Request, Response, SZL_READ, SZL_RESPONSE, Setup,
    USERDATA, emit_pdu, none, put_count, put_data, put16, take_data,
};
use crate::s7::table::{READ, SETUP, WRITE};
use crate::s7::{Error, HeaderError, Item, ReturnCode};

impl<'a> Response<'a> {
    /// Appends the PDU that answers `request`.
    pub fn emit(&self, request: &Request<'_>, reference: u16, out: &mut Vec<u8>) {
        let answer = (ACK_DATA, reference, 0);
        match self {
            Self::Setup(setup) => emit_pdu(answer, out, |out| setup.emit(out), none),
            Self::Read(answers) => {
                let items = match request {
                    Request::Read(items) => items.as_slice(),
                    _ => &[],
                };
                emit_pdu(
                    answer,
                    out,
                    |out| {
                        out.push(READ);
                        put_count(out, answers.len());
                    },
                    |out| put_answers(items, answers, out),
                );
            }
            Self::Write(codes) => emit_pdu(
                answer,
                out,
                |out| {
                    out.push(WRITE);
                    put_count(out, codes.len());
                },
                |out| out.extend(codes.iter().map(|code| code.0)),
            ),
            Self::Szl { sequence, unit, last, data } => {
                emit_szl(reference, *sequence, (*unit, *last, HeaderError(0)), out, |out| {
                    out.extend_from_slice(&[0xFF, 9]);
                    put16(out, u16::try_from(data.len()).unwrap_or(u16::MAX));
                    out.extend_from_slice(data);
                });
            }
            Self::SzlRefused { sequence, code, error } => {
                emit_szl(reference, *sequence, (0, true, *error), out, |out| {
                    out.extend_from_slice(&[code.0, 0, 0, 0]);
                });
            }
            Self::Refused(error) => emit_pdu((ACK, reference, error.0), out, none, none),
        }
    }

    /// Reads the answer to `request`.
    ///
    /// # Errors
    /// Anything that does not fit the request exactly.
    pub fn parse(request: &Request<'_>, pdu: &'a [u8]) -> Result<Self, Error> {
        let parts = Parts::parse(pdu)?;
        if matches!(parts.kind, ACK | ACK_DATA) && parts.error != 0 {
            return Ok(Self::Refused(HeaderError(parts.error)));
        }
        if let Request::Szl { .. } | Request::SzlNext { .. } = request {
            return Self::parse_szl(request, parts);
        }
        let expected = match request {
            Request::Setup(_) => SETUP,
            Request::Read(_) => READ,
            _ => WRITE,
        };
        if parts.kind != ACK_DATA {
            return Err(Error::Mismatch { field: "the kind", expected: 3, got: parts.kind.into() });
        }
        let got = parts.parameters.first().copied().unwrap_or_default();
        if got != expected {
            return Err(Error::Mismatch {
                field: "the function",
                expected: expected.into(),
                got: got.into(),
            });
        }
        match request {
            Request::Setup(_) => {
                parts.no_data()?;
                Ok(Self::Setup(Setup::parse(parts.parameters)?))
            }
            Request::Read(items) => {
                same_count(parts.parameters, items.len())?;
                read_answers(items, parts.data).map(Self::Read)
            }
            Request::Write(items) => {
                same_count(parts.parameters, items.len())?;
                match parts.data.len().checked_sub(items.len()) {
                    Some(0) => Ok(Self::Write(parts.data.iter().map(|code| ReturnCode(*code)).collect())),
                    Some(extra) => Err(Error::Trailing { what: "the codes", extra }),
                    None => {
                        Err(Error::Truncated { what: "the codes", need: items.len(), have: parts.data.len() })
                    }
                }
            }
            Request::Szl { .. } | Request::SzlNext { .. } => Err(Error::Function(got)),
        }
    }

    fn parse_szl(request: &Request<'_>, parts: Parts<'a>) -> Result<Self, Error> {
        if parts.kind != USERDATA {
            return Err(Error::Mismatch { field: "the kind", expected: 7, got: parts.kind.into() });
        }
        let [0, 1, 0x12, 8, METHOD_RESPONSE, SZL_RESPONSE, SZL_READ, sequence, unit, more, e0, e1] =
            *parts.parameters
        else {
            return Err(Error::Value {
                field: "the parameters of the list",
                got: parts.parameters.len() as u32,
            });
        };
        if let Request::SzlNext { sequence: asked } = request
            && *asked != sequence
        {
            let (expected, got) = ((*asked).into(), sequence.into());
            return Err(Error::Mismatch { field: "the sequence", expected, got });
        }
        let error = HeaderError(u16::from_be_bytes([e0, e1]));
        let [code, _, hi, lo, data @ ..] = parts.data else {
            return Err(Error::Truncated { what: "the list", need: 4, have: parts.data.len() });
        };
        if error.0 != 0 || *code != ReturnCode::SUCCESS.0 {
            return Ok(Self::SzlRefused { sequence, code: ReturnCode(*code), error });
        }
        let length = u16::from_be_bytes([*hi, *lo]);
        if usize::from(length) != data.len() {
            let (expected, got) = (length.into(), data.len() as u32);
            return Err(Error::Mismatch { field: "the length of the list", expected, got });
        }
        Ok(Self::Szl { sequence, unit, last: more == 0, data })
    }
}

fn emit_szl(
    reference: u16,
    sequence: u8,
    (unit, last, error): (u8, bool, HeaderError),
    out: &mut Vec<u8>,
    data: impl FnOnce(&mut Vec<u8>),
) {
    emit_pdu(
        (USERDATA, reference, 0),
        out,
        |out| {
            let more = u8::from(!last);
            let head = [0, 1, 0x12, 8, METHOD_RESPONSE, SZL_RESPONSE, SZL_READ, sequence, unit, more];
            out.extend_from_slice(&head);
            put16(out, error.0);
        },
        data,
    );
}

fn put_answers(items: &[Item], answers: &[ReadItem<'_>], out: &mut Vec<u8>) {
    let mut odd = false;
    for (item, answer) in items.iter().zip(answers) {
        match answer {
            ReadItem::Data(data) => put_data(0xFF, item, data, &mut odd, out),
            ReadItem::Refused(code) => {
                if std::mem::take(&mut odd) {
                    out.push(0);
                }
                out.extend_from_slice(&[code.0, 0, 0, 0]);
            }
        }
    }
}

fn read_answers<'a>(items: &[Item], data: &'a [u8]) -> Result<Vec<ReadItem<'a>>, Error> {
    let (mut rest, mut answers) = (data, Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let before = rest;
        let answer = take_data(item, index + 1 == items.len(), &mut rest)?;
        // A read has no code 0.
        if before.first() == Some(&0) {
            return Err(Error::Value { field: "the code of an item", got: 0 });
        }
        answers.push(answer);
    }
    // Some devices fill the last odd item up, too.
    match rest {
        [] | [_] => Ok(answers),
        more => Err(Error::Trailing { what: "the data", extra: more.len() }),
    }
}

fn same_count(parameters: &[u8], expected: usize) -> Result<(), Error> {
    match parameters {
        [_, got] if usize::from(*got) == expected => Ok(()),
        [_, got, ..] => Err(Error::Mismatch {
            field: "the number of items",
            expected: expected as u32,
            got: (*got).into(),
        }),
        other => Err(Error::Truncated { what: "the parameters", need: 2, have: other.len() }),
    }
}
