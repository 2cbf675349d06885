//! open62541, the stack of many devices: encrypted or signed by every policy, both ways.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_both_ways() {
    let Some(rig) = Rig::new() else { return };
    let (port, folder) = (rig.port.to_string(), rig.server_folder().display().to_string());
    let mut server = Peer::spawn(&rig.python, &[&peer_file("open62541_server.py"), &port, &folder]);
    rig.trust();
    let policies = ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "best"];
    let ways = policies.iter().flat_map(|policy| ["encrypt", "sign"].map(|protect| (policy, protect)));
    for (value, (policy, protect)) in (100_u8..).zip(ways) {
        let value = f64::from(value);
        assert_eq!(server.ask(&format!("set {value}")), "ok");
        let text = format!(
            "kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{port}\"\nscan = {{ normal = \"100ms\" }}\n\
             security = \"{policy}\"\nprotect = \"{protect}\"\n[device.press]\nnamespace = \"urn:open62541:test\"\n\
             at = \"press\"\n[device.press.tags]\n\
             speed = {{ at = \"s=Press.speed\", type = \"f64\", write = {{ min = 0, max = 1000 }} }}\n"
        );
        let handle = rig.start_with(&text, &[]);
        rig.good("speed", value).await;
        let done = rig.house.write("press/speed", Value::F64(value / 8.0)).await;
        assert_eq!(done, Outcome::Confirmed { readback: Value::F64(value / 8.0) }, "{policy}, {protect}");
        assert_eq!(server.ask("get"), format!("{:?}", value / 8.0));
        assert_eq!(handle.status().security.level, "tls");
        handle.stop().await;
    }
}
