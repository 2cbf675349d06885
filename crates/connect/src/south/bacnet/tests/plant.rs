//! Simulated devices behind a socket without a network, and a connection that reads them.

use crate::kind::Context;
use crate::south::bacnet::KIND;
use crate::south::bacnet::build;
use crate::south::bacnet::config::File;
use crate::south::bacnet::driver::Bacnet;
use crate::south::bacnet::socket::{Door, Mock};
use crate::south::tags::{Plan, Resolved};
use crate::south::testing::Rig;
use model::Path;
use model::config::Document;
use parking_lot::Mutex;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use twin::bacnet::{Device, Object, Rules, Site};
use wire::bacnet::{ObjectId, Value as Wire};

pub(super) const HOST: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 20, 1, 40), 47_808);
const OURS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 20, 1, 1), 50_000);

pub(super) struct Plant {
    rig: Rig,
    pub(super) site: Arc<Mutex<Site>>,
    /// Datagrams that the connection sent.
    pub(super) sent: Arc<AtomicU64>,
}

impl Deref for Plant {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        &self.rig
    }
}

/// An air-handling unit: two temperatures, a fan, a mode, a set-point with priorities.
pub(super) fn objects() -> Vec<(ObjectId, Object)> {
    vec![
        (ObjectId::new(0, 1), Object::new("Supply", Wire::Real(21.5))),
        (ObjectId::new(0, 2), Object::new("Return", Wire::Real(23.25))),
        (ObjectId::new(3, 1), Object::new("Filter", Wire::Enumerated(1))),
        (ObjectId::new(4, 1), Object::new("Fan", Wire::Enumerated(0)).commandable()),
        (ObjectId::new(19, 1), Object::new("Mode", Wire::Unsigned(2))),
        (ObjectId::new(2, 3), Object::new("Set-point", Wire::Real(20.0)).commandable()),
    ]
}

pub(super) const TAGS: &str = "supply = { at = \"AI1\" }\nreturn = { at = \"AI2\" }\nfilter = { at = \"BI1\" }\nmode = { at = \"MSV1\" }\n";

pub(super) fn ahu(rules: Rules) -> Arc<Device> {
    Arc::new(Device::new(1_001, rules, objects()))
}

/// A connection to one device at the host, with further keys of the device and these tags, read every second.
pub(super) fn plant(device: &Arc<Device>, keys: &str, tags: &str) -> Plant {
    let text =
        format!("[device.d]\ninstance = {}\nat = \"d\"\n{keys}\n[device.d.tags]\n{tags}", device.instance);
    plant_of(Site::new(device.clone()), &text)
}

/// The same with other devices.
pub(super) fn plant_of(site: Site, devices: &str) -> Plant {
    let text = format!("kind = \"bacnet-ip\"\nhost = \"{}\"\nrecheck = \"60s\"\n{devices}", HOST.ip());
    let document = Document::parse("connections/line-1.toml", &text).unwrap();
    let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), "");
    let file: File = KIND.read(&document).unwrap();
    let mut plan = Plan::new(&document, &context, &file.keys);
    let (endpoint, devices) = build::resolve(&mut plan, &file);
    let Resolved { classes, points, .. } = plan.finish().unwrap();
    let (site, sent) = (Arc::new(Mutex::new(site)), Arc::new(AtomicU64::new(0)));
    let door = {
        let (site, sent) = (site.clone(), sent.clone());
        Door::Mock(Box::new(move || socket(site.clone(), sent.clone())))
    };
    let driver = Bacnet::new(door, endpoint, &classes, devices);
    let rig = Rig::start("bacnet-ip", Box::new(driver), points);
    Plant { rig, site, sent }
}

fn socket(site: Arc<Mutex<Site>>, sent: Arc<AtomicU64>) -> Mock {
    let (out, mut theirs) = mpsc::unbounded_channel::<(SocketAddrV4, Vec<u8>)>();
    let (answers, back) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        loop {
            let mut said = Vec::new();
            tokio::select! {
                datagram = theirs.recv() => match datagram {
                    Some((to, datagram)) => {
                        sent.fetch_add(1, Ordering::Relaxed);
                        if to == HOST {
                            site.lock().take(OURS, &datagram, Instant::now(), &mut said);
                        }
                    }
                    None => return,
                },
                _ = looks.tick() => site.lock().tell(Instant::now(), &mut said),
            }
            for (to, datagram) in said {
                if to != OURS || answers.send((HOST, datagram)).is_err() {
                    return;
                }
            }
        }
    });
    Mock { out, back }
}
