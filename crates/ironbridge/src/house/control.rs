//! The owner-only socket: the HTTP API for the command line, with the peer's Unix account as sign-in.

use super::{House, How};
use crate::cli::SOCKET;
use crate::plant::{self, Plant};
use crate::report;
use access::Access;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use model::config::Diagnostic;
use serde_json::json;
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use web::Local;
use web::shapes::{AppliedShape, PlanShape};

/// Commands that talk to us at the same time.
const CLIENTS: usize = 64;
/// Largest body of `/local/...`.
const BODY: usize = 64 * 1024;

/// Listens on `control.sock` in the data folder until the house stops.
///
/// # Errors
/// The socket cannot be made.
pub fn listen(house: &Arc<House>, app: &web::App) -> io::Result<()> {
    let path = house.data.join(SOCKET);
    // The data folder is locked by now: a socket that is there was left behind by a crash.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let local = Arc::new(Local::new(app.clone(), web::Limits::default()));
    house.supervisor.spawn("control", accept(house.clone(), local, listener));
    Ok(())
}

async fn accept(house: Arc<House>, local: Arc<Local>, listener: UnixListener) {
    let seats = Arc::new(tokio::sync::Semaphore::new(CLIENTS));
    loop {
        let accepted = tokio::select! {
            () = house.supervisor.stopped() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let Ok(seat) = seats.clone().try_acquire_owned() else { continue };
        let (house, local) = (house.clone(), local.clone());
        tokio::spawn(async move {
            serve(house, local, stream).await;
            drop(seat);
        });
    }
    local.stop();
    // Gone, so that the command line says at once that nothing runs.
    let _ = std::fs::remove_file(house.data.join(SOCKET));
}

async fn serve(house: Arc<House>, local: Arc<Local>, stream: UnixStream) {
    let Ok(peer) = stream.peer_cred() else { return };
    let own = rustix::process::geteuid().as_raw();
    if peer.uid() != own && peer.uid() != 0 {
        return tracing::warn!(uid = peer.uid(), "another account tried the owner's socket");
    }
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (house, local) = (house.clone(), local.clone());
        async move { Ok::<_, Infallible>(answer(&house, &local, peer.uid(), request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the local connection ended");
    }
}

async fn answer(
    house: &Arc<House>,
    local: &Local,
    uid: u32,
    request: Request<Incoming>,
) -> Response<web::Body> {
    let owner = Access::owner(uid);
    let apply = match (request.method(), request.uri().path()) {
        (&Method::POST, "/local/apply") => true,
        (&Method::POST, "/local/plan") => false,
        _ => return local.answer(owner, request).await,
    };
    let body = Limited::new(request.into_body(), BODY)
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let ask: Ask = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = match done(house, &ask, apply, &owner.name).await {
        Ok(answer) => (StatusCode::OK, answer),
        Err(NotApplied::Mistakes(found)) => (StatusCode::OK, json!({"mistakes": report::mistakes(&found)})),
        Err(NotApplied::Refused(why)) => {
            let error = json!({
                "code": "not-applied", "title": why, "meaning": "The plant runs on as it was.",
                "next": "Mend it, check it with `ironbridge check`, and apply again.",
            });
            (StatusCode::CONFLICT, json!({"error": error}))
        }
    };
    let mut response = Response::new(web::Body::new(Full::from(answer.to_string())));
    *response.status_mut() = status;
    response
}

/// What the command line asks.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Ask {
    /// The plant folder.
    plant: PathBuf,
    /// Stay with it even if it is worse.
    force: bool,
    /// Seconds for what worked before to work again.
    gate_s: Option<u64>,
}

async fn done(
    house: &Arc<House>,
    ask: &Ask,
    apply: bool,
    who: &str,
) -> Result<serde_json::Value, NotApplied> {
    let shaped = if apply {
        let gate = ask.gate_s.map_or(How::LOCAL.gate, |seconds| Duration::from_secs(seconds.clamp(1, 600)));
        let how = How { gate, force: ask.force, ..How::LOCAL };
        serde_json::to_value(self::apply(house, &ask.plant, who, how).await?)
    } else {
        serde_json::to_value(plan(house, &ask.plant).await?)
    };
    shaped.map_err(|why| NotApplied::Refused(why.to_string()))
}

/// Why nothing was touched.
pub enum NotApplied {
    /// The folder has mistakes.
    Mistakes(Vec<Diagnostic>),
    /// Another reason, in words.
    Refused(String),
}

/// Loads what changed in the folder and applies it.
///
/// # Errors
/// [`NotApplied`].
pub async fn apply(
    house: &Arc<House>,
    folder: &Path,
    who: &str,
    how: How,
) -> Result<AppliedShape, NotApplied> {
    let plant = load(house, folder).await?;
    house.apply(plant, who, how).await.map_err(NotApplied::Refused)
}

/// What [`apply`] would do.
///
/// # Errors
/// [`NotApplied`].
pub async fn plan(house: &Arc<House>, folder: &Path) -> Result<PlanShape, NotApplied> {
    let plant = load(house, folder).await?;
    Ok(tokio::task::block_in_place(|| house.change_plan(&plant)))
}

async fn load(house: &Arc<House>, folder: &Path) -> Result<Plant, NotApplied> {
    let (folder, known, secrets) = (folder.to_owned(), house.known(), house.secrets());
    let loaded = tokio::task::spawn_blocking(move || plant::load_changed(&folder, secrets, &known)).await;
    loaded.map_err(|why| NotApplied::Refused(why.to_string()))?.map_err(NotApplied::Mistakes)
}
