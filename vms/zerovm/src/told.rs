//! What the process of a guest tells the one that watches it: a byte when the guest starts to run, and
//! its report, with its length before it.

use crate::processor::Stay;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use zerovm_session::manifest::Manifest;
use zerovm_session::report::Report;

/// From now on the guest's time counts.
const RUNNING: u8 = b'R';
/// A report follows.
const REPORT: u8 = b'E';
/// No report is longer: as many digests as there can be channels, and their names.
const MAX_REPORT: usize = 16 << 20;
/// What a guest's process may take after its time for its report, and for the digest of its memory.
const GRACE: Duration = Duration::from_secs(2);
const DIGEST_GRACE: Duration = Duration::from_secs(60);
/// What was told has been read by then, or whoever reads it has much else to do.
const READ_SOON: Duration = Duration::from_millis(100);
/// Who waits stays on its processor for a session that is over so soon.
const QUICK: Duration = Duration::from_millis(10);

/// Tells that the guest starts to run.
pub fn running(mut told: &File) -> std::io::Result<()> {
    told.write_all(&[RUNNING])
}

/// Tells a report. It is written in small pieces: a confined process may not move memory around.
pub fn report(told: &File, report: &Report) -> std::io::Result<()> {
    let mut told = BufWriter::new(told);
    write_report(&mut told, report)?;
    told.flush()
}

/// Does what telling a report takes, and tells nobody.
pub fn rehearse(report: &Report) {
    let _ = write_report(&mut BufWriter::new(std::io::sink()), report);
}

/// Writes a report as it is told.
fn write_report(mut to: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    let mut length = Length(0);
    let counted: &mut dyn Write = &mut length;
    serde_json::to_writer(counted, report)?;
    to.write_all(&[REPORT])?;
    to.write_all(&(length.0 as u32).to_le_bytes())?;
    serde_json::to_writer(&mut to, report)?;
    Ok(())
}

/// Waits until whoever was told has no more use for this process, and ends it. Its end would take the
/// processor from the one who waits for the report; and so would its waiting for the socket, as whoever
/// waits there is woken for nothing when the report is read. By then it has nearly always been ended.
pub fn wait_for_end(mut told: &File) {
    std::thread::park_timeout(READ_SOON);
    let _ = told.read(&mut [0]);
}

struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What came of a guest's process.
#[derive(Debug)]
pub enum Heard {
    /// Its report.
    Report(Box<Report>),
    /// It ended without one.
    Nothing,
    /// Its time was over long ago.
    Late,
}

/// How long a guest may run, with what its process may take beyond that.
pub fn time_limit(manifest: &Manifest) -> Duration {
    let grace = if manifest.memory_etag {
        DIGEST_GRACE
    } else {
        GRACE
    };
    Duration::from_secs(manifest.timeout.unsigned_abs().into()) + grace
}

/// When a guest's time is over.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// Somebody else knows.
    None,
    /// So long after it says that it runs.
    WhenRunning(Duration),
    /// So long from now; it has said that it runs.
    Running(Duration),
}

/// Waits for a report, first where it is, if it does `stay`. `signalled` is called when there is something
/// to read from the signals.
pub fn listen(
    mut told: &File,
    limit: Limit,
    mut signals: Option<(&SignalFd, &mut dyn FnMut())>,
    stay: Option<Stay>,
) -> Heard {
    let mut text = Vec::new();
    let (mut deadline, mut runs) = match limit {
        Limit::Running(limit) => (Some(Instant::now() + limit), true),
        _ => (None, false),
    };
    let mut stays = stay.map(|stay| (stay, Instant::now() + QUICK));
    loop {
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Heard::Late;
        }
        stays = stays.filter(|(_, soon)| now < *soon);
        let until = stays.as_ref().map(|(_, soon)| *soon);
        let timeout = match deadline.into_iter().chain(until).min() {
            None => PollTimeout::NONE,
            // Rounded up, so that nothing is asked at zero distance again and again.
            Some(until) => PollTimeout::try_from(until - now + Duration::from_millis(1))
                .unwrap_or(PollTimeout::MAX),
        };
        let [is_told, is_signalled] = wait(told, signals.as_ref().map(|(fd, _)| *fd), timeout);
        if is_signalled && let Some((_, signalled)) = &mut signals {
            signalled();
        }
        if is_told && !hear(&mut told, &mut text) {
            return Heard::Nothing;
        }
        // Once: its time does not begin anew.
        if !runs && text.first() == Some(&RUNNING) {
            text.remove(0);
            runs = true;
            if let Limit::WhenRunning(limit) = limit {
                deadline = Some(Instant::now() + limit);
            }
        }
        if let Some(heard) = parse(&text) {
            return heard;
        }
    }
}

/// Waits until there is something to read, and says from which.
fn wait(told: &File, signals: Option<&SignalFd>, timeout: PollTimeout) -> [bool; 2] {
    let readable = |file| PollFd::new(file, PollFlags::POLLIN);
    let mut sources = vec![readable(told.as_fd())];
    sources.extend(signals.map(|signals| readable(signals.as_fd())));
    // An error leaves no events, and the next turn sees whatever there is.
    let _ = poll(&mut sources, timeout);
    let has_events = |index: usize| {
        sources
            .get(index)
            .is_some_and(|source| source.any() == Some(true))
    };
    [has_events(0), has_events(1)]
}

/// Reads what there is; whether there may be more.
fn hear(told: &mut &File, text: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 0x400];
    match told.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            text.extend(&buffer[..count]);
            true
        }
        Err(error) => error.kind() == ErrorKind::Interrupted,
    }
}

/// A whole report, or what cannot become one.
fn parse(text: &[u8]) -> Option<Heard> {
    let (kind, rest) = text.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    if *kind != REPORT || length > MAX_REPORT {
        return Some(Heard::Nothing);
    }
    let report = serde_json::from_slice(rest.get(..length)?);
    Some(report.map_or(Heard::Nothing, |report| Heard::Report(Box::new(report))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::SigSet;

    fn heard(tell: impl FnOnce(File)) -> Heard {
        let (near, far) = crate::process::pair().expect("a socket");
        tell(far);
        let signals = SignalFd::new(&SigSet::empty()).expect("signals");
        let limit = Limit::WhenRunning(Duration::from_secs(60));
        listen(&near, limit, Some((&signals, &mut || {})), Stay::here())
    }

    #[test]
    fn a_report_is_heard_as_it_was_told() {
        let report = Report::failed("some state", 14);
        let heard = heard(|told| {
            running(&told).expect("told");
            super::report(&told, &report).expect("told");
        });
        assert!(matches!(heard, Heard::Report(told) if *told == report));
    }

    #[test]
    fn lies_are_nothing() {
        let lies: [&[u8]; 7] = [
            b"",
            b"R",
            b"RR12345",
            b"X1234",
            b"E\xFF\xFF\xFF\xFF",
            b"RE\x02\0\0\0{}",
            b"E\x09\0\0\0{}",
        ];
        for lie in lies {
            let heard = heard(|mut told| told.write_all(lie).expect("told"));
            assert!(matches!(heard, Heard::Nothing), "{lie:?}: {heard:?}");
        }
    }
}
