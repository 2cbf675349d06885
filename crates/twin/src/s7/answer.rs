//! From a request to an answer: pure, but for the memory it touches.

use std::sync::atomic::Ordering::Relaxed;

use wire::s7::{
    Error, HeaderError, MIN_PDU, ReadItem, Request, Response, ReturnCode, Setup, WriteItem, repr,
};

use super::behaviour::{Conduct, Refusal};
use super::cpu::Cpu;
use super::lists::list;

/// What was agreed on one connection, and what of a list is still to be sent.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Largest PDU, 0 before the negotiation.
    pub(super) pdu: u16,
    sequence: u8,
    rest: Vec<u8>,
}

/// Bytes before the records in an answer with a part of a list.
const LIST_HEADER: usize = 26;

impl Talk {
    /// Appends the PDU that answers `pdu`.
    pub(super) fn answer(&mut self, cpu: &Cpu, conduct: Conduct, pdu: &[u8], out: &mut Vec<u8>) {
        let parsed = Request::parse(pdu);
        let reference = repr::reference(pdu).unwrap_or_default();
        let request = match parsed {
            Ok((_, request)) => request,
            Err(error) => {
                let code = match error {
                    Error::Function(_) => HeaderError::NOT_AVAILABLE,
                    _ => HeaderError::PDU_SIZE,
                };
                return Response::Refused(code).emit(&Request::Read(Vec::new()), reference, out);
            }
        };
        if let Conduct::Refuse(Refusal::Whole(error)) = conduct
            && !matches!(request, Request::Setup(_))
        {
            return Response::Refused(error).emit(&request, reference, out);
        }
        let too_long = self.pdu > 0 && pdu.len() > self.pdu.into();
        match &request {
            Request::Setup(wanted) => self.negotiate(cpu, *wanted).emit(&request, reference, out),
            _ if too_long => Response::Refused(HeaderError::PDU_SIZE).emit(&request, reference, out),
            _ if self.pdu == 0 => Response::Refused(HeaderError(0x8404)).emit(&request, reference, out),
            Request::Read(_) | Request::Write(_) if !cpu.rules().put_get => {
                Response::Refused(HeaderError::NOT_AVAILABLE).emit(&request, reference, out);
            }
            Request::Read(items) => self.read(cpu, conduct, (items, &request), reference, out),
            Request::Write(items) => {
                Response::Write(write(cpu, conduct, items)).emit(&request, reference, out);
            }
            Request::Szl { id, index } => {
                let whole = cpu.memory(|memory| list(memory, cpu.rules(), *id, *index));
                self.sequence = self.sequence.wrapping_add(1).max(1);
                self.rest = whole.unwrap_or_default();
                self.part(&request, reference, out);
            }
            Request::SzlNext { .. } => self.part(&request, reference, out),
        }
    }

    fn negotiate(&mut self, cpu: &Cpu, wanted: Setup) -> Response<'static> {
        let rules = cpu.rules();
        self.pdu = wanted.pdu.min(rules.pdu).max(MIN_PDU);
        let jobs = |wanted: u16| wanted.clamp(1, rules.jobs.max(1));
        Response::Setup(Setup { calling: jobs(wanted.calling), called: jobs(wanted.called), pdu: self.pdu })
    }

    fn read(
        &self,
        cpu: &Cpu,
        conduct: Conduct,
        (items, request): (&[wire::s7::Item], &Request<'_>),
        reference: u16,
        out: &mut Vec<u8>,
    ) {
        cpu.counters.items.fetch_add(items.len() as u64, Relaxed);
        let mut data = Vec::with_capacity(self.pdu.into());
        // All items from one moment.
        let places: Vec<Result<usize, ReturnCode>> = cpu.memory(|memory| {
            let mut read = |item| {
                if let Conduct::Refuse(Refusal::Items(code)) = conduct {
                    return Err(code);
                }
                memory.read(item, &mut data).map(|()| data.len())
            };
            items.iter().map(&mut read).collect()
        });
        let mut from = 0;
        let answers = places.into_iter().map(|place| match place {
            Ok(end) => {
                let answer = data.get(from..end).unwrap_or_default();
                from = end;
                ReadItem::Data(answer)
            }
            Err(code) => ReadItem::Refused(code),
        });
        let response = Response::Read(answers.collect());
        let start = out.len();
        response.emit(request, reference, out);
        if out.len() - start > self.pdu.into() {
            out.truncate(start);
            Response::Refused(HeaderError::PDU_SIZE).emit(request, reference, out);
        }
    }

    /// The next part of a list, or that there is none.
    fn part(&mut self, request: &Request<'_>, reference: u16, out: &mut Vec<u8>) {
        let sequence = match request {
            Request::SzlNext { sequence } => *sequence,
            _ => self.sequence,
        };
        if self.rest.is_empty() {
            let error = HeaderError(0xD401);
            return Response::SzlRefused { sequence, code: ReturnCode::MISSING, error }
                .emit(request, reference, out);
        }
        let room = usize::from(self.pdu).saturating_sub(LIST_HEADER).min(self.rest.len());
        let rest = self.rest.split_off(room);
        let data = std::mem::replace(&mut self.rest, rest);
        let last = self.rest.is_empty();
        Response::Szl { sequence, unit: u8::from(!last), last, data: &data }.emit(request, reference, out);
    }
}

fn write(cpu: &Cpu, conduct: Conduct, items: &[WriteItem<'_>]) -> Vec<ReturnCode> {
    if let Conduct::Refuse(Refusal::Items(code)) = conduct {
        return vec![code; items.len()];
    }
    let code = |done: Result<(), ReturnCode>| done.err().unwrap_or(ReturnCode::SUCCESS);
    cpu.memory(|memory| items.iter().map(|write| code(memory.write(&write.item, write.data))).collect())
}
