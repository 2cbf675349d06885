//! How a session comes to be, the cheapest way first.
//!
//! ```text
//!  kept session? ── new channel ─ activate ─┬─ ask for missed notifications again ─▶ live
//!                                           └─ refused ─ new session ─ take subscriptions over ─┬─▶ live
//!  nothing kept ─ endpoints ─ choose ─ judge ─ channel ─ new session ───────────────────────────┴─ create ─▶ live
//! ```

use super::build::{Item, Spec, Who};
use super::certificates::Own;
use super::channel::{self, Channel, Line, Patience};
use super::config::{Mode, Policy};
use super::endpoint::{self, Wanted};
use super::identity::{self, Identity, Proof, Whom};
use super::monitor::{self, Refusals, Room};
use super::services::{self, Limits};
use super::structure::Types;
use super::subscription::Subscription;
use super::types::{self, Asking};
use crate::south::budget::Budget;
use futures_util::future::BoxFuture;
use model::{Fault, Time};
use opcua::crypto::{PrivateKey, X509};
use opcua::types::{EndpointDescription, NodeId, NotificationMessage, StatusCode};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long one step of opening a session may take: small servers think for seconds about signatures and many items.
const STEP: Duration = Duration::from_secs(10);
/// Most notifications that are asked for again before live ones are waited for.
const MOST_AGAIN: usize = 200;

/// A session that works.
pub(super) struct Live {
    pub(super) line: Line,
    pub(super) session: Session,
}

/// What is worth keeping over a cut.
pub(super) struct Session {
    proof: Proof,
    endpoint: EndpointDescription,
    pub(super) limits: Limits,
    /// The server's namespaces, by number.
    pub(super) namespaces: Vec<String>,
    /// The node of each item by group and row; `None` where the server does not have the namespace.
    pub(super) nodes: Vec<Vec<Option<NodeId>>>,
    /// What the structures are made of.
    pub(super) types: Arc<Types>,
    pub(super) subscriptions: Vec<Subscription>,
    /// What the server refuses, by group.
    pub(super) refused: Refusals,
    /// Notifications that were asked for again and are not published yet, in order, with their subscription. The next
    /// cut may come before they are.
    pub(super) missed: Vec<(u32, NotificationMessage)>,
    /// Notifications that the server has no more, not counted yet.
    pub(super) lost: u64,
    /// When the connection was lost.
    left: Instant,
}

impl Session {
    /// The connection is lost.
    pub(super) fn leave(&mut self) {
        self.left = Instant::now();
    }

    /// Whether the server may still have it, or at least its subscriptions: those live longer than a session that
    /// nobody uses.
    fn is_fresh(&self) -> bool {
        let longest = self.subscriptions.iter().map(|one| one.lifetime).max();
        self.left.elapsed() < self.proof.timeout.max(longest.unwrap_or_default())
    }

    /// Looks once more whether its server is trusted: a person may have taken that back.
    pub(super) fn trust(&self, spec: &Arc<Spec>, now: Time) -> BoxFuture<'static, Result<(), Fault>> {
        let (spec, endpoint) = (spec.clone(), self.endpoint.clone());
        let looked = tokio::task::spawn_blocking(move || judge(&spec, &endpoint, now));
        // A look that was broken off says nothing.
        Box::pin(async move { looked.await.unwrap_or(Ok(())) })
    }
}

struct Keys {
    own: Option<Own>,
    identity: Identity,
    /// What the server is asked at most.
    budget: Arc<Budget>,
}

/// Opens a session, taking up `kept` if that is possible.
///
/// # Errors
/// What stands in the way; `kept` stays where another attempt may still find it.
pub(super) async fn open(
    spec: &Arc<Spec>,
    budget: &Arc<Budget>,
    kept: &mut Option<Session>,
    now: Time,
) -> Result<Live, Fault> {
    let keys = keys(spec, budget).await?;
    if let Some(session) = kept.take().filter(Session::is_fresh) {
        match resume(spec, &keys, session, now).await {
            Ok(live) => return Ok(live),
            Err(NotResumed::Away(fault, session)) => {
                *kept = Some(*session);
                return Err(fault);
            }
            Err(NotResumed::Strange(fault, session)) => {
                let known = is_known(spec, &keys, &session).await;
                if known != Ok(false) {
                    *kept = Some(*session);
                    return Err(known.err().unwrap_or(fault));
                }
            }
            // The server is another one than before: from the beginning.
            Err(NotResumed::Gone(fault)) => {
                tracing::debug!(connection = spec.name, %fault, "the session could not be taken up");
            }
        }
    }
    begin(spec, &keys, now).await
}

