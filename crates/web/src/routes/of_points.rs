//! The routes about points and assets.

use super::table::{Route, get, post};
use super::{FOR_EVER, LONG, MANY_PATHS, assets, history, live, points, stream, write};
use crate::shapes as s;
use model::Role::{Operator, Viewer};
use std::time::Duration;

/// Said of a parameter of several routes.
const POINTS: &str = "A path, or a pattern below the site like `packaging/**`; may be repeated.";
const FORMAT: &str = "`json` (a list of objects), `csv` or `parquet`: rows with the columns that SQL has. `Accept` may say it, too.";

/// Tree, points, assets: what is, and writing.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/tree", Viewer, "What stands directly below a prefix.", points::tree)
            .param("prefix", "Empty for the root.")
            .gives::<s::Tree>()
            .scoped(),
        get("/api/points", Viewer, "Search.", points::search)
            .param("search", "Words that the path must contain.")
            .param("prefix", "Only points under it.")
            .param("quality", "`bad` or `good`.")
            .param("limit", "At most 1,000, default 200.")
            .param("after", "The `next` of the page before.")
            .param("points", POINTS)
            .param("format", FORMAT)
            .gives::<s::PointPage>()
            .scoped(),
        get("/api/point", Viewer, "Everything about one point.", points::detail)
            .must("path", "The point.")
            .gives::<s::PointDetail>()
            .scoped(),
        get("/api/asset", Viewer, "Everything about one asset.", assets::detail)
            .must("path", "The asset.")
            .gives::<s::AssetPage>()
            .scoped(),
        post("/api/point/write", Operator, "Writes a value through the one command path.", write::write)
            .takes::<s::Write>()
            .gives::<s::Written>()
            .within(Duration::from_secs(340))
            .scoped(),
        get("/api/latest", Viewer, "Newest values.", points::latest_by_query)
            .param("path", "A point; may be repeated.")
            .param("points", POINTS)
            .param("format", FORMAT)
            .gives::<s::Latest>()
            .scoped(),
        post("/api/latest", Viewer, "Newest values of many points.", points::latest)
            .takes::<s::Paths>()
            .gives::<s::Latest>()
            .body(MANY_PATHS)
            .scoped(),
        post("/api/live", Viewer, "Server-sent events `values`, `ping`, `reset`; newest wins.", live::live)
            .takes::<s::Live>()
            .gives::<s::LiveValues>()
            .media("text/event-stream")
            .body(MANY_PATHS)
            .within(FOR_EVER)
            .scoped(),
        get(
            "/api/stream",
            Viewer,
            "Server-sent events `values`, `samples`, `event`, `gap`, `ping`; every sample, resumed by `Last-Event-ID`.",
            stream::stream,
        )
        .param("points", POINTS)
        .param("events", "Kinds of events: `alarm`, `finding`, `fault`, `interval`, `change`, or `all`; may be repeated.")
        .param("after", "Position after which it begins; the header `Last-Event-ID` says the same and goes before.")
        .param("interval_ms", "Pause after a message when nothing more waits, ms (0-10,000, default 250).")
        .media("text/event-stream")
        .within(FOR_EVER)
        .scoped(),
    ]
}

/// What was.
pub(super) fn history_routes() -> Vec<Route> {
    vec![
        get("/api/range", Viewer, "Samples: of one point as columns, of many as a table.", history::range)
            .param("path", "A point; may be repeated.")
            .param("points", POINTS)
            .param("from", "ms or RFC 3339; default: an hour before `to`.")
            .param("to", "ms or RFC 3339; default: now.")
            .param("format", FORMAT)
            .param(
                "limit",
                "Columns: at most 100,000, default 5,000. Table: rows of a page, at most 100,000; without it all rows come at once.",
            )
            .param("cursor", "Of the page before; its header `Link` has the whole address of the next one.")
            .param("order", "Columns only: `asc` (default) or `desc`.")
            .gives::<s::Range>()
            .within(LONG)
            .scoped(),
        get("/api/trend", Viewer, "A trend of one point.", history::trend)
            .must("path", "The point.")
            .param("from", "ms; default: an hour before `to`.")
            .param("to", "ms; default: now.")
            .param("buckets", "At most 5,000, default 800.")
            .gives::<s::Trend>()
            .scoped(),
        post("/api/aggregate", Viewer, "Figures of many points in equal buckets.", history::aggregate)
            .takes::<s::AggregateAsk>()
            .gives::<s::Aggregates>()
            .body(MANY_PATHS)
            .scoped(),
        get("/api/download", Viewer, "Samples of one point as a file.", history::download)
            .must("path", "The point.")
            .param("from", "ms; default: the first sample.")
            .param("to", "ms; default: now.")
            .param("format", "`csv` (default) or `parquet`.")
            .media("text/csv")
            .within(LONG)
            .scoped(),
    ]
}
