//! The listener: a thread of its own, because an inform is acknowledged inside the library, and that has to wait for the
//! disk.

use crate::disk;
use crate::kind::Secrets;
use crate::south::port::udp_fault;
use async_snmp::notification::{
    NotificationAcceptance, NotificationEnvelope, NotificationPduClass, NotificationReceiver,
    NotificationReceiverBuilder,
};
use async_snmp::v3::PersistedAuthoritativeEngine;
use async_snmp::{AuthoritativeEngine, Oid, VarBind};
use model::Fault;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::mpsc as waiting;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Traps that wait for the driver.
const QUEUE: usize = 256;
/// So long an inform waits for the disk; then it is not acknowledged, and the device sends it again.
const PATIENCE: Duration = Duration::from_secs(3);

/// A trap or an inform of a known sender.
#[derive(Debug)]
pub(super) struct Heard {
    /// Index of the device.
    pub device: usize,
    /// Which trap.
    pub trap: Oid,
    /// What names one message among those of its device: sent again, it has the same number and the same clock.
    pub number: (Option<i32>, u32),
    /// What it carries.
    pub varbinds: Vec<VarBind>,
    /// An inform: whether it was kept.
    pub kept: Option<waiting::SyncSender<bool>>,
}

/// Why a notification is not taken.
pub(super) type Reject = Box<dyn Fn() + Send + Sync>;

/// The running listener; dropping it stops it.
pub(super) struct Receiver {
    pub(super) heard: mpsc::Receiver<Heard>,
    _stop: oneshot::Sender<()>,
}

/// A listener whose port is about to be open.
pub(super) struct Starting {
    receiver: Receiver,
    bound: oneshot::Receiver<Result<(), String>>,
}

impl Starting {
    /// Waits until whatever is sent is heard.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub(super) async fn bound(self) -> Result<Receiver, Fault> {
        match self.bound.await {
            Ok(Ok(())) => Ok(self.receiver),
            Ok(Err(why)) => Err(Fault::Connect(format!("traps cannot be listened for: {why}").into())),
            Err(_) => Err(Fault::Lost("the listener for traps has ended".into())),
        }
    }
}

/// Opens the port, to tell in words what is in the way before the library does.
pub(super) fn check_port(address: SocketAddr) -> Result<(), Fault> {
    let taker = "snmptrapd: stop it (systemctl disable --now snmptrapd)";
    UdpSocket::bind(address).map(drop).map_err(|error| udp_fault(address, &error, taker, "snmp"))
}

/// Starts to listen. `known` says which device a message is from, if it shows what that device must show.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(
    builder: NotificationReceiverBuilder,
    known: impl Fn(&NotificationEnvelope<'_>) -> Option<usize> + Send + Sync + 'static,
    reject: Reject,
) -> Result<Starting, Fault> {
    let (send, heard) = mpsc::channel(QUEUE);
    let (tell, bound) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let builder = builder.acceptance_policy(move |envelope| {
        let taken = known(envelope).and_then(|device| hand_over(envelope, device, &send));
        if taken.is_none() {
            reject();
        }
        if taken == Some(true) { NotificationAcceptance::Accept } else { NotificationAcceptance::Reject }
    });
    // Who does not listen to `tell` any more has given the listener up.
    let listen = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            match builder.build().await {
                Ok(receiver) => {
                    let _ = tell.send(Ok(()));
                    tokio::select! {
                        _ = stopped => {}
                        () = receive(&receiver) => {}
                    }
                }
                Err(error) => drop(tell.send(Err(error.to_string()))),
            }
        }),
        Err(error) => drop(tell.send(Err(error.to_string()))),
    };
    std::thread::Builder::new()
        .name("snmp-traps".to_owned())
        .spawn(listen)
        .map_err(|error| Fault::Lost(format!("no thread for the listener: {error}").into()))?;
    Ok(Starting { receiver: Receiver { heard, _stop: stop }, bound })
}

async fn receive(receiver: &NotificationReceiver) {
    loop {
        if let Err(error) = receiver.recv().await {
            tracing::debug!(%error, "SNMP traps");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// `None`: there is no room for it. An inform waits here until the driver says that it is on disk.
fn hand_over(envelope: &NotificationEnvelope<'_>, device: usize, send: &mpsc::Sender<Heard>) -> Option<bool> {
    let trap = envelope.trap_oid().ok()?;
    let (varbinds, number) = (envelope.varbinds.to_vec(), (envelope.request_id, envelope.uptime));
    if envelope.pdu_class != NotificationPduClass::Inform {
        return send.try_send(Heard { device, trap, number, varbinds, kept: None }).ok().map(|()| true);
    }
    let (tell, told) = waiting::sync_channel(1);
    send.try_send(Heard { device, trap, number, varbinds, kept: Some(tell) }).ok()?;
    Some(told.recv_timeout(PATIENCE).unwrap_or(false))
}

/// Who we are to devices that send informs of version 3: an id that never changes, and how often we have started
/// (RFC 3414, 2.2). Kept in the data folder.
///
/// # Errors
/// It cannot be read or written.
pub(super) fn engine(secrets: &dyn Secrets, connection: &str) -> Result<AuthoritativeEngine, Fault> {
    let fault = |why: String| Fault::Config(format!("the SNMP engine of this gateway: {why}").into());
    let file = secrets.data().map(|data| data.join("snmp").join(format!("{connection}.engine")));
    let stored = match &file {
        Some(path) => match std::fs::read_to_string(path) {
            Ok(text) => Some(parse(&text).ok_or_else(|| fault(format!("{} is damaged", path.display())))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fault(format!("{}: {error}", path.display()))),
        },
        None => None,
    };
    let keep = move |engine: &PersistedAuthoritativeEngine| match &file {
        Some(path) => write(path, engine),
        None => Ok(()),
    };
    let engine = match stored {
        Some(engine) => AuthoritativeEngine::restart(engine, keep),
        None => async_snmp::v3::generate_engine_id().and_then(|id| AuthoritativeEngine::install(id, keep)),
    };
    engine.map_err(|error| fault(error.to_string()))
}

fn parse(text: &str) -> Option<PersistedAuthoritativeEngine> {
    let (id, boots) = text.trim().split_once(' ')?;
    let pairs =
        id.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    PersistedAuthoritativeEngine::new(pairs.collect::<Option<Vec<u8>>>()?, boots.parse().ok()?).ok()
}

fn write(path: &Path, engine: &PersistedAuthoritativeEngine) -> io::Result<()> {
    let id: String = engine.engine_id().iter().map(|byte| format!("{byte:02x}")).collect();
    disk::replace(path, format!("{id} {}\n", engine.engine_boots()).as_bytes())
}

/// The address as it was configured: a socket for both families sees IPv4 in the form of IPv6.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
