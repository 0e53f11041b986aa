//! A session from its manifest to its report, in the process that the guest runs in.
//!
//! The order of the steps decides which error a manifest with several gets, so it is the original's:
//! program, its format, its validity, channels, memory, timeout. Then come the steps that the
//! original has not: everything that is not needed any more is given up.

use crate::channel::{self, HostFile};
use crate::space::Space;
use crate::switch::{self, Left};
use crate::trace::Trace;
use crate::validation::{Judge, Rules};
use crate::{alone, confine, descriptors, load, process, setup, signals, told};
use nix::libc;
use nix::sys::personality::{self, Persona};
use sha1::{Digest, Sha1};
use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::Path;
use zerovm_session::Error;
use zerovm_session::channel::{Channel, hexadecimal};
use zerovm_session::command_line::CommandLine;
use zerovm_session::elf::Plan;
use zerovm_session::layout::{
    FIRST_STACK, FIRST_STACK_POINTER, HARDWARE_PAGE, SPACE, STACK, THUNK, heap_end,
};
use zerovm_session::manifest::Manifest;
use zerovm_session::memory::{Memory, Protection};
use zerovm_session::report::{Report, Totals, ValidatorState};
use zerovm_session::trap::{Answer, Ending, Engine, Texts};
use zerovm_session::user_manifest::{self, Entry};
use zerovm_validator::Dialect;

/// Runs a session. `told` hears when the guest starts to run. If it becomes a daemon, this comes back
/// in each process that goes on from there, with a `told` of its own.
pub fn run(line: &CommandLine, manifest: &Manifest, rules: &dyn Rules, told: &mut File) -> Report {
    let mut report = Report::failed("ok", 0);
    let outcome = match prepare(line, manifest, rules, &mut report) {
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
    rules: &'a dyn Rules,
    report: &mut Report,
) -> Result<Prepared<'a>, Error> {
    let program = load::open(&manifest.program)?;
    qualify(line)?;
    signals::install().map_err(|error| host("installing signal handlers", &error))?;
    if manifest.job.is_some() {
        process::collect_nobody().map_err(|error| host("installing signal handlers", &error))?;
    }
    let mut space = Space::reserve()?;
    let plan = load::load(&program, &mut space)?;
    drop(program);
    let judge = Judge {
        rules,
        dialect: plan.dialect,
    };
    let judged = load::judge(&plan, &space, &judge);
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

    process::allow_many_files();
    let channels = channel::mount(manifest, !line.no_preallocation)?;
    let allowed = channels.iter().try_for_each(|channel| {
        alone::check_files(plan.dialect, &channel.alias, channel.copies.sources())
    });
    if let Err(error) = allowed {
        let _ = channel::close(&channels);
        return Err(error);
    }
    if let Err(error) = complete(&mut space, &plan, &channels, manifest) {
        let _ = channel::close(&channels);
        return Err(error);
    }
    process::be_nice();
    Ok(Prepared {
        plan,
        engine: Engine {
            memory: space,
            channels,
            totals: Totals::default(),
            validator: judge,
            texts: Texts::default(),
            has_job: manifest.job.is_some(),
        },
    })
}

/// What can fail when channels are open already.
fn complete(
    space: &mut Space,
    plan: &Plan,
    channels: &[Channel<HostFile>],
    manifest: &Manifest,
) -> Result<(), Error> {
    let heap_end = heap_end(manifest.memory, plan.program_break())?;
    fill(space, plan, channels, heap_end)?;
    if manifest.timeout < 1 {
        return Err(Error::Timeout(manifest.timeout));
    }
    Ok(())
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
    process::keep_memory_together();
    // From here on the process cannot set a timer.
    if !line.quit_before_run {
        nix::unistd::alarm::set(manifest.timeout.unsigned_abs());
    }
    // Nor set the base of gs, or ask what this asks.
    if plan.dialect == Dialect::Fast {
        alone::establish()?;
    }
    confine::confine(manifest.job.is_some())?;
    // The process ends after this, and the kernel unmaps a space faster than its owner does.
    let mut guest = ManuallyDrop::new(Running {
        engine,
        trace,
        data: plan.data.map(|data| data.address),
        ending: None,
        manifest,
        told,
        report,
    });
    let ended = match line.quit_before_run {
        true => Ok(0),
        false => guest.run(&plan),
    };
    let closed = guest.close();
    drop(guest.trace.take());
    guest.report.user_code = ended?;
    closed
}

