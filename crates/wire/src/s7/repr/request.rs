//! Requests: what a client asks.

use super::{
    JOB, METHOD_REQUEST, METHOD_RESPONSE, Parts, ReadItem, Request, SZL_READ, SZL_REQUEST, Setup, USERDATA,
    WriteItem, emit_pdu, none, put_count, put_data, put16, take_data,
};
use crate::s7::table::{READ, SETUP, WRITE};
use crate::s7::{Error, Item, MAX_ITEMS, be16};

impl<'a> Request<'a> {
    /// Appends the PDU. Does not check; see [`Item::validate`].
    pub fn emit(&self, reference: u16, out: &mut Vec<u8>) {
        let job = (JOB, reference, 0);
        match self {
            Self::Setup(setup) => emit_pdu(job, out, |out| setup.emit(out), none),
            Self::Read(items) => emit_pdu(
                job,
                out,
                |out| {
                    out.push(READ);
                    put_count(out, items.len());
                    items.iter().for_each(|item| item.emit(out));
                },
                none,
            ),
            Self::Write(items) => emit_pdu(
                job,
                out,
                |out| {
                    out.push(WRITE);
                    put_count(out, items.len());
                    items.iter().for_each(|write| write.item.emit(out));
                },
                |out| {
                    let mut odd = false;
                    items.iter().for_each(|w| put_data(0, &w.item, w.data, &mut odd, out));
                },
            ),
            Self::Szl { id, index } => emit_pdu(
                (USERDATA, reference, 0),
                out,
                |out| out.extend_from_slice(&[0, 1, 0x12, 4, METHOD_REQUEST, SZL_REQUEST, SZL_READ, 0]),
                |out| {
                    out.extend_from_slice(&[0xFF, 9, 0, 4]);
                    put16(out, *id);
                    put16(out, *index);
                },
            ),
            Self::SzlNext { sequence } => emit_pdu(
                (USERDATA, reference, 0),
                out,
                |out| {
                    let head = [0, 1, 0x12, 8, METHOD_RESPONSE, SZL_REQUEST, SZL_READ, *sequence];
                    out.extend_from_slice(&head);
                    out.extend_from_slice(&[0; 4]);
                },
                |out| out.extend_from_slice(&[0x0A, 0, 0, 0]),
            ),
        }
    }

    /// Reads a request: its reference and what it asks. What a simulated device does.
    ///
    /// # Errors
    /// Another function, or anything that is not exactly right.
    pub fn parse(pdu: &'a [u8]) -> Result<(u16, Self), Error> {
        let parts = Parts::parse(pdu)?;
        let code =
            *parts.parameters.first().ok_or(Error::Truncated { what: "the parameters", need: 1, have: 0 })?;
        let request = match (parts.kind, code) {
            (JOB, SETUP) => {
                parts.no_data()?;
                Self::Setup(Setup::parse(parts.parameters)?)
            }
            (JOB, READ) => {
                parts.no_data()?;
                Self::Read(items(parts.parameters)?)
            }
            (JOB, WRITE) => Self::Write(write_items(parts.parameters, parts.data)?),
            (JOB, code) => return Err(Error::Function(code)),
            (USERDATA, _) => Self::parse_szl(parts)?,
            (kind, _) => return Err(Error::Value { field: "the kind of a request", got: kind.into() }),
        };
        Ok((parts.reference, request))
    }

    fn parse_szl(parts: Parts<'a>) -> Result<Self, Error> {
        match (parts.parameters, parts.data) {
            ([0, 1, 0x12, 4, METHOD_REQUEST, SZL_REQUEST, SZL_READ, _], [0xFF, 9, 0, 4, rest @ ..]) => {
                match (be16(rest, 0), be16(rest, 2), rest.len()) {
                    (Some(id), Some(index), 4) => Ok(Self::Szl { id, index }),
                    (.., have) => Err(Error::Truncated { what: "the list's id", need: 4, have }),
                }
            }
            (
                [0, 1, 0x12, 8, METHOD_RESPONSE, SZL_REQUEST, SZL_READ, sequence, 0, 0, 0, 0],
                [0x0A, 0, 0, 0],
            ) => Ok(Self::SzlNext { sequence: *sequence }),
            ([_, _, _, _, _, group, ..], _) => Err(Error::Function(*group)),
            (parameters, _) => {
                Err(Error::Truncated { what: "the parameters", need: 8, have: parameters.len() })
            }
        }
    }

    /// Bytes that the whole PDU takes.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Setup(_) => 18,
            Self::Read(items) => 12 + items.len() * Item::LENGTH,
            Self::Write(items) => {
                let data = items.iter().map(|w| (4 + w.data.len()).next_multiple_of(2)).sum::<usize>();
                12 + items.len() * Item::LENGTH + data
            }
            Self::Szl { .. } => 26,
            Self::SzlNext { .. } => 26,
        }
    }
}

fn items(parameters: &[u8]) -> Result<Vec<Item>, Error> {
    let count = count(parameters)?;
    let (chunks, rest) = parameters.get(2..).unwrap_or_default().as_chunks::<{ Item::LENGTH }>();
    if chunks.len() < count {
        return Err(Error::Truncated {
            what: "the items",
            need: count * Item::LENGTH,
            have: parameters.len(),
        });
    }
    if chunks.len() > count || !rest.is_empty() {
        return Err(Error::Trailing {
            what: "the items",
            extra: parameters.len() - 2 - count * Item::LENGTH,
        });
    }
    chunks.iter().map(|chunk| Item::parse(chunk)).collect()
}

fn write_items<'a>(parameters: &[u8], data: &'a [u8]) -> Result<Vec<WriteItem<'a>>, Error> {
    let items = items(parameters)?;
    let (mut rest, mut writes, last) = (data, Vec::with_capacity(items.len()), items.len() - 1);
    for (index, item) in items.into_iter().enumerate() {
        match take_data(&item, index == last, &mut rest)? {
            ReadItem::Data(data) => writes.push(WriteItem { item, data }),
            ReadItem::Refused(code) => {
                return Err(Error::Value { field: "the code of written data", got: code.0.into() });
            }
        }
    }
    if rest.is_empty() { Ok(writes) } else { Err(Error::Trailing { what: "the data", extra: rest.len() }) }
}

fn count(parameters: &[u8]) -> Result<usize, Error> {
    let got = usize::from(parameters.get(1).copied().unwrap_or_default());
    if (1..=MAX_ITEMS).contains(&got) {
        Ok(got)
    } else {
        Err(Error::Count { what: "the number of items", got, min: 1, max: MAX_ITEMS })
    }
}
