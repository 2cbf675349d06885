use crate::setup::{Room, as_role, owner, secret};
use access::{Access, AccessError};
use model::Role;

#[tokio::test]
async fn secrets_come_back_as_they_were() {
    let room = Room::new().await;
    assert!(room.access.secret("hq-db").is_none());
    let value = "pä\u{0}ss\n wörd";
    room.access.set_secret(&owner(), "hq-db", &secret(value)).unwrap();
    room.access.set_secret(&owner(), "hq-db2", &secret("other")).unwrap();
    let room = room.reopened();
    assert_eq!(*room.access.secret("hq-db").unwrap(), value);
    room.clock.advance(std::time::Duration::from_secs(5));
    let info = room.access.set_secret(&owner(), "hq-db", &secret("new")).unwrap();
    assert_eq!(*room.access.secret("hq-db").unwrap(), "new");
    assert_eq!(
        room.access.secrets().iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["hq-db", "hq-db2"]
    );
    assert_eq!(room.access.secrets()[0].set_at, info.set_at);
    room.access.delete_secret(&owner(), "hq-db").unwrap();
    assert!(matches!(room.access.read_secret("hq-db"), Err(AccessError::NotFound { kind: "secret", .. })));
    assert_eq!(*room.access.secret("hq-db2").unwrap(), "other");
}

#[tokio::test]
async fn who_may_set_which() {
    let room = Room::new().await;
    assert!(matches!(
        room.access.set_secret(&as_role(Role::Operator), "a", &secret("x")),
        Err(AccessError::Forbidden(_))
    ));
    for (name, value) in [("", "x"), ("a b", "x"), ("a", ""), ("a", &"x".repeat(70_000))] {
        let refused = room.access.set_secret(&owner(), name, &secret(value));
        assert!(matches!(refused, Err(AccessError::Invalid(_))), "{name}");
    }
    room.access.set_secret(&as_role(Role::Engineer), "a", &secret("x")).unwrap();
    assert!(matches!(room.access.delete_secret(&as_role(Role::Viewer), "a"), Err(AccessError::Forbidden(_))));
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_said_and_the_rest_goes_on() {
    let room = Room::new().await;
    room.access.set_secret(&owner(), "hq-db", &secret("value")).unwrap();
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    let path = dir.path().join("access");
    let key = std::fs::read(path.join("secret.key")).unwrap();
    assert_eq!(key.len(), 32);
    for (content, word) in
        [(None, "is missing"), (Some(vec![1; 5]), "32 bytes"), (Some(vec![1; 32]), "is damaged")]
    {
        match content {
            None => std::fs::remove_file(path.join("secret.key")).unwrap(),
            Some(bytes) => std::fs::write(path.join("secret.key"), bytes).unwrap(),
        }
        let access = Access::open(&path, clock.clone()).expect("everything else goes on");
        let why = access.read_secret("hq-db").unwrap_err().to_string();
        assert!(why.contains(word), "{why}");
        assert!(access.secret("hq-db").is_none());
        assert!(access.has_users());
    }
    std::fs::write(path.join("secret.key"), key).unwrap();
    let access = Access::open(&path, clock).unwrap();
    assert_eq!(*access.secret("hq-db").unwrap(), "value");
}

#[tokio::test]
async fn a_value_fits_only_its_own_name() {
    let room = Room::new().await;
    room.access.set_secret(&owner(), "low", &secret("harmless")).unwrap();
    room.access.set_secret(&owner(), "top", &secret("crown jewels")).unwrap();
    let file = room.access.dir().join("secrets.json");
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    let mut stored: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let rows = stored["data"]["secrets"].as_array_mut().unwrap();
    let top = rows[1].clone();
    rows[0]["nonce"] = top["nonce"].clone();
    rows[0]["data"] = top["data"].clone();
    std::fs::write(&file, serde_json::to_vec(&stored).unwrap()).unwrap();
    let access = Access::open(&dir.path().join("access"), clock).unwrap();
    assert!(access.read_secret("low").unwrap_err().to_string().contains("damaged"));
    assert_eq!(*access.secret("top").unwrap(), "crown jewels");
}
