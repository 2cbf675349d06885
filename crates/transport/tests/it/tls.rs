use crate::certificates::{Authority, Identity, expired, not_yet, with_role};
use crate::tcp::SOON;
use model::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use transport::tls::{ClientAuthority, summary};
use transport::{
    Listener, Security, Stream, Target, TlsClient, TlsFiles, TlsServer, TlsServerFiles, dial, fault_from_io,
};

fn server(identity: &Identity, clients: &ClientAuthority) -> TlsServer {
    TlsServer::from_pem(identity.chain.as_bytes(), identity.key.as_bytes(), clients).unwrap()
}

fn client(authority: &Authority, identity: Option<&Identity>) -> TlsClient {
    let own = identity.map(|identity| (identity.chain.as_bytes(), identity.key.as_bytes()));
    TlsClient::from_pem(authority.pem.as_bytes(), own, None).unwrap()
}

/// Both ends of one attempt to connect to `host`.
async fn meet(
    tls: TlsServer,
    host: &str,
    config: TlsClient,
) -> (Result<Stream, Fault>, Result<Stream, Fault>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(tls)).await.unwrap();
    let port = listener.address().unwrap().port();
    let target = Target::Tls { host: host.into(), port, config };
    tokio::join!(dial(&target, SOON), async { listener.accept().await.unwrap().open(SOON).await })
}

fn security_fault(result: Result<Stream, Fault>) -> String {
    match result {
        Err(Fault::Security(why)) => why.into_owned(),
        Err(other) => panic!("another fault: {other:?}"),
        Ok(_) => panic!("accepted"),
    }
}

#[tokio::test]
async fn good_certificates_connect() {
    let authority = Authority::new("Plant CA");
    let (near, far) =
        meet(server(&authority.server(), &ClientAuthority::Anyone), "localhost", client(&authority, None))
            .await;
    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    near.write_all(b"ping").await.unwrap();
    near.flush().await.unwrap();
    let mut got = [0; 4];
    far.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"ping");
    assert_eq!(near.security(), Security::Tls { text: "TLS 1.3, certificate of localhost".into() });
    assert!(far.peer_certificates().is_empty());
    let shown = summary(&near.peer_certificates()[0]).unwrap();
    assert_eq!(
        (shown.issuer.as_str(), &shown.names[..]),
        ("Plant CA", &["localhost".to_owned(), "127.0.0.1".into()][..])
    );
    assert!(shown.not_before < shown.not_after);
}

#[tokio::test]
async fn an_address_in_the_certificate_counts_as_a_name() {
    let authority = Authority::new("Plant CA");
    let (near, _) =
        meet(server(&authority.server(), &ClientAuthority::Anyone), "127.0.0.1", client(&authority, None))
            .await;
    near.unwrap();
}

#[tokio::test]
async fn a_wrong_authority_is_refused() {
    let (plant, other) = (Authority::new("Plant CA"), Authority::new("Other CA"));
    let (near, far) =
        meet(server(&plant.server(), &ClientAuthority::Anyone), "localhost", client(&other, None)).await;
    let why = security_fault(near);
    assert!(why.contains("unknown authority") && why.contains("localhost:"), "{why}");
    assert!(security_fault(far).contains("authority"), "the server side learns why too");
}

#[tokio::test]
async fn the_times_of_a_certificate_count() {
    let authority = Authority::new("Plant CA");
    let old = authority.issue(&["localhost"], expired);
    let (near, _) = meet(server(&old, &ClientAuthority::Anyone), "localhost", client(&authority, None)).await;
    assert!(security_fault(near).contains("has expired"));
    let early = authority.issue(&["localhost"], not_yet);
    let (near, _) =
        meet(server(&early, &ClientAuthority::Anyone), "localhost", client(&authority, None)).await;
    assert!(security_fault(near).contains("not valid yet"));
}

#[tokio::test]
async fn the_name_must_fit_unless_overridden() {
    let authority = Authority::new("Plant CA");
    let elsewhere = authority.issue(&["plc-9.plant"], |_| {});
    let (near, _) =
        meet(server(&elsewhere, &ClientAuthority::Anyone), "localhost", client(&authority, None)).await;
    let why = security_fault(near);
    assert!(
        why.contains("not for `localhost`") && why.contains("plc-9.plant") && why.contains("server_name"),
        "{why}"
    );
    let renamed = TlsClient::from_pem(authority.pem.as_bytes(), None, Some("plc-9.plant")).unwrap();
    let (near, _) = meet(server(&elsewhere, &ClientAuthority::Anyone), "localhost", renamed).await;
    near.unwrap();
}

