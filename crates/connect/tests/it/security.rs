//! Modbus/TCP Security against pymodbus over Python's ssl: certificates on both sides.

use crate::support::{House, Peer, eventually, free_port, peer_file, python};
use connect::south::status::State;
use model::{Outcome, Value};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::path::Path;

/// An authority that writes `NAME.pem` and `NAME.key` into a folder.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, folder: &Path, name: &str) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        std::fs::write(folder.join(format!("{name}.pem")), chain).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn connection(folder: &Path, port: u16, identity: &str) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        "kind = \"modbus-tls\"\nhost = \"127.0.0.1\"\nport = {port}\nscan = {{ normal = \"100ms\" }}\n\
         [tls]\nca = \"{}\"\ncertificate = \"{}\"\nkey = \"{}\"\n\
         [device.plc]\nat = \"{identity}\"\ntags = {{ v = {{ at = \"holding 100\", type = \"f32\", order = \"CDAB\", write = {{ }} }} }}\n",
        file("ca.pem"),
        file(&format!("{identity}.pem")),
        file(&format!("{identity}.key")),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_on_both_sides() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (plant, stranger) = (Authority::new("plant"), Authority::new("stranger"));
    std::fs::write(folder.path().join("ca.pem"), &plant.pem).unwrap();
    plant.issue(folder.path(), "server");
    plant.issue(folder.path(), "gateway");
    stranger.issue(folder.path(), "other");
    let port = free_port();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let mut peer = Peer::spawn(
        &python,
        &[&peer_file("pymodbus_server.py"), "tls", &port.to_string(), &certificate, &key, &ca],
    );
    assert_eq!(peer.ask("put f32 CDAB 100 1.5"), "ok");
    let house = House::new();
    let good = house.start("gateway", &connection(folder.path(), port, "gateway"));
    eventually("the value over TLS", || house.last("gateway/v").value == Value::F64(1.5)).await;
    assert_eq!(good.status().security.level, "tls");
    assert_eq!(
        house.write("gateway/v", Value::F64(2.5)).await,
        Outcome::Confirmed { readback: Value::F64(2.5) }
    );
    assert_eq!(peer.ask("take f32 CDAB 100"), "2.5");
    // A certificate that the device does not trust: no value, and words that say why.
    let refused = house.start("other", &connection(folder.path(), port, "other"));
    eventually("the refusal", || {
        refused.status().state == State::Lost && refused.status().last_error.is_some()
    })
    .await;
    let error = refused.status().last_error.unwrap();
    assert!(error.title.contains("refused") || error.title.contains("certificate"), "{error:?}");
    assert_eq!(house.last("other/v").value, Value::None);
    good.stop().await;
    refused.stop().await;
}