/// A guest that runs.
struct Running<'a> {
    engine: Engine<Space, HostFile, Judge<'a>>,
    trace: Option<Trace>,
    // Where the guest's data begins.
    data: Option<u64>,
    ending: Option<Ending>,
    manifest: &'a Manifest,
    told: &'a mut File,
    report: &'a mut Report,
}

impl Running<'_> {
    fn run(&mut self, plan: &Plan) -> Result<i32, Error> {
        told::running(self.told).map_err(|error| host("telling the parent", &error))?;
        if self.trace.is_some() {
            switch::hear_of_every_trap();
        }
        // SAFETY: `prepare` made only the trampolines and the judged text executable, and traps
        // make only judged code executable.
        let left = unsafe { switch::run(plan.entry, self) };
        let signal = || Error::Signal(signals::received().unwrap_or_default());
        match (left, self.ending.take()) {
            (Left::Trap, Some(Ending::Exit(code))) => Ok(code),
            (Left::Trap, Some(Ending::Failed(error))) => Err(*error),
            (Left::Trap, Some(Ending::Fault)) => {
                Err(Error::Signal(signals::describe(libc::SIGSEGV, THUNK)))
            }
            (Left::Trap, Some(Ending::Interrupted | Ending::Fork) | None) | (Left::Signal, _) => {
                Err(signal())
            }
        }
    }

    /// Closes the channels, and notes what the report says of them.
    fn close(&mut self) -> Result<(), Error> {
        self.report.accounting.local = self.engine.totals;
        let accounting = &mut self.report.accounting;
        (accounting.system_time, accounting.user_time) = processor_time();
        let closed = channel::close(&self.engine.channels);
        self.report.etags = etags(&self.engine, self.manifest.memory_etag);
        closed
    }

    /// The guest asked to become a daemon. The session that asked is reported, and others are clones of
    /// this process, which come back with the guest's answer. The broker asks for each of them, one
    /// ahead of the sessions, by the socket that it will send the session over.
    fn fork(&mut self) -> Option<i64> {
        let closed = self.close();
        nix::unistd::alarm::cancel();
        if let Err(error) = closed {
            self.ending = Some(Ending::failed(error));
            return None;
        }
        self.report.daemon = true;
        let is_told = told::report(self.told, self.report).is_ok();
        if !is_told || process::ignore_hangup().is_err() {
            process::end_now(u8::MAX);
        }
        for channel in &mut self.engine.channels {
            channel.forget_sources();
        }
        process::take_name(self.manifest.job.as_deref().unwrap_or(Path::new("")));
        loop {
            let socket = receive_socket(self.told);
            if matches!(process::clone_session(), Ok(true)) {
                // The broker's questions are not for a session.
                *self.told = socket;
                return self.go_on();
            }
        }
    }

    /// Does with nothing what a session does, while nobody waits for it. A clone shares every page with
    /// the process that it was cloned from, and has none of its code: the first use of each costs as much
    /// as several system calls, and a session uses a dozen.
    fn rehearse(&mut self) {
        setup::rehearse(self.engine.channels.len());
        told::rehearse(self.report);
        let _ = (channel::close(&self.engine.channels), processor_time());
        let stack = SPACE - HARDWARE_PAGE;
        for page in self.data.into_iter().chain([stack]) {
            self.engine.memory.populate(page..page + HARDWARE_PAGE);
        }
    }

    /// The first steps of a daemon's session.
    fn go_on(&mut self) -> Option<i64> {
        // Who it is, before anybody asks.
        if told::running(self.told).is_err() {
            process::end_now(u8::MAX);
        }
        self.report.daemon = false;
        self.engine.has_job = false;
        self.engine.totals = Totals::default();
        // For its pages, and once more for what is in the processor's caches.
        self.rehearse();
        let announced = setup::wait(self.told);
        self.rehearse();
        let setup = match announced.and_then(|()| setup::receive(self.told)) {
            Ok(setup) if setup.channels.len() == self.engine.channels.len() => setup,
            // Whoever asked for it is gone.
            _ => process::end_now(u8::MAX),
        };
        let dialect = self.engine.validator.dialect;
        for (channel, setup) in self.engine.channels.iter_mut().zip(setup.channels) {
            let allowed = alone::check_files(dialect, &channel.alias, setup.files.iter());
            if let (Err(error), None) = (allowed, &self.ending) {
                self.ending = Some(Ending::failed(error));
            }
            channel.reopen(setup.tagged, setup.size, setup.files);
        }
        nix::unistd::alarm::set(setup.timeout);
        self.ending.is_none().then_some(0)
    }
}

