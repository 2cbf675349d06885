//! `demo` and `simulate`: the demonstration plant, with and without Ironbridge on it.

use crate::cli::{complain, exit, print, scratch};
use crate::house;
use crate::report;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// First port that the simulated machines try, so that a kept plant folder stays right from start to start.
const FIRST_PORT: u16 = 15_020;
/// SQL of the demonstration: not where a PostgreSQL of the same machine listens.
const SQL_PORT: u16 = 15_432;

/// `ironbridge demo`. The exit code.
pub fn run(dir: Option<PathBuf>, listen: &str, seed: u64) -> u8 {
    let kept = dir.is_some();
    let folder = match dir.map_or_else(scratch, |dir| std::fs::create_dir_all(&dir).map(|()| dir)) {
        Ok(folder) => folder,
        Err(why) => return failed(&format!("the demonstration needs a folder: {why}")),
    };
    let runtime = match house::runtime() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&why.to_string()),
    };
    let code = runtime.block_on(demonstrate(&folder, listen, seed));
    if !kept && let Err(why) = std::fs::remove_dir_all(&folder) {
        complain(&format!("{} could not be removed: {why}", folder.display()));
    }
    code
}

fn failed(why: &str) -> u8 {
    complain(why);
    exit::FAILED
}

async fn demonstrate(folder: &Path, listen: &str, seed: u64) -> u8 {
    let plant = match start_plant(seed, twin::Ports::from(FIRST_PORT)).await {
        Ok(plant) => plant,
        Err(why) => return failed(&why.to_string()),
    };
    if let Err(why) = write_config(folder, &plant, Some(listen)) {
        return failed(&format!("{}: {why}", folder.display()));
    }
    if let Err(why) = trust_machines(&folder.join("data"), &plant) {
        return failed(&why);
    }
    let options = house::Options { data: folder.join("data"), simulated: true };
    let loaded = house::Prepared::load(folder, &options.data).map_err(|found| report::mistakes(&found));
    let started = match loaded {
        Ok(loaded) => house::serve(loaded, &options).await.map_err(|why| why.to_string()),
        Err(mistakes) => Err(mistakes),
    };
    let ready = match started {
        Ok(ready) => ready,
        Err(why) => {
            plant.shutdown().await;
            return failed(&why);
        }
    };
    let folder = folder.display();
    print(&format!(
        "The demonstration plant runs: {}.\n\
         plant     {folder}\n\
         ask it    in a second terminal: {}   and then: ironbridge points\n\
         write     set writes = \"on\" in {folder}/ironbridge.toml, then: ironbridge apply {folder}\n\
         \x20         a good first point is acme/demo/utilities/boiler/setpoint\n\
         {}end       Ctrl-C\n",
        plant.summary(),
        environment(&options.data),
        ready.house.sql_listens_at().map_or_else(String::new, |at| format!(
            "SQL       ironbridge token add analyst --role viewer   and then, with what it prints:\n          \
             psql \"postgresql://analyst:TOKEN@{at}/ironbridge\"\n"
        )),
    ));
    house::announce(&ready);
    house::until_stopped(&ready).await;
    ready.server.stop().await;
    ready.house.stop().await;
    plant.shutdown().await;
    exit::OK
}

/// The line for a shell in which `ironbridge` is this program and asks this plant.
fn environment(data: &Path) -> String {
    let known = |place: &Path| {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|one| one == place))
    };
    let program = std::env::current_exe().ok();
    let place = program.as_deref().and_then(Path::parent).filter(|place| !known(place));
    let path = place.map_or_else(String::new, |place| format!("PATH=\"$PATH:{}\" ", place.display()));
    format!("export {path}IRONBRIDGE_DATA=\"{}\"", data.display())
}

/// `ironbridge simulate`. The exit code.
pub fn simulate(seed: u64, folder: Option<&Path>, port: u16) -> u8 {
    let runtime = match house::runtime() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&why.to_string()),
    };
    runtime.block_on(async {
        let ports = if port == 0 { twin::Ports::default() } else { twin::Ports::from(port) };
        let plant = match twin::start(twin::Options { seed, ports, ..twin::Options::default() }).await {
            Ok(plant) => plant,
            Err(why) => return failed(&words(&why)),
        };
        let at = plant.addresses();
        print(&format!(
            "line        {}  Modbus TCP, units 1 to 3\npalletiser  {}  Modbus TCP\nboiler      {}  Modbus TCP\n\
             air         {}  Modbus TCP\nmeters      {}  Modbus RTU over TCP\n",
            at.line, at.palletiser, at.boiler, at.air, at.meters
        ));
        for (name, address, protocol) in &at.machines {
            print(&format!("{name:<11} {address}  {protocol}\n"));
        }
        print(&format!("switches    {}  Modbus TCP, coil n is trouble n:\n", at.control));
        for (number, (_, name)) in twin::SWITCHES.iter().enumerate() {
            print(&format!("            {number} {name}\n"));
        }
        if let Some(folder) = folder {
            if let Err(why) = write_config(folder, &plant, None) {
                return failed(&format!("{}: {why}", folder.display()));
            }
            print(&format!("plant       {}  (ironbridge run {})\n", folder.display(), folder.display()));
        }
        print("ready\n");
        wait().await;
        plant.shutdown().await;
        exit::OK
    })
}

/// On the usual ports, or on free ones if those are taken.
async fn start_plant(seed: u64, ports: twin::Ports) -> Result<twin::Handle, String> {
    let options = twin::Options { seed, ports, ..twin::Options::default() };
    match twin::start(options.clone()).await {
        Ok(plant) => Ok(plant),
        Err(_) => twin::start(twin::Options { ports: twin::Ports::default(), ..options })
            .await
            .map_err(|why| words(&why)),
    }
}

fn words(why: &twin::StartError) -> String {
    format!("{why}: {}", why.source)
}

/// Writes the plant folder. `ironbridge.toml` stays as it is if it is there: a person may have changed it.
fn write_config(folder: &Path, plant: &twin::Handle, listen: Option<&str>) -> std::io::Result<()> {
    for file in twin::demo_config(plant.addresses()) {
        let path = folder.join(&file.path);
        let own = file.path == "ironbridge.toml";
        if own && path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let page = listen.filter(|_| own).map(|listen| {
            let sql = sql_address(listen);
            format!("\n[web]\nlisten = \"{listen}\"\n\n[serve.postgres]              # SQL for psql, pandas and others\nlisten = \"{sql}\"\n")
        });
        std::fs::write(&path, file.text + &page.unwrap_or_default())?;
    }
    Ok(())
}

/// Where the demonstration offers SQL: on a port of its own, on any free one if the page takes any.
fn sql_address(listen: &str) -> String {
    let port = if listen.ends_with(":0") { 0 } else { SQL_PORT };
    format!("127.0.0.1:{port}")
}

/// What a commissioning engineer did: the certificates of the machines are known.
fn trust_machines(data: &Path, plant: &twin::Handle) -> Result<(), String> {
    let known = connect::south::opcua::Certificates::in_data(data);
    plant.certificates().iter().try_for_each(|der| known.trust(der))
}

async fn wait() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return complain("signals cannot be received");
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
