//! Sessions, CSRF, roles, scopes.

use crate::client::Request;
use crate::fixture::{Browser, Fixture, PASSWORD, browser};
use model::Role;
use serde_json::json;

#[tokio::test]
async fn from_the_first_start_to_signed_out() {
    let plant = Fixture::new().await;
    let nobody = plant.send(&Request::new("GET", "/api/session")).await;
    assert_eq!((nobody.status, nobody.code().as_str()), (401, "setup-needed"));
    let early = plant
        .send(&Request::new("POST", "/api/session").json(&json!({"name": "anna", "password": "x"})))
        .await;
    assert_eq!((early.status, early.code().as_str()), (401, "setup-needed"));

    let anna = plant.administrator().await;
    let session = plant.get("/api/session", &anna).await.ok();
    assert_eq!(session["user"], json!({"name": "anna", "role": "administrator"}));
    assert_eq!(session["mode"], json!({"writes": "off", "simulated": false, "label": "READ-ONLY"}));
    assert_eq!(session["site"], json!({"enterprise": "acme", "site": "leeds"}));
    assert_eq!(session["csrf"], json!(anna.csrf));

    let used = json!({"token": "used", "name": "eve", "password": PASSWORD});
    let used = plant.send(&Request::new("POST", "/api/setup").json(&used)).await;
    assert_eq!((used.status, used.code().as_str()), (401, "set-up-already"));
    assert!(used.text().contains("Sign in with name and password"), "{}", used.text());

    let out = plant.call("DELETE", "/api/session", &anna, &json!({})).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(plant.get("/api/session", &anna).await.code(), "signed-out");

    let again = Request::new("POST", "/api/session").json(&json!({"name": "Anna", "password": PASSWORD}));
    let again = plant.send(&again).await;
    let cookie = again.header("set-cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let anna = browser(&again);
    let change = plant
        .call(
            "POST",
            "/api/session/password",
            &anna,
            &json!({"current": "wrong", "new": "another long pass"}),
        )
        .await;
    assert_eq!(change.status, 401, "{}", change.text());
    let wrong = Request::new("POST", "/api/session").json(&json!({"name": "anna", "password": "wrong"}));
    let wrong = plant.send(&wrong).await;
    assert_eq!(wrong.status, 401);
    wrong.code();
}

#[tokio::test]
async fn changes_need_the_csrf_header_and_tokens_do_not() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let forged = Browser { csrf: "0".repeat(64), ..anna.clone() };
    let body = json!({"device": null});
    let path = "/api/connections/line-1/pause";
    let refused = plant.call("POST", path, &forged, &body).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "csrf"));
    let missing = Request::new("POST", path).header("cookie", &anna.cookie).json(&body);
    assert_eq!(plant.send(&missing).await.code(), "csrf");
    assert!(!plant.plant.paused.load(std::sync::atomic::Ordering::SeqCst));
    plant.call("POST", path, &anna, &body).await.ok();
    assert!(plant.plant.paused.load(std::sync::atomic::Ordering::SeqCst));
    let token = plant.token("ci", Role::Engineer, None).await;
    let resume = Request::new("POST", "/api/connections/line-1/resume")
        .header("authorization", &format!("Bearer {token}"));
    plant.send(&resume.json(&body)).await.ok();
    assert!(!plant.plant.paused.load(std::sync::atomic::Ordering::SeqCst));
    let audit = plant.get("/api/audit?search=resume", &anna).await.ok();
    assert_eq!(audit["records"][0]["actor"], "token:ci");
    assert_eq!(audit["records"][0]["object"], "connection/line-1");
}

#[tokio::test]
async fn a_wrong_token_is_nobody_even_with_a_good_cookie() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    for wrong in ["Bearer ib_wrong", "Basic YTpi", "Bearer", "Bearer \u{fc}"] {
        let request =
            Request::new("GET", "/api/session").header("cookie", &anna.cookie).header("authorization", wrong);
        assert_eq!(plant.send(&request).await.code(), "signed-out", "{wrong}");
    }
}

