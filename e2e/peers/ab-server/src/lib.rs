//! Only names the crate that carries the sources.
