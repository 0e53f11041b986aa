//! Machines that lack something: kernels without Landlock or without notifications of filters, containers
//! that make no namespaces or let nobody trace. Here a filter around the command and the daemons that it
//! starts answers as such a kernel does. What is promised: calls and programs run at the strongest level that
//! is left, what was asked for and is not there is refused by name, and the doctor says why.

use cosmos_tests::{Ran, World, in_world_for, run};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

/// A machine that is this one, with calls that fail.
struct Poorer {
    sockets: PathBuf,
    filters: Vec<BpfProgram>,
}

/// System calls that fail with an errno, each wherever it is made, or where one argument is so.
type Failing<'f> = (i32, &'f [(i64, Option<SeccompCondition>)]);

impl Poorer {
    fn new(world: &World, name: &str, failing: &[Failing<'_>]) -> Poorer {
        let filter = |(errno, calls): &Failing<'_>| {
            let rules = calls.iter().map(|(call, only)| {
                let rule = |only: &SeccompCondition| SeccompRule::new(vec![only.clone()]);
                let only = only.iter().map(|only| rule(only).expect("a rule"));
                (*call, only.collect())
            });
            let errno = SeccompAction::Errno(u32::try_from(*errno).expect("an errno"));
            let arch = std::env::consts::ARCH.try_into().expect("an architecture");
            let filter = SeccompFilter::new(rules.collect(), SeccompAction::Allow, errno, arch);
            filter.expect("a filter").try_into().expect("its program")
        };
        Poorer {
            sockets: world.directory().join(name),
            filters: failing.iter().map(filter).collect(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cosmos_tests::built().join("cosmos"));
        command
            .args(arguments)
            .env("COSMOS_SOCKET_DIRECTORY", &self.sockets);
        let filters = self.filters.clone();
        let lack = move || {
            for filter in &filters {
                apply_filter(filter).map_err(|_| std::io::ErrorKind::PermissionDenied)?;
            }
            Ok(())
        };
        // SAFETY: system calls alone, on memory that is there already.
        unsafe { command.pre_exec(lack) };
        command
    }

    fn cosmos(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments), PATIENCE)
    }

    /// A call and a program that run, and the level that the VM of the call has.
    fn works_at(&self, level: &str) {
        let call = ["call", "libm.so.6", "double cos(double x)", "0"];
        assert_eq!(self.cosmos(&call).succeeded(), "1\n");
        let ran = self.cosmos(&["exec", "--", "echo", "text"]);
        assert_eq!(ran.succeeded(), "text\n");
        let listed = self.cosmos(&["ls", "--all"]);
        let line = listed
            .succeeded()
            .lines()
            .find(|line| line.contains("libm.so.6"));
        let line = line.unwrap_or_else(|| panic!("{listed:?}"));
        assert!(line.split_whitespace().any(|word| word == level), "{line}");
    }

    /// What is asked for and not there is refused, with a word of why.
    fn refuses(&self, level: &str, why: &str) {
        let named = format!("isolation level {level} is asked for");
        let words = ["--isolation", level];
        let call = ["libm.so.6", "double cos(double x)", "0"];
        let called = self.cosmos(&[&["call"], &words[..], &call].concat());
        assert_ne!(called.code(), 0, "{called:?}");
        assert!(called.stderr.contains(&named), "{called:?}");
        assert!(called.stderr.contains(why), "{called:?}");
        let ran = self.cosmos(&[&["exec"], &words[..], &["--", "true"]].concat());
        ran.failed(126, &[&named, why]);
        let doctor = self.cosmos(&["doctor"]);
        let told = doctor
            .stdout
            .lines()
            .any(|line| !line.starts_with("ok") && line.contains(why));
        assert!(told, "{doctor:?}");
    }

    /// Accepted where the configuration says that less will do.
    fn degrades_where_it_may(&self, level: &str) {
        self.cosmos(&["stop"]).succeeded();
        let call = [
            "call",
            "--isolation",
            level,
            "libm.so.6",
            "double cos(double x)",
            "0",
        ];
        let mut degrading = self.command(&call);
        degrading.env("COSMOS_ISOLATION_DEGRADE", "true");
        assert_eq!(run(&mut degrading, PATIENCE).succeeded(), "1\n");
        self.cosmos(&["stop"]).succeeded();
    }
}

