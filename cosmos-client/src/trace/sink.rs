//! The file that steps are written to.
//!
//! A step is added by one write at the end of the file, so that programs may share one, and a forked child
//! goes on in its parent's. What cannot be written, for the disk is full, is lost.

use crate::fork::apart_from_forks;
use crate::session::configuration;
use cosmos_rpc::trail::now;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_trace::{Context, Line};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Whether steps are written.
static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

static SINK: OnceLock<Result<Option<Sink>, Fault>> = OnceLock::new();

/// Where steps go.
#[derive(Debug)]
pub(crate) struct Sink {
    file: File,
    /// The step of another program that this one's are parts of.
    outer: Option<Context>,
    /// What has to be added to this machine's clock to have nanoseconds since 1970.
    since_1970: u64,
}

/// Whether steps are written, or should be.
#[inline]
pub(crate) fn is_on() -> bool {
    match STATE.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => settle(),
    }
}

/// Where they are.
///
/// # Errors
/// When the configuration, or the file it names, cannot be used.
pub(crate) fn sink() -> Result<Option<&'static Sink>, Fault> {
    match is_on().then(|| SINK.get()).flatten() {
        None => Ok(None),
        Some(Ok(sink)) => Ok(sink.as_ref()),
        Some(Err(fault)) => Err(fault.clone()),
    }
}

/// Finds out, once for this process.
#[cold]
fn settle() -> bool {
    let sink = apart_from_forks(|| SINK.get_or_init(Sink::of_this_process));
    let is_off = matches!(sink, Ok(None));
    STATE.store(if is_off { OFF } else { ON }, Ordering::Relaxed);
    !is_off
}

impl Sink {
    fn of_this_process() -> Result<Option<Sink>, Fault> {
        let path = configuration()?.trace.value.clone();
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let given = std::env::var("TRACEPARENT").ok();
        let given = given.filter(|_| !cosmos_config::is_set_id());
        Ok(Some(Sink {
            file: open(&path)?,
            outer: given.and_then(|given| Context::parse(&given)),
            since_1970: since_1970().wrapping_sub(now()),
        }))
    }

    /// The step of another program that this one's are parts of.
    pub(crate) fn outer(&self) -> Option<Context> {
        self.outer
    }

    /// Adds a step, whose beginning is by this machine's clock.
    pub(crate) fn add(&self, line: Line) {
        let line = Line {
            begin: line.begin.wrapping_add(self.since_1970),
            ..line.clipped()
        };
        if let Ok(mut text) = serde_json::to_vec(&line) {
            text.push(b'\n');
            let _ = (&self.file).write_all(&text);
        }
    }
}

fn open(path: &Path) -> Result<File, Fault> {
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    opened.map_err(|error| {
        let message = format!(
            "steps cannot be added to {}, which trace names: {error}",
            path.display()
        );
        Fault::host(FaultCode::Configuration, message)
    })
}

fn since_1970() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
