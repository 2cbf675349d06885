//! TLS as Ironbridge uses it: rustls, the `ring` provider given by hand, TLS 1.2 or newer, no way to switch
//! verification off.
//!
//! ```text
//!  TlsFiles (paths) ─▶ TlsClient ─ current() ─▶ rustls::ClientConfig    read again when a file changes
//!  TlsServerFiles   ─▶ TlsServer ─ acceptor()                           or from a resolver (built-in authority)
//! ```

mod client;
mod peer;
mod pem;
mod server;

pub use client::{TlsClient, TlsFiles};
pub use peer::{CertificateSummary, MODBUS_ROLE_OID, modbus_role, subject, summary};
pub use pem::{certificates_from_pem, certified_key};
pub use server::{ClientAuthority, TlsServer, TlsServerFiles, server_config};

use rustls::ProtocolVersion;
use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one set of algorithms, `ring`'s.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The name people know, e.g. `TLS 1.3`.
pub const fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        _ => "TLS",
    }
}