fn masked(argument: u8, mask: i32) -> Option<SeccompCondition> {
    let mask = u64::from(mask.cast_unsigned());
    let condition = SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(mask),
        mask,
    );
    Some(condition.expect("a condition"))
}

/// As a container's own filter has them: no new namespace by any call.
const SHUT: i32 = libc::EPERM;

fn no_namespaces() -> Vec<(i64, Option<SeccompCondition>)> {
    let mut calls = vec![(libc::SYS_unshare, None), (libc::SYS_setns, None)];
    // One rule a call: the user namespace is what an ordinary user begins with, and the network is what root
    // asks for too.
    calls.push((libc::SYS_clone, masked(0, libc::CLONE_NEWNET)));
    calls
}

#[test]
fn without_landlock_it_is_limits_and_walls_are_refused_by_name() {
    in_world_for(Duration::from_secs(150), |world| {
        let missing = [(libc::SYS_landlock_create_ruleset, None)];
        let poorer = Poorer::new(world, "a", &[(libc::ENOSYS, &missing)]);
        poorer.works_at("limits");
        poorer.refuses("landlock+seccomp", "Landlock");
        poorer.refuses("namespaces", "Landlock");
        poorer.degrades_where_it_may("landlock+seccomp");
    });
}

#[test]
fn without_notifications_it_is_limits_and_walls_are_refused_by_name() {
    in_world_for(Duration::from_secs(150), |world| {
        if !world.offers("landlock+seccomp") {
            return;
        }
        const GET_ACTION_AVAIL: u64 = 2;
        let asks = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Eq,
            GET_ACTION_AVAIL,
        );
        let missing = [(libc::SYS_seccomp, Some(asks.expect("a condition")))];
        let poorer = Poorer::new(world, "b", &[(libc::EOPNOTSUPP, &missing)]);
        poorer.works_at("limits");
        poorer.refuses("landlock+seccomp", "seccomp");
        poorer.degrades_where_it_may("landlock+seccomp");
    });
}

#[test]
fn without_namespaces_walls_stand_and_namespaces_are_refused_by_name() {
    in_world_for(Duration::from_secs(150), |world| {
        if !world.offers("landlock+seccomp") {
            return;
        }
        // What glibc would use before the call whose flags a filter can see.
        let later = [(libc::SYS_clone3, None)];
        let poorer = Poorer::new(
            world,
            "c",
            &[(SHUT, &no_namespaces()), (libc::ENOSYS, &later)],
        );
        poorer.works_at("landlock+seccomp");
        poorer.refuses("namespaces", "namespace");
        poorer.degrades_where_it_may("namespaces");
    });
}

/// A crash is told, if without its place.
#[test]
fn where_nobody_may_trace_a_crash_is_told_without_its_place() {
    in_world_for(Duration::from_secs(150), |world| {
        let traced = [(libc::SYS_ptrace, None)];
        let poorer = Poorer::new(world, "d", &[(libc::EPERM, &traced)]);
        let died = poorer.cosmos(&["call", "libc.so.6", "void abort(void)"]);
        died.failed(1, &["SIGABRT", "abort()"]);
        let ran = poorer.cosmos(&["exec", "--", "sh", "-c", "kill -SEGV $$"]);
        assert_eq!(ran.code(), 128 + libc::SIGSEGV, "{ran:?}");
        let doctor = poorer.cosmos(&["doctor"]);
        let line = doctor
            .stdout
            .lines()
            .find(|line| line.contains("crash reports"));
        assert!(
            line.is_some_and(|line| !line.starts_with("ok")),
            "{doctor:?}"
        );
    });
}
