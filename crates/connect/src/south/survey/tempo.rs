//! How fast a device may be asked: silence between requests, requests at once, connections at once, time of an answer.

use super::voice::{Tongue, Voice};
use model::Fault;
use std::time::Duration;

/// Silences that are tried, shortest first, ms.
const SILENCES: [u64; 4] = [0, 10, 30, 100];
/// Requests in a row that show whether a silence is long enough.
pub(in crate::south) const ROW: u64 = 10;
/// Requests at once that are tried.
const DEPTHS: [u32; 3] = [2, 4, 8];
/// Most of them.
pub(in crate::south) const DEEPEST: u32 = 8;
/// Each depth is tried so often, and the faster counts.
const TRIES: u64 = 2;
/// Most connections at the same time.
pub(in crate::south) const MOST_SOCKETS: u32 = 4;
/// Asking at once must save so much of the time, or it is not worth it.
const WORTH: f64 = 0.75;

/// The most requests of all this: silences, depths, and one on each of up to four connections.
pub(in crate::south) const MOST_REQUESTS: u64 =
    SILENCES.len() as u64 * ROW + TRIES * (2 + 4 + 8) + (2 + 3 + 4) + 4;
/// The most connections.
pub(in crate::south) const MOST_CONNECTIONS: u64 = MOST_SOCKETS as u64 + 1;

/// What was learned.
pub(in crate::south) struct Tempo {
    /// Requests at once, where that is faster.
    pub(in crate::south) pipeline: Option<u8>,
    /// Silence that it needs.
    pub(in crate::south) delay: Option<Duration>,
    /// Connections that it held.
    pub(in crate::south) connections: Option<u8>,
    /// Median of the answers, ms.
    pub(in crate::south) answer_ms: f64,
}

/// Measures the endpoint by one of its devices: `questions` gives so many small ones. The silence is looked for above `least`.
/// On a line there is one connection and one request at a time.
pub(in crate::south) async fn measure<T: Tongue>(
    voice: &mut Voice<'_, T>,
    questions: impl Fn(usize) -> Vec<T::Question>,
    least: Duration,
    is_line: bool,
) -> Result<Tempo, Fault> {
    let answer_ms = answers(voice);
    voice.progress.step("Looks how much silence it needs between requests");
    let delay = silence(voice, least).await?;
    if is_line {
        return Ok(Tempo { pipeline: None, delay, connections: None, answer_ms });
    }
    let pipeline = if delay.is_some_and(|delay| delay.is_zero()) {
        voice.progress.step("Looks how many requests it takes at once");
        depth(voice, &questions, DEEPEST, "pipeline").await?
    } else {
        None
    };
    voice.progress.step("Looks how many connections it takes");
    let connections = Some(sockets(voice).await?);
    Ok(Tempo { pipeline, delay, connections, answer_ms })
}

/// Median of what was asked so far, one question at a time.
pub(in crate::south) fn answers<T: Tongue>(voice: &Voice<'_, T>) -> f64 {
    let mut sorted = voice.answers_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: usize| sorted.get(sorted.len() * share / 100).copied().unwrap_or_default();
    let (median, slow) = (at(50), at(95));
    let text = format!("Half of the answers came in that time, 95 of 100 within {slow:.1} ms.");
    voice.say("", "time of an answer", format!("{median:.1} ms"), &text);
    median
}

/// The shortest silence that was enough; `None` if none was.
async fn silence<T: Tongue>(voice: &mut Voice<'_, T>, least: Duration) -> Result<Option<Duration>, Fault> {
    let pause = voice.manner.pause;
    for silence in SILENCES.map(Duration::from_millis).into_iter().filter(|it| it.is_zero() || *it > least) {
        voice.manner.pause = silence.max(least);
        let mut enough = true;
        for _ in 0..ROW {
            let home = voice.home.clone();
            if let Err(fault) = voice.one(&home).await {
                enough = false;
                voice.bear(fault)?;
                break;
            }
        }
        voice.manner.pause = pause;
        if enough {
            let (value, text) = if silence.is_zero() {
                ("none".to_owned(), "It answered ten requests right after each other.")
            } else {
                (
                    format!("{} ms", silence.as_millis()),
                    "With less it lost requests; the planner keeps this silence before each request.",
                )
            };
            voice.say("", "silence between requests", value, text);
            return Ok(Some(silence));
        }
        voice.is_there().await?;
    }
    let text = "It lost requests even with 100 ms of silence. Look at the network and at who else asks it.";
    voice.say("", "silence between requests", "not found".into(), text);
    Ok(None)
}

