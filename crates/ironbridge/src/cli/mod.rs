//! The command line: what can be asked, and the exit codes.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Exit codes, also in `ironbridge --help`.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// It did not work; the message says why and what to do.
    pub const FAILED: u8 = 1;
    /// The configuration or the command line has mistakes; nothing was started or changed.
    pub const MISTAKES: u8 = 2;
    /// No Ironbridge runs on this data folder.
    pub const NOT_RUNNING: u8 = 3;
    /// Something that was checked is not as it should be (audit chain broken).
    pub const NOT_SOUND: u8 = 4;
}

/// Connects machines, keeps one model of the plant, records it, delivers it to IT.
#[derive(Debug, Parser)]
#[command(name = "ironbridge", version, after_help = AFTER, max_term_width = 110)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Log format on standard error
    #[arg(long, global = true, value_enum, default_value = "text", env = "IRONBRIDGE_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// What to log, e.g. `info`, `connect=debug`
    #[arg(long, global = true, default_value = "info", env = "IRONBRIDGE_LOG")]
    pub log: String,
}

const AFTER: &str = "\
Exit codes: 0 done; 1 did not work; 2 mistakes in the configuration or the command line; 3 nothing runs on this data \
folder; 4 checked and not sound.

Example: ironbridge demo";

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for people
    Text,
    /// One JSON object a line
    Json,
}