impl Running<'_> {
    /// A trap with its lines in the trace.
    #[cold]
    fn traced(&mut self, argument: u32) -> Answer {
        let mut line = |text: &str| {
            if let Some(trace) = &mut self.trace {
                trace.line(text);
            }
        };
        line("untrusted code");
        let call = self.engine.call(argument);
        let answer = match &call {
            Ok(call) => self.engine.perform(call),
            Err(answer) => answer.clone(),
        };
        line(&trace_text(call.as_ref().ok(), &answer));
        answer
    }

    /// The guest does not go on, unless as a session of its daemon.
    #[cold]
    fn end(&mut self, ending: Ending) -> Option<i64> {
        if ending == Ending::Fork {
            return self.fork();
        }
        self.ending = Some(ending);
        None
    }
}

impl switch::Guest for Running<'_> {
    fn trap(&mut self, argument: u32) -> Option<i64> {
        let answer = match self.trace {
            None => self.engine.trap(argument),
            Some(_) => self.traced(argument),
        };
        match answer {
            Answer::Return(number) => Some(i64::from(number as i32)),
            Answer::End(ending) => self.end(ending),
        }
    }

    #[cold]
    fn foreign_call(&mut self, slot: u64) {
        self.ending = Some(Ending::failed(Error::ForeignCall(slot)));
    }
}

/// A socket that the broker sends. If the broker is gone, or a signal came, this process ends.
fn receive_socket(from: &File) -> File {
    let received = descriptors::receive(from).unwrap_or_default();
    match received.into_iter().next() {
        Some(socket) => File::from(socket),
        None => process::end_now(0),
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
            space.expect_reading(&region);
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

fn qualify(line: &CommandLine) -> Result<(), Error> {
    match !line.skip_qualification && data_is_executable() {
        true => Err(Error::DataIsExecutable),
        false => Ok(()),
    }
}

/// Whether the host was told to make everything executable that can be read.
fn data_is_executable() -> bool {
    personality::get().is_ok_and(|persona| persona.contains(Persona::READ_IMPLIES_EXEC))
}

fn host(what: &'static str, why: &impl ToString) -> Error {
    Error::Host {
        code: libc::EFAULT,
        what,
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<(), Error> {
        let line = CommandLine::read(words.iter().map(Into::into)).expect("a command line");
        qualify(&line)
    }

    /// It is a thread's own, and starting a program clears it.
    #[test]
    fn a_host_where_data_is_executable_is_refused_unless_nobody_asks() {
        assert_eq!(asked(&["zerovm", "m"]), Ok(()));
        let persona = personality::get().expect("a personality");
        personality::set(persona | Persona::READ_IMPLIES_EXEC).expect("another");
        let refused = asked(&["zerovm", "m"]);
        let skipped = asked(&["zerovm", "-Q", "m"]);
        personality::set(persona).expect("the first");
        assert_eq!(refused, Err(Error::DataIsExecutable));
        assert_eq!(Error::DataIsExecutable.code(), libc::EFAULT);
        assert_eq!(skipped, Ok(()));
    }
}
