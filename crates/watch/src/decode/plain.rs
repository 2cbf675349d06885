//! Protocols of which little is to be read: RDP, SSH, FTP, Telnet, NTP. Names of users are told, passwords never kept.

use super::{Decoder, Told};
use crate::core::{Core, Talk};
use crate::detect::net;
use crate::hosts::Field;
use crate::operation::{Effect, Kind};
use crate::protocol::Protocol;
use crate::stream::Step;
use crate::text::clean;
use std::borrow::Cow;
use wire::{ftp, ntp, rdp, ssh, telnet};

/// Function numbers: of RDP the server's choice, of SSH an old version, of NTP the mode.
pub const WEAK: u32 = 0x101;
const ASKS: u32 = 0xE0;
const CHOOSES: u32 = 0xD0;
const BANNER: u32 = 1;
/// An answer of FTP to a password.
const PASSWORD: u32 = 1;

/// Remote desktop: only how it begins can be read.
#[derive(Debug, Default)]
pub struct Rdp {
    done: bool,
}

impl Decoder for Rdp {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let message = if self.done { None } else { rdp::read(bytes) };
        let Some(message) = message else {
            self.done = true;
            return Step::Took(bytes.len());
        };
        let (function, kind, words) = match message {
            rdp::Message::Request(user, _) => (ASKS, Kind::Request, clean(user.unwrap_or_default())),
            rdp::Message::Confirm(security @ 0..=1) => (WEAK, Kind::Response, format!("security {security}")),
            rdp::Message::Confirm(security) => (CHOOSES, Kind::Response, format!("security {security}")),
        };
        let mut told = Told::new(Protocol::Rdp, function);
        (told.kind, told.effect) = (kind, Effect::Session);
        if kind == Kind::Response {
            told.outcome = Core::outcome(None);
        }
        told.tell(&words, talk, core);
        Step::Took(bytes.len())
    }
}

/// SSH: only the first line of both sides can be read.
#[derive(Debug, Default)]
pub struct Ssh {
    seen: [bool; 2],
}

impl Decoder for Ssh {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let seen = self
            .seen
            .get_mut(usize::from(talk.from_client))
            .is_some_and(|seen| std::mem::replace(seen, true));
        let line = ftp::line(bytes).map(|(line, _)| line).filter(|_| !seen);
        if let Some((version, program)) = line.and_then(ssh::banner) {
            core.identity(talk.sender(), Field::Description, program, "SSH", talk);
            let mut told = Told::new(Protocol::Ssh, if ssh::is_current(version) { BANNER } else { WEAK });
            told.effect = Effect::Session;
            if !talk.from_client {
                (told.kind, told.outcome) = (Kind::Response, Core::outcome(None));
            }
            told.tell(&clean(program), talk, core);
        }
        Step::Took(bytes.len())
    }
}

/// FTP: commands and answers.
#[derive(Debug, Default)]
pub struct Ftp {
    asked: u32,
    user: String,
}

impl Decoder for Ftp {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        while let Some((line, tail)) = ftp::line(rest) {
            rest = tail;
            self.line(ftp::read(line), talk, core);
        }
        if rest.len() > ftp::MAX_LINE { Step::Lost } else { Step::Took(bytes.len() - rest.len()) }
    }
}

impl Ftp {
    fn line(&mut self, line: ftp::Line<'_>, talk: &Talk, core: &mut Core) {
        match (line, talk.from_client) {
            (ftp::Line::Command(command, argument), true) => {
                self.asked = u32::try_from(command).unwrap_or_default();
                if command == 0 {
                    self.user = clean(argument);
                }
                let mut told = Told::new(Protocol::Ftp, self.asked);
                told.effect = match command {
                    0..=2 => Effect::Session,
                    7 => Effect::Upload,
                    8..=14 => Effect::Download,
                    _ => Effect::Read,
                };
                if self.asked == PASSWORD && self.user != "anonymous" {
                    core.findings.raise(&net::PASSWORD, talk.scene(), format_args!("FTP user {}", self.user));
                }
                told.tell(&clean(argument), talk, core);
            }
            // 1xx and 3xx: more is to come, or wanted.
            (ftp::Line::Answer(code), false) if !matches!(code / 100, 1 | 3) => {
                let mut told = Told::new(Protocol::Ftp, self.asked);
                told.kind = Kind::Response;
                told.outcome = Core::outcome((code >= 400).then_some(code.into()));
                if self.asked == PASSWORD && code == 530 {
                    told.effect = Effect::Security;
                }
                told.tell(&code.to_string(), talk, core);
            }
            _ => {}
        }
    }
}

/// Telnet: where names and passwords are asked for.
#[derive(Debug, Default)]
pub struct Telnet {
    /// The last that the server asked for, until it is answered.
    asks: Option<telnet::Prompt>,
}

/// Text that is looked at of one piece.
const MAX_TEXT: usize = 512;

impl Decoder for Telnet {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let text = telnet::text(bytes, MAX_TEXT);
        if talk.from_client {
            if self.asks == Some(telnet::Prompt::Password) && !text.is_empty() {
                self.asks = None;
                core.findings.raise(&net::PASSWORD, talk.scene(), "Telnet");
                let mut told = Told::new(Protocol::Telnet, PASSWORD);
                told.effect = Effect::Session;
                told.tell("", talk, core);
            }
            return Step::Took(bytes.len());
        }
        if telnet::is_refusal(&text) {
            let mut told = Told::new(Protocol::Telnet, PASSWORD);
            (told.kind, told.effect) = (Kind::Response, Effect::Security);
            told.outcome = Core::outcome(Some(1));
            told.tell("", talk, core);
        }
        self.asks = telnet::prompt(&text).or(self.asks);
        Step::Took(bytes.len())
    }
}

/// NTP: who asks, and who asks for more than the time.
pub struct Ntp;

impl Decoder for Ntp {
    fn stream(&mut self, bytes: &[u8], _: &Talk, _: &mut Core) -> Step {
        Step::Took(bytes.len())
    }

    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let Some(message) = ntp::read(bytes) else { return };
        let mut told = Told::new(Protocol::Ntp, message.mode.into());
        told.effect = if message.mode >= 6 { Effect::Diagnose } else { Effect::Session };
        // Control and private answers have a bit of their own, which tells nothing that the direction does not.
        if message.mode == 4 || !talk.from_client {
            (told.kind, told.outcome) = (Kind::Response, Core::outcome(None));
            told.function = if message.mode == 4 { 3 } else { told.function };
        } else if message.mode == 5 {
            told.kind = Kind::Notice;
        }
        told.tell("", talk, core);
    }
}

/// Name of a function number.
pub fn function_name(protocol: Protocol, function: u32) -> Cow<'static, str> {
    match (protocol, function) {
        (Protocol::Rdp, ASKS) => "Connection request".into(),
        (Protocol::Rdp, CHOOSES) => "Connection confirm".into(),
        (Protocol::Rdp, WEAK) => "Connection confirm without sign-in before it".into(),
        (Protocol::Ssh, BANNER) => "First line".into(),
        (Protocol::Ssh, _) => "First line, version 1".into(),
        (Protocol::Telnet, _) => "Sign-in".into(),
        (Protocol::Ntp, 3) => "Time".into(),
        (Protocol::Ntp, 5) => "Time to everybody".into(),
        (Protocol::Ntp, 6 | 7) => "Control".into(),
        (Protocol::Ftp, command) => usize::try_from(command)
            .ok()
            .and_then(|at| ftp::COMMANDS.get(at))
            .copied()
            .unwrap_or("command")
            .into(),
        _ => format!("{function}").into(),
    }
}
