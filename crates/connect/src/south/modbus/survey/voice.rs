//! What a Modbus device is asked when it is measured, and how one connection of it speaks.

use super::super::driver::Framing;
use super::super::rtu::{Collected, Collector};
use super::search::{Ask, Said};
use crate::characterise::Progress;
use crate::discover::{CONNECTION_PACKETS, REQUEST_PACKETS};
use crate::south::budget::Permit;
use crate::south::survey::voice::ATTEMPTS;
use crate::south::survey::{Manner, Tongue};
use model::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};
use transport::{Stream, Target};
use wire::modbus::mbap::{self, Deframer};
use wire::modbus::{ExceptionCode, Limits, Request, Response, Table, rtu};

/// Frames that answer nothing, after which the peer is not believed any more.
const MAX_STRANGERS: u32 = 16;

pub(super) type Voice<'a> = crate::south::survey::Voice<'a, Connection>;
/// Unit and request.
pub(super) type Question = (u8, Request);

/// Where, and how long the device needs after a connection.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) after_connect: Duration,
    pub(super) framing: Framing,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The data of a read.
    Data(Vec<u8>),
    /// The device says no.
    Refused(ExceptionCode),
}

/// One open connection.
pub(super) struct Connection {
    stream: Stream,
    deframer: Deframer,
    transaction: u16,
    framing: Framing,
    collector: Collector,
    _permit: Permit,
}

impl Tongue for Connection {
    type Place = Place;
    type Question = Question;
    type Answer = Answer;

    async fn open(place: &Place, manner: &Manner, progress: &Progress) -> Result<Self, Fault> {
        let permit = manner.budget.permit_now()?;
        progress.packets(1);
        let stream = transport::dial(&place.target, manner.connect_timeout).await?;
        progress.packets(CONNECTION_PACKETS - 1);
        sleep_until(Instant::now() + place.after_connect).await;
        let mut it = Self {
            stream,
            deframer: Deframer::new(),
            transaction: 0,
            framing: place.framing,
            collector: Collector::default(),
            _permit: permit,
        };
        it.drain(manner.timeout).await?;
        Ok(it)
    }

    async fn burst(
        &mut self,
        questions: &[Question],
        manner: &Manner,
        progress: &Progress,
    ) -> (Result<Vec<Answer>, Fault>, Duration) {
        manner.asked(questions.len(), self.put(questions, progress)).await
    }

    fn busy(answer: &Answer) -> Option<Fault> {
        match answer {
            Answer::Refused(code) if code.is_transient() => {
                Some(Fault::Exception { code: code.0.into(), text: code.sentence().into() })
            }
            _ => None,
        }
    }
}

impl Connection {
    /// Sends one request.
    async fn send(&mut self, unit: u8, request: &Request, progress: &Progress) -> Result<u16, Fault> {
        self.transaction = self.transaction.wrapping_add(1);
        let mut adu = Vec::new();
        mbap::emit_adu_with(self.transaction, unit, &mut adu, |out| request.emit(out));
        self.write(&adu, progress).await?;
        Ok(self.transaction)
    }

    /// On a line answers have no number: what an earlier question still brings must be over. Waits for silence.
    async fn drain(&mut self, silence: Duration) -> Result<(), Fault> {
        if self.framing == Framing::Tcp {
            return Ok(());
        }
        let mut piece = [0_u8; 512];
        for _ in 0..MAX_STRANGERS {
            match timeout_at(Instant::now() + silence, self.stream.read(&mut piece)).await {
                Err(_) => return Ok(()),
                Ok(Ok(0)) => return Err(Fault::Lost("it hung up".into())),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(transport::fault_from_io(&error)),
            }
        }
        Err(Fault::Protocol("the line is never silent: who else asks there?".into()))
    }

