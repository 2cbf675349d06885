//! The plant on the network: banks, ports, clients, and the clock that moves it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::{Clock, SystemClock, Time};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use wire::modbus::{ExceptionCode, Limits, Table};

use super::encode::{Pass, Tag, publish};
use super::hosts;
use super::machines::{Device as Other, MACHINES, Made, Point};
use super::units::{Endpoint, Scene, UNITS, UnitDef};
use crate::modbus::{
    Ability, Bank, Behaviour, Conduct, Device, Framing, Identity, Server, SharedBank, Station, Unit,
    UnknownUnit, WordOrder, listen,
};
use crate::plant::{Plant, SWITCHES, Switch, TICK};

/// Which ports to listen on; 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// Bottling line, Modbus TCP.
    pub line: u16,
    /// Palletiser, Modbus TCP.
    pub palletiser: u16,
    /// Boiler, Modbus TCP.
    pub boiler: u16,
    /// Compressed air, Modbus TCP.
    pub air: u16,
    /// Meters, RTU over TCP.
    pub meters: u16,
    /// The switches as coils, Modbus TCP: coil n is the n-th of [`SWITCHES`]. Not a device of the plant.
    pub control: u16,
    /// The first of the machines that speak something else; the others follow it.
    pub machines: u16,
}

impl Ports {
    /// Ports from `first` on: six, and one for each machine that speaks something else than Modbus.
    #[must_use]
    pub const fn from(first: u16) -> Self {
        Self {
            line: first,
            palletiser: first.saturating_add(1),
            boiler: first.saturating_add(2),
            air: first.saturating_add(3),
            meters: first.saturating_add(4),
            control: first.saturating_add(5),
            machines: first.saturating_add(6),
        }
    }
}

/// Where the plant listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Bottling line, Modbus TCP.
    pub line: SocketAddr,
    /// Palletiser, Modbus TCP.
    pub palletiser: SocketAddr,
    /// Boiler, Modbus TCP.
    pub boiler: SocketAddr,
    /// Compressed air, Modbus TCP.
    pub air: SocketAddr,
    /// Meters, RTU over TCP.
    pub meters: SocketAddr,
    /// Switches.
    pub control: SocketAddr,
    /// The machines that speak something else: name, address, and the protocol in words.
    pub machines: Vec<(&'static str, SocketAddr, &'static str)>,
}

/// How to run the plant.
#[derive(Clone)]
pub struct Options {
    /// The same seed gives the same plant.
    pub seed: u64,
    /// Where to listen; loopback by default.
    pub host: IpAddr,
    /// On which ports; free ones by default.
    pub ports: Ports,
    /// Simulated seconds per second, 1 by default, 0 stands still.
    pub time_scale: f64,
    /// Whether the HMI runs, which writes set-points; it does by default.
    pub hmi: bool,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            host: Ipv4Addr::LOCALHOST.into(),
            ports: Ports::default(),
            time_scale: 1.0,
            hmi: true,
            clock: SystemClock::shared(),
        }
    }
}

/// A port could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the simulated {what} cannot listen on {address}")]
pub struct StartError {
    /// Which endpoint.
    pub what: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// One unit of the plant with its data.
struct Member {
    def: &'static UnitDef,
    tags: Vec<Tag>,
    bank: Arc<SharedBank>,
    unit: Arc<Unit>,
    sound: Behaviour,
}

/// One machine that speaks something else than Modbus.
struct Machine {
    made: &'static Made,
    points: Vec<Point>,
    device: Box<dyn Other>,
}

/// The running plant. Dropping it stops it.
pub struct Handle {
    addresses: Addresses,
    plant: Arc<Mutex<Plant>>,
    servers: Vec<Server>,
    machines: Arc<Mutex<Vec<Machine>>>,
    tasks: JoinSet<()>,
    excluded_reads: Arc<AtomicU64>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Turns a trouble on or off.
    pub fn set_switch(&self, switch: Switch, on: bool) {
        self.plant.lock().set_switch(switch, on);
    }

