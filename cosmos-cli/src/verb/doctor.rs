//! `cosmos doctor`.

use crate::arguments::Doctor;
use crate::kernel;
use crate::report::{FAILED, Verdict, lines};
use cosmos::{Host, Options};
use cosmos_config::{Config, Origin};
use cosmos_rpc::handshake::{Hello, MAJOR, MINOR};
use cosmos_rpc::message::confine::Offer;
use cosmos_rpc::rendezvous::SocketDirectory;
use serde_json::json;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

/// The programs that must be in the libexec directory.
const PROGRAMS: [&str; 8] = [
    "cosmosdb",
    "cosmosd",
    "cosmos-launch",
    "cosmos-relay",
    "cosmos-hostfn",
    "cosmos-exec",
    "cosmos-script",
    "cosmos-zerovm",
];

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// As it should be.
    Good,
    /// Worth knowing; calls work without it.
    Note,
    /// Prevents calls.
    Bad,
}

struct Check {
    subject: &'static str,
    health: Health,
    finding: String,
}

/// Checks everything and prints it; exits with 1 when something prevents calls.
pub fn run(arguments: &Doctor) -> Verdict {
    let checks = match &arguments.host {
        Some(host @ Host::Ssh(_)) => there(host),
        _ => checks(),
    };
    let works = checks.iter().all(|check| check.health != Health::Bad);
    if arguments.json {
        let list: Vec<_> = checks.iter().map(Check::json).collect();
        super::print_json(&json!({ "works": works, "checks": list }))?;
    } else {
        super::print(&text(&checks, works))?;
    }
    Ok(if works { 0 } else { FAILED })
}

fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    match Config::load() {
        Ok(config) => {
            checks.push(good("configuration", "read"));
            checks.push(socket_directory(&config));
            checks.push(programs(&config.libexec_directory));
            checks.push(start(&config));
            checks.extend(pinned(&config));
            checks.extend(daemons(&config));
            checks.extend(isolation(&config));
        }
        Err(error) => checks.push(bad("configuration", error.to_string())),
    }
    checks.extend(kernel_features());
    if checks.iter().all(|check| check.health != Health::Bad) {
        checks.push(call(Options::new()));
    }
    checks
}

/// What can be seen from here of another machine.
fn there(host: &Host) -> Vec<Check> {
    let begun = Instant::now();
    let offers = match cosmos::queries::levels_of(host) {
        Ok(offers) => offers,
        Err(error) => return vec![bad("connection", error.to_string())],
    };
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let mut checks = vec![good(
        "connection",
        format!("cosmosd of {host} answered after {took:.0} ms"),
    )];
    checks.extend(offers.into_iter().map(offered));
    checks.push(call(Options::new().host(host.clone())));
    checks.push(note(
        "the rest",
        "`cosmos doctor` there tells of its kernel, its programs and its configuration",
    ));
    checks
}

fn offered(offer: Offer) -> Check {
    let finding = format!("{}: {}", offer.name, offer.finding);
    match offer.available {
        true => good("level", finding),
        false => note("level", finding),
    }
}

fn socket_directory(config: &Config) -> Check {
    let subject = "socket directory";
    let path: &Path = &config.socket_directory;
    let origin = &config.socket_directory.origin;
    if !path.exists() && path.parent().is_some_and(Path::is_dir) {
        return good(
            subject,
            format!("{} ({origin}); made at first use", path.display()),
        );
    }
    match SocketDirectory::open(path) {
        Ok(_) => good(
            subject,
            format!("{} ({origin}); mode and owner are right", path.display()),
        ),
        Err(fault) => bad(subject, fault.message),
    }
}

fn programs(directory: &Path) -> Check {
    let missing: Vec<_> = PROGRAMS
        .into_iter()
        .filter(|name| !executable(&directory.join(name)))
        .collect();
    let place = directory.display();
    if missing.is_empty() {
        good("programs", format!("{} in {place}", PROGRAMS.join(" ")))
    } else {
        bad("programs", format!("not in {place}: {}", missing.join(" ")))
    }
}

fn executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn start(config: &Config) -> Check {
    if *config.start_daemons {
        let logs = config.socket_directory.join("{cosmosd,cosmosdb}.log");
        let finding = format!(
            "daemons are started when first needed, and then log to {}",
            logs.display()
        );
        good("start", finding)
    } else {
        note(
            "start",
            "start_daemons is false: something else must start the daemons",
        )
    }
}

/// What is pinned, where anything is.
fn pinned(config: &Config) -> Option<Check> {
    let path = &config.pins;
    if path.as_os_str().is_empty() {
        return None;
    }
    Some(match cosmos_config::pins(path) {
        Ok(pins) => {
            let targets = match pins.len() {
                1 => "1 target".to_owned(),
                count => format!("{count} targets"),
            };
            let place = path.display();
            good("pins", format!("{targets} in {place} ({})", path.origin))
        }
        Err(error) => bad(
            "pins",
            format!("{error}: no VM is started until it is mended"),
        ),
    })
}

fn daemons(config: &Config) -> Vec<Check> {
    let absent = |subject| {
        if *config.start_daemons {
            note(subject, "does not run yet")
        } else {
            bad(subject, "does not run")
        }
    };
    if !super::daemons::registry_listens(config) {
        return vec![absent("cosmosdb"), absent("cosmosd")];
    }
    let registry = match super::daemons::registry(config) {
        Ok(hello) => good("cosmosdb", version(&hello)),
        Err(fault) => bad("cosmosdb", fault.message),
    };
    let coordinator = match super::daemons::coordinator(config) {
        Ok(Some(hello)) => good("cosmosd", version(&hello)),
        Ok(None) => absent("cosmosd"),
        Err(fault) => bad("cosmosd", fault.message),
    };
    vec![registry, coordinator]
}

