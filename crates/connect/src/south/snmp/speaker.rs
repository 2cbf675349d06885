//! Questions to one agent: GETs of bounded size, SETs, and what their errors mean.

use super::credentials::Credentials;
use super::types::Type;
use crate::south::Layout;
use crate::south::tags::{Scaling, Timing};
use crate::south::turns::{Reply, Sheet, Speaker, Unwritten};
use async_snmp::error::ErrorKind;
use async_snmp::{Client, Error, ErrorStatus, Oid, Retry, Value as Wire, VarBind};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Fault, Status, Value};
use std::time::Duration;
use tokio::time::Instant;

/// sysUpTime.0: hundredths of a second since the agent started (RFC 3418).
const UPTIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];

/// One point.
pub(super) struct Row {
    pub(super) oid: Oid,
    pub(super) kind: Type,
    pub(super) scaling: Option<Box<Scaling>>,
}

/// One agent.
pub(super) struct Snmp {
    target: (String, u16),
    credentials: Credentials,
    timing: Timing,
    max_objects: usize,
    layout: Layout,
    groups: Vec<Vec<Row>>,
    client: Option<Client>,
    /// sysUpTime when it was last seen, and when that was.
    uptime: Option<(u32, Instant)>,
    /// It was asked in this session why it is silent.
    asked_why: bool,
}

impl Snmp {
    pub(super) fn new(
        target: (String, u16),
        credentials: Credentials,
        timing: Timing,
        max_objects: usize,
        layout: Layout,
        groups: Vec<Vec<Row>>,
    ) -> Self {
        Self {
            target,
            credentials,
            timing,
            max_objects,
            layout,
            groups,
            client: None,
            uptime: None,
            asked_why: false,
        }
    }

    async fn connect(&mut self) -> Result<(), Fault> {
        self.client = Some(self.dial(false).await?);
        self.asked_why = false;
        Ok(())
    }

    /// A client; one that `listens` to refusals without a signature, too.
    async fn dial(&self, listens: bool) -> Result<Client, Fault> {
        let auth = self.credentials.auth()?;
        let client = Client::builder(self.target.clone(), auth)
            .request_timeout(self.timing.timeout)
            .construction_timeout(self.timing.connect_timeout)
            .retry(Retry::none())
            .allow_unauthenticated_v3_time_correction(listens)
            .max_oids_per_request(self.max_objects + 1)
            .connect();
        client.await.map_err(|error| match fault(&error, self.timing.timeout) {
            Fault::Lost(why) | Fault::Protocol(why) => Fault::Connect(why),
            Fault::Timeout { .. } => {
                Fault::Connect("the name of the device could not be resolved in time".into())
            }
            other => other,
        })
    }

    /// Why no answer comes: a device that does not accept user or password says so without a signature, and such a
    /// message is not to be believed for more than words. Asked once a session.
    async fn why_silent(&mut self, silent: Fault) -> Fault {
        if !self.credentials.are_signed() || std::mem::replace(&mut self.asked_why, true) {
            return silent;
        }
        let Ok(client) = self.dial(true).await else { return silent };
        match client.get(&Oid::from_slice(&UPTIME)).await.map_err(|error| fault(&error, self.timing.timeout))
        {
            Err(refusal @ Fault::Security(_)) => refusal,
            _ => silent,
        }
    }

    fn client(&self) -> Result<&Client, Fault> {
        self.client.as_ref().ok_or(Fault::Lost("no session".into()))
    }

    async fn get(&self, oids: &[Oid]) -> Result<Vec<VarBind>, Fault> {
        let answer = self.client()?.get_many(oids).await;
        answer.map(|answer| answer.varbinds).map_err(|error| fault(&error, self.timing.timeout))
    }