    /// Whether a trouble is on.
    #[must_use]
    pub fn switch(&self, switch: Switch) -> bool {
        self.plant.lock().switch(switch)
    }

    /// A copy of the plant as it is now.
    #[must_use]
    pub fn plant(&self) -> Plant {
        self.plant.lock().clone()
    }

    /// One sentence about what the plant does.
    #[must_use]
    pub fn summary(&self) -> String {
        self.plant.lock().summary()
    }

    /// Requests that touched the range which the configuration excludes (40900 to 40999 of the filler). A gentle
    /// client leaves this at 0.
    #[must_use]
    pub fn excluded_reads(&self) -> u64 {
        self.excluded_reads.load(Relaxed)
    }

    /// The certificates (DER) of machines that must be trusted before they are talked to.
    #[must_use]
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let machines = self.machines.lock();
        machines.iter().filter_map(|machine| Some(machine.device.certificate()?.to_vec())).collect()
    }

    /// The simulated servers, for their counters.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Stops everything and waits until it has stopped.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
        for server in self.servers.drain(..) {
            server.shutdown().await;
        }
        let machines = std::mem::take(&mut *self.machines.lock());
        for machine in machines {
            machine.device.shutdown().await;
        }
    }
}

/// Starts the demonstration plant.
///
/// # Errors
/// [`StartError`] if a port cannot be opened; nothing runs then.
pub async fn start(options: Options) -> Result<Handle, StartError> {
    let plant = Arc::new(Mutex::new(Plant::new(options.seed)));
    let excluded_reads = Arc::new(AtomicU64::new(0));
    let members: Vec<Member> =
        UNITS.iter().map(|def| member(def, &plant.lock(), options.clock.now(), &excluded_reads)).collect();
    let ports = options.ports;
    let mut servers = Vec::new();
    let mut open = async |what, endpoint, port| {
        let address = SocketAddr::new(options.host, port);
        let framing = if endpoint == Some(Endpoint::Meters) { Framing::Rtu } else { Framing::Tcp };
        let station = match endpoint {
            Some(endpoint) => station(endpoint, &members, options.seed),
            None => control(Arc::clone(&plant)),
        };
        let server =
            listen(address, framing, station).await.map_err(|source| StartError { what, address, source })?;
        let address = server.address();
        servers.push(server);
        Ok::<_, StartError>(address)
    };
    let addresses = Addresses {
        line: open("bottling line", Some(Endpoint::Line), ports.line).await?,
        palletiser: open("palletiser", Some(Endpoint::Palletiser), ports.palletiser).await?,
        boiler: open("boiler", Some(Endpoint::Boiler), ports.boiler).await?,
        air: open("compressed air", Some(Endpoint::Air), ports.air).await?,
        meters: open("energy meters", Some(Endpoint::Meters), ports.meters).await?,
        control: open("control port", None, ports.control).await?,
        machines: Vec::new(),
    };
    let machines = machines(&options).await?;
    let found = machines.iter().map(|m| (m.made.name, m.device.address(), m.made.protocol)).collect();
    let addresses = Addresses { machines: found, ..addresses };
    let machines = Arc::new(Mutex::new(machines));
    // Whoever connects finds values, not zeros.
    show(&machines.lock(), &plant.lock(), options.clock.now());
    let mut tasks = JoinSet::new();
    if options.hmi {
        tasks.spawn(hosts::hmi(Arc::clone(&plant), addresses.line, options.seed));
    }
    tasks.spawn(hosts::rogue(Arc::clone(&plant), addresses.line));
    tasks.spawn(drive(Arc::clone(&plant), members, Arc::clone(&machines), options));
    Ok(Handle { addresses, plant, servers, machines, tasks, excluded_reads })
}

