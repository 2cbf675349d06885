//! The controller: its program, its manners, and what it counts.

use super::behaviour::{Behaviour, Conduct};
use super::files::DataFiles;
use super::program::{NoSuchTag, Program};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use wire::enip::Identity;
use wire::enip::connection::Triad;

/// What a controller has done since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// TCP connections accepted.
    pub sessions: AtomicU64,
    /// TCP connections closed at once, because there were too many.
    pub refused: AtomicU64,
    /// TCP connections open now.
    pub open: AtomicU64,
    /// Messages received, those inside a packet not counted.
    pub messages: AtomicU64,
    /// Requests carried out, those inside a packet counted each.
    pub requests: AtomicU64,
    /// Parts of the tag list given out.
    pub uploads: AtomicU64,
    /// Streams that were not EtherNet/IP.
    pub desync: AtomicU64,
    /// CIP connections opened.
    pub opened: AtomicU64,
    /// CIP connections closed as they should be.
    pub closed: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// A CIP connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    pub(super) triad: Triad,
    /// Id that the originator uses towards us is the key; this is ours towards it.
    pub(super) to_originator: u32,
    /// Largest answer in bytes, sequence number included.
    pub(super) size: u16,
}

/// A Logix controller in a slot of a chassis.
pub struct Controller {
    pub(super) identity: Identity,
    pub(super) slot: u8,
    pub(super) program: RwLock<Program>,
    /// Of an SLC 500 or the like, which has no tags.
    pub(super) files: Option<DataFiles>,
    behaviour: RwLock<Behaviour>,
    /// Downloads since the start.
    pub(super) revision: AtomicU32,
    /// A download is under way.
    pub(super) busy: AtomicBool,
    pub(super) connections: Mutex<BTreeMap<u32, Connection>>,
    pub(super) next_connection: AtomicU32,
    pub(super) next_session: AtomicU32,
    pub(super) max_connections: usize,
    /// What it has done.
    pub counters: Counters,
}

impl Controller {
    /// A sound controller in slot 0.
    #[must_use]
    pub fn new(program: Program) -> Self {
        let identity = Identity {
            vendor: 1,
            device_type: 14,
            product: 166,
            revision: (33, 11),
            status: 0x3060,
            serial: 0x00C0_FFEE,
            name: "1756-L83E/B".into(),
        };
        Self {
            identity,
            slot: 0,
            program: RwLock::new(program),
            files: None,
            behaviour: RwLock::default(),
            revision: AtomicU32::new(1),
            busy: AtomicBool::new(false),
            connections: Mutex::default(),
            next_connection: AtomicU32::new(0x2000_0001),
            next_session: AtomicU32::new(0),
            max_connections: 32,
            counters: Counters::default(),
        }
    }

    /// An SLC 5/05 with its data files, and no tags.
    #[must_use]
    pub fn with_files(files: DataFiles) -> Self {
        let identity = Identity {
            vendor: 1,
            device_type: 14,
            product: 90,
            revision: (10, 9),
            status: 0x0060,
            serial: 0x0510_0005,
            name: "1747-L551/C C/10 - DC 3.46".into(),
        };
        Self { files: Some(files), ..Self::new(Program::new("")) }.identified(identity)
    }

    /// The data files, where there are some.
    #[must_use]
    pub const fn files(&self) -> Option<&DataFiles> {
        self.files.as_ref()
    }

    /// The same in another slot.
    #[must_use]
    pub const fn in_slot(mut self, slot: u8) -> Self {
        self.slot = slot;
        self
    }

    /// The same with another identity.
    #[must_use]
    pub fn identified(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// The same with another behaviour.
    #[must_use]
    pub fn behaving(self, behaviour: Behaviour) -> Self {
        *self.behaviour.write() = behaviour;
        self
    }

    /// Changes the behaviour from the next message on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        *self.behaviour.write() = behaviour;
    }

    /// The present behaviour.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        *self.behaviour.read()
    }

    /// While true, it answers nobody.
    pub fn set_silent(&self, silent: bool) {
        let conduct = if silent { Conduct::Silent } else { Conduct::Sound };
        if self.behaviour().conduct != conduct {
            self.set_behaviour(Behaviour::of(conduct));
        }
    }

    /// Replaces the program, as a download does: connections are closed, and who asks sees that something changed.
    pub fn download(&self, program: Program) {
        *self.program.write() = program;
        self.revision.fetch_add(1, Relaxed);
        self.connections.lock().clear();
    }

    /// Edits the program while it runs, as an online edit does: connections stay, and who asks sees that something
    /// changed.
    pub fn edit(&self, change: impl FnOnce(&mut Program)) {
        change(&mut self.program.write());
        self.revision.fetch_add(1, Relaxed);
    }

    /// While true, everything but identity is refused with a device state conflict, as during a download.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Relaxed);
    }

    /// The bytes of a tag; of an array, from the element named to its end.
    ///
    /// # Errors
    /// [`NoSuchTag`].
    pub fn get(&self, tag: &str) -> Result<Vec<u8>, NoSuchTag> {
        self.program.read().get(tag)
    }

    /// Sets bytes of a tag.
    ///
    /// # Errors
    /// [`NoSuchTag`].
    pub fn set(&self, tag: &str, data: &[u8]) -> Result<(), NoSuchTag> {
        self.program.write().set(tag, data)
    }

    /// Sets a STRING.
    ///
    /// # Errors
    /// [`NoSuchTag`].
    pub fn set_text(&self, tag: &str, text: &str) -> Result<(), NoSuchTag> {
        self.program.write().set_text(tag, text)
    }
}