fn patience(spec: &Spec) -> Patience {
    Patience { connect: spec.timing.connect_timeout, answer: STEP }
}

fn whom<'a>(keys: &'a Keys, endpoint: &'a EndpointDescription) -> Whom<'a> {
    Whom { endpoint, own: keys.own.as_ref(), identity: &keys.identity }
}

/// Our certificate and secrets, looked at anew for each session, so that a change counts.
async fn keys(spec: &Arc<Spec>, budget: &Arc<Budget>) -> Result<Keys, Fault> {
    let budget = budget.clone();
    let secret = |name: &str| crate::reach::secret(&*spec.secrets, name);
    let identity = match &spec.who {
        Who::Anonymous => Identity::Anonymous,
        Who::User { name, password } => Identity::User { name: name.clone(), password: secret(password)? },
        Who::Certificate { der, key } => Identity::Certificate {
            certificate: Box::new(
                X509::from_der(der)
                    .map_err(|_| Fault::Config("the user certificate cannot be read".into()))?,
            ),
            key: Box::new(PrivateKey::from_pem(secret(key)?.as_bytes()).map_err(|_| {
                Fault::Security(format!("the secret `{key}` is no private key in PEM").into())
            })?),
        },
    };
    if spec.policy == Policy::None {
        return Ok(Keys { own: None, identity, budget });
    }
    let certificates = folder(spec)?.clone();
    // The first call makes a key: seconds of arithmetic.
    let own = tokio::task::spawn_blocking(move || certificates.own()).await;
    match own {
        Ok(own) => Ok(Keys { own: Some(own?), identity, budget }),
        Err(_) => Err(Fault::Config("our own certificate could not be made".into())),
    }
}

fn folder(spec: &Spec) -> Result<&super::certificates::Certificates, Fault> {
    spec.certificates.as_ref().ok_or(Fault::Config("there is no data folder for certificates".into()))
}

/// A server with encryption, or one that gets an encrypted password, must be known.
fn judge(spec: &Spec, endpoint: &EndpointDescription, now: Time) -> Result<(), Fault> {
    let trusted = spec.policy == Policy::None && !matches!(spec.who, Who::User { .. });
    if trusted {
        return Ok(());
    }
    let host = endpoint::parts(&spec.url).map(|(host, ..)| host).unwrap_or_default();
    folder(spec)?.judge(endpoint.server_certificate.as_ref(), &host, now)
}

async fn begin(spec: &Arc<Spec>, keys: &Keys, now: Time) -> Result<Live, Fault> {
    let root = spec.certificates.as_ref().map(|c| c.folder().to_owned()).unwrap_or_default();
    let offered = Line::endpoints(&spec.url, &root, patience(spec), Some(&keys.budget)).await?;
    let wanted = Wanted { policy: spec.policy, protection: spec.protection, token: keys.identity.token() };
    let endpoint = endpoint::choose(&offered, &wanted, &spec.url)?;
    judge(spec, &endpoint, now)?;
    let line = Line::open(endpoint.clone(), &root, patience(spec)).await?;
    line.channel.keep_to(&keys.budget);
    let proof = sign_in(spec, keys, &endpoint, &line.channel).await?;
    let session = survey(spec, &line.channel, proof, endpoint).await?;
    let mut live = Live { line, session };
    create(spec, &mut live).await?;
    Ok(live)
}

async fn sign_in(
    spec: &Spec,
    keys: &Keys,
    endpoint: &EndpointDescription,
    channel: &Channel,
) -> Result<Proof, Fault> {
    let whom = whom(keys, endpoint);
    let timeout = (spec.bridge * 2).max(Duration::from_secs(30));
    let mut proof = identity::create(channel, &whom, &spec.name, timeout, STEP).await?;
    identity::activate(channel, &whom, &mut proof, STEP).await?;
    Ok(proof)
}

