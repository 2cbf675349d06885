use crate::setup::{Room, as_role, owner};
use access::{AccessError, NewToken};
use model::{Path, Principal, Role};
use namespace::Authority;
use std::time::Duration;

fn wish(name: &str, role: Role) -> NewToken {
    NewToken { name: name.into(), role, prefix: None, valid: None }
}

#[tokio::test]
async fn a_token_is_its_principal_until_it_ends() {
    let room = Room::new().await;
    let day = Duration::from_secs(24 * 3600);
    let new = NewToken { prefix: Some("acme/leeds".into()), valid: Some(day), ..wish("mes", Role::Operator) };
    let (info, text) = room.access.create_token(&owner(), &new).unwrap();
    assert!(text.starts_with("ib_"));
    let principal = room.access.token(&text).unwrap();
    assert_eq!(
        principal,
        Principal { name: "token:mes".into(), role: Role::Operator, prefix: Some("acme/leeds".into()) }
    );
    let (inside, outside) = (Path::new("acme/leeds/x").unwrap(), Path::new("acme/york/x").unwrap());
    assert_eq!(room.access.may_write(&principal, &inside), Ok(()));
    assert!(room.access.may_write(&principal, &outside).is_err());
    let pretended = Principal { prefix: None, role: Role::Administrator, ..principal.clone() };
    assert!(room.access.may_write(&pretended, &outside).is_err(), "what the token may is looked up");
    for wrong in
        ["", "ib_", "ib_x", &text[..text.len() - 1], &text.to_uppercase(), &text[3..], &format!("{}x", *text)]
    {
        assert!(room.access.token(wrong).is_none(), "{wrong}");
    }
    let room = room.reopened();
    assert!(room.access.token(&text).is_some());
    room.clock.advance(day);
    assert!(room.access.token(&text).is_none(), "expired");
    assert!(room.access.may_write(&principal, &inside).is_err());
    room.access.delete_token(&owner(), &info.id).unwrap();
    assert!(matches!(room.access.delete_token(&owner(), &info.id), Err(AccessError::NotFound { .. })));
    assert!(room.access.tokens().is_empty());
}

#[tokio::test]
async fn last_use_is_kept_coarsely() {
    let room = Room::new().await;
    let (_, text) = room.access.create_token(&owner(), &wish("mes", Role::Viewer)).unwrap();
    assert_eq!(room.access.tokens()[0].last_used, None);
    room.clock.advance(Duration::from_secs(90));
    room.access.token(&text).unwrap();
    let used = room.access.tokens()[0].last_used.unwrap();
    let file = room.access.dir().join("tokens.json");
    let before = std::fs::read(&file).unwrap();
    room.access.housekeeping();
    let saved = std::fs::read(&file).unwrap();
    assert_ne!(saved, before);
    room.clock.advance(Duration::from_secs(20));
    room.access.token(&text).unwrap();
    room.access.housekeeping();
    assert_eq!(std::fs::read(&file).unwrap(), saved, "within the same minute nothing is written again");
    assert_eq!(room.reopened().access.tokens()[0].last_used, Some(used));
}

#[tokio::test]
async fn nobody_creates_more_rights_than_he_has() {
    let room = Room::new().await;
    let engineer = as_role(Role::Engineer);
    assert!(matches!(
        room.access.create_token(&engineer, &wish("a", Role::Administrator)),
        Err(AccessError::Forbidden(_))
    ));
    assert!(matches!(
        room.access.create_token(&as_role(Role::Operator), &wish("a", Role::Viewer)),
        Err(AccessError::Forbidden(_))
    ));
    room.access.create_token(&engineer, &wish("a", Role::Engineer)).unwrap();
    assert!(matches!(
        room.access.create_token(&engineer, &wish("A", Role::Viewer)),
        Err(AccessError::Exists { .. })
    ));
    for bad in ["", "a b", "ä", "a/b"] {
        assert!(
            matches!(
                room.access.create_token(&engineer, &wish(bad, Role::Viewer)),
                Err(AccessError::Invalid(_))
            ),
            "{bad}"
        );
    }
    let bad_prefix = NewToken { prefix: Some("a//b".into()), ..wish("b", Role::Viewer) };
    assert!(matches!(room.access.create_token(&engineer, &bad_prefix), Err(AccessError::Invalid(_))));
    let (top, _) = room.access.create_token(&owner(), &wish("top", Role::Administrator)).unwrap();
    assert!(matches!(room.access.delete_token(&engineer, &top.id), Err(AccessError::Forbidden(_))));
}
