//! From messages to events.

use super::alert::Record;
use super::config::{File, Level, Means, Transport};
use super::listen::{Door, open};
use super::repeats::Repeats;
use super::words::{From, event, key};
use crate::endless::endless;
use crate::kind::{Context, Secrets};
use crate::south::{Driver, Layout, Link, rate::Rate};
use futures_util::future::BoxFuture;
use model::{Fault, text};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::Instant;
use wire::syslog::Message;

/// One device that may send.
pub(super) struct Sender {
    pub name: String,
    pub host: IpAddr,
    pub at_least: Level,
    pub means: Means,
}

/// See the module.
pub(super) struct Syslog {
    secrets: Arc<dyn Secrets>,
    transport: Transport,
    address: SocketAddr,
    clients_ca: Option<PathBuf>,
    senders: Vec<Sender>,
    rates: Vec<Rate>,
    repeats: Repeats,
    layout: Layout,
}

impl Syslog {
    pub(super) fn new(
        context: &Context,
        address: SocketAddr,
        file: &File,
        clients_ca: Option<PathBuf>,
        senders: Vec<Sender>,
        layout: Layout,
    ) -> Self {
        Self {
            secrets: context.secrets.clone(),
            transport: file.transport,
            address,
            clients_ca,
            rates: senders.iter().map(|_| Rate::new(file.max_rate)).collect(),
            senders,
            repeats: Repeats::default(),
            layout,
        }
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let door = Door {
            known: self.senders.iter().map(|sender| sender.host.to_canonical()).collect(),
            reject: Arc::new(link.rejecting()),
            full: Arc::new(link.crowding()),
        };
        let secrets = self.secrets.clone();
        let opening = open(self.transport, self.address, self.clients_ca.as_ref(), &*secrets, door);
        let mut ears = link.open(opening).await?;
        link.speaking();
        for device in 0..self.senders.len() {
            link.alive(device);
        }
        loop {
            // Nothing is asked, and there are no points.
            while link.take().is_some() {}
            let until = self.repeats.wait(link.clock().now()).map(|wait| Instant::now() + wait);
            tokio::select! {
                biased;
                heard = ears.heard.recv() => match heard {
                    Some((from, bytes)) => self.take(from, &bytes, link),
                    None => return Err(Fault::Lost("the listener for syslog has ended".into())),
                },
                () = link.wait(until) => {}
            }
            for event in self.repeats.due(link.clock().now()) {
                link.namespace().event(event);
            }
        }
    }

    fn take(&mut self, from: IpAddr, bytes: &[u8], link: &Link) {
        link.received(bytes.len());
        let Some(device) = self.senders.iter().position(|sender| sender.host.to_canonical() == from) else {
            return;
        };
        let (Some(sender), Some(rate)) = (self.senders.get(device), self.rates.get_mut(device)) else {
            return;
        };
        if !rate.has_room() {
            return link.no_room(1);
        }
        if !link.is_active(device) {
            return;
        }
        let (decoded, now, address) = (text::from_bytes(bytes), link.clock().now(), from.to_string());
        let message = Message::parse(&decoded);
        let place = From { connection: link.name(), device: &sender.name, address: &address, at: now };
        let told = match Record::parse(message.text) {
            Some(record) => {
                record.alert().and_then(|(key, _, event)| self.repeats.said(key, now, || event(&place)))
            }
            None if message.severity > sender.at_least.number() => return link.unclaimed(1),
            None => {
                let key = key(device, &message);
                self.repeats.said(key, now, || event(&place, key, &message, sender.means))
            }
        };
        if let Some(event) = told {
            link.namespace().event(event);
        }
    }
}

impl Driver for Syslog {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        endless(self.run(link))
    }
}