/// What the server has: namespaces, limits, and so the nodes of all items.
async fn survey(
    spec: &Spec,
    channel: &Channel,
    proof: Proof,
    endpoint: EndpointDescription,
) -> Result<Session, Fault> {
    let namespaces = services::namespaces(channel, STEP).await?;
    let limits = services::limits(channel, STEP).await?;
    let mut refused = Refusals::new(spec.groups.len());
    let mut nodes = Vec::with_capacity(spec.groups.len());
    for (index, group) in spec.groups.iter().enumerate() {
        let mut of_group = Vec::with_capacity(group.items.len());
        for (row, item) in (0..).zip(&group.items) {
            match item.address.resolve(&namespaces) {
                Ok(node) => of_group.push(Some(node)),
                Err(why) => {
                    if item.asks() || item.call.is_some() {
                        refused.add(index, row, why);
                    }
                    of_group.push(None);
                }
            }
        }
        nodes.push(of_group);
    }
    let types = structures(spec, channel, limits, &nodes, &mut refused).await?;
    Ok(Session {
        proof,
        endpoint,
        limits,
        namespaces,
        nodes,
        types: Arc::new(types),
        subscriptions: Vec::new(),
        refused,
        missed: Vec::new(),
        lost: 0,
        left: Instant::now(),
    })
}

/// Learns the structures whose members are points. Members that they do not have are refused.
async fn structures(
    spec: &Spec,
    channel: &Channel,
    limits: Limits,
    nodes: &[Vec<Option<NodeId>>],
    refused: &mut Refusals,
) -> Result<Types, Fault> {
    let members = || {
        spec.groups.iter().zip(nodes).enumerate().flat_map(|(index, (group, nodes))| {
            let rows = (0..).zip(group.items.iter().zip(nodes));
            rows.filter_map(move |(row, (item, node))| {
                Some((index, row, item.member.as_ref()?, node.as_ref()?))
            })
        })
    };
    let variables: HashSet<NodeId> = members().map(|(.., node)| node.clone()).collect();
    if variables.is_empty() {
        return Ok(Types::default());
    }
    let asking = Asking { channel, limits, within: STEP };
    let types = types::learn(asking, variables.into_iter().collect()).await?;
    for (group, row, member, node) in members() {
        if let Err(why) = types.check(node, member) {
            refused.unfit(group, row, why);
        }
    }
    Ok(types)
}

/// Creates the subscriptions that are not there yet.
async fn create(spec: &Spec, live: &mut Live) -> Result<(), Fault> {
    if spec.mode == Mode::Poll {
        return Ok(());
    }
    let session = &mut live.session;
    for (index, group) in spec.groups.iter().enumerate() {
        if session.subscriptions.iter().any(|known| known.group == index) {
            continue;
        }
        let made = monitor::subscribe(&live.line.channel, spec, group).await?;
        let id = made.id;
        let nodes = session.nodes.get(index).map(Vec::as_slice).unwrap_or_default();
        session.refused.renew(index, nodes);
        let asks = |row: u32| group.items.get(row as usize).is_some_and(Item::asks);
        let rows: Vec<(u32, NodeId)> = (0..)
            .zip(nodes)
            .filter(|(row, _)| asks(*row))
            .filter_map(|(row, node)| Some((row, node.clone()?)))
            .collect();
        let mut room = Room { portion: session.limits.monitor, queue: group.queue };
        let results = monitor::create(&live.line.channel, id, group, rows, &mut room, STEP).await?;
        session.limits.monitor = room.portion;
        session.subscriptions.push(Subscription::new(made, index, room.queue, Instant::now()));
        for (row, why) in results.into_iter().filter_map(|(row, result)| Some((row, result.err()?))) {
            session.refused.add(index, row, why);
        }
    }
    Ok(())
}

/// Why a session could not be taken up.
enum NotResumed {
    /// The server does not answer now; the session may still be there.
    Away(Fault, Box<Session>),
    /// Somebody answers, but opens no channel: cut again, or another server by now.
    Strange(Fault, Box<Session>),
    /// The session is of no use any more.
    Gone(Fault),
}

impl NotResumed {
    fn of(fault: Fault, session: Session) -> Self {
        match fault {
            Fault::Lost(_) | Fault::Timeout { .. } => Self::Away(fault, Box::new(session)),
            fault => Self::Gone(fault),
        }
    }
}