#[tokio::test]
async fn a_missing_client_certificate_is_a_security_fault_on_both_sides() {
    let authority = Authority::new("Plant CA");
    let required = ClientAuthority::Required(authority.pem.clone().into_bytes());
    let (near, far) =
        meet(server(&authority.server(), &required), "localhost", client(&authority, None)).await;
    assert!(security_fault(far).contains("showed no certificate"));
    // TLS 1.3: the client learns of it on its first read.
    let error = near.unwrap().read_u8().await.unwrap_err();
    let fault = fault_from_io(&error);
    assert!(
        matches!(&fault, Fault::Security(why) if why.contains("wants a client certificate")),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let (plant, other) = (Authority::new("Plant CA"), Authority::new("Other CA"));
    let required = ClientAuthority::Required(plant.pem.clone().into_bytes());
    let stranger = other.issue(&["gateway"], |_| {});
    let (near, far) =
        meet(server(&plant.server(), &required), "localhost", client(&plant, Some(&stranger))).await;
    assert!(security_fault(far).contains("unknown authority"));
    assert!(near.unwrap().read_u8().await.is_err());
}

#[tokio::test]
async fn mutual_tls_carries_the_modbus_role() {
    let authority = Authority::new("Plant CA");
    let required = ClientAuthority::Required(authority.pem.clone().into_bytes());
    let own = authority.issue(&["gateway"], with_role("Operator"));
    let (near, far) =
        meet(server(&authority.server(), &required), "localhost", client(&authority, Some(&own))).await;
    let (near, far) = (near.unwrap(), far.unwrap());
    assert_eq!(far.peer_role().as_deref(), Some("Operator"));
    assert_eq!(near.peer_role(), None, "the server's certificate has none");
    let two = authority.issue(&["gateway"], |params| {
        with_role("Operator")(params);
        with_role("Administrator")(params);
    });
    let (near, far) =
        meet(server(&authority.server(), &required), "localhost", client(&authority, Some(&two))).await;
    near.unwrap();
    assert_eq!(far.unwrap().peer_role(), None, "two roles are none");
}

#[tokio::test]
async fn a_port_without_tls_is_recognised() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let port = listener.address().unwrap().port();
    let target =
        Target::Tls { host: "localhost".into(), port, config: client(&Authority::new("Plant CA"), None) };
    let (near, _far) = tokio::join!(dial(&target, SOON), async {
        let mut far = listener.accept().await.unwrap().open(SOON).await.unwrap();
        far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        far
    });
    assert!(security_fault(near).contains("does not speak TLS"));
}

#[tokio::test]
async fn a_silent_handshake_ends_at_the_timeout() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let port = listener.address().unwrap().port();
    let target =
        Target::Tls { host: "localhost".into(), port, config: client(&Authority::new("Plant CA"), None) };
    let (near, _far) = tokio::join!(dial(&target, Duration::from_millis(200)), listener.accept());
    let Err(Fault::Connect(why)) = near else { panic!("no fault") };
    assert!(why.contains("did not finish the TLS handshake within 200 ms"), "{why}");
}

#[tokio::test]
async fn files_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, chain, key) =
        (folder.path().join("ca.pem"), folder.path().join("own.pem"), folder.path().join("own.key"));
    let (first, second) = (Authority::new("First CA"), Authority::new("The second CA"));
    let own = first.issue(&["gateway"], |_| {});
    std::fs::write(&ca, &first.pem).unwrap();
    std::fs::write(&chain, &own.chain).unwrap();
    std::fs::write(&key, &own.key).unwrap();
    let files = TlsFiles {
        ca: Some(ca.clone()),
        certificate: Some(chain.clone()),
        key: Some(key.clone()),
        ..TlsFiles::default()
    };
    let config = TlsClient::from_files(files).unwrap();
    let serve = |authority: &Authority| server(&authority.server(), &ClientAuthority::Anyone);
    meet(serve(&first), "localhost", config.clone()).await.0.unwrap();
    assert!(
        security_fault(meet(serve(&second), "localhost", config.clone()).await.0)
            .contains("unknown authority")
    );
    std::fs::write(&ca, "half a file").unwrap();
    meet(serve(&first), "localhost", config.clone())
        .await
        .0
        .expect("a broken file leaves the one before in use");
    std::fs::write(&ca, format!("{}{}", first.pem, second.pem)).unwrap();
    meet(serve(&second), "localhost", config).await.0.unwrap();
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Plant CA");
    let (one, two) = (authority.server(), authority.server());
    let files = TlsServerFiles {
        certificate: folder.path().join("own.pem"),
        key: folder.path().join("own.key"),
        client_ca: None,
    };
    std::fs::write(&files.certificate, &one.chain).unwrap();
    std::fs::write(&files.key, &two.key).unwrap();
    let why = TlsServer::from_files(&files).unwrap_err().to_string();
    assert!(why.contains("does not belong to the certificate"), "{why}");
    std::fs::write(
        &files.key,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let why = TlsServer::from_files(&files).unwrap_err().to_string();
    assert!(why.contains("pass phrase"), "{why}");
    std::fs::write(&files.key, &one.key).unwrap();
    TlsServer::from_files(&files).unwrap();
}
