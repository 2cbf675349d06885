//! A room to test in, and the first minute of a plant.

use access::{Access, AccessError, SignedIn, Zeroizing};
use model::{ManualClock, Principal, Role, Time};
use std::sync::Arc;
use tempfile::TempDir;

pub const PASSWORD: &str = "four unrelated words";
pub const SOURCE: &str = "10.0.0.1";

pub struct Room {
    pub dir: TempDir,
    pub clock: Arc<ManualClock>,
    pub access: Access,
}

pub fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

pub fn owner() -> Principal {
    Access::owner(1000)
}

pub fn as_role(role: Role) -> Principal {
    Principal { name: format!("local:{role}"), role, prefix: None }
}

impl Room {
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Time::from_millis(1_767_225_600_000));
        let access = Access::open(&dir.path().join("access"), clock.clone()).unwrap();
        Self { dir, clock, access }
    }

    /// With the administrator `anna`.
    pub async fn new() -> Self {
        let room = Self::empty();
        let token = room.access.setup_token().unwrap().unwrap();
        room.access.setup(&token, "anna", secret(PASSWORD), SOURCE).await.unwrap();
        room
    }

    pub fn reopened(self) -> Self {
        let Self { dir, clock, access } = self;
        drop(access);
        let access = Access::open(&dir.path().join("access"), clock.clone()).unwrap();
        Self { dir, clock, access }
    }

    pub async fn sign_in(&self, name: &str) -> Result<SignedIn, AccessError> {
        self.access.sign_in(name, secret(PASSWORD), SOURCE).await
    }

    pub async fn user(&self, name: &str, role: Role) {
        let (_, token) = self.access.create_user(&owner(), name, role).unwrap();
        let signed_in = self.access.sign_in_with_link(&token, SOURCE).await.unwrap();
        self.access.change_password(&signed_in.cookie, secret(""), secret(PASSWORD), SOURCE).await.unwrap();
    }

    pub fn newest(&self) -> access::Record {
        self.access.ledger().page(None, 1, None).unwrap().records.remove(0)
    }
}

#[tokio::test]
async fn the_first_administrator_needs_the_token() {
    let room = Room::empty();
    assert!(!room.access.has_users());
    assert!(matches!(room.sign_in("admin").await, Err(AccessError::Wrong)), "no default credentials");
    let old = room.access.setup_token().unwrap().unwrap();
    let token = room.access.setup_token().unwrap().unwrap();
    for wrong in [old.as_str(), "", "x"] {
        let refused = room.access.setup(wrong, "anna", secret(PASSWORD), SOURCE).await;
        assert!(matches!(refused, Err(AccessError::SetUpLink)));
    }
    for (name, password) in [("", PASSWORD), ("an na", PASSWORD), ("anna", "short"), ("anna", "password123")]
    {
        let refused = room.access.setup(&token, name, secret(password), SOURCE).await;
        assert!(matches!(refused, Err(AccessError::Invalid(_))), "a mistake does not use the token up");
    }
    let signed_in = room.access.setup(&token, "anna", secret(PASSWORD), SOURCE).await.unwrap();
    assert_eq!((signed_in.session.user.as_str(), signed_in.session.role), ("anna", Role::Administrator));
    assert!(room.access.session(&signed_in.cookie).is_some());
    assert!(matches!(
        room.access.setup(&token, "eve", secret(PASSWORD), SOURCE).await,
        Err(AccessError::SetUpAlready)
    ));
    assert!(room.access.setup_token().unwrap().is_none());
    room.sign_in("Anna").await.unwrap();
}

#[tokio::test]
async fn a_setup_token_expires() {
    let room = Room::empty();
    let token = room.access.setup_token().unwrap().unwrap();
    room.clock.advance(std::time::Duration::from_secs(24 * 3600));
    let refused = room.access.setup(&token, "anna", secret(PASSWORD), SOURCE).await;
    assert!(matches!(refused, Err(AccessError::SetUpLink)));
}

#[tokio::test]
async fn people_without_the_role_do_not_use_the_setup_up() {
    let room = Room::empty();
    let token = room.access.setup_token().unwrap().unwrap();
    room.user("vera", Role::Viewer).await;
    let taken = room.access.setup(&token, "Vera", secret(PASSWORD), SOURCE).await;
    assert!(
        matches!(taken, Err(AccessError::Exists { .. })),
        "nobody becomes administrator by taking a name"
    );
    let newer = room.access.setup_token().unwrap().expect("the next start prints a link, too");
    room.access.setup(&newer, "anna", secret(PASSWORD), SOURCE).await.unwrap();
    assert!(room.access.setup_token().unwrap().is_none());
}

#[tokio::test]
async fn an_administrator_made_by_the_owner_ends_the_setup() {
    for promoted in [false, true] {
        let room = Room::empty();
        let token = room.access.setup_token().unwrap().unwrap();
        let first = if promoted { Role::Viewer } else { Role::Administrator };
        room.access.create_user(&owner(), "anna", first).unwrap();
        if promoted {
            room.access.update_user(&owner(), "anna", Some(Role::Administrator), None).unwrap();
        }
        let refused = room.access.setup(&token, "eve", secret(PASSWORD), SOURCE).await.unwrap_err();
        assert!(matches!(refused, AccessError::SetUpAlready));
        let (title, meaning, next) = refused.words();
        assert!(
            title.contains("administrator exists") && meaning.contains("works once"),
            "{title} {meaning}"
        );
        assert!(next.starts_with("Sign in"), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_many_becomes_the_first_administrator() {
    let room = Room::empty();
    let token = Arc::new(room.access.setup_token().unwrap().unwrap());
    let mut all = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (access, token) = (room.access.clone(), token.clone());
        all.spawn(async move {
            access.setup(&token, &format!("admin-{n}"), secret(PASSWORD), SOURCE).await.is_ok()
        });
    }
    let done = all.join_all().await;
    assert_eq!(done.into_iter().filter(|ok| *ok).count(), 1);
    assert_eq!(room.access.users().len(), 1);
}