    async fn ask_step(&mut self, group: usize, step: usize, sheet: &mut Sheet) -> Result<Reply, Fault> {
        let rows = self.groups.get(group).map(Vec::as_slice).unwrap_or_default();
        let first = step * self.max_objects;
        let mut oids: Vec<Oid> =
            rows.iter().skip(first).take(self.max_objects).map(|row| row.oid.clone()).collect();
        let uptime = Oid::from_slice(&UPTIME);
        if step == 0 && !oids.contains(&uptime) {
            oids.push(uptime.clone());
        }
        let answers = match self.get(&oids).await {
            Err(silent @ Fault::Timeout { .. }) => return Err(self.why_silent(silent).await),
            answers => answers?,
        };
        let mut reply = Reply::default();
        for (row, point) in (0..).zip(rows).skip(first).take(self.max_objects) {
            match answers.iter().find(|answer| answer.oid == point.oid) {
                Some(answer) => put(row, point, &answer.value, sheet),
                None => sheet.put(row, Value::None, Status::BAD),
            }
        }
        reply.bytes = answers.iter().map(VarBind::encoded_size).sum();
        let ticks =
            answers.iter().find(|answer| answer.oid == uptime).and_then(|answer| answer.value.as_u32());
        reply.notice = ticks.and_then(|ticks| self.restarted(ticks));
        Ok(reply)
    }

    /// An event if the agent has started anew since it was last asked.
    fn restarted(&mut self, ticks: u32) -> Option<(String, String, String)> {
        let now = Instant::now();
        let (before, at) = self.uptime.replace((ticks, now))?;
        if !began_anew(before, ticks, now - at) {
            return None;
        }
        let running = Duration::from_millis(u64::from(ticks) * 10);
        let title = format!("{} has restarted", self.target.0);
        let text = format!("Its SNMP agent runs for {} s; its counters began anew.", running.as_secs());
        Some((
            title,
            text,
            "If nobody restarted it on purpose, look at its power supply and its own log.".into(),
        ))
    }

    async fn set(&mut self, group: usize, row: u32, value: &Value) -> Result<(), Unwritten> {
        let point = self.groups.get(group).and_then(|rows| rows.get(row as usize));
        let Some(point) = point else {
            return Err(Unwritten::Unfit("the point is not known here any more".into()));
        };
        let wire = point.kind.encode(value, point.scaling.as_deref()).map_err(Unwritten::Unfit)?;
        let client = self.client().map_err(Unwritten::Lost)?;
        match client.set(&point.oid, wire).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match fault(&error, self.timing.timeout) {
                refused @ Fault::Exception { .. } => Unwritten::Refused(refused),
                fault => Unwritten::Lost(fault),
            }),
        }
    }

    async fn read_one(&self, group: usize, row: u32) -> Result<(Value, Status), Fault> {
        let point = self.groups.get(group).and_then(|rows| rows.get(row as usize));
        let Some(point) = point else { return Ok((Value::None, Status::BAD)) };
        let answers = self.get(std::slice::from_ref(&point.oid)).await?;
        let answer = answers.iter().find(|answer| answer.oid == point.oid);
        let read = answer.and_then(|answer| point.kind.decode(&answer.value, point.scaling.as_deref()).ok());
        Ok(read.unwrap_or((Value::None, Status::BAD_DECODING_ERROR)))
    }
}

/// Whether a clock that showed `before` and shows `ticks` (hundredths of a second) after `elapsed` was started anew: it
/// went back, or fell behind by more than 5 s and 2 %. After 497 days it wraps, which is no start.
fn began_anew(before: u32, ticks: u32, elapsed: Duration) -> bool {
    let expected = u64::from(before) + u64::try_from(elapsed.as_millis() / 10).unwrap_or(u64::MAX / 2);
    if expected > u64::from(u32::MAX) {
        return false;
    }
    ticks < before || u64::from(ticks) + 500 + (expected - u64::from(before)) / 50 < expected
}

/// What an agent says of one object goes into the sheet.
fn put(row: u32, point: &Row, wire: &Wire, sheet: &mut Sheet) {
    let absent = match wire {
        Wire::NoSuchObject | Wire::EndOfMibView => "the device does not know this object",
        Wire::NoSuchInstance => "the device knows the object, but not this instance (row) of it",
        _ => "",
    };
    if !absent.is_empty() {
        return sheet.refuse(row, point.oid.to_string(), absent);
    }
    match point.kind.decode(wire, point.scaling.as_deref()) {
        Ok((value, status)) => sheet.put(row, value, status),
        Err(why) => sheet.refuse(row, point.oid.to_string(), why),
    }
}

