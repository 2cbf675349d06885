//! Connections: one endpoint each, its devices and their tags.
