//! Looking around: what a server holds becomes a file to review, and the file works; servers are found.

use super::cuts::node_server;
use super::*;
use crate::support::{ask_for, scan};
use connect::discover::{Ask, Wish, draft};
use connect::draft::Draft;
use connect::south::{BROWSERS, BrowseError, PROBES};

async fn browse(rig: &Rig, text: &str) -> Result<Draft, BrowseError> {
    let document = Document::parse("connections/ua.toml", text).unwrap();
    let context = rig.context(&[]);
    let browser = BROWSERS.iter().find(|browser| browser.kind == "opc-ua").unwrap();
    (browser.browse)(&document, &context, rig.house.clock().now()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn node_opcua_is_looked_at_page_by_page_and_the_draft_works() {
    let Some(rig) = Rig::new() else { return };
    let Some(mut server) = node_server(&rig, 1_300) else { return };
    let head =
        format!("kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{}/plc\"\nsecurity = \"none\"\n", rig.port);
    let draft = browse(&rig, &head).await.unwrap();
    assert!(draft.mistakes.is_empty(), "{:?}", draft.mistakes);
    for line in [
        "[device.Press]\nnamespace = \"http://vendor.com/plc\"\n",
        "force = { at = \"s=Press.force\", type = \"f64\", unit = \"kN\", range = [0, 400], description = \"Ram force\" }",
        "int16 = { at = \"s=Press.int16\", type = \"i64\" }   # the server takes writes: write = { }",
        "string = { at = \"s=Press.string\", type = \"text\" }",
        "n1299 = { at = \"s=Press.n1299\", type = \"f64\" }",
    ] {
        assert!(draft.text.contains(line), "lacks {line}: {}", draft.text);
    }
    assert!(draft.text.starts_with(&head) && draft.tags >= 1_306, "{}", draft.tags);
    let handle = rig.start_with(&draft.text, &[]);
    for (tag, value) in
        [("force", Value::F64(120.5)), ("n1299", Value::F64(1_299.0)), ("string", Value::from("Füller"))]
    {
        let path = format!("ua/Press/{tag}");
        eventually(&path, || rig.house.last(&path).value == value).await;
    }
    assert_eq!(server.ask("sessions"), "1");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asyncua_is_looked_at_too_and_mistakes_are_told() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&["policies=none", "limit=5"]);
    let head = format!("kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{}/plc/\"\n", rig.port);
    let Err(BrowseError::Device(fault)) = browse(&rig, &head).await else {
        panic!("no encryption was asked for")
    };
    assert!(fault.to_string().contains("it offers: none"), "{fault}");
    let draft = browse(&rig, &format!("{head}security = \"none\"\n")).await.unwrap();
    for line in [
        "zones_1 = { at = \"s=Press.zones\", element = 1, type = \"f64\" }   #",
        "time = { at = \"s=Press.time\", type = \"text\" }",
        "bytes = { at = \"s=Press.bytes\", type = \"bytes\" }",
    ] {
        assert!(draft.text.contains(line), "lacks {line}: {}", draft.text);
    }
    let Err(BrowseError::File(found)) = browse(&rig, "kind = \"opc-ua\"\nurl = \"plc\"\n").await else {
        panic!()
    };
    assert!(found[0].to_string().contains("opc.tcp://"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_found_and_drafted() {
    let Some(rig) = Rig::new() else { return };
    let _server = rig.server(&[]);
    let wanted = Ask { timeout: Duration::from_secs(5), ..ask_for("opc-ua", rig.port) };
    let (snapshot, _) = scan(wanted).await;
    let [found] = snapshot.found.as_slice() else { panic!("{snapshot:?}") };
    let offers = &found.details.iter().find(|(name, _)| name == "offers").unwrap().1;
    assert!(offers.contains("Aes128_Sha256_RsaOaep encrypted"), "{found:?}");
    assert!(found.details.contains(&("application".into(), "urn:asyncua:test".into())), "{found:?}");
    let probe = PROBES.iter().find(|probe| probe.name == "opc-ua").unwrap();
    let draft = draft(&snapshot.found, 0, probe, Wish::default(), std::path::Path::new("")).unwrap();
    let wanted = format!("kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{}\"\n", rig.port);
    assert!(draft.text.contains(&wanted), "{}", draft.text);
}
