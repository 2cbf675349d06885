//! The routes about points and assets.

use super::table::{Route, get, post};
use super::{FOR_EVER, LONG, MANY_PATHS, assets, history, live, points, write};
use crate::shapes as s;
use model::Role::{Operator, Viewer};
use std::time::Duration;

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
            .must("path", "A point; may be repeated.")
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
    ]
}

/// What was.
pub(super) fn history_routes() -> Vec<Route> {
    vec![
        get("/api/range", Viewer, "Samples of one point.", history::range)
            .must("path", "The point.")
            .param("from", "ms; default: an hour before `to`.")
            .param("to", "ms; default: now.")
            .param("limit", "At most 100,000, default 5,000.")
            .param("order", "`asc` (default) or `desc`.")
            .gives::<s::Range>()
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
