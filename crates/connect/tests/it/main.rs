//! Against peers nobody here wrote.
