//! Reports of VMs that crashed: made when the launcher tells what it found, kept in the archive.

use crate::{aside, confinement::Confinement, vm::Vm};
use cosmos_config::Config;
use cosmos_crash::{Archive, Bounds, CrashError, Id, Report, text};
use cosmos_rpc::message::{
    confine::Denial,
    crash::{Crash, KeepReport, Remains},
};
use cosmos_rpc::{Fault, FaultCode};
use std::{
    io::ErrorKind,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Frames that a client is told.
const TOLD: usize = 12;

/// Where reports go, and how many.
#[derive(Clone, Debug)]
pub struct Keeper {
    directory: PathBuf,
    bounds: Bounds,
}

/// What is known of a crash beside the VM itself.
#[derive(Debug)]
pub struct Findings {
    /// What the launcher found.
    pub remains: Remains,
    /// How long it served.
    pub age: Duration,
    /// The last that it wrote.
    pub stderr: String,
    /// What it was refused.
    pub denials: Vec<Denial>,
    /// Its pid, for people.
    pub pid: i32,
}

/// A program that crashed in a VM, which lives on.
#[derive(Debug)]
pub struct Program {
    /// What its client says of it.
    pub request: KeepReport,
    /// The client's pid, for people.
    pub client: i32,
    /// What programs of the VM were refused.
    pub denials: Vec<Denial>,
}

impl Keeper {
    /// As configured.
    pub fn new(config: &Config) -> Keeper {
        Keeper {
            directory: config.crash_directory.value.clone(),
            bounds: Bounds {
                reports: config.crash_reports.value,
                bytes: config.crash_bytes.value,
            },
        }
    }

    /// Whether reports are made at all.
    pub fn is_wanted(&self) -> bool {
        self.bounds.reports > 0
    }

    /// Keeps the report of a VM. Without a place for it the client is still told what was found.
    pub async fn keep(&self, vm: &Vm, findings: Findings) -> Option<Crash> {
        if !self.is_wanted() {
            return None;
        }
        self.file(report(vm, findings)).await
    }

    /// Keeps the report of a program, likewise.
    pub async fn keep_program(&self, vm: &Vm, program: Program) -> Option<Crash> {
        if !self.is_wanted() {
            return None;
        }
        let KeepReport {
            program: path,
            command,
            stderr,
            age,
            fallen,
            ..
        } = program.request;
        let findings = Findings {
            remains: fallen.remains,
            age: Duration::from_millis(age),
            stderr,
            denials: program.denials,
            pid: fallen.pid,
        };
        let mut report = report(vm, findings);
        report.targets = vec![path];
        report.note(program.client, &command);
        self.file(report).await
    }

    async fn file(&self, report: Report) -> Option<Crash> {
        let report = report.bounded();
        let name = report.vm.clone();
        let crash = Crash {
            id: String::new(),
            address: report.remains.address,
            backtrace: text::foreign(&report.remains, TOLD),
        };
        let keeper = self.clone();
        let kept = aside::run(move || {
            Archive::open_or_create(&keeper.directory)?.keep(report, &keeper.bounds)
        });
        let id = match kept.await {
            Ok(Ok(report)) => report.id,
            Ok(Err(error)) => {
                tracing::warn!("no crash report of {name} is kept: {error}");
                String::new()
            }
            Err(fault) => {
                tracing::warn!("no crash report of {name} is kept: {fault}");
                String::new()
            }
        };
        Some(Crash { id, ..crash })
    }

    /// The numbers of the reports that are kept, the newest first.
    ///
    /// # Errors
    ///
    /// `System` where the directory cannot be read.
    pub async fn ids(&self) -> Result<Vec<Id>, Fault> {
        let archive = self.archive().await?;
        archive.map_or(Ok(Vec::new()), |archive| archive.ids().map_err(fault))
    }

    /// The text of a report.
    ///
    /// # Errors
    ///
    /// `BadArgument` for what is no number, `NoSuchName` where there is none of it; `System`.
    pub async fn text(&self, id: &str) -> Result<String, Fault> {
        let (archive, id) = self.kept(id).await?;
        let json = aside::run(move || archive.read(&id)?.to_json()).await?;
        Ok(String::from_utf8_lossy(&json.map_err(fault)?).into_owned())
    }

    /// Removes a report.
    ///
    /// # Errors
    ///
    /// As [`Keeper::text`].
    pub async fn remove(&self, id: &str) -> Result<(), Fault> {
        let (archive, id) = self.kept(id).await?;
        archive.remove(&id).map_err(fault)
    }

    async fn kept(&self, id: &str) -> Result<(Archive, Id), Fault> {
        let id: Id = id.parse().map_err(fault)?;
        match self.archive().await? {
            Some(archive) => Ok((archive, id)),
            None => Err(fault(CrashError::NoSuchReport(id.to_string()))),
        }
    }

    /// The directory; none where nothing ever crashed.
    async fn archive(&self) -> Result<Option<Archive>, Fault> {
        let directory = self.directory.clone();
        match aside::run(move || Archive::open(&directory)).await? {
            Ok(archive) => Ok(Some(archive)),
            Err(CrashError::System { error, .. }) if error.kind() == ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(fault(error)),
        }
    }

    /// Notes in a report what a client says it had called.
    pub async fn note(&self, id: &str, client: i32, call: String) {
        let Ok(id) = id.parse() else {
            return;
        };
        let directory = self.directory.clone();
        let noted = aside::run(move || -> Result<(), CrashError> {
            Archive::open(&directory)?.amend(&id, |report| report.note(client, &call))
        });
        // One that had to go for another is nobody's loss.
        if let Ok(Err(error)) = noted.await {
            tracing::info!("a call is not noted: {error}");
        }
    }
}

fn fault(error: CrashError) -> Fault {
    let message = error.to_string();
    match error {
        CrashError::BadId(_) => Fault::caller(FaultCode::BadArgument, message),
        CrashError::NoSuchReport(_) => Fault::caller(FaultCode::NoSuchName, message),
        _ => Fault::host(FaultCode::System, message),
    }
}

fn report(vm: &Vm, findings: Findings) -> Report {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let denied = findings.denials.into_iter();
    Report {
        when: now.map_or(0, |since| since.as_secs()),
        vm: vm.name.clone(),
        kind: vm.kind.clone(),
        host: vm.host.clone(),
        targets: vm.targets.borrow().clone(),
        pid: findings.pid,
        isolation: vm.confinement().level.name().to_owned(),
        age: u64::try_from(findings.age.as_millis()).unwrap_or(u64::MAX),
        remains: findings.remains,
        stderr: findings.stderr,
        limits: limits(vm.confinement()),
        denied: denied.map(|denial| (denial.call, denial.times)).collect(),
        ..Report::default()
    }
}

/// The limits that it had, by the keys of the configuration.
fn limits(confinement: &Confinement) -> Vec<(String, String)> {
    let resource = |number: u32| {
        let known = confinement.limits.iter();
        known
            .filter(move |(limit, _)| *limit == number)
            .map(|(_, most)| *most)
            .next()
    };
    let bounds = &confinement.bounds;
    let some = |bound: u64| Some(bound).filter(|bound| *bound > 0);
    [
        ("limits.open_files", resource(libc::RLIMIT_NOFILE)),
        (
            "limits.memory_bytes",
            some(bounds.memory_bytes).or(resource(libc::RLIMIT_AS)),
        ),
        ("limits.processes", some(bounds.processes)),
        ("limits.cpu_seconds", resource(libc::RLIMIT_CPU)),
        ("limits.wall_seconds", some(bounds.wall_seconds)),
        ("limits.file_bytes", resource(libc::RLIMIT_FSIZE)),
        ("limits.output_bytes", confinement.output_bytes),
    ]
    .into_iter()
    .filter_map(|(key, most)| Some((key.to_owned(), most?.to_string())))
    .collect()
}