async fn machines(options: &Options) -> Result<Vec<Machine>, StartError> {
    let mut machines = Vec::new();
    for (made, offset) in MACHINES.iter().zip(0..) {
        let first = options.ports.machines;
        let port = if first == 0 { 0 } else { first.saturating_add(offset) };
        let (what, address) = (made.name, SocketAddr::new(options.host, port));
        let device = (made.open)(address).await.map_err(|source| StartError { what, address, source })?;
        machines.push(Machine { made, points: (made.points)(), device });
    }
    Ok(machines)
}

fn show(machines: &[Machine], plant: &Plant, wall: Time) {
    for machine in machines {
        machine.device.show(&machine.points, &Scene { plant, wall, meter: 0 });
        machine.device.set_present(plant.answers(machine.made.machine));
    }
}

fn member(def: &'static UnitDef, plant: &Plant, wall: Time, excluded_reads: &Arc<AtomicU64>) -> Member {
    let tags = (def.tags)();
    let mut bank = Bank::default();
    def.filler.iter().for_each(|(first, last)| bank.holding.add(*first..=*last));
    publish(def, &tags, &Scene { plant, wall, meter: def.meter }, &mut bank, Pass::First);
    bank.writable = Some(def.writable.iter().map(|(first, last)| *first..=*last).collect());
    let code = format!("{}-{}", def.device, def.id);
    bank.identity = Some(Identity::new("Ironbridge simulation", &code, "1.0", def.product));
    bank.server_id = vec![def.id, 0xFF];
    let mut bank = SharedBank::new(bank)
        .on_write(move |_, table, address, values| check_write(def, table, address, values));
    if def.config.contains("exclude") {
        let counter = Arc::clone(excluded_reads);
        bank = bank.on_read(move |_, table, address, quantity| {
            let last = u32::from(address) + u32::from(quantity);
            if table == Table::HoldingRegisters && address <= 998 && last > 899 {
                counter.fetch_add(1, Relaxed);
            }
            Ok(())
        });
    }
    let (delay, jitter) = match def.endpoint {
        Endpoint::Meters => (12, 20), // what a few dozen bytes take at 19,200 bits per second, there and back
        Endpoint::Palletiser => (8, 10),
        _ => (1, 4),
    };
    let sound = Behaviour {
        delay: Duration::from_millis(delay),
        jitter: Duration::from_millis(jitter),
        conduct: if def.dead { Conduct::Silent } else { Conduct::Sound },
        ability: Ability {
            limits: Limits { read_registers: def.max_registers, ..Limits::STANDARD },
            ..Ability::default()
        },
        ..Behaviour::default()
    };
    let bank = Arc::new(bank);
    let unit = Arc::new(Unit::new(Arc::clone(&bank) as Arc<dyn Device>).behaving(sound));
    Member { def, tags, bank, unit, sound }
}

/// A PLC refuses a set-point that its own limits exclude.
fn check_write(def: &UnitDef, table: Table, address: u16, values: &[u16]) -> Result<(), ExceptionCode> {
    let highest = match def.endpoint {
        Endpoint::Line if def.order == WordOrder::LowFirst && address == hosts::TARGET => 600.0,
        Endpoint::Boiler if address == 0 => 12.0,
        _ => return Ok(()),
    };
    let Ok(words) = <[u16; 2]>::try_from(values) else { return Ok(()) };
    let value = f32::from_bits(def.order.join(words));
    if table == Table::HoldingRegisters && !(0.0..=highest).contains(&value) {
        return Err(ExceptionCode::ILLEGAL_DATA_VALUE);
    }
    Ok(())
}

