//! Tests of the whole kind.
