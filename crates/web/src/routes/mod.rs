//! All routes.

mod about;
mod admin;
mod assets;
mod audit;
mod certificates;
mod change;
mod characterise;
mod commands;
mod configuration;
mod discover;
mod events;
mod given;
mod guard;
mod history;
mod inbox;
mod live;
mod monitor;
mod of_points;
mod points;
mod query;
mod rows;
mod samples;
mod session;
mod sse;
mod status;
mod stream;
pub(crate) mod table;
mod write;

pub(crate) use points::{short, visible};

use crate::ApiError;
use crate::guard::Need;
use crate::pages;
use crate::shapes as s;
use crate::state::Shared;
use axum::Router;
use axum::http::Method;
use model::Role::{Administrator, Engineer, Operator, Viewer};
use std::time::Duration;
use table::{Route, get, post, route};

/// Time for SQL and downloads to begin their answer; the query's own limit is shorter.
const LONG: Duration = Duration::from_secs(120);
/// An apply waits for the health of each wave.
const APPLY: Duration = Duration::from_secs(600);
/// A stream answers for ever.
const FOR_EVER: Duration = Duration::ZERO;
/// A thousand paths of full length.
const MANY_PATHS: usize = 1024 * 1024;
/// Files of a plant, with what JSON adds to them.
const FILES: usize = 16 * 1024 * 1024;

/// A tag list of 8 MiB in Base64, and what stands around it.
const IMPORT: usize = 11 * 1024 * 1024;

/// The router of a listener.
pub(crate) fn router(web: &Shared) -> Router {
    table::router(web, all())
        .fallback(pages::page)
        .method_not_allowed_fallback(|| async { ApiError::wrong_method() })
        .with_state(web.clone())
}

/// The OpenAPI document as JSON, for `ironbridge schema` and clients.
pub fn openapi() -> String {
    serde_json::to_string_pretty(&table::document(&all())).unwrap_or_default()
}

/// The table.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = session_routes();
    routes.extend(of_points::routes());
    routes.extend(of_points::history_routes());
    routes.extend(command_routes());
    routes.extend(inbox_routes());
    routes.extend(plant_routes());
    routes.extend(status::destination_routes());
    routes.extend(discover_routes());
    routes.extend(characterise_routes());
    routes.extend(monitor::routes());
    routes.extend(guard::routes());
    routes.extend(configuration_routes());
    routes.extend(query_routes());
    routes.extend(admin_routes());
    routes.extend(certificate_routes());
    routes.extend(about_routes());
    routes
}

fn session_routes() -> Vec<Route> {
    vec![
        get("/api/session", Viewer, "Who is signed in.", session::show).gives::<s::Session>().scoped(),
        route(Method::POST, "/api/session", Need::SignIn, "Signs in; sets a cookie.", session::sign_in)
            .takes::<s::SignIn>()
            .gives::<s::Session>(),
        route(
            Method::POST,
            "/api/session/link",
            Need::SignIn,
            "Signs in with a one-time link.",
            session::sign_in_with_link,
        )
        .takes::<s::SignInWithLink>()
        .gives::<s::Session>(),
        route(Method::POST, "/api/setup", Need::SignIn, "Creates the first administrator.", session::setup)
            .takes::<s::Setup>()
            .gives::<s::Session>(),
        route(Method::DELETE, "/api/session", Need::Role(Viewer), "Signs out.", session::sign_out)
            .gives::<s::Done>()
            .scoped(),
        post("/api/session/password", Viewer, "Changes the own password.", session::change_password)
            .takes::<s::ChangePassword>()
            .gives::<s::Done>(),
    ]
}