/// The most requests at once that it takes, if that is faster than one after the other.
pub(in crate::south) async fn depth<T: Tongue>(
    voice: &mut Voice<'_, T>,
    questions: impl Fn(usize) -> Vec<T::Question>,
    deepest: u32,
    key: &str,
) -> Result<Option<u8>, Fault> {
    // The fastest of those just put right after each other: against it, chance makes nothing look faster.
    let latest = voice.answers_ms.iter().rev().take(usize::try_from(ROW).unwrap_or(1));
    let one_ms = latest.copied().fold(f64::INFINITY, f64::min);
    let (mut taken, mut best) = (1, (1_u32, 1.0));
    'depths: for depth in DEPTHS.into_iter().filter(|depth| *depth <= deepest) {
        let questions = questions(usize::try_from(depth).unwrap_or(1));
        let mut fastest = f64::INFINITY;
        for _ in 0..TRIES {
            match voice.once(&questions).await {
                Ok((_, took)) => fastest = fastest.min(took.as_secs_f64() * 1_000.0),
                Err(fault) => {
                    voice.bear(fault)?;
                    voice.is_there().await?;
                    break 'depths;
                }
            }
        }
        taken = depth;
        let share = fastest / (one_ms * f64::from(depth)).max(f64::MIN_POSITIVE);
        if share < best.1 {
            best = (depth, share);
        }
    }
    let worth = taken > 1 && best.1 < WORTH;
    let text = match (taken, worth) {
        (1, _) => {
            "It answers one request at a time; two at once were not answered as they should be.".to_owned()
        }
        (_, true) => format!(
            "{} at once took {:.0} % of the time that they take one after the other; the planner asks so many at once, unless \
             the file says `{key}` itself.",
            best.0,
            best.1 * 100.0
        ),
        _ => "It takes so many, but is not faster for it; the planner asks one at a time.".to_owned(),
    };
    voice.say("", "requests at once", taken.to_string(), &text);
    Ok(if worth { u8::try_from(best.0).ok() } else { None })
}

/// How many connections it holds at the same time, each answering.
pub(in crate::south) async fn sockets<T: Tongue>(voice: &mut Voice<'_, T>) -> Result<u8, Fault> {
    voice.is_there().await?;
    let mut others: Vec<T> = Vec::new();
    let mut held = 1_u8;
    for count in 2..=MOST_SOCKETS {
        tokio::time::sleep(voice.manner.pause).await;
        let Ok(fresh) = T::open(&voice.place, &voice.manner, voice.progress).await else { break };
        others.push(fresh);
        if !all_answer(voice, &mut others).await {
            break;
        }
        held = u8::try_from(count).unwrap_or(u8::MAX);
    }
    drop(others);
    if u32::from(held) < MOST_SOCKETS {
        // Whoever lost a connection may need a moment to notice that the others are gone.
        voice.close();
        voice.is_there().await?;
    }
    let (value, text) = match held {
        1 => ("1".to_owned(), "While Ironbridge is connected nobody else can be, and the other way round."),
        _ if u32::from(held) == MOST_SOCKETS => (format!("{held} or more"), "More were not tried."),
        _ => (held.to_string(), "Ironbridge uses one of them; the next one was refused or did not answer."),
    };
    voice.say("", "connections at once", value, text);
    Ok(held)
}

async fn all_answer<T: Tongue>(voice: &mut Voice<'_, T>, others: &mut [T]) -> bool {
    let home = voice.home.clone();
    for other in others {
        tokio::time::sleep(voice.manner.pause).await;
        let asked = std::slice::from_ref(&home);
        if other.burst(asked, &voice.manner, voice.progress).await.0.is_err() {
            return false;
        }
    }
    voice.one(&home).await.is_ok()
}
