use crate::setup::{PASSWORD, Room, SOURCE, owner, secret};
use access::{Access, AccessError, Certificate, LinkPurpose, NewToken, Options};
use model::Role;
use namespace::Authority;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use transport::tls::ClientAuthority;

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(walk(&path));
        }
        all.push(path);
    }
    all
}

/// A room in which everything was used once, and the texts that nobody may find again.
async fn used() -> (Room, Vec<(&'static str, String)>) {
    let room = Room::new().await;
    let setup = room.sign_in("anna").await.unwrap();
    let token = NewToken { name: "mes".into(), role: Role::Viewer, prefix: None, valid: None };
    let (_, token) = room.access.create_token(&owner(), &token).unwrap();
    room.access.token(&token).unwrap();
    let link = room.access.create_link(&owner(), "anna", LinkPurpose::SignIn).unwrap();
    room.access.set_secret(&owner(), "hq-db", &secret("the-database-password")).unwrap();
    let names = vec!["localhost".to_owned()];
    room.access.listener_tls(Certificate::BuiltIn { names }, &ClientAuthority::Anyone, &[]).unwrap();
    let _ = room.access.sign_in("anna", secret("a-mistyped-password"), SOURCE).await;
    let _ = room.access.sign_in("typed-password-as-name", secret("x"), SOURCE).await;
    room.access.close();
    let hidden = vec![
        ("password", PASSWORD.to_owned()),
        ("cookie", setup.cookie.to_string()),
        ("csrf", setup.session.csrf().to_owned()),
        ("token", token.to_string()),
        ("link", link.to_string()),
        ("secret", "the-database-password".to_owned()),
        ("mistyped password", "a-mistyped-password".to_owned()),
        ("unknown name", "typed-password-as-name".to_owned()),
    ];
    (room, hidden)
}

#[tokio::test]
async fn every_file_is_its_owners_alone() {
    let (room, _) = used().await;
    let all = walk(room.access.dir());
    assert!(all.len() >= 9, "{all:?}");
    for path in all.iter().map(PathBuf::as_path).chain([room.access.dir()]) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
            wanted,
            "{}",
            path.display()
        );
    }
}

#[tokio::test]
async fn nothing_secret_stands_in_any_file() {
    let (room, hidden) = used().await;
    for path in walk(room.access.dir()).into_iter().filter(|path| path.is_file()) {
        let content = std::fs::read(&path).unwrap();
        for (what, text) in &hidden {
            let found = content.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!found, "{what} in {}", path.display());
        }
    }
}

#[tokio::test]
async fn nothing_secret_stands_in_debug_output() {
    let (room, hidden) = used().await;
    let signed_in = room.sign_in("anna").await.unwrap();
    let shown = format!(
        "{signed_in:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        signed_in.session,
        room.access.users(),
        room.access.tokens(),
        room.access.secrets(),
        room.access.read_secret("none").unwrap_err(),
        room.access.ledger().page(None, 1_000, None).unwrap(),
    );
    for (what, text) in hidden.into_iter().chain([
        ("new cookie", signed_in.cookie.to_string()),
        ("new csrf", signed_in.session.csrf().to_owned()),
    ]) {
        assert!(!shown.contains(&text), "{what}");
    }
}

#[tokio::test]
async fn a_damaged_users_file_never_opens_a_door() {
    let room = Room::new().await;
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    let folder = dir.path().join("access");
    let file = folder.join("users.json");
    let good = std::fs::read(&file).unwrap();
    let mut refused = 0;
    for at in 0..good.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            std::fs::write(&file, &bad).unwrap();
            match Access::open(&folder, clock.clone()) {
                Err(AccessError::Corrupt { why, .. }) => {
                    refused += 1;
                    assert!(why.contains("backup") || why.contains("newer"), "{why}");
                }
                Err(other) => panic!("{other}"),
                Ok(access) => {
                    assert!(access.has_users() && access.setup_token().unwrap().is_none(), "byte {at}");
                }
            }
        }
    }
    assert!(refused > good.len());
    for bad in [&b""[..], b"{}", b"[]", b"null", b"\0\0\0\0", &good[..good.len() / 2]] {
        std::fs::write(&file, bad).unwrap();
        assert!(matches!(Access::open(&folder, clock.clone()), Err(AccessError::Corrupt { .. })));
    }
    std::fs::write(&file, br#"{"version": 2, "data": {"users": []}}"#).unwrap();
    let Err(error) = Access::open(&folder, clock.clone()) else { panic!("opened") };
    assert!(error.to_string().contains("newer Ironbridge"), "{error}");
    std::fs::write(&file, good).unwrap();
    let access = Access::open(&folder, clock).unwrap();
    access.sign_in("anna", secret(PASSWORD), SOURCE).await.unwrap();
}

