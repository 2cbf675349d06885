//! Posts of machines: who may, how much, and what each answer says.

use crate::client::{Reply, Request};
use crate::fixture::Fixture;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use web::inbox::{Coming, Door, Posted, Refused};
use web::{Problem, ProblemKind};

pub const TOKEN: &str = "a token of the scale";

/// Where it was posted, and what.
type Post = (String, Vec<u8>);

/// Keeps what is posted, and refuses what it is told to.
#[derive(Clone, Default)]
pub struct TestDoor(pub Arc<Mutex<Vec<Post>>>);

impl Door for TestDoor {
    fn max_body(&self) -> usize {
        1_000
    }

    fn post<'a>(&'a self, path: String, body: Coming<'a>) -> BoxFuture<'a, Result<Posted, Refused>> {
        async move {
            if path == "full" {
                return Err(Refused::TooMany(7));
            }
            let body = body.await.ok_or(Refused::TooLong)?;
            if path == "nowhere" {
                let problem =
                    Problem::new(ProblemKind::NotFound, "Nobody reads it.", "Nothing was kept.", "Look.");
                return Err(Refused::Problem(problem));
            }
            self.0.lock().push((path, body.to_vec()));
            Ok(Posted { values: 2, bad: 1, no_room: 0, commands: Vec::new() })
        }
        .boxed()
    }
}

async fn post(plant: &Fixture, path: &str, token: &str, body: &[u8]) -> Reply {
    let mut request = Request::new("POST", path).header("authorization", &format!("Bearer {token}"));
    request.body = body.to_vec();
    plant.send(&request).await
}

#[tokio::test]
async fn a_post_reaches_its_connection_with_its_path() {
    let plant = Fixture::new().await;
    for path in ["/api/in/scale", "/api/in/scale/line%201/top", "/api/in/scale/a/b/c"] {
        let answer = post(&plant, path, TOKEN, b"{\"weight\":1}").await.ok();
        assert_eq!(answer, json!({ "values": 2, "bad": 1, "no_room": 0 }));
    }
    let kept: Vec<_> = plant.plant.door.0.lock().iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(kept, ["/", "line 1/top", "a/b/c"]);
    assert_eq!(plant.plant.door.0.lock()[0].1, b"{\"weight\":1}");
}

#[tokio::test]
async fn every_refusal_has_its_words() {
    let plant = Fixture::new().await;
    let long = vec![b'x'; 1_001];
    for (path, token, body, status, code) in [
        ("/api/in/scale", "wrong", &b"{}"[..], 401, "no-door"),
        ("/api/in/scales", TOKEN, b"{}", 401, "no-door"),
        ("/api/in/scale/nowhere", TOKEN, b"{}", 404, "not-found"),
        ("/api/in/scale", TOKEN, &long, 413, "too-large"),
        ("/api/in/scale/full", TOKEN, b"{}", 429, "too-many"),
        ("/api/in/scale/%FF", TOKEN, b"{}", 400, "bad-request"),
    ] {
        let reply = post(&plant, path, token, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{path}: {}", reply.text());
        assert!(status != 429 || reply.header("retry-after") == "7");
    }
    let without = plant.send(&Request::new("POST", "/api/in/scale")).await;
    assert_eq!((without.status, without.code().as_str()), (401, "no-door"));
    let get = plant.send(&Request::new("GET", "/api/in/scale")).await;
    assert_eq!(get.status, 405);
    assert!(plant.plant.door.0.lock().is_empty());
}

#[tokio::test]
async fn guessing_ends_soon_and_the_right_token_costs_nothing() {
    let plant = Fixture::new().await;
    for _ in 0..40 {
        assert_eq!(post(&plant, "/api/in/scale", TOKEN, b"{}").await.status, 200);
    }
    let mut answers = Vec::new();
    for guess in 0..20 {
        answers.push(post(&plant, "/api/in/scale", &format!("guess {guess}"), b"{}").await.status);
    }
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 10, "{answers:?}");
    assert_eq!(answers.last(), Some(&429));
}