/// Whether the server still shows the certificate that the session was made with.
async fn is_known(spec: &Spec, keys: &Keys, session: &Session) -> Result<bool, Fault> {
    let root = spec.certificates.as_ref().map(|c| c.folder().to_owned()).unwrap_or_default();
    let offered = Line::endpoints(&spec.url, &root, patience(spec), Some(&keys.budget)).await?;
    let shown = |e: &EndpointDescription| {
        super::certificates::leaf(e.server_certificate.as_ref()).map(<[u8]>::to_vec)
    };
    let known = shown(&session.endpoint);
    Ok(offered.iter().any(|endpoint| shown(endpoint) == known))
}

/// After a cut: the same session on a new channel, or a new one that takes the subscriptions over.
async fn resume(spec: &Arc<Spec>, keys: &Keys, mut session: Session, now: Time) -> Result<Live, NotResumed> {
    let root = spec.certificates.as_ref().map(|c| c.folder().to_owned()).unwrap_or_default();
    if let Err(fault) = judge(spec, &session.endpoint, now) {
        return Err(NotResumed::Gone(fault));
    }
    let stream = match channel::dial(&session.endpoint, patience(spec)).await {
        Ok(stream) => stream,
        Err(fault) => return Err(NotResumed::Away(fault, Box::new(session))),
    };
    let line = match Line::over(stream, session.endpoint.clone(), &root, patience(spec)).await {
        Ok(line) => line,
        Err(fault) => return Err(NotResumed::Strange(fault, Box::new(session))),
    };
    line.channel.keep_to(&keys.budget);
    let who = whom(keys, &session.endpoint);
    match identity::activate(&line.channel, &who, &mut session.proof, STEP).await {
        Ok(()) => {}
        Err(fault @ Fault::Timeout { .. }) => return Err(NotResumed::of(fault, session)),
        Err(_) => session = take_over(spec, keys, &line.channel, session).await?,
    }
    let mut live = Live { line, session };
    let caught_up = async {
        catch_up(&mut live).await?;
        create(spec, &mut live).await
    };
    match caught_up.await {
        Ok(()) => Ok(live),
        Err(fault) => {
            live.line.leave();
            Err(NotResumed::of(fault, live.session))
        }
    }
}

/// The server does not know the session any more, or the line was cut again: a new session, to which the subscriptions
/// move. As long as they did not, the old one stays what is worth keeping.
async fn take_over(
    spec: &Arc<Spec>,
    keys: &Keys,
    channel: &Channel,
    old: Session,
) -> Result<Session, NotResumed> {
    let signed_in = async {
        let proof = sign_in(spec, keys, &old.endpoint, channel).await?;
        survey(spec, channel, proof, old.endpoint.clone()).await
    };
    let mut session = match signed_in.await {
        Ok(session) => session,
        Err(fault) => return Err(NotResumed::of(fault, old)),
    };
    (session.missed, session.lost) = (old.missed, old.lost);
    let ids: Vec<u32> = old.subscriptions.iter().map(|one| one.id).collect();
    if ids.is_empty() {
        return Ok(session);
    }
    // Servers that do not know the service, or started anew, refuse: then all are created.
    let Ok(results) = services::transfer(channel, ids).await else { return Ok(session) };
    for (one, result) in old.subscriptions.into_iter().zip(results) {
        if result.status_code.is_good() {
            session.refused.inherit(&old.refused, one.group);
            session.subscriptions.push(one);
        }
    }
    Ok(session)
}

/// Asks for what came while nobody listened (OPC 10000-4, 6.7): what was missing at the cut, and what came since. A
/// subscription that is gone is forgotten.
async fn catch_up(live: &mut Live) -> Result<(), Fault> {
    let Session { subscriptions, missed, lost, .. } = &mut live.session;
    let now = Instant::now();
    let mut gone = Vec::new();
    for one in subscriptions.iter_mut() {
        one.resumed(now);
        let mut known = one.missing().into_iter();
        while missed.len() < MOST_AGAIN {
            let missing = known.next();
            let number = missing.unwrap_or(one.next());
            match services::republish(&live.line.channel, one.id, number).await {
                Ok(Some(message)) => {
                    one.came(number);
                    missed.push((one.id, message));
                }
                Ok(None) if missing.is_some() => *lost += u64::from(one.gone(number)),
                Ok(None) => break,
                Err(Fault::Exception { code, .. }) => {
                    tracing::debug!(code = %StatusCode::from(code), "a subscription is gone");
                    gone.push(one.id);
                    break;
                }
                Err(fault) => return Err(fault),
            }
        }
    }
    subscriptions.retain(|one| !gone.contains(&one.id));
    Ok(())
}
