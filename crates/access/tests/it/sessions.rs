use crate::setup::{PASSWORD, Room, SOURCE, owner, secret};
use access::{AccessError, LinkPurpose};
use model::Role;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    let room = Room::new().await;
    let idle = room.sign_in("anna").await.unwrap();
    let used = room.sign_in("anna").await.unwrap();
    for _ in 0..12 {
        room.clock.advance(HOUR);
        assert!(room.access.session(&used.cookie).is_some());
    }
    assert!(room.access.session(&idle.cookie).is_none());
    room.clock.advance(13 * HOUR);
    assert!(room.access.session(&used.cookie).is_none());
}

#[tokio::test]
async fn a_session_ends_after_a_week_in_any_case() {
    let room = Room::new().await;
    let used = room.sign_in("anna").await.unwrap();
    let mut hours = 0;
    while room.access.session(&used.cookie).is_some() {
        room.clock.advance(HOUR);
        hours += 1;
    }
    assert_eq!(hours, 7 * 24);
}

#[tokio::test]
async fn sessions_survive_a_restart_with_their_csrf() {
    let room = Room::new().await;
    let (one, two) = (room.sign_in("anna").await.unwrap(), room.sign_in("anna").await.unwrap());
    assert_ne!(one.session.csrf(), two.session.csrf());
    assert_ne!(*one.cookie, *two.cookie);
    room.access.sign_out(&two.cookie);
    let room = room.reopened();
    let again = room.access.session(&one.cookie).unwrap();
    assert!(again.csrf_matches(one.session.csrf()));
    assert!(!again.csrf_matches(two.session.csrf()) && !again.csrf_matches(""));
    assert!(room.access.session(&two.cookie).is_none(), "signed out stays signed out");
    assert!(room.access.session("").is_none() && room.access.session("x").is_none());
}

#[tokio::test]
async fn idle_time_counts_over_a_restart() {
    let room = Room::new().await;
    let session = room.sign_in("anna").await.unwrap();
    room.clock.advance(11 * HOUR);
    room.access.session(&session.cookie).unwrap();
    room.access.housekeeping();
    let room = room.reopened();
    room.clock.advance(11 * HOUR);
    assert!(room.access.session(&session.cookie).is_some(), "the last use was saved");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let room = Room::new().await;
    let (here, there) = (room.sign_in("anna").await.unwrap(), room.sign_in("anna").await.unwrap());
    let change = |current: &str, new: &str| {
        let (access, cookie) = (room.access.clone(), here.cookie.clone());
        let (current, new) = (secret(current), secret(new));
        async move { access.change_password(&cookie, current, new, SOURCE).await }
    };
    assert!(matches!(change("wrong", "five more unrelated words").await, Err(AccessError::Wrong)));
    assert!(matches!(change("", "five more unrelated words").await, Err(AccessError::Wrong)));
    assert!(matches!(change(PASSWORD, "short").await, Err(AccessError::Invalid(_))));
    assert!(room.access.session(&there.cookie).is_some());
    change(PASSWORD, "five more unrelated words").await.unwrap();
    assert!(room.access.session(&here.cookie).is_some());
    assert!(room.access.session(&there.cookie).is_none());
    assert!(matches!(room.sign_in("anna").await, Err(AccessError::Wrong)));
    room.access.sign_in("anna", secret("five more unrelated words"), SOURCE).await.unwrap();
}

#[tokio::test]
async fn the_right_to_set_a_password_after_a_link_ends_soon() {
    let room = Room::new().await;
    let link = room.access.create_link(&owner(), "anna", LinkPurpose::SetPassword).unwrap();
    let signed_in = room.access.sign_in_with_link(&link, SOURCE).await.unwrap();
    room.clock.advance(HOUR);
    let late = room
        .access
        .change_password(&signed_in.cookie, secret(""), secret("other unrelated words"), SOURCE)
        .await;
    assert!(matches!(late, Err(AccessError::Wrong)));
}

#[tokio::test]
async fn sessions_per_user_are_bounded() {
    let room = Room::new().await;
    let mut cookies = Vec::new();
    for _ in 0..55 {
        let link = room.access.create_link(&owner(), "anna", LinkPurpose::SignIn).unwrap();
        cookies.push(room.access.sign_in_with_link(&link, SOURCE).await.unwrap().cookie);
        room.clock.advance(Duration::from_secs(1));
    }
    let alive = cookies.iter().filter(|cookie| room.access.session(cookie).is_some()).count();
    assert_eq!(alive, 50);
    assert!(room.access.session(&cookies[54]).is_some(), "the newest stays");
    room.access.create_user(&owner(), "bob", Role::Viewer).unwrap();
}

#[tokio::test]
async fn damaged_sessions_cost_a_sign_in_and_nothing_else() {
    let room = Room::new().await;
    let session = room.sign_in("anna").await.unwrap();
    let dir = room.dir.path().join("access");
    let (dir_guard, clock) = (room.dir, room.clock);
    drop(room.access);
    std::fs::write(dir.join("sessions.json"), b"{ torn").unwrap();
    let access = access::Access::open(&dir, clock).unwrap();
    assert!(access.session(&session.cookie).is_none());
    access.sign_in("anna", secret(PASSWORD), SOURCE).await.unwrap();
    let kept = std::fs::read_dir(&dir)
        .unwrap()
        .any(|e| e.unwrap().file_name().to_string_lossy().contains("damaged"));
    assert!(kept, "nothing is deleted silently");
    drop(dir_guard);
}