/// Every route with the lowest role that may use it.
const ROUTES: &[(&str, &str, Role)] = {
    use Role::{Administrator, Engineer, Operator, Viewer};
    &[
        ("GET", "/api/session", Viewer),
        ("GET", "/api/overview", Viewer),
        ("GET", "/api/tree", Viewer),
        ("GET", "/api/points", Viewer),
        ("GET", "/api/point?path=acme/leeds/line-1/filler/Speed", Viewer),
        ("POST", "/api/point/write", Operator),
        ("GET", "/api/commands", Viewer),
        ("GET", "/api/command?id=x", Viewer),
        ("POST", "/api/commands/approve", Operator),
        ("POST", "/api/commands/deny", Operator),
        ("POST", "/api/commands/cancel", Operator),
        ("GET", "/api/leases", Viewer),
        ("POST", "/api/leases", Operator),
        ("POST", "/api/leases/release", Operator),
        ("POST", "/api/latest", Viewer),
        ("GET", "/api/range?path=acme/leeds/line-1/filler/Speed", Viewer),
        ("GET", "/api/download?path=acme/leeds/line-1/filler/Speed", Viewer),
        ("GET", "/api/stream?events=change&interval_ms=x", Viewer),
        ("GET", "/metrics/points?points=**", Viewer),
        ("GET", "/api/connections", Viewer),
        ("POST", "/api/connections/line-1/pause", Engineer),
        ("POST", "/api/connections/line-1/resume", Engineer),
        ("GET", "/api/destinations", Viewer),
        ("POST", "/api/destinations/hq/pause", Engineer),
        ("POST", "/api/destinations/hq/resume", Engineer),
        ("GET", "/api/destinations/hq/schema", Viewer),
        ("GET", "/api/destinations/hq/rejects", Viewer),
        ("POST", "/api/destinations/hq/rejects/resend", Engineer),
        ("POST", "/api/destinations/hq/rejects/drop", Engineer),
        ("POST", "/api/destinations/hq/replay", Engineer),
        ("POST", "/api/destinations/hq/replay/stop", Engineer),
        ("GET", "/api/plan", Engineer),
        ("POST", "/api/apply", Engineer),
        ("GET", "/api/events", Viewer),
        ("GET", "/api/config/kinds", Engineer),
        ("GET", "/api/config/files", Engineer),
        ("GET", "/api/config/file?name=ironbridge.toml", Engineer),
        ("POST", "/api/config/check", Engineer),
        ("POST", "/api/config/change", Engineer),
        ("POST", "/api/config/save", Engineer),
        ("GET", "/api/query/tables", Viewer),
        ("POST", "/api/query", Viewer),
        ("POST", "/api/query/cancel", Viewer),
        ("POST", "/api/query/export", Viewer),
        ("GET", "/api/audit", Engineer),
        ("POST", "/api/audit/verify", Engineer),
        ("GET", "/api/users", Administrator),
        ("POST", "/api/users", Administrator),
        ("PATCH", "/api/users/nobody", Administrator),
        ("DELETE", "/api/users/nobody", Administrator),
        ("POST", "/api/users/nobody/link", Administrator),
        ("GET", "/api/tokens", Engineer),
        ("POST", "/api/tokens", Engineer),
        ("DELETE", "/api/tokens/none", Engineer),
        ("GET", "/api/secrets", Engineer),
        ("PUT", "/api/secrets/x", Engineer),
        ("DELETE", "/api/secrets/none", Engineer),
        ("GET", "/api/about", Viewer),
    ]
};

