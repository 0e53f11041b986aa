//! `Budget`: the limits of a VM, and how much of each is used.
//!
//! | limit | what is counted |
//! |---|---|
//! | `open_files` | entries of `/proc/PID/fd` |
//! | `memory_bytes` | what the control group counts; without one, the process's address space |
//! | `processes` | what the control group counts; without one the kernel counts the user's, and nobody is told |
//! | `cpu_seconds` | time in the program and in the kernel, of `/proc/PID/stat` |
//! | `wall_seconds` | time since the process was made |
//! | `output_bytes` | what cosmosd and the launcher have read |
//! | `file_bytes`, `call_depth`, `message_bytes` | nothing: each file, thread and message has all of it |
//!
//! The process is the VM's own. A program that a VM runs has limits of its own, each run anew.

use crate::{
    confinement::Confinement,
    coordinator::unknown,
    session::Session,
    vm::{State, Vm},
};
use cosmos_confine::totals::Usage;
use cosmos_rpc::{
    Fault, FaultCode,
    message::coordinator::{Budget, BudgetRow},
};
use std::{fs, rc::Rc, time::Duration};

pub(super) async fn answer(session: Rc<Session>, request: Budget) -> Result<Vec<BudgetRow>, Fault> {
    let name = request.name.strip_prefix("vm/").unwrap_or(&request.name);
    let vm = session.coordinator.find(name);
    let vm = vm.filter(|vm| vm.owner.get().is_visible_to(&session.client));
    let vm = vm.ok_or_else(|| unknown(name))?;
    if vm.state() >= State::Poisoned {
        let message = format!("the VM {} has ended, and has nothing left to use", vm.name);
        return Err(Fault::vm(FaultCode::VmDied, message));
    }
    Ok(rows(&vm))
}

fn rows(vm: &Vm) -> Vec<BudgetRow> {
    let pid = vm.life.borrow().pid;
    let confinement = vm.confinement();
    let (process, totals) = (Process::read(pid), Usage::of(pid));
    let used = |key: &str| match key {
        "open_files" => entries(&format!("/proc/{pid}/fd")),
        "memory_bytes" => totals.memory.or(process.address_space),
        "processes" => totals.processes,
        "cpu_seconds" => process.cpu_seconds,
        "wall_seconds" => process.wall_seconds,
        "output_bytes" => Some(vm.log.written()),
        _ => None,
    };
    let stated = stated(confinement).into_iter();
    let row = |(key, most): (&str, u64)| BudgetRow {
        limit: key.to_owned(),
        most,
        used: used(key),
    };
    stated.map(row).collect()
}

/// The limits that it has, by their keys, in the order of the documents.
fn stated(confinement: &Confinement) -> Vec<(&'static str, u64)> {
    let limit = |number: u32| {
        let mut limits = confinement.limits.iter();
        limits
            .find(|(known, _)| *known == number)
            .map(|(_, most)| *most)
    };
    let bounds = &confinement.bounds;
    let all = [
        ("memory_bytes", limit(libc::RLIMIT_AS)),
        ("cpu_seconds", limit(libc::RLIMIT_CPU)),
        (
            "wall_seconds",
            Some(bounds.wall_seconds).filter(|most| *most > 0),
        ),
        ("file_bytes", limit(libc::RLIMIT_FSIZE)),
        ("output_bytes", confinement.output_bytes),
        ("processes", Some(bounds.processes).filter(|most| *most > 0)),
        ("open_files", limit(libc::RLIMIT_NOFILE)),
        ("call_depth", confinement.call_depth),
        ("message_bytes", confinement.message_bytes),
    ];
    let all = all.into_iter();
    all.filter_map(|(key, most)| Some((key, most?))).collect()
}

/// What `/proc` says of a process.
#[derive(Debug, Default)]
struct Process {
    address_space: Option<u64>,
    cpu_seconds: Option<u64>,
    wall_seconds: Option<u64>,
}

impl Process {
    fn read(pid: i32) -> Process {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        Process::parse(&stat, &uptime, ticks_per_second())
    }

    /// The name in parentheses may have anything in it; what counts begins after the last of them.
    fn parse(stat: &str, uptime: &str, ticks: u64) -> Process {
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        // The first of these is the third of proc_pid_stat(5).
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let used = || field(14)?.checked_add(field(15)?)?.checked_div(ticks);
        let now = uptime
            .split('.')
            .next()
            .and_then(|whole| whole.parse::<u64>().ok());
        let began = || field(22)?.checked_div(ticks);
        Process {
            address_space: field(23),
            cpu_seconds: used(),
            wall_seconds: began().and_then(|began| Some(now?.saturating_sub(began))),
        }
    }
}

/// How long this process has been there, in whole seconds.
pub(crate) fn running_for(pid: i32) -> Option<Duration> {
    Process::read(pid).wall_seconds.map(Duration::from_secs)
}

fn ticks_per_second() -> u64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let ticks = ticks
        .ok()
        .flatten()
        .and_then(|ticks| u64::try_from(ticks).ok());
    ticks.filter(|ticks| *ticks > 0).unwrap_or(100)
}

fn entries(directory: &str) -> Option<u64> {
    let count = fs::read_dir(directory).ok()?.flatten().count();
    u64::try_from(count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_be_called_anything() {
        let stat =
            "7 (a ) 1 2) 3) S 1 7 7 0 -1 4194560 100 0 0 0 250 149 0 0 20 0 3 0 500 8192000 600";
        let process = Process::parse(stat, "17.91 30.00\n", 100);
        assert_eq!(process.cpu_seconds, Some(3));
        assert_eq!(process.wall_seconds, Some(12));
        assert_eq!(process.address_space, Some(8_192_000));
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        for stat in [
            "",
            "7 (x",
            "7 (x) S 1 2",
            "7 (x) S a b c d e f g h i j k l m n o p q r s t u",
        ] {
            let process = Process::parse(stat, "soon", 100);
            assert_eq!(process.cpu_seconds, None, "{stat}");
            assert_eq!(process.wall_seconds, None, "{stat}");
            assert_eq!(process.address_space, None, "{stat}");
        }
    }

    #[test]
    fn one_s_own_process_is_read() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let process = Process::read(pid);
        assert!(process.address_space.unwrap() > 0);
        assert!(process.cpu_seconds.is_some() && process.wall_seconds.is_some());
        assert!(entries("/proc/self/fd").unwrap() >= 3);
    }
}
