//! The simulated devices alone, for trying another client on them.
//!
//! `simulate plant [FOLDER]`: the demonstration plant on ports 5020 to 5034; writes its configuration to FOLDER.
//! `simulate bench PORT COUNT`: COUNT devices from PORT on whose every int32 is the time of the answer.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use model::SystemClock;
use twin::{Options, Ports, demo_config, modbus, start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bench", port, count] => {
            let host = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let servers = modbus::bench(host, port.parse()?, count.parse()?, SystemClock::shared()).await?;
            println!("{} devices from port {port} on", servers.len());
            tokio::signal::ctrl_c().await?;
        }
        ["plant", folder @ ..] => {
            let handle = start(Options { ports: Ports::from(5020), ..Options::default() }).await?;
            if let [folder] = folder {
                for file in demo_config(handle.addresses()) {
                    let path = Path::new(folder).join(&file.path);
                    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                    std::fs::write(path, file.text)?;
                }
            }
            println!("{:#?}\n{}", handle.addresses(), handle.summary());
            tokio::signal::ctrl_c().await?;
            handle.shutdown().await;
        }
        _ => println!("simulate plant [FOLDER] | simulate bench PORT COUNT"),
    }
    Ok(())
}
