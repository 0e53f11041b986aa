//! A session from its manifest to its report, in the process that the guest runs in.
//!
//! The order of the steps decides which error a manifest with several gets, so it is the original's:
//! program, its format, its validity, channels, memory, timeout. Then come the steps that the
//! original has not: everything that is not needed any more is given up.

use crate::channel::{self, HostFile};
use crate::space::Space;
use crate::switch::{self, Left};
use crate::trace::Trace;
use crate::{confine, load, process, signals};
use nix::libc;
use nix::sys::personality::{self, Persona};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sha1::{Digest, Sha1};
use std::fs::File;
use std::io::Write;
use zerovm_session::Error;
use zerovm_session::channel::{Channel, hexadecimal};
use zerovm_session::command_line::CommandLine;
use zerovm_session::elf::Plan;
use zerovm_session::layout::{FIRST_STACK, FIRST_STACK_POINTER, SPACE, STACK, THUNK, heap_end};
use zerovm_session::manifest::Manifest;
use zerovm_session::memory::{Memory, Protection, Rejection, Validator};
use zerovm_session::report::{Report, Totals, ValidatorState};
use zerovm_session::trap::{Answer, Ending, Engine};
use zerovm_session::user_manifest::{self, Entry};

/// What is told before the guest runs: from now on its time counts.
pub const RUNNING: u8 = b'R';

/// The validator as an engine has it.
#[derive(Clone, Copy)]
struct Judge<'a>(&'a dyn Validator);

impl Validator for Judge<'_> {
    fn validate(&self, address: u64, code: &[u8]) -> Result<(), Rejection> {
        self.0.validate(address, code)
    }
}

/// Runs a session. `told` hears when the guest starts to run.
pub fn run(
    line: &CommandLine,
    manifest: &Manifest,
    validator: &dyn Validator,
    told: &mut File,
) -> Report {
    let mut report = Report::failed("ok", 0);
    let outcome = match prepare(line, manifest, validator, &mut report) {
        Ok(prepared) => finish(prepared, line, manifest, told, &mut report),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        // What a signal interrupted fails for that reason.
        let error = signals::received().map_or(error, Error::Signal);
        report.state = error.to_string();
        report.code = error.code();
    }
    report
}

/// A session that could run.
struct Prepared<'a> {
    plan: Plan,
    engine: Engine<Space, HostFile, Judge<'a>>,
}

fn prepare<'a>(
    line: &CommandLine,
    manifest: &Manifest,
    validator: &'a dyn Validator,
    report: &mut Report,
) -> Result<Prepared<'a>, Error> {
    let program = load::open(&manifest.program)?;
    if !line.skip_qualification && data_is_executable() {
        return Err(Error::DataIsExecutable);
    }
    signals::install().map_err(|error| failed("installing signal handlers", error))?;
    let mut space = Space::reserve()?;
    let plan = load::load(&program, &mut space)?;
    drop(program);
    let judged = load::judge(&plan, &space, validator);
    // The original does not know, with this option; here it is not told.
    if !line.skip_validation {
        report.validator = match judged {
            Ok(()) => ValidatorState::Passed,
            Err(_) => ValidatorState::Failed,
        };
    }
    judged.map_err(|rejection| {
        report.detail = Some(rejection.to_string());
        Error::Validation
    })?;
    load::make_executable(&plan, &mut space)?;

    allow_many_files();
    let channels = channel::mount(manifest, !line.no_preallocation)?;
    let heap_end = heap_end(manifest.memory, plan.program_break())?;
    fill(&mut space, &plan, &channels, heap_end)?;
    if manifest.timeout < 1 {
        return Err(Error::Timeout(manifest.timeout));
    }
    process::be_nice();
    Ok(Prepared {
        plan,
        engine: Engine {
            memory: space,
            channels,
            totals: Totals::default(),
            validator: Judge(validator),
            has_job: manifest.job.is_some(),
        },
    })
}

/// Heap, user manifest and stack.
fn fill(
    space: &mut Space,
    plan: &Plan,
    channels: &[Channel<HostFile>],
    heap_end: u64,
) -> Result<(), Error> {
    let entries: Vec<Entry<'_>> = channels
        .iter()
        .map(|channel| Entry {
            limits: channel.counters.limits(),
            size: channel.counters.told_size(),
            access: channel.counters.access() as u32,
            alias: &channel.alias,
        })
        .collect();
    let image = user_manifest::image(&entries, plan.program_break(), heap_end);
    let heap = plan.heap_start()..image.heap_end;
    if heap.end <= plan.program_break() {
        return Err(Error::Memory("user heap size is too small".into()));
    }
    space.close(heap.clone(), Protection::ReadWrite)?;
    space.set_heap(heap);
    space.open(image.region..SPACE)?;
    let end = image.address + image.bytes.len() as u64;
    if let Some(bytes) = space.writable(image.address..end) {
        bytes.copy_from_slice(&image.bytes);
    }
    if let Some(bytes) = space.writable(FIRST_STACK_POINTER..SPACE) {
        bytes.copy_from_slice(&FIRST_STACK);
    }
    space.close(image.region..STACK, Protection::Read)
}

