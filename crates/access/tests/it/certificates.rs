use crate::setup::Room;
use access::{Access, AccessError, Certificate, ListenerTls};
use model::{Clock, Fault, ManualClock, SystemClock, Time};
use std::sync::Arc;
use std::time::Duration;
use transport::tls::{ClientAuthority, summary};
use transport::{Listener, Target, TlsClient, dial};

const SOON: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

fn listener(access: &Access, of: &[&str]) -> Arc<ListenerTls> {
    let source = Certificate::BuiltIn { names: names(of) };
    access.listener_tls(source, &ClientAuthority::Anyone, &["http/1.1"]).unwrap()
}

/// A folder and a clock that shows the real time, so that rustls agrees about what is valid.
fn today() -> (tempfile::TempDir, Arc<ManualClock>, Access) {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(SystemClock::shared().now());
    let access = Access::open(dir.path(), clock.clone()).unwrap();
    (dir, clock, access)
}

async fn connect(tls: &ListenerTls, host: &str, ca: &str) -> Result<(), Fault> {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(tls.server())).await.unwrap();
    let config = TlsClient::from_pem(ca.as_bytes(), None, None).unwrap();
    let target = Target::Tls { host: host.into(), port: listener.address().unwrap().port(), config };
    let (near, _far) =
        tokio::join!(dial(&target, SOON), async { listener.accept().await.unwrap().open(SOON).await });
    near.map(|_| ())
}

#[tokio::test]
async fn whoever_trusts_the_authority_connects() {
    let (_dir, _, access) = today();
    let tls = listener(&access, &["localhost", "127.0.0.1", "gateway.plant"]);
    let ca = access.certificate_authority().ca_pem().unwrap();
    for host in ["localhost", "127.0.0.1"] {
        connect(&tls, host, &ca).await.unwrap();
    }
    let other = listener(&access, &["gateway.plant"]);
    assert!(
        matches!(connect(&other, "localhost", &ca).await, Err(Fault::Security(why)) if why.contains("gateway.plant"))
    );
    let (_dir2, _, stranger) = today();
    let foreign = stranger.certificate_authority().ca_pem().unwrap();
    assert!(
        matches!(connect(&tls, "localhost", &foreign).await, Err(Fault::Security(why)) if why.contains("authority"))
    );
}

#[tokio::test]
async fn the_authority_survives_a_restart() {
    let room = Room::empty();
    let before = room.access.certificate_authority().ca_pem().unwrap();
    let print = room.access.certificate_authority().fingerprint().unwrap();
    assert_eq!((print.len(), print.matches(':').count()), (95, 31));
    let shown = listener(&room.access, &["localhost"]).certificate().unwrap();
    assert_eq!(shown.names, ["localhost"]);
    assert!(shown.issuer.starts_with("Ironbridge authority"));
    let room = room.reopened();
    assert_eq!(room.access.certificate_authority().ca_pem().unwrap(), before);
    let again = listener(&room.access, &["localhost"]).certificate().unwrap();
    assert_eq!(again, shown, "the certificate is kept, not made anew at each start");
    assert_ne!(listener(&room.access, &["localhost", "10.0.0.1"]).certificate().unwrap(), shown);
}

#[tokio::test]
async fn a_listener_certificate_is_renewed_in_time() {
    let (_dir, clock, access) = today();
    let tls = listener(&access, &["localhost"]);
    let first = tls.certificate().unwrap();
    assert_eq!(first.not_after.since(clock.now()).as_secs().div_ceil(3600), 365 * 24);
    clock.advance(334 * DAY);
    access.housekeeping();
    assert_eq!(tls.certificate().unwrap(), first, "31 days are enough");
    clock.advance(2 * DAY);
    access.housekeeping();
    let second = tls.certificate().unwrap();
    assert!(second.not_after > first.not_after && second.issuer == first.issuer);
    let ca = access.certificate_authority().ca_pem().unwrap();
    // The authority's own certificate lives for ten years.
    let der = transport::tls::certificates_from_pem(ca.as_bytes(), "ca").unwrap();
    let life = summary(&der[0]).unwrap();
    assert!(life.not_after.since(life.not_before) > 3_650 * DAY);
}

#[tokio::test]
async fn own_files_are_taken_and_read_again() {
    let (dir, _, access) = today();
    let (_other_dir, _, issuer) = today();
    let write = |of: &[&str]| {
        let key = issuer.certificate_authority().listener_certificate(&names(of)).unwrap();
        drop(key);
        let found = std::fs::read_dir(issuer.dir().join("ca"))
            .unwrap()
            .map(|e| std::fs::read(e.unwrap().path()).unwrap());
        let all: Vec<serde_json::Value> = found.filter_map(|b| serde_json::from_slice(&b).ok()).collect();
        let issued = all.iter().find(|v| v["names"] == serde_json::json!(of)).unwrap();
        std::fs::write(dir.path().join("own.pem"), issued["chain"].as_str().unwrap()).unwrap();
        std::fs::write(dir.path().join("own.key"), issued["key"].as_str().unwrap()).unwrap();
    };
    write(&["localhost"]);
    let files =
        Certificate::Files { certificate: dir.path().join("own.pem"), key: dir.path().join("own.key") };
    let tls = access.listener_tls(files.clone(), &ClientAuthority::Anyone, &[]).unwrap();
    let ca = issuer.certificate_authority().ca_pem().unwrap();
    connect(&tls, "localhost", &ca).await.unwrap();
    write(&["a-longer-name.plant"]);
    access.housekeeping();
    assert_eq!(tls.certificate().unwrap().names, ["a-longer-name.plant"]);
    std::fs::write(dir.path().join("own.key"), "no key").unwrap();
    access.housekeeping();
    assert_eq!(tls.certificate().unwrap().names, ["a-longer-name.plant"], "a broken file changes nothing");
    let refused = access.listener_tls(files, &ClientAuthority::Anyone, &[]);
    assert!(matches!(refused, Err(AccessError::Certificate(why)) if why.contains("own.key")));
}

#[tokio::test]
async fn a_lost_authority_key_is_said() {
    let room = Room::empty();
    listener(&room.access, &["localhost"]);
    std::fs::remove_file(room.access.dir().join("ca/ca.key")).unwrap();
    let error = room.access.certificate_authority().ca_pem().unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    let none = Certificate::BuiltIn { names: Vec::new() };
    assert!(room.access.listener_tls(none, &ClientAuthority::Anyone, &[]).is_err());
    assert!(Time::ZERO < room.clock.now());
}
