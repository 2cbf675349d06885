use crate::setup::{PASSWORD, Room, SOURCE, as_role, owner, secret};
use access::{AccessError, LinkPurpose};
use model::{Path, Principal, Role};
use namespace::Authority;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn roles_decide_who_manages_users() {
    let room = Room::new().await;
    for role in [Role::Viewer, Role::Operator, Role::Engineer] {
        let actor = as_role(role);
        let refused = [
            room.access.create_user(&actor, "bob", Role::Viewer).map(|_| ()),
            room.access.update_user(&actor, "anna", Some(Role::Viewer), None).map(|_| ()),
            room.access.delete_user(&actor, "anna"),
            room.access.create_link(&actor, "anna", LinkPurpose::SignIn).map(|_| ()),
        ];
        assert!(refused.iter().all(|result| matches!(result, Err(AccessError::Forbidden(_)))), "{role}");
    }
    let confined = Principal { prefix: Some("acme".into()), ..owner() };
    assert!(matches!(
        room.access.create_user(&confined, "bob", Role::Viewer),
        Err(AccessError::Forbidden(_))
    ));
    room.access.create_user(&owner(), "bob", Role::Viewer).unwrap();
    assert!(matches!(
        room.access.create_user(&owner(), "BOB", Role::Viewer),
        Err(AccessError::Exists { .. })
    ));
    assert!(matches!(room.access.delete_user(&owner(), "nobody"), Err(AccessError::NotFound { .. })));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let room = Room::new().await;
    let before = room.access.ledger().head();
    for refused in [
        room.access.delete_user(&owner(), "anna"),
        room.access.update_user(&owner(), "anna", Some(Role::Engineer), None).map(|_| ()),
        room.access.update_user(&owner(), "anna", None, Some(true)).map(|_| ()),
    ] {
        assert!(matches!(refused, Err(AccessError::Forbidden(why)) if why.contains("last administrator")));
    }
    assert_eq!(room.access.ledger().head(), before, "what was refused did not happen");
    room.user("bob", Role::Administrator).await;
    room.access.delete_user(&owner(), "anna").unwrap();
    assert!(matches!(room.sign_in("anna").await, Err(AccessError::Wrong)));
    room.sign_in("bob").await.unwrap();
}

#[tokio::test]
async fn a_right_taken_away_ends_at_once() {
    let room = Room::new().await;
    room.user("bob", Role::Operator).await;
    let bob = room.sign_in("bob").await.unwrap();
    let path = Path::new("acme/leeds/filler/target").unwrap();
    let who = bob.session.principal.clone();
    assert_eq!(room.access.may_write(&who, &path), Ok(()));
    room.access.update_user(&owner(), "bob", Some(Role::Viewer), None).unwrap();
    assert!(
        room.access.may_write(&who, &path).unwrap_err().contains("operator"),
        "though the principal says operator"
    );
    assert_eq!(room.access.session(&bob.cookie).unwrap().role, Role::Viewer);
    room.access.update_user(&owner(), "bob", Some(Role::Operator), Some(true)).unwrap();
    assert!(room.access.may_write(&who, &path).unwrap_err().contains("disabled"));
    assert!(room.access.session(&bob.cookie).is_none());
    assert!(matches!(room.sign_in("bob").await, Err(AccessError::Wrong)));
    assert!(room.access.create_link(&owner(), "bob", LinkPurpose::SignIn).is_err());
    room.access.update_user(&owner(), "bob", None, Some(false)).unwrap();
    assert!(room.access.session(&bob.cookie).is_none(), "an ended session does not come back");
    room.access.delete_user(&owner(), "bob").unwrap();
    assert!(room.access.may_write(&who, &path).unwrap_err().contains("does not exist"));
}

#[tokio::test]
async fn who_may_write_what() {
    let room = Room::new().await;
    let who = |name: &str, role, prefix: Option<&str>| Principal {
        name: name.into(),
        role,
        prefix: prefix.map(Into::into),
    };
    let path = Path::new("acme/leeds/filler/target").unwrap();
    for (principal, allowed) in [
        (who("user:anna", Role::Administrator, None), true),
        (who("user:anna", Role::Viewer, None), false),
        (who("user:eve", Role::Administrator, None), false),
        (who("local:1000", Role::Operator, None), true),
        (who("local:1000", Role::Viewer, None), false),
        (who("destination:hq", Role::Operator, None), true),
        (who("destination:hq", Role::Operator, Some("acme/leeds")), true),
        (who("destination:hq", Role::Operator, Some("acme/york")), false),
        (who("destination:hq", Role::Operator, Some("acme/lee")), false),
        (who("token:none", Role::Operator, None), false),
        (who("system", Role::Administrator, None), false),
        (who("anna", Role::Administrator, None), false),
        (Principal::system(), false),
    ] {
        assert_eq!(room.access.may_write(&principal, &path).is_ok(), allowed, "{principal:?}");
    }
}

