//! Serial lines: settings, opening, and what their errors mean.

use crate::Stream;
use model::Fault;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;
use tokio_serial::{SerialPort, SerialPortBuilderExt, SerialStream};

/// Parity bit. Modbus over serial line V1.02, 2.5.1: even is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit; Modbus then asks for two stop bits.
    None,
    /// Even parity.
    #[default]
    Even,
    /// Odd parity.
    Odd,
}

impl std::str::FromStr for Parity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "even" => Ok(Self::Even),
            "odd" => Ok(Self::Odd),
            _ => Err(format!("`{text}` is no parity; write none, even or odd")),
        }
    }
}

/// Data bits per character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataBits {
    /// Seven, for ASCII protocols.
    Seven,
    /// Eight, for everything binary.
    #[default]
    Eight,
}

/// Stop bits per character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    #[default]
    One,
    /// Two.
    Two,
}

/// Speed and framing of a serial line. The default is Modbus' own: 19200 8E1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialSettings {
    /// Bits per second, e.g. 9600.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Data bits.
    pub data_bits: DataBits,
    /// Stop bits.
    pub stop_bits: StopBits,
}

impl Default for SerialSettings {
    fn default() -> Self {
        Self { baud: 19_200, parity: Parity::Even, data_bits: DataBits::Eight, stop_bits: StopBits::One }
    }
}

impl SerialSettings {
    /// Bits on the wire per character: start, data, parity and stop bits.
    pub const fn bits_per_character(&self) -> u32 {
        let data = match self.data_bits {
            DataBits::Seven => 7,
            DataBits::Eight => 8,
        };
        let parity = if matches!(self.parity, Parity::None) { 0 } else { 1 };
        let stop = match self.stop_bits {
            StopBits::One => 1,
            StopBits::Two => 2,
        };
        1 + data + parity + stop
    }

    /// How long `characters` take on the wire, rounded up to a whole microsecond.
    pub fn transfer_time(&self, characters: usize) -> Duration {
        let bits = u64::from(self.bits_per_character()).saturating_mul(characters as u64);
        Duration::from_micros(bits.saturating_mul(1_000_000).div_ceil(u64::from(self.baud.max(1))))
    }

    /// The silence that ends an RTU frame: 3.5 characters, and 1.75 ms above 19200 baud
    /// (Modbus over serial line V1.02, 2.5.1.1).
    pub fn silent_interval(&self) -> Duration {
        if self.baud > 19_200 {
            return Duration::from_micros(1_750);
        }
        self.transfer_time(7) / 2
    }
}

impl fmt::Display for SerialSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = if self.data_bits == DataBits::Seven { '7' } else { '8' };
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        let stop = if self.stop_bits == StopBits::One { '1' } else { '2' };
        write!(f, "{} {data}{parity}{stop}", self.baud)
    }
}

/// Opens `path`, exclusively. Opening may block inside the kernel (USB adapters), so it happens on a blocking thread.
pub(crate) async fn open(path: &str, settings: SerialSettings, deadline: Instant) -> Result<Stream, Fault> {
    let name = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || open_now(&name, settings));
    match tokio::time::timeout_at(deadline, opened).await {
        Ok(Ok(done)) => done.map(Stream::Serial),
        Ok(Err(_)) => Err(Fault::Connect(format!("opening {path} was broken off").into())),
        Err(_) => Err(Fault::Connect(
            format!("opening {path} took too long: the serial adapter does not react").into(),
        )),
    }
}

fn open_now(path: &str, settings: SerialSettings) -> Result<SerialStream, Fault> {
    let parity = match settings.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let data = match settings.data_bits {
        DataBits::Seven => tokio_serial::DataBits::Seven,
        DataBits::Eight => tokio_serial::DataBits::Eight,
    };
    let stop = match settings.stop_bits {
        StopBits::One => tokio_serial::StopBits::One,
        StopBits::Two => tokio_serial::StopBits::Two,
    };
    let line = tokio_serial::new(path, settings.baud)
        .parity(parity)
        .data_bits(data)
        .stop_bits(stop)
        .flow_control(tokio_serial::FlowControl::None)
        .open_native_async()
        .map_err(|error| explain(path, &error))?;
    // What lay in the receive buffer was said before we listened: never part of an answer to us.
    let _ = line.clear(tokio_serial::ClearBuffer::All);
    Ok(line)
}

fn explain(path: &str, error: &tokio_serial::Error) -> Fault {
    use std::io::ErrorKind as Io;
    use tokio_serial::ErrorKind;
    let why = match error.kind {
        ErrorKind::Io(Io::NotFound) => {
            "there is no such device on this machine; is the adapter plugged in?".to_owned()
        }
        ErrorKind::Io(Io::PermissionDenied) => {
            "this account may not open it; add it to the group that owns the device (often `dialout`)"
                .to_owned()
        }
        ErrorKind::InvalidInput => format!("it refused the settings: {error}"),
        _ if !std::path::Path::new(path).exists() => {
            "there is no such device on this machine; is the adapter plugged in?".to_owned()
        }
        ErrorKind::NoDevice | ErrorKind::Io(Io::ResourceBusy) => "another program has it open".to_owned(),
        _ => error.to_string(),
    };
    Fault::Connect(format!("{path}: {why}").into())
}

/// Throws away what was received and not read. Returns whether the line supports that.
pub(crate) fn discard(line: &SerialStream) -> bool {
    line.clear(tokio_serial::ClearBuffer::Input).is_ok()
}

/// A pseudo terminal, for tests and simulated devices.
pub struct PseudoLine {
    /// The near end: what the simulated device reads and writes.
    pub near: Stream,
    /// The path of the far end, which [`crate::dial`] can open.
    pub path: String,
    /// The far end stays open here as well: otherwise the near end would fail whenever nobody else has it open.
    far: std::fs::File,
}

impl PseudoLine {
    /// Opens one.
    ///
    /// # Errors
    /// [`Fault::Connect`] when the machine has no pseudo terminal left.
    pub fn open() -> Result<Self, Fault> {
        let fault = |error: &dyn fmt::Display| Fault::Connect(format!("pseudo terminal: {error}").into());
        let (near, far) = SerialStream::pair().map_err(|error| fault(&error))?;
        let path = far.name().ok_or_else(|| fault(&"it has no name"))?;
        let far = std::fs::File::open(&path).map_err(|error| fault(&error))?;
        Ok(Self { near: Stream::Serial(near), path, far })
    }

    /// Ends the exclusive claim of whoever had dialled the far end. A real line forgets it when it is closed; here it
    /// stays open.
    pub fn release(&self) {
        let _ = rustix::termios::ioctl_tiocnxcl(&self.far);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_on_the_wire() {
        let line = SerialSettings::default();
        assert_eq!(line.bits_per_character(), 11);
        assert_eq!(line.transfer_time(1), Duration::from_micros(573));
        // 3.5 characters of 11 bits at 19200 baud are 2.005 ms.
        assert!((1_990..2_020).contains(&line.silent_interval().as_micros()));
        assert_eq!(SerialSettings { baud: 115_200, ..line }.silent_interval(), Duration::from_micros(1_750));
        let ascii = SerialSettings {
            data_bits: DataBits::Seven,
            parity: Parity::None,
            stop_bits: StopBits::Two,
            ..line
        };
        assert_eq!(ascii.bits_per_character(), 10);
        assert_eq!(ascii.to_string(), "19200 7N2");
    }

    #[test]
    fn parity_by_name() {
        assert_eq!("odd".parse::<Parity>(), Ok(Parity::Odd));
        assert!("Even".parse::<Parity>().unwrap_err().contains("none, even or odd"));
    }
}