/// Which running Ironbridge is meant.
#[derive(Clone, Debug, Args)]
pub struct Running {
    /// Data folder of the running Ironbridge (the default is `data` in the plant folder of this directory)
    #[arg(long, env = "IRONBRIDGE_DATA", default_value = "data")]
    pub data: PathBuf,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a plant until it is told to stop
    #[command(after_help = "Example: ironbridge run /etc/ironbridge --data /var/lib/ironbridge")]
    Run {
        /// Folder with ironbridge.toml, connections/, assets/, destinations/
        plant: PathBuf,
        /// Data folder [default: PLANT/data]
        #[arg(long, env = "IRONBRIDGE_DATA")]
        data: Option<PathBuf>,
    },
    /// Start the demonstration plant and Ironbridge on it
    #[command(after_help = "Example: ironbridge demo --listen 127.0.0.1:8080")]
    Demo {
        /// Where the plant's configuration and data go [default: a folder that is removed at the end]
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Address of the page; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: String,
        /// Seed of the simulated plant: the same seed, the same plant
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Check a plant folder and explain every mistake
    #[command(after_help = "Example: ironbridge check .")]
    Check {
        /// Folder with ironbridge.toml
        plant: PathBuf,
        /// Print mistakes as JSON lines; of a folder without mistakes, one line about what it holds
        #[arg(long)]
        json: bool,
    },
    /// Say what `apply` would do, and do nothing
    #[command(after_help = "Example: ironbridge plan .")]
    Plan {
        /// The plant folder
        plant: PathBuf,
        /// Data folder [default: PLANT/data]
        #[arg(long, env = "IRONBRIDGE_DATA")]
        data: Option<PathBuf>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a running Ironbridge its changed configuration; only what changed is touched
    #[command(
        after_help = "If something that worked before does not work again in time, everything goes on as before \
                            and the exit code is 1.\n\nExample: ironbridge apply ."
    )]
    Apply {
        /// The plant folder
        plant: PathBuf,
        /// Data folder [default: PLANT/data]
        #[arg(long, env = "IRONBRIDGE_DATA")]
        data: Option<PathBuf>,
        /// Seconds for what worked before to work again
        #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
        gate: u64,
        /// Stay with the new configuration even if it is worse
        #[arg(long)]
        force: bool,
    },
    /// Write a value to a point, under all the rules of writing
    #[command(
        after_help = "Example: ironbridge write acme/leeds/mixing/mixer-1/target 120 --reason \"new recipe\""
    )]
    Write {
        /// The point
        path: String,
        /// The value: a number, true, false, or text
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Why, for the audit record
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        running: Running,
    },
    /// List commands under way and past
    #[command(after_help = "Example: ironbridge commands")]
    Commands {
        #[command(flatten)]
        running: Running,
    },
    /// Look at destinations: how far they are, what they refused; send again, pause, resume
    #[command(subcommand)]
    Destination(destination::DestinationCommand),
    /// Look at what the monitor of a running Ironbridge sees and found on the network
    #[command(subcommand)]
    Monitor(monitor::MonitorCommand),
    /// Print the plant's model for other tools: assets, types and points
    #[command(after_help = "Example: ironbridge export aas . > plant.aas.json")]
    Export {
        /// What the other tool reads
        #[arg(value_enum)]
        format: crate::exchange::ExportFormat,
        /// Folder with ironbridge.toml
        plant: PathBuf,
    },
    /// Ask history and live values in SQL
    #[command(after_help = "Example: ironbridge query \"select path, value, quality from latest limit 10\"")]
    Query {
        /// The question
        sql: String,
        /// Read the segments of a data folder on which nothing runs
        #[arg(long, value_name = "DIR")]
        offline: Option<PathBuf>,
        /// How to print the answer
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
        /// Most rows
        #[arg(long, default_value_t = 10_000)]
        limit: usize,
        #[command(flatten)]
        running: Running,
    },
    /// Say how each connection does: its state, what is wrong, what to do next
    #[command(after_help = "Example: ironbridge connections line-1")]
    Connections {
        /// Only this one, with its devices and how it is protected
        name: Option<String>,
        #[command(flatten)]
        running: Running,
    },
    /// List points with value, quality and time
    #[command(after_help = "Example: ironbridge points acme/leeds/packaging")]
    Points {
        /// Only below this path, whole or as in the plant's files (below enterprise/site)
        #[arg(default_value = "")]
        prefix: String,
        #[command(flatten)]
        running: Running,
    },
    /// Print values as they come; Ctrl-C ends it
    #[command(after_help = "Example: ironbridge tail acme/leeds/packaging/line-1/filler")]
    Tail {
        /// Only below this path
        #[arg(default_value = "")]
        prefix: String,
        /// End after this many lines
        #[arg(long)]
        lines: Option<usize>,
        #[command(flatten)]
        running: Running,
    },
    /// Find devices: shows how many packets to whom and how long, and sends nothing before a yes
    #[command(after_help = "Example: ironbridge discover 10.20.1.0/24 --drafts drafts")]
    Discover(discover::DiscoverArgs),
    /// Measure what a device takes (largest block, holes, silence, connections); sends nothing before a yes
    #[command(after_help = "Example: ironbridge characterise line-1")]
    Characterise(characterise::CharacteriseArgs),
    /// Look at what the device of a connection file holds; prints the file with all its tags, to review
    #[command(after_help = "Example: ironbridge browse connections/press.toml > press-draft.toml")]
    Browse {
        /// The connection file; it needs no tags yet
        file: PathBuf,
        #[command(flatten)]
        running: Running,
    },
    /// Draft a connection file from a tag list of another program, or types and assets from a model (AAS, OPC UA NodeSet2)
    #[command(
        after_help = "Example: ironbridge import tags.csv --from kepware-csv --host 10.20.1.11\n         ironbridge import machine.aasx --drafts drafts"
    )]
    Import(import::ImportArgs),
    /// Say what captured packets tell: assets, who talks to whom, what is dangerous; nothing is sent
    #[command(after_help = "Example: ironbridge watch span-port.pcap --html report.html")]
    Watch(watch::WatchArgs),
    /// List the device profiles (register maps from manuals), or print one with where it comes from
    #[command(after_help = "Example: ironbridge profiles siemens-pac3200")]
    Profiles {
        /// The profile to print
        name: Option<String>,
    },
    /// Run the demonstration plant's machines alone
    #[command(after_help = "Example: ironbridge simulate --write-config /tmp/plant")]
    Simulate {
        /// Seed: the same seed, the same plant
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Write the matching plant folder here
        #[arg(long, value_name = "DIR")]
        write_config: Option<PathBuf>,
        /// First TCP port; 0 takes free ones
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// People who may sign in
    #[command(subcommand)]
    User(UserCommand),
    /// Access for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Passwords for destinations, kept encrypted
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Trust the certificate of an OPC UA server or client; without a thumbprint, list those that wait and those that are trusted
    #[command(after_help = "Example: ironbridge trust 3f9a1c20b7d4")]
    Trust {
        /// Its thumbprint, or the first 6 or more digits of it
        thumbprint: Option<String>,
        /// Trust it no more
        #[arg(long, requires = "thumbprint")]
        remove: bool,
        #[command(flatten)]
        running: Running,
    },
    /// Copy configuration, history and accounts into one archive
    #[command(after_help = "Example: ironbridge backup /var/lib/ironbridge plant.tar.zst")]
    Backup {
        /// Data folder
        data: PathBuf,
        /// The archive to write
        archive: PathBuf,
    },
    /// Bring a backup back into an empty data folder
    #[command(after_help = "Example: ironbridge restore plant.tar.zst /var/lib/ironbridge")]
    Restore {
        /// The archive
        archive: PathBuf,
        /// The data folder, empty or absent
        data: PathBuf,
    },
    /// The audit ledger
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print the JSON schema of a configuration file
    #[command(after_help = "Example: ironbridge schema modbus-tcp")]
    Schema {
        /// plant, asset, type, or a kind of connection or destination; without it, the list
        what: Option<String>,
    },
    /// Print shell completions
    #[command(after_help = "Example: ironbridge completions bash > /etc/bash_completion.d/ironbridge")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns
    Table,
    /// RFC 4180
    Csv,
    /// One JSON object a row
    Json,
}

