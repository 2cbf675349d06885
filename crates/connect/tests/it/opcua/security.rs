//! Who may talk to whom: policies, certificates, passwords, and that nothing weaker is taken in silence.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_signed_and_encrypted() {
    let Some(rig) = Rig::new() else { return };
    let mut server = rig.server(&[]);
    rig.trust();
    for policy in ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "best"] {
        for protect in ["encrypt", "sign"] {
            let text = format!("security = \"{policy}\"\nprotect = \"{protect}\"");
            let value = f64::from(u8::try_from(policy.len() + protect.len()).unwrap());
            assert_eq!(server.ask(&format!("set steady {value:?}")), "ok");
            let handle = rig.start(&text, STEADY);
            rig.good("steady", value).await;
            let status = handle.status();
            assert_eq!((status.security.level, status.faults.reconnects), ("tls", 0), "{status:?}");
            handle.stop().await;
        }
    }
    // Every session said goodbye.
    eventually("all connections to be closed", || server.ask("clients") == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_server_is_refused_until_a_person_trusts_it() {
    let Some(rig) = Rig::new() else { return };
    let server = rig.server(&[]);
    let handle = rig.start("", STEADY);
    complains(&handle, "ironbridge trust").await;
    assert!(!rig.house.last("press/steady").status.is_good());
    let waiting = rig.certificates().list();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!((waiting[0].standing, waiting[0].uri.as_str()), (Standing::Rejected, "urn:asyncua:test"));
    assert!(handle.status().last_error.unwrap().title.contains(&waiting[0].thumbprint));
    rig.certificates().set(&waiting[0].thumbprint[..12].to_uppercase(), Standing::Trusted).unwrap();
    handle.pause();
    rig.status("steady", Status::BAD_OUT_OF_SERVICE).await;
    handle.resume();
    rig.good("steady", 42.0).await;
    let key = rig.data().join("opc-ua/private/private.pem");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "others may read our key: {mode:o}");

    // The same address with another certificate is another server.
    drop(server);
    std::fs::remove_dir_all(rig.server_folder()).unwrap();
    let _other = rig.server(&[]);
    complains(&handle, "ironbridge trust").await;
    rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
    assert_eq!(rig.certificates().list().len(), 2);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_weaker_is_taken_in_silence() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&["policies=none"]);
    for head in ["", "protect = \"sign\"", "security = \"Aes256_Sha256_RsaPss\""] {
        let handle = rig.start(head, STEADY);
        complains(&handle, "it offers: none").await;
        assert!(!rig.house.last("press/steady").status.is_good());
        handle.stop().await;
    }
    let handle = rig.start("security = \"none\"", STEADY);
    rig.good("steady", 42.0).await;
    assert_eq!(handle.status().security.level, "none");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_the_right_one_works() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&["users"]);
    rig.trust();
    let text = file(rig.port, "user = \"anna\"\npassword = { secret = \"ua\" }", STEADY);
    let handle = rig.start_with(&text, &[("ua", "sardine")]);
    complains(&handle, "does not accept the user name, password").await;
    handle.stop().await;
    let handle = rig.start_with(&text, &[]);
    complains(&handle, "ironbridge secret set ua").await;
    handle.stop().await;
    let anonymous = rig.start("", STEADY);
    complains(&anonymous, "wants to know who we are (user name)").await;
    anonymous.stop().await;
    let handle = rig.start_with(&text, &[("ua", "swordfish")]);
    rig.good("steady", 42.0).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_certificate_signs_in() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&["certificates"]);
    rig.trust();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256);
    // ring makes no RSA keys: the peer's own pair stands for a person's.
    assert!(key.is_err());
    let pem = std::fs::read_to_string(rig.server_folder().join("key.pem")).unwrap();
    let head = format!(
        "user_certificate = \"{}\"\nuser_key = {{ secret = \"key\" }}",
        rig.server_folder().join("cert.der").display()
    );
    let handle = rig.start_with(&file(rig.port, &head, STEADY), &[("key", &pem)]);
    rig.good("steady", 42.0).await;
    handle.stop().await;
}
