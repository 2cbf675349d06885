//! The conversation with an endpoint that is measured: one question at a time, pauses that grow with faults, everything
//! counted, and an end as soon as the device stops answering.

use super::search::{Ask, Said};
use crate::characterise::Progress;
use crate::discover::{CONNECTION_PACKETS, REQUEST_PACKETS};
use crate::south::budget::{Budget, Permit};
use model::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};
use transport::{Stream, Target};
use wire::modbus::mbap::{self, Deframer};
use wire::modbus::{ExceptionCode, Limits, Request, Response, Table};

/// Attempts to reach a device that did not answer.
const ATTEMPTS: u32 = 3;
/// Faults of an endpoint after which it is left alone.
const MAX_FAULTS: u32 = 12;
/// Longest pause between two questions.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// Frames that answer nothing, after which the peer is not believed any more.
const MAX_STRANGERS: u32 = 16;

/// The most faults that one run may meet: each may cost a connection.
pub(super) const MOST_FAULTS: u64 = MAX_FAULTS as u64;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The data of a read.
    Data(Vec<u8>),
    /// The device says no.
    Refused(ExceptionCode),
}

/// Where and how long.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    pub(super) target: Target,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) after_connect: Duration,
    /// Silence between two questions.
    pub(super) pause: Duration,
    /// What the endpoint is asked at most, by whomever.
    pub(super) budget: Arc<Budget>,
}

/// The conversation.
pub(super) struct Voice<'a> {
    pub(super) manner: Manner,
    pub(super) progress: &'a Progress,
    /// The unit that is asked.
    pub(super) unit: u8,
    /// A question that it answered, to see whether it is still there.
    pub(super) home: Request,
    /// Times of the answers so far, ms.
    pub(super) answers_ms: Vec<f64>,
    line: Option<Connection>,
    next: Instant,
    faults: u32,
    in_a_row: u32,
}

/// One open connection.
pub(super) struct Connection {
    stream: Stream,
    deframer: Deframer,
    transaction: u16,
    _permit: Permit,
}