/// What an error of the library is to a session.
fn fault(error: &Error, timeout: Duration) -> Fault {
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    match (error.kind(), error.exchange_source()) {
        (_, Error::Snmp { status, .. }) => {
            Fault::Exception { code: code(*status), text: refusal(*status).into() }
        }
        (ErrorKind::Timeout, _) => Fault::Timeout { timeout_ms },
        (ErrorKind::Auth, _) => {
            Fault::Security("the device does not accept the password for authentication".into())
        }
        (ErrorKind::Report, Error::Report { status, .. }) => {
            Fault::Security(format!("the device refuses the user: {status}").into())
        }
        (ErrorKind::Network, Error::Network { source, .. })
            if source.kind() == std::io::ErrorKind::ConnectionRefused =>
        {
            // Nobody listens on the port: UDP tells it only as the answer to a question.
            Fault::Timeout { timeout_ms }
        }
        (ErrorKind::Network | ErrorKind::Closed | ErrorKind::ConstructionTimeout, _) => {
            Fault::Lost(error.to_string().into())
        }
        (ErrorKind::Config | ErrorKind::InvalidOid | ErrorKind::OutboundMessageTooLarge, _) => {
            Fault::Config(error.to_string().into())
        }
        _ => Fault::Protocol(error.to_string().into()),
    }
}

/// The number of an error status (RFC 3416, 3).
fn code(status: ErrorStatus) -> u32 {
    u32::try_from(status.as_i32()).unwrap_or(u32::MAX)
}

fn refusal(status: ErrorStatus) -> String {
    let meaning = match status {
        ErrorStatus::NoAccess | ErrorStatus::AuthorizationError => {
            "the community or user may not do that; the device decides it in its own settings"
        }
        ErrorStatus::NotWritable | ErrorStatus::ReadOnly => "the object cannot be written",
        ErrorStatus::WrongType | ErrorStatus::WrongEncoding => {
            "the object has another type: compare `type` with the device's MIB file"
        }
        ErrorStatus::WrongValue | ErrorStatus::BadValue | ErrorStatus::WrongLength => {
            "the device does not take this value"
        }
        ErrorStatus::NoSuchName => "the device does not know this object",
        ErrorStatus::TooBig => "the answer would not fit: write a smaller `max_objects`",
        _ => "the device says no more",
    };
    format!("{status}: {meaning}")
}

impl Speaker for Snmp {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn open(&mut self) -> BoxFuture<'_, Result<(), Fault>> {
        self.connect().boxed()
    }

    fn steps(&self, group: usize) -> usize {
        self.groups.get(group).map_or(1, |rows| rows.len().div_ceil(self.max_objects))
    }

    fn ask<'a>(
        &'a mut self,
        group: usize,
        step: usize,
        sheet: &'a mut Sheet,
    ) -> BoxFuture<'a, Result<Reply, Fault>> {
        self.ask_step(group, step, sheet).boxed()
    }

    fn write<'a>(
        &'a mut self,
        group: usize,
        row: u32,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<(), Unwritten>> {
        self.set(group, row, value).boxed()
    }

    fn read(&mut self, group: usize, row: u32) -> BoxFuture<'_, Result<(Value, Status), Fault>> {
        self.read_one(group, row).boxed()
    }

    fn agrees(&self, group: usize, row: u32, written: &Value, read: &Value) -> bool {
        let point = self.groups.get(group).and_then(|rows| rows.get(row as usize));
        point.is_some_and(|point| point.kind.agrees(written, read, point.scaling.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_told_from_drift_and_from_the_wrap() {
        let s = Duration::from_secs;
        assert!(began_anew(100_000, 50, s(10)), "went back");
        assert!(began_anew(600, 700, s(60)), "ran 6 s, was gone, runs 7 s again");
        assert!(!began_anew(100_000, 101_000, s(10)), "just went on");
        assert!(!began_anew(100_000, 459_000, s(3_600)), "lags 10 s in an hour");
        assert!(!began_anew(u32::MAX - 100, 900, s(10)), "wrapped after 497 days");
    }
}