fn command_routes() -> Vec<Route> {
    vec![
        get("/api/commands", Viewer, "Commands under way and past, newest first.", commands::list)
            .param("state", "`open` or `done`.")
            .param("path", "Only points under it.")
            .param("limit", "At most 1,000, default 200.")
            .gives::<s::Commands>()
            .scoped(),
        get("/api/command", Viewer, "One command with its steps.", commands::one)
            .must("id", "The command.")
            .gives::<s::CommandShape>()
            .scoped(),
        post("/api/commands/approve", Operator, "A second person approves.", commands::approve)
            .takes::<s::Decide>()
            .gives::<s::CommandShape>()
            .scoped(),
        post("/api/commands/deny", Operator, "A second person denies.", commands::deny)
            .takes::<s::Decide>()
            .gives::<s::CommandShape>()
            .scoped(),
        post("/api/commands/cancel", Operator, "Takes a command back before it is sent.", commands::cancel)
            .takes::<s::Decide>()
            .gives::<s::CommandShape>()
            .scoped(),
        get("/api/leases", Viewer, "Who holds the right to write what.", commands::leases)
            .gives::<s::Leases>()
            .scoped(),
        post("/api/leases", Operator, "Takes or prolongs the right to write an asset.", commands::take_lease)
            .takes::<s::TakeLease>()
            .gives::<s::LeaseShape>()
            .scoped(),
        post("/api/leases/release", Operator, "Ends a lease.", commands::release_lease)
            .takes::<s::WhichLease>()
            .gives::<s::Done>()
            .scoped(),
    ]
}

fn plant_routes() -> Vec<Route> {
    vec![
        get("/api/overview", Viewer, "The first page.", status::overview).gives::<s::Overview>(),
        get("/api/connections", Viewer, "Connections and their devices.", status::connections)
            .gives::<s::Connections>(),
        post(
            "/api/connections/{name}/pause",
            Engineer,
            "Stops all traffic to a connection or device.",
            status::pause_connection,
        )
        .takes::<s::WhichDevice>()
        .gives::<s::Done>(),
        post("/api/connections/{name}/resume", Engineer, "Resumes it.", status::resume_connection)
            .takes::<s::WhichDevice>()
            .gives::<s::Done>(),
        get("/api/plan", Engineer, "What an apply of the plant folder would do.", change::plan)
            .gives::<s::PlanShape>()
            .within(LONG),
        post(
            "/api/apply",
            Engineer,
            "Brings in the plant folder; goes back if that makes it worse.",
            change::apply,
        )
        .gives::<s::AppliedShape>()
        .within(APPLY),
        get("/api/events", Viewer, "Events, newest first.", events::events)
            .param("kind", "`alarm`, `finding`, `fault`, `interval` or `change`.")
            .param("active", "`true`: only what lasts.")
            .param("severity_min", "1-1000.")
            .param("search", "Words that title, text, source or references must contain.")
            .param("from", "ms")
            .param("to", "ms")
            .param("limit", "At most 1,000, default 200.")
            .param("before", "The `next` of the page before.")
            .gives::<s::EventPage>(),
    ]
}

fn discover_routes() -> Vec<Route> {
    vec![
        get(
            "/api/discover/protocols",
            Engineer,
            "What can be asked for, and device profiles.",
            discover::protocols,
        )
        .gives::<s::DiscoverProtocols>(),
        post(
            "/api/discover/plan",
            Engineer,
            "How many packets a scan would send, to whom, and how long it takes. Sends nothing.",
            discover::plan,
        )
        .takes::<s::DiscoverAsk>()
        .gives::<s::DiscoverPlan>(),
        post("/api/discover", Engineer, "The yes to a plan: asks devices who they are.", discover::start)
            .takes::<s::DiscoverStart>()
            .gives::<s::DiscoverScan>(),
        get("/api/discover", Engineer, "The last scans, newest first.", discover::scans)
            .gives::<s::DiscoverScans>(),
        get("/api/discover/{id}", Engineer, "One scan.", discover::scan).gives::<s::DiscoverScan>(),
        post("/api/discover/{id}/stop", Engineer, "Ends a scan.", discover::stop).gives::<s::Done>(),
        post(
            "/api/discover/{id}/draft",
            Engineer,
            "The connection file of a device that was found, to review.",
            discover::draft,
        )
        .takes::<s::DraftAsk>()
        .gives::<s::DraftFile>(),
        get(
            "/api/import/formats",
            Engineer,
            "Tag lists of other programs that can be read.",
            discover::formats,
        )
        .gives::<s::ImportFormats>(),
        post(
            "/api/browse",
            Engineer,
            "Looks at what the device of a connection file holds; the file with tags, to review.",
            discover::browse,
        )
        .takes::<s::BrowseAsk>()
        .gives::<s::DraftFile>()
        .within(LONG)
        .body(MANY_PATHS),
        post("/api/import", Engineer, "A connection file from such a tag list, to review.", discover::import)
            .takes::<s::ImportAsk>()
            .gives::<s::DraftFile>()
            .body(IMPORT),
    ]
}