fn station(endpoint: Endpoint, members: &[Member], seed: u64) -> Station {
    let own: Vec<&Member> = members.iter().filter(|m| m.def.endpoint == endpoint).collect();
    match endpoint {
        // One device that does not care for the unit id.
        Endpoint::Palletiser | Endpoint::Boiler => {
            own.iter().fold(Station::new(seed), |station, m| station.with_any(Arc::clone(&m.unit)))
        }
        _ => {
            let unknown = match endpoint {
                Endpoint::Meters => UnknownUnit::Silence,
                _ => UnknownUnit::Exception(ExceptionCode::GATEWAY_TARGET_FAILED),
            };
            let station = Station::new(seed).unknown(unknown);
            own.iter().fold(station, |station, m| station.with(m.def.id, Arc::clone(&m.unit)))
        }
    }
}

/// The switches as coils.
struct SwitchBoard {
    plant: Arc<Mutex<Plant>>,
}

impl Device for SwitchBoard {
    fn read_registers(&self, _: Table, _: u16, _: u16, _: &mut Vec<u8>) -> Result<(), ExceptionCode> {
        Err(ExceptionCode::ILLEGAL_FUNCTION)
    }

    fn read_bits(
        &self,
        table: Table,
        address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        let first = usize::from(address);
        let switches = SWITCHES.get(first..first + usize::from(quantity)).filter(|_| table == Table::Coils);
        let plant = self.plant.lock();
        let states = switches.ok_or(ExceptionCode::ILLEGAL_DATA_ADDRESS)?.iter().map(|s| plant.switch(s.0));
        wire::modbus::pack_bits(states, out);
        Ok(())
    }

    fn write_bits(&self, address: u16, values: &[bool]) -> Result<(), ExceptionCode> {
        let first = usize::from(address);
        let switches =
            SWITCHES.get(first..first + values.len()).ok_or(ExceptionCode::ILLEGAL_DATA_ADDRESS)?;
        let mut plant = self.plant.lock();
        switches.iter().zip(values).for_each(|(switch, on)| plant.set_switch(switch.0, *on));
        Ok(())
    }
}

fn control(plant: Arc<Mutex<Plant>>) -> Station {
    Station::new(0).with_any(Arc::new(Unit::new(Arc::new(SwitchBoard { plant }))))
}

/// Moves the plant with the clock: set-points in, values out.
async fn drive(
    plant: Arc<Mutex<Plant>>,
    members: Vec<Member>,
    machines: Arc<Mutex<Vec<Machine>>>,
    options: Options,
) {
    let clock = options.clock;
    let begin = clock.now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last = clock.monotonic();
    loop {
        ticks.tick().await;
        let now = clock.monotonic();
        // After a suspended machine wakes up, the plant goes on where it was.
        let passed = now.saturating_sub(last).min(Duration::from_secs(2));
        last = now;
        let mut plant = plant.lock();
        let machines = machines.lock();
        take_setpoints(&members, &mut plant);
        machines.iter().for_each(|machine| machine.device.take(&mut plant));
        plant.step(passed.mul_f64(options.time_scale.clamp(0.0, 1000.0)));
        let real = (options.time_scale - 1.0).abs() < 1e-9;
        let wall = if real { clock.now() } else { begin.after(plant.elapsed()) };
        for member in &members {
            let scene = Scene { plant: &plant, wall, meter: member.def.meter };
            publish(member.def, &member.tags, &scene, &mut member.bank.lock(), Pass::Again);
            behave(member, plant.answers(member.def.machine));
        }
        show(&machines, &plant, wall);
    }
}

fn take_setpoints(members: &[Member], plant: &mut Plant) {
    for member in members {
        let value = |address| member.bank.lock().f32(address, member.def.order).map(f64::from);
        match member.def.device {
            "filler" => plant.line.target = value(hosts::TARGET).unwrap_or(plant.line.target),
            "boiler" => plant.boiler.setpoint = value(0).unwrap_or(plant.boiler.setpoint),
            _ => {}
        }
    }
}

fn behave(member: &Member, answers: bool) {
    let wanted = if answers { member.sound.conduct } else { Conduct::Silent };
    let present = member.unit.behaviour();
    if present.conduct != wanted {
        member.unit.set_behaviour(Behaviour { conduct: wanted, ..present });
    }
}