fn finish(
    prepared: Prepared<'_>,
    line: &CommandLine,
    manifest: &Manifest,
    told: &mut File,
    report: &mut Report,
) -> Result<(), Error> {
    let Prepared { plan, engine } = prepared;
    let trace = line.trace.as_deref().map(Trace::open).transpose()?;
    process::close_standard_streams();
    // From here on the process cannot set a timer.
    if !line.quit_before_run {
        nix::unistd::alarm::set(manifest.timeout.unsigned_abs());
    }
    confine::confine()?;
    let mut guest = Running {
        engine,
        trace,
        ending: None,
    };
    let ended = match line.quit_before_run {
        true => Ok(0),
        false => guest.run(&plan, told),
    };
    if let Ok(code) = ended {
        report.user_code = code;
    }
    let engine = guest.engine;
    report.accounting.local = engine.totals;
    (report.accounting.system_time, report.accounting.user_time) = processor_time();
    let closed: Result<Vec<()>, Error> = engine.channels.iter().map(channel::close).collect();
    report.etags = etags(&engine, manifest.memory_etag);
    ended?;
    closed?;
    Ok(())
}

/// A guest that runs.
struct Running<'a> {
    engine: Engine<Space, HostFile, Judge<'a>>,
    trace: Option<Trace>,
    ending: Option<Ending>,
}

impl Running<'_> {
    fn run(&mut self, plan: &Plan, told: &mut File) -> Result<i32, Error> {
        told.write_all(&[RUNNING])
            .map_err(|_| failed("telling the parent", nix::Error::EPIPE))?;
        // SAFETY: `prepare` made only the trampolines and the judged text executable, and traps
        // make only judged code executable.
        let left = unsafe { switch::run(plan.entry, self) };
        let signal = || Error::Signal(signals::received().unwrap_or_default());
        match (left, self.ending.take()) {
            (Left::Trap, Some(Ending::Exit(code))) => Ok(code),
            (Left::Trap, Some(Ending::Failed(error))) => Err(error),
            (Left::Trap, Some(Ending::Fault)) => {
                Err(Error::Signal(signals::describe(libc::SIGSEGV, THUNK)))
            }
            (Left::Trap, Some(Ending::Interrupted) | None) | (Left::Signal, _) => Err(signal()),
        }
    }
}

impl switch::Guest for Running<'_> {
    fn trap(&mut self, argument: u32, slot: u64) -> Option<i64> {
        if slot != 0 {
            self.ending = Some(Ending::Failed(Error::ForeignCall(slot)));
            return None;
        }
        if let Some(trace) = &mut self.trace {
            trace.line("untrusted code");
        }
        let call = self.engine.call(argument);
        let answer = match &call {
            Ok(call) => self.engine.perform(call),
            Err(answer) => answer.clone(),
        };
        if let Some(trace) = &mut self.trace {
            trace.line(&trace_text(call.as_ref().ok(), &answer));
        }
        match answer {
            Answer::Return(number) => Some(i64::from(number as i32)),
            Answer::End(ending) => {
                self.ending = Some(ending);
                None
            }
        }
    }
}

fn trace_text(call: Option<&zerovm_session::trap::Call>, answer: &Answer) -> String {
    let call = call.map_or("trap without arguments".into(), ToString::to_string);
    match answer {
        Answer::Return(number) => format!("{call} = {number}"),
        Answer::End(_) => call,
    }
}

/// Digests, in the order of the report.
fn etags(engine: &Engine<Space, HostFile, Judge<'_>>, memory: bool) -> Vec<(Vec<u8>, String)> {
    let tagged = |channel: &Channel<HostFile>| Some((channel.alias.clone(), channel.digest()?));
    let mut etags: Vec<_> = engine.channels.iter().filter_map(tagged).collect();
    if memory {
        let mut tag = Sha1::new();
        let space = &engine.memory;
        for region in space.regions().readable() {
            tag.update(space.readable(region).unwrap_or_default());
        }
        etags.push((b"/dev/memory".to_vec(), hexadecimal(tag)));
    }
    etags
}

/// In the system and outside of it, in hundredths of a second.
fn processor_time() -> (u64, u64) {
    use nix::sys::resource::{UsageWho, getrusage};
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
        return (0, 0);
    };
    let hundredths = |time: nix::sys::time::TimeVal| {
        let (seconds, micros) = (time.tv_sec(), time.tv_usec());
        (seconds * 100 + micros / 10_000).try_into().unwrap_or(0)
    };
    (
        hundredths(usage.system_time()),
        hundredths(usage.user_time()),
    )
}

/// Whether the host was told to make everything executable that can be read.
fn data_is_executable() -> bool {
    personality::get().is_ok_and(|persona| persona.contains(Persona::READ_IMPLIES_EXEC))
}

/// A session may have ten thousand channels.
fn allow_many_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn failed(what: &'static str, error: nix::Error) -> Error {
    Error::Host {
        code: libc::EFAULT,
        what,
        why: error.desc().to_owned(),
    }
}