fn characterise_routes() -> Vec<Route> {
    vec![
        post(
            "/api/characterise/plan",
            Engineer,
            "How many packets measuring a device would send, and how long it takes. Sends nothing.",
            characterise::plan,
        )
        .takes::<s::CharacteriseAsk>()
        .gives::<s::CharacterisePlan>()
        .body(MANY_PATHS),
        post(
            "/api/characterise",
            Engineer,
            "The yes to a plan: measures what a device takes; the running connection is paused meanwhile.",
            characterise::start,
        )
        .takes::<s::CharacteriseStart>()
        .gives::<s::CharacteriseRun>()
        .body(MANY_PATHS),
        get("/api/characterise", Engineer, "The last runs, newest first.", characterise::runs)
            .gives::<s::CharacteriseRuns>(),
        get("/api/characterise/{id}", Engineer, "One run.", characterise::run).gives::<s::CharacteriseRun>(),
        post("/api/characterise/{id}/stop", Engineer, "Ends a run.", characterise::stop).gives::<s::Done>(),
    ]
}

fn configuration_routes() -> Vec<Route> {
    vec![
        get("/api/config/kinds", Engineer, "Kinds of files that can be added.", configuration::kinds)
            .gives::<s::FileKinds>(),
        get("/api/config/files", Engineer, "The files of the plant.", configuration::files)
            .gives::<s::PlantFiles>(),
        get("/api/config/file", Engineer, "One file, with its schema.", configuration::file)
            .must("name", "Below the plant folder, e.g. `connections/line-1.toml`.")
            .gives::<s::FileText>(),
        post("/api/config/check", Engineer, "Checks the plant as it would be.", configuration::check)
            .takes::<s::Edits>()
            .gives::<s::Findings>()
            .body(FILES)
            .within(LONG),
        post("/api/config/change", Engineer, "Changes keys of a text, nothing else.", configuration::change)
            .takes::<s::KeyChanges>()
            .gives::<s::ChangedText>()
            .body(FILES),
        post("/api/config/save", Engineer, "Saves files of a plant without mistakes.", configuration::save)
            .takes::<s::Edits>()
            .gives::<s::Saved>()
            .body(FILES)
            .within(LONG),
    ]
}

/// A sender shows the token of its connection, not one of the API; failed attempts count as those to sign in.
fn inbox_routes() -> Vec<Route> {
    let door = |path, text| {
        route(Method::POST, path, Need::SignIn, text, inbox::post).gives::<crate::inbox::Posted>()
    };
    vec![
        door(
            "/api/in/{name}",
            "Takes values that a machine or a service posts to the connection of this name.",
        ),
        door("/api/in/{name}/{*path}", "The same, with a path that its tags name."),
    ]
}

fn query_routes() -> Vec<Route> {
    vec![
        get("/api/query/tables", Viewer, "What can be asked in SQL.", query::tables)
            .gives::<s::QueryTables>()
            .scoped(),
        post("/api/query", Viewer, "Runs SQL.", query::run)
            .takes::<s::QueryAsk>()
            .gives::<s::QueryResult>()
            .within(LONG)
            .scoped(),
        post("/api/query/cancel", Viewer, "Cancels a query.", query::cancel)
            .takes::<s::QueryCancel>()
            .gives::<s::Done>()
            .scoped(),
        post("/api/query/export", Viewer, "The whole answer as a file.", query::export)
            .takes::<s::QueryExport>()
            .media("application/octet-stream")
            .within(LONG)
            .scoped(),
    ]
}

