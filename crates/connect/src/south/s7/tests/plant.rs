//! A simulated CPU behind a pipe, and a connection that reads it.

use crate::kind::Context;
use crate::south::dial::Dial;
use crate::south::s7::KIND;
use crate::south::s7::build;
use crate::south::s7::config::File;
use crate::south::s7::driver::S7;
use crate::south::tags::{Plan, Resolved};
use crate::south::testing::Rig;
use model::Path;
use model::config::Document;
use parking_lot::Mutex;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use transport::Stream;
use twin::s7::{Cpu, Memory, Rules};

pub(super) struct Plant {
    rig: Rig,
    pub(super) cpu: Arc<Cpu>,
    pub(super) dials: Arc<AtomicU32>,
    /// Nobody answers a dial.
    pub(super) refuse: Arc<AtomicBool>,
    sessions: Arc<Mutex<Vec<tokio::task::AbortHandle>>>,
}

impl Deref for Plant {
    type Target = Rig;

    fn deref(&self) -> &Rig {
        &self.rig
    }
}

impl Plant {
    pub(super) fn open_sessions(&self) -> usize {
        self.sessions.lock().iter().filter(|session| !session.is_finished()).count()
    }

    pub(super) fn close_sessions(&self) {
        self.sessions.lock().drain(..).for_each(|session| session.abort());
    }
}

/// A connection with these tags, read every second, to a CPU with this memory.
pub(super) fn plant(rules: Rules, memory: Memory, tags: &str) -> Plant {
    plant_of("", rules, memory, tags)
}

/// The same with more keys before the device.
pub(super) fn plant_of(keys: &str, rules: Rules, memory: Memory, tags: &str) -> Plant {
    let cpu = Arc::new(Cpu::new(1, memory).with(rules));
    let text =
        format!("kind = \"s7\"\nhost = \"plc\"\n{keys}\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}");
    let document = Document::parse("connections/line-1.toml", &text).unwrap();
    let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), "");
    let file: File = KIND.read(&document).unwrap();
    let mut plan = Plan::new(&document, &context, &file.keys);
    let (session, devices) = build::resolve(&mut plan, &file, None);
    let Resolved { classes, points, .. } = plan.finish().unwrap();
    let (dials, refuse) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let sessions: Arc<Mutex<Vec<tokio::task::AbortHandle>>> = Arc::default();
    let dial = {
        let (cpu, dials, refuse, sessions) = (cpu.clone(), dials.clone(), refuse.clone(), sessions.clone());
        Dial::Mock(Box::new(move || {
            dials.fetch_add(1, Ordering::Relaxed);
            if refuse.load(Ordering::Relaxed) {
                return None;
            }
            let (near, far) = tokio::io::duplex(16_384);
            let task = tokio::spawn(twin::s7::serve(far, cpu.clone()));
            let mut sessions = sessions.lock();
            sessions.retain(|session| !session.is_finished());
            sessions.push(task.abort_handle());
            Some(Stream::Mock(near))
        }))
    };
    let driver = S7::new(dial, session, &classes, devices);
    let rig = Rig::start("s7", Box::new(driver), points);
    Plant { rig, cpu, dials, refuse, sessions }
}