/// Each route is asked by every role.
#[tokio::test]
async fn roles_by_route() {
    use Role::{Administrator, Engineer, Operator, Viewer};
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let users = [
        (Viewer, plant.user("vera", Viewer).await),
        (Operator, plant.user("otto", Operator).await),
        (Engineer, plant.user("eva", Engineer).await),
        (Administrator, anna),
    ];
    for &(method, path, needed) in ROUTES {
        assert_eq!(
            plant.send(&Request::new(method, path)).await.status,
            401,
            "{method} {path} without a session"
        );
        for (role, who) in &users {
            // An empty object passes the guard and is then, at most, a bad request.
            let reply = plant.call(method, path, who, &json!({})).await;
            let refused = reply.status == 403 && reply.code() == "forbidden";
            assert_eq!(refused, *role < needed, "{method} {path} as {role}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn a_prefix_hides_everything_else() {
    let plant = Fixture::new().await;
    plant.points();
    let token = plant.token("line-1", Role::Engineer, Some("acme/leeds/Line-1")).await;
    let bearer = format!("Bearer {token}");
    let get = |path: &str| Request::new("GET", path).header("authorization", &bearer);
    let root = plant.send(&get("/api/tree?prefix=acme/leeds")).await.ok();
    let children = root["children"].as_array().unwrap();
    assert_eq!(children.len(), 1, "{root}");
    assert_eq!((&children[0]["segment"], &children[0]["points"]), (&json!("line-1"), &json!(2)));
    let page = plant.send(&get("/api/points?search=e")).await.ok();
    assert_eq!(page["total"], 2);
    let (mine, other) = ("acme/leeds/line-1/filler/Speed", "acme/leeds/line-2/packer/count");
    assert_eq!(plant.send(&get(&format!("/api/point?path={mine}"))).await.status, 200);
    for path in ["point", "range", "trend", "download"] {
        let hidden = plant.send(&get(&format!("/api/{path}?path={other}"))).await;
        assert_eq!((hidden.status, hidden.code().as_str()), (404, "not-found"), "{path}");
    }
    let latest = plant.send(&get(&format!("/api/latest?path={mine}&path={other}"))).await.ok();
    assert_eq!(latest["values"][0]["quality"], "Good");
    assert_eq!(latest["values"][1]["quality"], "BadNodeIdUnknown");
    for path in ["range?format=csv&points=", "latest?points=", "points?format=csv&points=", "stream?points="]
    {
        let hidden = plant.send(&get(&format!("/api/{path}{other}"))).await;
        assert_eq!((hidden.status, hidden.code().as_str()), (404, "not-found"), "{path}");
    }
    for path in ["/api/latest?points=**", "/api/points?format=csv", "/metrics/points?points=**"] {
        let seen = plant.send(&get(path)).await.text();
        assert!(seen.contains(mine) && !seen.contains(other), "{path}: {seen}");
    }
    assert_eq!(plant.send(&get("/api/stream?events=all")).await.code(), "out-of-scope");
    let write = Request::new("POST", "/api/point/write").header("authorization", &bearer);
    let write = plant.send(&write.json(&json!({"path": other, "value": 1}))).await;
    assert_eq!(write.status, 404);
    for closed in [
        "/api/overview",
        "/api/events",
        "/api/connections",
        "/api/audit",
        "/api/users",
        "/api/about",
        "/api/tokens",
    ] {
        let reply = plant.send(&get(closed)).await;
        assert_eq!(reply.status, 403, "{closed}");
    }
}

#[tokio::test]
async fn users_tokens_and_secrets_are_managed_and_recorded() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let made =
        plant.call("POST", "/api/users", &anna, &json!({"name": "otto", "role": "operator"})).await.ok();
    let link = made["link"].as_str().unwrap();
    assert!(link.starts_with("http://127.0.0.1:1/link#"), "{link}");
    assert_eq!(made["user"]["role"], "operator");
    let twice = plant.call("POST", "/api/users", &anna, &json!({"name": "OTTO", "role": "viewer"})).await;
    assert_eq!(twice.status, 409);
    let token = link.split('#').nth(1).unwrap();
    let signed_in =
        plant.send(&Request::new("POST", "/api/session/link").json(&json!({"token": token}))).await;
    let otto = browser(&signed_in);
    assert_eq!(plant.get("/api/session", &otto).await.ok()["may_set_password"], true);
    let again = plant.send(&Request::new("POST", "/api/session/link").json(&json!({"token": token}))).await;
    assert_eq!(again.status, 401, "a link works once");
    plant
        .call("POST", "/api/session/password", &otto, &json!({"current": "", "new": "a long enough phrase"}))
        .await
        .ok();
    assert_eq!(plant.get("/api/session", &otto).await.ok()["may_set_password"], false, "once");
    plant.call("PATCH", "/api/users/otto", &anna, &json!({"disabled": true})).await.ok();
    assert_eq!(plant.get("/api/session", &otto).await.status, 401);
    plant.call("DELETE", "/api/users/otto", &anna, &json!({})).await.ok();
    let last = plant.call("DELETE", "/api/users/anna", &anna, &json!({})).await;
    assert_eq!(last.status, 403, "the last administrator stays: {}", last.text());

    let wish = json!({"name": "mes", "role": "viewer", "prefix": "acme/leeds", "expires_days": 30});
    let made = plant.call("POST", "/api/tokens", &anna, &wish).await.ok();
    assert!(made["token"].as_str().unwrap().starts_with("ib_"));
    let list = plant.get("/api/tokens", &anna).await.ok();
    assert_eq!(list["tokens"][0]["prefix"], "acme/leeds");
    assert!(!list.to_string().contains(made["token"].as_str().unwrap()));
    plant
        .call("DELETE", &format!("/api/tokens/{}", made["id"].as_str().unwrap()), &anna, &json!({}))
        .await
        .ok();

    plant.call("PUT", "/api/secrets/hq-db", &anna, &json!({"value": "s3cret-value"})).await.ok();
    let list = plant.get("/api/secrets", &anna).await;
    assert!(!list.text().contains("s3cret-value"));
    assert_eq!(list.ok()["secrets"][0]["used_by"], json!(["hq"]));
    plant.call("DELETE", "/api/secrets/hq-db", &anna, &json!({})).await.ok();

    let audit = plant.get("/api/audit?limit=1000", &anna).await;
    assert!(!audit.text().contains("s3cret-value") && !audit.text().contains(PASSWORD));
    let audit = audit.ok();
    let actions: Vec<&str> =
        audit["records"].as_array().unwrap().iter().map(|r| r["action"].as_str().unwrap()).collect();
    for action in ["user-add", "token-add", "token-remove", "secret-set", "secret-remove"] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    let check = plant.call("POST", "/api/audit/verify", &anna, &json!({})).await.ok();
    assert_eq!(check["ok"], true);
    assert_eq!(plant.get("/api/audit", &anna).await.ok()["chain"]["verified"], true);
}