fn version(hello: &Hello) -> String {
    format!(
        "runs, protocol {}.{} (ours is {MAJOR}.{MINOR})",
        hello.major, hello.minor
    )
}

/// What cosmosd says this machine offers, level by level: it decides, and may be confined itself.
fn isolation(config: &Config) -> Vec<Check> {
    let level = &config.isolation.level;
    let asked = format!("VMs get '{}' ({})", level.value, level.origin);
    let offers = match cosmos::queries::levels() {
        Ok(offers) => offers,
        Err(error) => return vec![bad("isolation", format!("{asked}; {error}"))],
    };
    let missing = offers
        .iter()
        .find(|offer| offer.name == level.value.name() && !offer.available);
    let first = match missing {
        None => good("isolation", asked),
        Some(offer) if *config.isolation.degrade => note(
            "isolation",
            format!(
                "{asked}, and isolation.degrade allows less: {}",
                offer.finding
            ),
        ),
        Some(offer) if level.origin == Origin::Default => note(
            "isolation",
            format!("VMs get less than '{}': {}", level.value, offer.finding),
        ),
        Some(offer) => bad(
            "isolation",
            format!("{asked}: VMs are refused: {}", offer.finding),
        ),
    };
    let each = offers.into_iter().map(offered);
    std::iter::once(first).chain(each).collect()
}

fn kernel_features() -> Vec<Check> {
    let landlock = match kernel::landlock_abi() {
        Some(abi @ 6..) => good("landlock", format!("ABI {abi}")),
        Some(abi) => note("landlock", format!("ABI {abi}; isolation needs 6")),
        None => note("landlock", "not available"),
    };
    let actions = kernel::seccomp_actions();
    let seccomp = match (
        actions.is_empty(),
        actions.iter().any(|name| name == "user_notif"),
    ) {
        (true, _) => note("seccomp", "not available"),
        (false, true) => good("seccomp", "filters with notification"),
        (false, false) => note("seccomp", "filters, without notification"),
    };
    let namespaces = match kernel::user_namespaces_refused() {
        None => good("user namespaces", "allowed by every setting known"),
        Some(reason) => note("user namespaces", reason),
    };
    let pidfd = if kernel::has_pidfd() {
        good("pidfd", "available")
    } else {
        bad(
            "pidfd",
            "not available: VMs cannot be supervised (Linux 5.3 has it)",
        )
    };
    vec![
        good("kernel", kernel::release()),
        pidfd,
        landlock,
        seccomp,
        namespaces,
        good("control groups", kernel::cgroups()),
    ]
}

/// The one proof that calls work: a call, twice, the second without starting anything.
fn call(options: Options) -> Check {
    let subject = "a call";
    let attempt = || -> Result<String, cosmos::Error> {
        let begun = Instant::now();
        let library = cosmos::dlopen_with("libc.so.6", &options)?;
        let abs = library.function("int abs(int j)")?;
        let first = abs.call(&[(-7).into()])?;
        let opened = begun.elapsed();
        let begun = Instant::now();
        abs.call(&[(-7).into()])?;
        Ok(format!(
            "abs(-7) = {} in {} ({:.0} ms to start and call, {:.0} us to call again)",
            crate::format::value(abs.frame(), None, &first.result),
            library.vm(),
            opened.as_secs_f64() * 1e3,
            begun.elapsed().as_secs_f64() * 1e6,
        ))
    };
    match attempt() {
        Ok(finding) => good(subject, finding),
        Err(error) => bad(subject, error.to_string()),
    }
}

fn text(checks: &[Check], works: bool) -> String {
    let width = checks
        .iter()
        .map(|check| check.subject.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let mark = match check.health {
            Health::Good => "ok  ",
            Health::Note => "note",
            Health::Bad => "FAIL",
        };
        let finding = lines(&check.finding).replace('\n', "\n      ");
        let _ = writeln!(text, "{mark}  {:width$}  {finding}", check.subject);
    }
    text.push_str(if works {
        "calls work\n"
    } else {
        "calls do not work\n"
    });
    text
}

impl Check {
    fn json(&self) -> serde_json::Value {
        let health = match self.health {
            Health::Good => "ok",
            Health::Note => "note",
            Health::Bad => "fail",
        };
        json!({ "check": self.subject, "health": health, "finding": self.finding })
    }
}

fn good(subject: &'static str, finding: impl Into<String>) -> Check {
    Check {
        subject,
        health: Health::Good,
        finding: finding.into(),
    }
}

fn note(subject: &'static str, finding: impl Into<String>) -> Check {
    Check {
        subject,
        health: Health::Note,
        finding: finding.into(),
    }
}

fn bad(subject: &'static str, finding: impl Into<String>) -> Check {
    Check {
        subject,
        health: Health::Bad,
        finding: finding.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_that_is_installed_is_looked_for() {
        let makefile = include_str!("../../../Makefile");
        let installed = makefile
            .lines()
            .find_map(|line| line.strip_prefix("DAEMONS :="))
            .expect("the list of what is installed");
        let mut installed: Vec<&str> = installed.split_whitespace().collect();
        let mut looked_for = PROGRAMS.to_vec();
        installed.sort_unstable();
        looked_for.sort_unstable();
        assert_eq!(looked_for, installed);
    }
}
