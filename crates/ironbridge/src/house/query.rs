//! SQL for pages and command line; the engine is made on first use.

use super::House;
use crate::cli::{Format, complain, exit};
use futures_util::future::BoxFuture;
use model::Principal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use web::shapes::{FileFormat, QueryAsk, QueryResult, QueryTables};
use web::{Problem, ProblemKind, Query};

/// SQL over the house.
pub struct Queries(#[allow(dead_code)] Arc<House>);

impl Queries {
    /// Nothing is made yet.
    pub fn new(house: &Arc<House>) -> Self {
        Self(house.clone())
    }
}

fn missing() -> Problem {
    Problem::new(ProblemKind::Unavailable, "no SQL yet", "", "")
}

impl Query for Queries {
    fn tables(&self) -> QueryTables {
        QueryTables::default()
    }
    fn run<'a>(&'a self, _: QueryAsk, _: &'a Principal) -> BoxFuture<'a, Result<QueryResult, Problem>> {
        Box::pin(async { Err(missing()) })
    }
    fn cancel(&self, _: &str, _: &Principal) -> bool {
        false
    }
    fn export<'a>(&'a self, _: &'a str, _: FileFormat, _: &'a Principal) -> BoxFuture<'a, Result<PathBuf, Problem>> {
        Box::pin(async { Err(missing()) })
    }
}

/// `query --offline`.
pub fn offline(_: &Path, _: &str, _: Format, _: usize) -> u8 {
    complain("no SQL yet");
    exit::FAILED
}
