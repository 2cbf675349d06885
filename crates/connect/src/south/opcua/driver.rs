//! The driver: what is kept between sessions.

use super::build::{Group, Spec};
use super::config::Mode;
use super::exchange::{Exchange, Known};
use super::ladder::{self, Session};
use super::services;
use crate::south::{DeviceLayout, Driver, GroupLayout, Layout, Link};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Fault;
use std::sync::Arc;
use std::time::Duration;

/// One endpoint.
pub(super) struct OpcUa {
    spec: Arc<Spec>,
    kept: Option<Session>,
    known: Vec<Vec<Known>>,
}

impl OpcUa {
    pub(super) fn new(spec: Spec) -> Self {
        let known = spec.groups.iter().map(|group| vec![Known::default(); group.items.len()]).collect();
        Self { spec: Arc::new(spec), kept: None, known }
    }

    async fn connect_and_exchange(&mut self, link: &mut Link) -> Fault {
        let (now, budget) = (link.clock().now(), link.budget().clone());
        let live = match Box::pin(link.open(ladder::open(&self.spec, &budget, &mut self.kept, now))).await {
            Ok(live) => live,
            Err(fault) => return fault,
        };
        let (fault, kept) = Exchange::new(&self.spec, live, &mut self.known).run(link).await;
        self.kept = kept;
        fault
    }
}

impl Driver for OpcUa {
    fn layout(&self) -> Layout {
        let spec = &self.spec;
        let device =
            |name: &String| DeviceLayout { name: name.clone(), unit: String::new(), excluded: Vec::new() };
        let group = |group: &super::build::Group| GroupLayout {
            device: group.device,
            class: group.class.clone(),
            period: match spec.mode {
                Mode::Subscribe => Duration::ZERO,
                Mode::Poll => group.sampling,
            },
            points: group.items.iter().map(|item| item.index).collect(),
        };
        spec.timing.layout(spec.devices.iter().map(device).collect(), spec.groups.iter().map(group).collect())
    }

    fn requests(&self, group: usize) -> Option<usize> {
        // What the server's own limits make of it is known only in a session.
        let asked = |group: &Group| group.items.iter().filter(|item| item.asks()).count();
        self.spec.groups.get(group).map(|group| asked(group).div_ceil(services::MOST))
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        self.connect_and_exchange(link).boxed()
    }
}
