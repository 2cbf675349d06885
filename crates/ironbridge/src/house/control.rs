//! The owner-only socket: the HTTP API for the command line, with the peer's Unix account as sign-in.

use super::{House, PlantSecrets};
use crate::cli::SOCKET;
use crate::{plant, report};
use access::Access;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use web::Local;

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
    let connection = hyper::server::conn::http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the local connection ended");
    }
}

async fn answer(house: &Arc<House>, local: &Local, uid: u32, request: Request<Incoming>) -> Response<web::Body> {
    let owner = Access::owner(uid);
    if (request.method(), request.uri().path()) != (&Method::POST, "/local/apply") {
        return local.answer(owner, request).await;
    }
    let body = Limited::new(request.into_body(), BODY).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let ask: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let folder = ask.get("plant").and_then(|plant| plant.as_str()).unwrap_or_default().to_owned();
    let (status, answer) = match apply(house, Path::new(&folder), &owner.name).await {
        Ok(summary) => (StatusCode::OK, json!({"summary": summary})),
        Err(why) => {
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

/// Loads the folder and applies it.
///
/// # Errors
/// Every mistake in it, or why it cannot be applied.
pub async fn apply(house: &Arc<House>, folder: &Path, who: &str) -> Result<String, String> {
    let secrets = Arc::new(PlantSecrets { access: house.access.clone(), data: house.data.clone() });
    let folder = folder.to_owned();
    let loaded = tokio::task::spawn_blocking(move || plant::load(&folder, secrets)).await.map_err(|why| why.to_string())?;
    let plant = loaded.map_err(|found| report::mistakes(&found))?;
    house.apply(plant, who).await.map(|summary| summary.to_string())
}
