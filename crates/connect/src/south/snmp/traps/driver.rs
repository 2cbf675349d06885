//! From traps to events and values.

use super::super::credentials::Credentials;
use super::super::speaker::Row;
use super::receiver::{self, Heard, Starting, check_port, engine, plain};
use super::words::{meaning, objects};
use crate::endless::endless;
use crate::kind::{Context, Secrets};
use crate::south::rate::Rate;
use crate::south::{Arrival, Driver, Layout, Link, Origin};
use async_snmp::Oid;
use async_snmp::notification::{NotificationEnvelope, NotificationReceiver};
use futures_util::future::BoxFuture;
use model::{Event, Fault, Position, Status, Value};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// One device that may send.
pub(super) struct Sender {
    pub name: String,
    pub host: IpAddr,
    pub credentials: Credentials,
    pub rows: Vec<Row>,
}

/// See the module.
pub(super) struct Traps {
    secrets: Arc<dyn Secrets>,
    address: SocketAddr,
    senders: Vec<Sender>,
    rates: Vec<Rate>,
    layout: Layout,
    number: u64,
    /// Informs of late, and where they stand in the journal: what is sent again because its answer was lost is one event.
    informs: VecDeque<(Inform, Position)>,
}

/// Informs that are remembered.
const MOST_INFORMS: usize = 256;

/// Device, trap, and the number and clock of the message.
type Inform = (usize, Oid, (Option<i32>, u32));

impl Traps {
    pub(super) fn new(
        context: &Context,
        address: SocketAddr,
        max_rate: u32,
        senders: Vec<Sender>,
        layout: Layout,
    ) -> Self {
        let rates = senders.iter().map(|_| Rate::new(max_rate)).collect();
        let informs = VecDeque::new();
        Self { secrets: context.secrets.clone(), address, senders, rates, layout, number: 0, informs }
    }

    fn listen(&self, link: &Link) -> Result<Starting, Fault> {
        check_port(self.address)?;
        let engine = engine(&*self.secrets, link.name())?;
        let mut builder =
            NotificationReceiver::builder().bind(self.address.to_string()).authoritative_engine(engine);
        let mut known = Vec::new();
        for sender in &self.senders {
            let (with, shown) = sender.credentials.admit(builder)?;
            builder = with;
            known.push((plain(sender.host), shown));
        }
        let device = move |envelope: &NotificationEnvelope<'_>| {
            let from = plain(envelope.source.ip());
            known.iter().position(|(host, shown)| *host == from && shown.fits(envelope))
        };
        receiver::start(builder, device, Box::new(link.rejecting()))
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let listening = self.listen(link);
        let mut receiver = link.open(async { listening?.bound().await }).await?;
        link.speaking();
        for device in 0..self.senders.len() {
            link.alive(device);
            self.doubt(device, link);
        }
        link.awaits();
        loop {
            // Nothing is asked, and no point can be written.
            while link.take().is_some() {}
            tokio::select! {
                biased;
                heard = receiver.heard.recv() => match heard {
                    Some(heard) => self.take(heard, link).await?,
                    None => return Err(Fault::Lost("the listener for traps has ended".into())),
                },
                () = link.wait(None) => {}
            }
        }
    }

    /// Nobody knows what a device sent while nobody listened.
    fn doubt(&self, device: usize, link: &mut Link) {
        let rows = self.senders.get(device).map_or(0, |sender| sender.rows.len());
        let mut doubtful = Vec::new();
        for row in (0..rows).filter_map(|row| u32::try_from(row).ok()) {
            let last = link.point(device, row).and_then(|id| link.namespace().last(id));
            if last.is_some_and(|last| last.value != Value::None) {
                let status = Status::UNCERTAIN_LAST_USABLE_VALUE;
                doubtful.push(Arrival { row, value: Value::None, status, source: None });
            }
        }
        link.arrived(device, Origin::LIVE, doubtful);
    }

    async fn take(&mut self, heard: Heard, link: &mut Link) -> Result<(), Fault> {
        let Heard { device, trap, number, varbinds, kept } = heard;
        link.received(varbinds.iter().map(async_snmp::VarBind::encoded_size).sum());
        let inform = (device, trap.clone(), number);
        if let Some(kept) = &kept
            && let Some((_, position)) = self.informs.iter().find(|(known, _)| *known == inform)
        {
            confirm(kept, *position, link).await;
            return Ok(());
        }
        if !self.rates.get_mut(device).is_some_and(Rate::has_room) {
            // An inform is sent again by its device.
            link.no_room(1);
            return Ok(());
        }
        let Some(sender) = self.senders.get(device) else { return Ok(()) };
        let mut arrivals = Vec::new();
        for (row, point) in (0..).zip(&sender.rows) {
            if let Some(bind) = varbinds.iter().find(|bind| bind.oid == point.oid) {
                let read = point.kind.decode(&bind.value, point.scaling.as_deref());
                let (value, status) = read.unwrap_or((Value::None, Status::BAD_DECODING_ERROR));
                arrivals.push(Arrival { row, value, status, source: None });
            }
        }
        let (at, source) = (link.clock().now(), format!("connection/{}", link.name()));
        let (name, kind, severity, next) = meaning(&trap);
        self.number += 1;
        let id = format!("{source}/{}/trap/{:x}-{}", sender.name, at.0, self.number);
        let mut event = Event::info(kind, id, source, at, format!("{}: {name}", sender.name));
        event.severity = severity;
        let text = format!("Sent by {} ({trap}). {}", sender.host, objects(&varbinds));
        let position = link.namespace().event(event.explained(text, next));
        let position =
            link.arrived(device, Origin::LIVE, arrivals).map_or(position, |last| last.max(position));
        if let Some(kept) = kept {
            if self.informs.len() >= MOST_INFORMS {
                self.informs.pop_front();
            }
            self.informs.push_back((inform, position));
            confirm(&kept, position, link).await;
        }
        Ok(())
    }
}

/// An inform is acknowledged when it is on disk.
async fn confirm(kept: &SyncSender<bool>, position: Position, link: &mut Link) {
    let journal = link.namespace().journal().clone();
    journal.hurry();
    let synced = link.during(journal.wait_synced(position)).await;
    // The device may have given up meanwhile, and sends it again.
    let _ = kept.send(synced.is_ok());
}

impl Driver for Traps {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        endless(self.run(link))
    }
}
