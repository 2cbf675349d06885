//! `watch --interface`: the same report of what passes an interface, until somebody ends it.

use super::{complain, exit};
use crate::house::runtime;
use capture::live::{Counts, Live, LiveError, Options, drop_rights};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use watch::report::FileNote;
use watch::{Monitor, Packet};

/// How long is waited for packets before it is looked whether to end.
const PATIENCE: Duration = Duration::from_millis(200);

/// Listens until Ctrl-C, or for so many seconds; the exit code if it cannot.
pub fn listen(name: &str, seconds: Option<u64>, monitor: Monitor) -> Result<(Monitor, FileNote), u8> {
    let failed = |why: &LiveError| {
        complain(&format!("{name} cannot be listened to: {why}; {}", why.next_step()));
        exit::FAILED
    };
    let live = Live::open(name, &Options::default(), 0).map_err(|why| failed(&why))?;
    let runtime = runtime().map_err(|why| {
        complain(&why.to_string());
        exit::FAILED
    })?;
    complain(&format!("listening at {name}; Ctrl-C ends it and gives the report"));
    let stop = Arc::new(AtomicBool::new(false));
    let (tell, ended) = tokio::sync::oneshot::channel();
    let thread = {
        let (stop, name) = (stop.clone(), name.to_owned());
        std::thread::Builder::new().name("watch".into()).spawn(move || {
            let outcome = read(live, &name, monitor, &stop);
            // Nobody waits any more when somebody else has ended it.
            let _ = tell.send(());
            outcome
        })
    };
    let Ok(thread) = thread else {
        complain("no thread can be started");
        return Err(exit::FAILED);
    };
    runtime.block_on(until(seconds, ended));
    stop.store(true, Ordering::Relaxed);
    match thread.join() {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(why)) => Err(failed(&why)),
        Err(_) => {
            complain("reading failed inside Ironbridge; please report this with the message above");
            Err(exit::FAILED)
        }
    }
}

/// Until Ctrl-C, SIGTERM, the time is over, or the reader has ended.
async fn until(seconds: Option<u64>, ended: tokio::sync::oneshot::Receiver<()>) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return complain("signals cannot be received");
    };
    let time = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = time => {}
        _ = ended => {}
    }
}

fn read(
    mut live: Live,
    name: &str,
    mut monitor: Monitor,
    stop: &AtomicBool,
) -> Result<(Monitor, FileNote), LiveError> {
    drop_rights()?;
    let mut note = FileNote { name: name.to_owned(), packets: 0, damage: None };
    while !stop.load(Ordering::Relaxed) {
        let outcome = live.packets(PATIENCE, |packet| {
            monitor.packet(&Packet {
                file: 0,
                frame: packet.number,
                time_ns: packet.time_ns,
                link: packet.link,
                original: packet.original,
                data: packet.data,
            });
        });
        match outcome {
            Ok(packets) => note.packets += packets,
            // It may come up again.
            Err(LiveError::Down) => {}
            Err(why) if note.packets == 0 => return Err(why),
            Err(why) => {
                note.damage = Some(format!("{why}: what came before is in the report"));
                break;
            }
        }
    }
    let Counts { came, dropped } = live.counts();
    if dropped > 0 && note.damage.is_none() {
        note.damage =
            Some(format!("{dropped} of {came} packets were lost: they came faster than they were read"));
    }
    Ok((monitor, note))
}