#[tokio::test]
async fn recording_goes_on_behind_closed_doors() {
    let room = Room::new().await;
    room.user("bob", Role::Operator).await;
    let wish = NewToken { name: "mes".into(), role: Role::Operator, prefix: None, valid: None };
    let (_, token) = room.access.create_token(&owner(), &wish).unwrap();
    room.access.set_secret(&owner(), "hq-db", &secret("value")).unwrap();
    let session = room.sign_in("bob").await.unwrap();
    let principal = session.session.principal.clone();
    let by_token = room.access.token(&token).unwrap();
    let path = model::Path::new("acme/leeds/x").unwrap();
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    let folder = dir.path().join("access");
    let open = |broken: &str| {
        let file = folder.join(broken);
        let good = std::fs::read(&file).unwrap();
        std::fs::write(&file, b"{ torn").unwrap();
        let (access, problems) = Access::open_anyway(&folder, clock.clone(), Options::default()).unwrap();
        assert_eq!(problems.len(), 1, "{broken}");
        assert!(problems[0].to_string().contains(broken));
        (access, file, good)
    };
    let (access, file, good) = open("users.json");
    assert!(access.has_users() && access.setup_token().unwrap().is_none(), "nobody is set up anew");
    assert!(matches!(access.sign_in("bob", secret(PASSWORD), SOURCE).await, Err(AccessError::Wrong)));
    assert!(access.session(&session.cookie).is_none());
    for who in [&principal, &by_token, &owner()] {
        assert!(access.may_write(who, &path).unwrap_err().contains("cannot be read"));
    }
    assert!(matches!(
        access.create_user(&owner(), "eve", Role::Administrator),
        Err(AccessError::Corrupt { .. })
    ));
    assert_eq!(*access.secret("hq-db").unwrap(), "value", "destinations go on");
    drop(access);
    assert_eq!(std::fs::read(&file).unwrap(), b"{ torn", "the evidence stays");
    std::fs::write(&file, good).unwrap();

    let (access, file, good) = open("tokens.json");
    assert!(access.token(&token).is_none() && access.may_write(&by_token, &path).is_err());
    assert_eq!(access.may_write(&principal, &path), Ok(()));
    drop(access);
    std::fs::write(&file, good).unwrap();

    std::fs::remove_file(folder.join("secret.key")).unwrap();
    let (access, file, good) = open("secrets.json");
    assert!(access.read_secret("hq-db").unwrap_err().to_string().contains("cannot be read"));
    assert!(access.set_secret(&owner(), "other", &secret("x")).is_err());
    drop(access);
    assert!(!folder.join("secret.key").exists(), "no second key is made over what the first encrypted");
    std::fs::write(&file, good).unwrap();

    std::fs::rename(folder.join("ledger.jsonl"), folder.join("moved")).unwrap();
    std::fs::create_dir(folder.join("ledger.jsonl")).unwrap();
    let (access, problems) = Access::open_anyway(&folder, clock.clone(), Options::default()).unwrap();
    assert_eq!(problems.len(), 1);
    assert!(access.ledger().failure().unwrap().contains("could not be opened"));
    assert!(matches!(access.create_user(&owner(), "eve", Role::Viewer), Err(AccessError::Ledger(_))));
    assert!(access.session(&session.cookie).is_some(), "reading goes on");
    drop(access);
    assert!(Access::open(&folder, clock).is_err());
}

#[tokio::test]
async fn a_folder_belongs_to_one_process() {
    let room = Room::new().await;
    let second = Access::open(room.access.dir(), room.clock.clone());
    assert!(matches!(second, Err(AccessError::InUse(_))));
}

#[tokio::test]
async fn without_a_ledger_people_look_on_but_nothing_changes() {
    let room = Room::new().await;
    let session = room.sign_in("anna").await.unwrap();
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    let folder = dir.path().join("access");
    std::fs::remove_file(folder.join("ledger.head")).unwrap();
    std::fs::remove_file(folder.join("ledger.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.join("ledger.jsonl")).unwrap();
    let access = Access::open(&folder, clock).unwrap();
    let entry = namespace::Entry {
        actor: "user:anna".into(),
        action: "command".into(),
        object: "a/b".into(),
        outcome: "requested".into(),
        detail: String::new(),
    };
    assert!(namespace::Ledger::record(&access, entry).is_err(), "writes to the plant stop");
    for refused in [
        access.create_user(&owner(), "bob", Role::Viewer).map(|_| ()),
        access.set_secret(&owner(), "a", &secret("x")).map(|_| ()),
        access.update_user(&owner(), "anna", None, Some(false)).map(|_| ()),
    ] {
        assert!(matches!(refused, Err(AccessError::Ledger(_))));
    }
    assert!(access.user("bob").is_none() && access.secret("a").is_none());
    assert!(access.session(&session.cookie).is_some(), "reading goes on");
    access.sign_in("anna", secret(PASSWORD), SOURCE).await.expect("signing in to look goes on");
    assert!(access.ledger().failure().is_some());
}
