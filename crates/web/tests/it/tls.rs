//! The same over TLS, with a certificate of the built-in authority.

use crate::client::{Request, exchange};
use crate::fixture::Fixture;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use web::Limits;

#[tokio::test]
async fn cookies_and_headers_know_that_the_line_is_safe() {
    let plant = Fixture::serving(Limits::default(), Some(vec!["localhost".into()])).await;
    let ca = plant.access.certificate_authority().ca_pem().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let secure = |request: Request| {
        let connector = connector.clone();
        let address = plant.server.address();
        async move {
            let socket = TcpStream::connect(address).await.unwrap();
            let stream = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
            exchange(stream, &request.bytes()).await
        }
    };
    let page = secure(Request::new("GET", "/")).await;
    assert_eq!((page.status, page.header("strict-transport-security")), (200, "max-age=31536000"));
    let token = plant.access.setup_token().unwrap().unwrap();
    let body =
        serde_json::json!({"token": token.as_str(), "name": "anna", "password": crate::fixture::PASSWORD});
    let reply = secure(Request::new("POST", "/api/setup").json(&body)).await;
    let cookie = reply.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-ironbridge=") && cookie.ends_with("; Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(secure(Request::new("GET", "/api/session").header("cookie", &cookie)).await.status, 200);
    // Plain HTTP on this port is cut off, and the server lives on.
    let plain = TcpStream::connect(plant.server.address()).await.unwrap();
    let mut plain = plain;
    let _ =
        tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut rest = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut rest).await;
    assert!(!rest.starts_with(b"HTTP"));
    assert_eq!(secure(Request::new("GET", "/healthz")).await.status, 200);
}