impl Connection {
    /// Opens one and waits as long as the device is known to need.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) async fn open(manner: &Manner, progress: &Progress) -> Result<Self, Fault> {
        let permit = manner.budget.permit_now()?;
        progress.packets(1);
        let stream = transport::dial(&manner.target, manner.connect_timeout).await?;
        progress.packets(CONNECTION_PACKETS - 1);
        sleep_until(Instant::now() + manner.after_connect).await;
        Ok(Self { stream, deframer: Deframer::new(), transaction: 0, _permit: permit })
    }

    /// Sends one request.
    async fn send(&mut self, unit: u8, request: &Request, progress: &Progress) -> Result<u16, Fault> {
        self.transaction = self.transaction.wrapping_add(1);
        let mut adu = Vec::new();
        mbap::emit_adu_with(self.transaction, unit, &mut adu, |out| request.emit(out));
        progress.request();
        progress.packets(REQUEST_PACKETS);
        let broken = |error: std::io::Error| transport::fault_from_io(&error);
        self.stream.write_all(&adu).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)?;
        Ok(self.transaction)
    }

    /// Puts requests at once and waits for all answers, in whatever order they come; and how long they took, the wait
    /// for the budget left out.
    ///
    /// # Errors
    /// One of them was missing, late, or not what was asked. The connection is of no use then.
    pub(super) async fn burst(
        &mut self,
        unit: u8,
        requests: &[Request],
        manner: &Manner,
        progress: &Progress,
    ) -> (Result<Vec<Answer>, Fault>, Duration) {
        for _ in requests {
            manner.budget.turn().await;
        }
        let sent = Instant::now();
        let timeout_ms = u64::try_from(manner.timeout.as_millis()).unwrap_or(u64::MAX);
        let answers = timeout_at(sent + manner.timeout, self.put(unit, requests, progress)).await;
        (answers.unwrap_or(Err(Fault::Timeout { timeout_ms })), sent.elapsed())
    }

    async fn put(
        &mut self,
        unit: u8,
        requests: &[Request],
        progress: &Progress,
    ) -> Result<Vec<Answer>, Fault> {
        let mut open = Vec::new();
        for request in requests {
            open.push((self.send(unit, request, progress).await?, request));
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
                let Some(at) = open.iter().position(|(transaction, _)| *transaction == frame.transaction)
                else {
                    strangers += 1;
                    if strangers > MAX_STRANGERS {
                        return Err(Fault::Protocol("endless answers to nothing".into()));
                    }
                    continue;
                };
                let (_, request) = open.swap_remove(at);
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

impl<'a> Voice<'a> {
    /// A conversation that has not begun.
    pub(super) fn new(manner: Manner, progress: &'a Progress, unit: u8, home: Request) -> Self {
        Self {
            manner,
            progress,
            unit,
            home,
            answers_ms: Vec::new(),
            line: None,
            next: Instant::now(),
            faults: 0,
            in_a_row: 0,
        }
    }

    /// Turns to another unit of the endpoint.
    pub(super) fn turn_to(&mut self, unit: u8, home: Request) {
        (self.unit, self.home) = (unit, home);
    }

    /// Closes the connection, if one is open.
    pub(super) fn close(&mut self) {
        self.line = None;
    }

    /// Whether the device still answers the question that it answered before, tried a few times.
    ///
    /// # Errors
    /// It does not.
    pub(super) async fn is_there(&mut self) -> Result<(), Fault> {
        let home = self.home.clone();
        self.insist(&home).await.map(drop)
    }

    /// Puts a question until it is answered, a few times.
    async fn insist(&mut self, request: &Request) -> Result<Answer, Fault> {
        loop {
            match self.one(request).await {
                Ok(answer) => {
                    self.in_a_row = 0;
                    return Ok(answer);
                }
                Err(fault) => self.bear(fault)?,
            }
        }
    }

    /// Puts one question once. That the device is busy, or that a gateway finds nobody, is no answer.
    pub(super) async fn one(&mut self, request: &Request) -> Result<Answer, Fault> {
        let (mut answers, took) = self.once(std::slice::from_ref(request)).await?;
        match answers.pop() {
            Some(Answer::Refused(code)) if code.is_transient() => {
                Err(Fault::Exception { code: code.0.into(), text: code.sentence().into() })
            }
            Some(answer) => {
                self.answers_ms.push(took.as_secs_f64() * 1_000.0);
                Ok(answer)
            }
            None => Err(Fault::Protocol("no answer at all".into())),
        }
    }

    /// Counts a fault; after too many the device is left alone.
    pub(super) fn bear(&mut self, fault: Fault) -> Result<(), Fault> {
        self.faults += 1;
        self.in_a_row += 1;
        self.progress.fault();
        if self.in_a_row >= ATTEMPTS || self.faults >= MAX_FAULTS {
            return Err(fault);
        }
        self.rest();
        Ok(())
    }

    /// Puts requests at once after the pause, each time on an open connection.
    ///
    /// # Errors
    /// Something was wrong; the connection is closed, because a late answer must not pass for that of another question.
    pub(super) async fn once(&mut self, requests: &[Request]) -> Result<(Vec<Answer>, Duration), Fault> {
        sleep_until(self.next).await;
        let mut line = match self.line.take() {
            Some(line) => line,
            None => Connection::open(&self.manner, self.progress).await?,
        };
        let (answers, took) = line.burst(self.unit, requests, &self.manner, self.progress).await;
        self.rest();
        let answers = answers?;
        self.line = Some(line);
        Ok((answers, took))
    }

    fn rest(&mut self) {
        let grown =
            self.manner.pause.max(Duration::from_millis(1)) * 2_u32.saturating_pow(self.in_a_row.min(8));
        let pause = if self.in_a_row == 0 { self.manner.pause } else { grown.min(MAX_PAUSE) };
        self.next = Instant::now() + pause;
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
        let request = read(table, first, count);
        for _ in 0..ATTEMPTS {
            match self.one(&request).await {
                Ok(answer) => {
                    self.in_a_row = 0;
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