/// `user ...`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; prints a one-time link to set the password
    #[command(after_help = "Example: ironbridge user add anna --role operator")]
    Add {
        /// Name
        name: String,
        /// viewer, operator, engineer or administrator
        #[arg(long, default_value = "viewer")]
        role: String,
        #[command(flatten)]
        running: Running,
    },
    /// List users
    #[command(after_help = "Example: ironbridge user list")]
    List {
        #[command(flatten)]
        running: Running,
    },
    /// Print a one-time sign-in link for a user, e.g. after a lost password
    #[command(after_help = "Example: ironbridge user link anna")]
    Link {
        /// Name
        name: String,
        #[command(flatten)]
        running: Running,
    },
    /// Remove a user
    #[command(after_help = "Example: ironbridge user remove anna")]
    Remove {
        /// Name
        name: String,
        #[command(flatten)]
        running: Running,
    },
}

/// `token ...`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown once
    #[command(after_help = "Example: ironbridge token add grafana --role viewer --days 365")]
    Add {
        /// Name
        name: String,
        /// viewer, operator or engineer
        #[arg(long, default_value = "viewer")]
        role: String,
        /// Only points below this path
        #[arg(long)]
        prefix: Option<String>,
        /// Valid for so many days
        #[arg(long, default_value_t = 90)]
        days: u32,
        #[command(flatten)]
        running: Running,
    },
    /// List tokens
    #[command(after_help = "Example: ironbridge token list")]
    List {
        #[command(flatten)]
        running: Running,
    },
    /// Remove a token
    #[command(after_help = "Example: ironbridge token remove t3")]
    Remove {
        /// Its id, as `token list` shows it
        id: String,
        #[command(flatten)]
        running: Running,
    },
}

/// `secret ...`
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Set a secret; it is read from standard input, never from the command line
    #[command(after_help = "Example: ironbridge secret set hq-db < password.txt")]
    Set {
        /// Name, as `{ secret = "NAME" }` refers to it
        name: String,
        #[command(flatten)]
        running: Running,
    },
    /// List names of secrets
    #[command(after_help = "Example: ironbridge secret list")]
    List {
        #[command(flatten)]
        running: Running,
    },
    /// Remove a secret
    #[command(after_help = "Example: ironbridge secret remove hq-db")]
    Remove {
        /// Name
        name: String,
        #[command(flatten)]
        running: Running,
    },
}

/// `audit ...`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check the hash chain of the ledger; works with and without a running Ironbridge
    #[command(after_help = "Example: ironbridge audit verify --data /var/lib/ironbridge")]
    Verify {
        #[command(flatten)]
        running: Running,
    },
}

mod ask;
mod baseline;
mod characterise;
mod client;
mod connections;
mod destination;
mod discover;
mod import;
mod live;
mod local;
mod monitor;
mod normal;
mod table;
mod watch;

pub use ask::print_rows;
pub use client::SOCKET;
pub use local::{complain, print, scratch};

/// Parses, does, and says how it went.
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is a mistake.
            let code = if error.use_stderr() { exit::MISTAKES } else { exit::OK };
            let _ = error.print();
            return code.into();
        }
    };
    local::dispatch(cli).into()
}