    /// One after the other on a line.
    async fn put_on_line(
        &mut self,
        questions: &[Question],
        silence: Duration,
        progress: &Progress,
    ) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::new();
        for (unit, request) in questions {
            let mut adu = Vec::new();
            rtu::emit_adu_with(*unit, &mut adu, |out| request.emit(out));
            tokio::time::sleep(silence).await;
            self.collector.clear();
            self.write(&adu, progress).await?;
            let mut piece = [0_u8; 512];
            let pdu = loop {
                let count =
                    self.stream.read(&mut piece).await.map_err(|error| transport::fault_from_io(&error))?;
                if count == 0 {
                    return Err(Fault::Lost("it hung up".into()));
                }
                self.collector.push(piece.get(..count).unwrap_or_default());
                match self.collector.look(*unit, request, |_, _| {}) {
                    Collected::Answer(pdu) => break pdu,
                    Collected::More => {}
                    Collected::Damaged(why) => return Err(Fault::Protocol(why.into())),
                    Collected::Flood => return Err(Fault::Protocol("endless answers to nothing".into())),
                }
            };
            answers.push(answer(request, &pdu)?);
        }
        Ok(answers)
    }

    async fn write(&mut self, adu: &[u8], progress: &Progress) -> Result<(), Fault> {
        progress.request();
        progress.packets(REQUEST_PACKETS);
        let broken = |error: std::io::Error| transport::fault_from_io(&error);
        self.stream.write_all(adu).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    async fn put(&mut self, questions: &[Question], progress: &Progress) -> Result<Vec<Answer>, Fault> {
        if let Framing::Rtu { silence } = self.framing {
            return self.put_on_line(questions, silence, progress).await;
        }
        let mut open = Vec::new();
        for (unit, request) in questions {
            open.push((self.send(*unit, request, progress).await?, *unit, request));
        }
        let (mut answers, mut strangers) = (Vec::new(), 0);
        let mut piece = [0_u8; 512];
        while !open.is_empty() {
            let count =
                self.stream.read(&mut piece).await.map_err(|error| transport::fault_from_io(&error))?;
            if count == 0 {
                return Err(Fault::Lost("it hung up".into()));
            }
            let mut bytes = piece.get(..count).unwrap_or_default();
            let broken = |why: String| Fault::Protocol(why.into());
            while let Some(frame) = self.deframer.feed(&mut bytes).map_err(|why| broken(why.to_string()))? {
                let Some(at) = open.iter().position(|(transaction, ..)| *transaction == frame.transaction)
                else {
                    strangers += 1;
                    if strangers > MAX_STRANGERS {
                        return Err(Fault::Protocol("endless answers to nothing".into()));
                    }
                    continue;
                };
                let (_, unit, request) = open.swap_remove(at);
                if frame.unit != unit {
                    return Err(broken(format!("unit {} answered instead of unit {unit}", frame.unit)));
                }
                answers.push(answer(request, frame.pdu)?);
            }
        }
        Ok(answers)
    }
}

fn answer(request: &Request, pdu: &[u8]) -> Result<Answer, Fault> {
    match Response::parse(request, pdu, &Limits::STANDARD) {
        Ok(Response::Exception { code, .. }) => Ok(Answer::Refused(code)),
        Ok(
            Response::ReadCoils { bits: data }
            | Response::ReadDiscreteInputs { bits: data }
            | Response::ReadHoldingRegisters { registers: data }
            | Response::ReadInputRegisters { registers: data },
        ) => Ok(Answer::Data(data.to_vec())),
        Ok(_) => Err(Fault::Protocol("an answer of another kind".into())),
        Err(why) => Err(Fault::Protocol(why.to_string().into())),
    }
}

/// A read of a block.
pub(super) fn read(table: Table, address: u16, quantity: u16) -> Request {
    match table {
        Table::Coils => Request::ReadCoils { address, quantity },
        Table::DiscreteInputs => Request::ReadDiscreteInputs { address, quantity },
        Table::InputRegisters => Request::ReadInputRegisters { address, quantity },
        _ => Request::ReadHoldingRegisters { address, quantity },
    }
}

impl Ask for Voice<'_> {
    async fn read(&mut self, table: Table, first: u16, count: u16) -> Result<Said, Fault> {
        let request = (self.home.0, read(table, first, count));
        for _ in 0..ATTEMPTS {
            match self.one(&request).await {
                Ok(answer) => {
                    self.well();
                    return Ok(match answer {
                        Answer::Data(data) => Said::Data(data),
                        Answer::Refused(_) => Said::No,
                    });
                }
                // Silence where others refuse: some devices do not answer what is too much for them.
                Err(fault) if request != self.home && !matches!(fault, Fault::Exception { .. }) => {
                    self.bear(fault)?;
                    self.is_there().await?;
                    return Ok(Said::No);
                }
                // Busy: the same question once more, later.
                Err(fault) => self.bear(fault)?,
            }
        }
        Ok(Said::No)
    }
}
