//! A bucket behind TLS: its certificate counts if an authority that we were given signed it, and otherwise nothing is sent.

use crate::reader::python;
use crate::store::{Running, free_port};
use crate::{NOW, samples};
use lake::{Bucket, Key, Kind, Place, Reader, Table, Wanted, Whereabouts};
use model::Position;
use std::path::Path;

/// A certificate for this machine that is its own authority, and its key, written to `dir`.
fn certificate(dir: &Path) -> String {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), own.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
    own.cert.pem()
}

fn place(port: u16, scheme: &str, ca: Option<&str>) -> Place {
    let bucket = Bucket {
        name: "plant-data".into(),
        prefix: "lake".into(),
        endpoint: Some(format!("{scheme}://localhost:{port}")),
        region: "us-east-1".into(),
        ca: ca.map(|pem| pem.as_bytes().to_vec()),
    };
    let key = Key { id: "key".into(), secret: "secret".into() };
    Place::open(&Whereabouts::Bucket(bucket), Some(&key), false).unwrap()
}

#[tokio::test]
async fn a_bucket_behind_tls_is_known_by_its_authority() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let authority = certificate(dir.path());
    let port = free_port();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let _store = Running::start(
        &python,
        port,
        &["-c", &file("cert.pem"), "-k", &file("key.pem")],
        &["--cacert", &file("cert.pem"), &format!("https://localhost:{port}")],
    );
    let known = place(port, "https", Some(&authority));
    let mut table = Table::make(&known, Kind::Samples).await.unwrap();
    table.add_samples(samples(0, 100, 20_000), "a", Position::new(1, 99), NOW).await.unwrap();
    let reader = Reader::open(&known, Kind::Samples).await.unwrap().unwrap();
    assert_eq!(reader.files(&Wanted::all()).await.unwrap().0.len(), 1);
    // An authority of somebody else's, none, and no TLS at all.
    let stranger = tempfile::tempdir().unwrap();
    let other = certificate(stranger.path());
    for wrong in [place(port, "https", Some(&other)), place(port, "https", None), place(port, "http", None)] {
        let why = Reader::open(&wrong, Kind::Samples).await.err().map(|why| why.to_string());
        assert!(why.as_ref().is_some_and(|why| why.len() > 20), "{why:?}");
        println!("{}", why.unwrap_or_default());
    }
}