fn admin_routes() -> Vec<Route> {
    vec![
        get("/api/audit", Engineer, "The audit ledger, newest first.", audit::audit)
            .param("limit", "At most 1,000, default 200.")
            .param("before", "The `next` of the page before.")
            .param("search", "Words that a record must contain.")
            .gives::<s::AuditPage>(),
        post("/api/audit/verify", Engineer, "Checks the whole hash chain.", audit::verify)
            .gives::<s::AuditCheck>()
            .within(LONG),
        get("/api/users", Administrator, "Users.", admin::users).gives::<s::Users>(),
        post("/api/users", Administrator, "Adds a user.", admin::add_user)
            .takes::<s::NewUser>()
            .gives::<s::UserCreated>(),
        route(
            Method::PATCH,
            "/api/users/{name}",
            Need::Role(Administrator),
            "Changes a user.",
            admin::change_user,
        )
        .takes::<s::UserChange>()
        .gives::<s::Done>(),
        route(
            Method::DELETE,
            "/api/users/{name}",
            Need::Role(Administrator),
            "Removes a user.",
            admin::remove_user,
        )
        .gives::<s::Done>(),
        post("/api/users/{name}/link", Administrator, "A one-time link for a user.", admin::user_link)
            .gives::<s::Link>(),
        get("/api/tokens", Engineer, "API tokens.", admin::tokens).gives::<s::Tokens>(),
        post("/api/tokens", Engineer, "Makes an API token; shown once.", admin::add_token)
            .takes::<s::NewToken>()
            .gives::<s::TokenCreated>(),
        route(
            Method::DELETE,
            "/api/tokens/{id}",
            Need::Role(Engineer),
            "Removes an API token.",
            admin::remove_token,
        )
        .gives::<s::Done>(),
        get("/api/secrets", Engineer, "Names of secrets.", admin::secrets).gives::<s::Secrets>(),
        route(Method::PUT, "/api/secrets/{name}", Need::Role(Engineer), "Sets a secret.", admin::set_secret)
            .takes::<s::SecretValue>()
            .gives::<s::Done>(),
        route(
            Method::DELETE,
            "/api/secrets/{name}",
            Need::Role(Engineer),
            "Removes a secret.",
            admin::remove_secret,
        )
        .gives::<s::Done>(),
    ]
}

fn certificate_routes() -> Vec<Route> {
    vec![
        get(
            "/api/certificates",
            Viewer,
            "Certificates of servers: trusted ones, and refused ones that wait for a person.",
            certificates::certificates,
        )
        .gives::<s::Certificates>(),
        route(
            Method::PUT,
            "/api/certificates/{thumbprint}",
            Need::Role(Engineer),
            "Trusts or rejects a server's certificate; its thumbprint, or the first 6 or more digits of it.",
            certificates::set_certificate,
        )
        .takes::<s::CertificateTrust>()
        .gives::<s::Certificate>(),
    ]
}

fn about_routes() -> Vec<Route> {
    vec![
        get("/api/about", Viewer, "About this gateway.", about::about).gives::<s::About>(),
        route(Method::GET, "/api/openapi.json", Need::Nobody, "This document.", about::openapi),
        route(Method::GET, "/healthz", Need::Nobody, "Whether the program runs.", about::healthz)
            .media("text/plain"),
        route(Method::GET, "/readyz", Need::Nobody, "Whether everything that must run runs.", about::readyz)
            .media("text/plain"),
        route(
            Method::GET,
            "/metrics",
            Need::LocalOrViewer,
            "Ironbridge's own figures, for Prometheus.",
            about::metrics,
        )
        .media("text/plain"),
        get(
            "/metrics/points",
            Viewer,
            "Newest values of chosen points, for Prometheus.",
            about::point_metrics,
        )
        .must("points", "A path or a pattern like `packaging/**`; may be repeated.")
        .media("text/plain")
        .scoped(),
    ]
}
