//! An SNMP agent: objects by their numbers, for one user of version 3 without passwords.

use async_snmp::agent::Agent as Protocol;
use async_snmp::handler::{
    BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, OidTable, RequestContext,
};
use async_snmp::{AuthoritativeEngine, Oid, Value, VarBind};
use parking_lot::RwLock;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Everything below it is the device's.
const ROOT: [u32; 6] = [1, 3, 6, 1, 2, 1];
/// A name of this agent that no other has: the enterprise number of examples (RFC 5612), and text.
const ENGINE: &[u8] = b"\x80\x00\x7e\xd8\x04ironbridge-twin";

/// The objects of a device.
#[derive(Default)]
pub struct Agent(RwLock<OidTable<Value>>);

impl Agent {
    /// Puts the value of an object, or another in its place.
    pub fn put(&self, oid: &[u32], value: Value) {
        self.0.write().insert(Oid::from_slice(oid), value);
    }
}

impl MibHandler for Agent {
    fn get<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetResult>> {
        let found = self.0.read().get(oid).cloned();
        Box::pin(async move { Ok(found.map_or(GetResult::NoSuchInstance, GetResult::Value)) })
    }

    fn get_next<'a>(
        &'a self,
        _: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        let objects = self.0.read();
        let found = objects.get_next(oid).map(|(oid, value)| VarBind::new(oid.clone(), value.clone()));
        drop(objects);
        Box::pin(async move { Ok(found.map_or(GetNextResult::EndOfMibView, GetNextResult::Value)) })
    }
}

/// A listening agent. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    agent: Arc<Agent>,
    present: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its objects.
    #[must_use]
    pub const fn agent(&self) -> &Arc<Agent> {
        &self.agent
    }

    /// While false, nobody gets an answer: its port is closed.
    pub fn set_present(&self, present: bool) {
        self.present.send_if_modified(|now| std::mem::replace(now, present) != present);
    }

    /// Closes the port and waits until it is closed.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // The result says "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on `address` (port 0: a free one) for `user`, who needs no password.
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, user: &'static str, agent: Arc<Agent>) -> io::Result<Server> {
    let first = open(address, user, &agent).await?;
    let address = first.local_addr();
    let (present, wanted) = watch::channel(true);
    let task = tokio::spawn(run(first, address, user, Arc::clone(&agent), wanted));
    Ok(Server { address, agent, present, task })
}

async fn open(address: SocketAddr, user: &'static str, agent: &Arc<Agent>) -> io::Result<Protocol> {
    let engine =
        AuthoritativeEngine::install(ENGINE, |_| Ok::<(), Infallible>(())).map_err(io::Error::other)?;
    let builder = Protocol::builder().bind(address.to_string()).authoritative_engine(engine);
    let builder = builder.usm_user(user, Ok).map_err(io::Error::other)?;
    let handler = Arc::clone(agent) as Arc<dyn MibHandler>;
    builder
        .handler(Oid::from_slice(&ROOT), handler)
        .allow_all_access()
        .build()
        .await
        .map_err(io::Error::other)
}

/// Answers while it is wanted.
async fn run(
    first: Protocol,
    address: SocketAddr,
    user: &'static str,
    agent: Arc<Agent>,
    mut wanted: watch::Receiver<bool>,
) {
    let mut protocol = Some(first);
    loop {
        if let Some(protocol) = protocol.take() {
            tokio::select! {
                ended = protocol.run() => tracing::warn!(?ended, "the simulated SNMP agent stopped"),
                gone = wanted.wait_for(|present| !present) => if gone.is_err() { return },
            }
        }
        if wanted.wait_for(|present| *present).await.is_err() {
            return;
        }
        match open(address, user, &agent).await {
            Ok(again) => protocol = Some(again),
            Err(error) => {
                tracing::warn!(%error, "the simulated SNMP agent cannot open its port again");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}