#[tokio::test]
async fn links_work_once_and_not_for_ever() {
    let room = Room::new().await;
    let (user, token) = room.access.create_user(&owner(), "bob", Role::Viewer).unwrap();
    assert!(!user.has_password);
    let signed_in = room.access.sign_in_with_link(&token, SOURCE).await.unwrap();
    assert!(signed_in.session.may_set_password);
    assert!(matches!(room.access.sign_in_with_link(&token, SOURCE).await, Err(AccessError::Link)));
    room.access.change_password(&signed_in.cookie, secret(""), secret(PASSWORD), SOURCE).await.unwrap();
    assert!(!room.access.session(&signed_in.cookie).unwrap().may_set_password, "once");
    let again = room
        .access
        .change_password(&signed_in.cookie, secret(""), secret("other unrelated words"), SOURCE)
        .await;
    assert!(matches!(again, Err(AccessError::Wrong)));
    let late = room.access.create_link(&owner(), "bob", LinkPurpose::SignIn).unwrap();
    room.clock.advance(Duration::from_secs(24 * 3600));
    assert!(matches!(room.access.sign_in_with_link(&late, SOURCE).await, Err(AccessError::Link)));
    let mut links = Vec::new();
    for _ in 0..4 {
        links.push(room.access.create_link(&owner(), "bob", LinkPurpose::SignIn).unwrap());
    }
    assert!(room.access.sign_in_with_link(&links[0], SOURCE).await.is_err(), "the oldest of four gave way");
    let room = room.reopened();
    room.access.sign_in_with_link(&links[3], SOURCE).await.expect("links survive a restart");
    room.access.update_user(&owner(), "bob", None, Some(true)).unwrap();
    room.access.update_user(&owner(), "bob", None, Some(false)).unwrap();
    assert!(room.access.sign_in_with_link(&links[2], SOURCE).await.is_err(), "disabling ends them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_lets_one_of_many_in() {
    let room = Room::new().await;
    let token = Arc::new(room.access.create_link(&owner(), "anna", LinkPurpose::SignIn).unwrap());
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (access, token) = (room.access.clone(), token.clone());
        all.spawn(async move { access.sign_in_with_link(&token, SOURCE).await.is_ok() });
    }
    assert_eq!(all.join_all().await.into_iter().filter(|ok| *ok).count(), 1);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let room = Room::new().await;
    for _ in 0..6 {
        assert!(matches!(
            room.access.sign_in("anna", secret("wrong"), SOURCE).await,
            Err(AccessError::Wrong)
        ));
    }
    let Err(AccessError::Limited { retry_after }) = room.sign_in("anna").await else { panic!("not limited") };
    assert!(retry_after <= Duration::from_secs(1));
    room.access
        .sign_in("anna", secret(PASSWORD), "10.0.0.9")
        .await
        .expect("from elsewhere the owner gets in");
    room.clock.advance(retry_after);
    room.sign_in("anna").await.unwrap();
    assert!(room.access.user("anna").unwrap().last_sign_in.is_some());
}

#[tokio::test]
async fn every_change_is_in_the_ledger_with_its_actor() {
    let room = Room::new().await;
    room.access.create_user(&as_role(Role::Administrator), "bob", Role::Viewer).unwrap();
    let line = room.newest();
    assert_eq!(
        (line.actor.as_str(), line.action.as_str(), line.object.as_str()),
        ("local:administrator", "user-add", "bob")
    );
    room.access.update_user(&owner(), "bob", Some(Role::Operator), None).unwrap();
    assert_eq!(
        (room.newest().actor.as_str(), room.newest().detail.as_str()),
        ("local:1000", "viewer -> operator")
    );
    let _ = room.access.sign_in("bob", secret("a wrong one"), SOURCE).await;
    let line = room.newest();
    assert_eq!(
        (line.action.as_str(), line.object.as_str(), line.outcome.as_str()),
        ("sign-in", "bob", "refused")
    );
    let signed_in = room.sign_in("anna").await.unwrap();
    assert_eq!((room.newest().actor.as_str(), room.newest().outcome.as_str()), ("user:anna", "ok"));
    room.access.sign_out(&signed_in.cookie);
    assert_eq!(room.newest().action, "sign-out");
    room.access.delete_user(&owner(), "bob").unwrap();
    assert_eq!(room.newest().action, "user-remove");
    assert_eq!(room.access.ledger().verify().problem, None);
}

#[tokio::test]
async fn users_survive_a_restart() {
    let room = Room::new().await;
    room.user("bob", Role::Engineer).await;
    let before = room.access.users();
    let room = room.reopened();
    assert_eq!(room.access.users(), before);
    assert_eq!(room.sign_in("bob").await.unwrap().session.role, Role::Engineer);
}
