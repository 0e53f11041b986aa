//! An ordinary user has every level that the kernel gives ordinary users, and is told of what is missing.
//!
//! Run by root, the commands here are another user's, who can do nothing that root can.

use cosmos_tests::{Ran, World, in_world_for, run};
use nix::unistd::{Gid, Uid, chown};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// A uid that nobody has on any machine.
const USER: u32 = 47_110;
/// That of the user `nobody`, which the kernel also shows for uids without a number.
const NOBODY: u32 = 65_534;
/// What is needed to call functions and to run programs.
const PROGRAMS: [&str; 6] = [
    "cosmos",
    "cosmosd",
    "cosmosdb",
    "cosmos-launch",
    "cosmos-hostfn",
    "cosmos-exec",
];

/// An ordinary user: a directory of their own, and the programs where they can execute them.
struct User {
    home: tempfile::TempDir,
    programs: PathBuf,
    number: u32,
}

impl User {
    fn new() -> User {
        User::numbered(USER)
    }

    /// Of this uid, where root may choose one.
    fn numbered(number: u32) -> User {
        let home = tempfile::Builder::new().prefix("cu-").tempdir_in("/tmp");
        let home = home.expect("a directory");
        let mut user = User {
            programs: cosmos_tests::built(),
            home,
            number,
        };
        let runtime = user.home.path().join("run");
        std::fs::create_dir(&runtime).expect("a directory");
        for path in [user.home.path(), &runtime] {
            let mode = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(path, mode).expect("its mode");
            if is_root() {
                let (uid, gid) = (Uid::from_raw(number), Gid::from_raw(number));
                chown(path, Some(uid), Some(gid)).expect("its owner");
            }
        }
        let version = user
            .command(&user.programs.join("cosmos"))
            .arg("--version")
            .output();
        if !version.is_ok_and(|told| told.status.success()) {
            // Built where only its owner looks.
            user.copy_programs();
        }
        user
    }

    fn copy_programs(&mut self) {
        let place = self.home.path().join("bin");
        std::fs::create_dir(&place).expect("a directory");
        let everybody = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&place, everybody.clone()).expect("its mode");
        for name in PROGRAMS {
            let copy = place.join(name);
            std::fs::copy(self.programs.join(name), &copy).expect("copied");
            std::fs::set_permissions(&copy, everybody.clone()).expect("its mode");
        }
        self.programs = place;
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/");
        command.env("PATH", std::env::var_os("PATH").expect("PATH"));
        command.env("HOME", self.home.path());
        command.env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        command.env("COSMOS_LIBEXEC_DIRECTORY", &self.programs);
        if is_root() {
            command.uid(self.number).gid(self.number);
        }
        command
    }

    fn cosmos(&self, words: &[&str]) -> Ran {
        run(
            self.command(&self.programs.join("cosmos")).args(words),
            PATIENCE,
        )
    }

    /// Whether this user can have a level, or the part of that name.
    fn has(&self, name: &str) -> bool {
        let told = self.cosmos(&["doctor"]);
        let line = told
            .stdout
            .lines()
            .find(|line| line.contains(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("{name} is not told of: {told:?}"))
            .starts_with("ok")
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.cosmos(&["stop"]);
    }
}

fn is_root() -> bool {
    Uid::effective().is_root()
}

#[test]
fn functions_and_programs_run_at_each_level_or_say_which_they_cannot_have() {
    in_world_for(Duration::from_secs(120), |_: &World| {
        let user = User::new();
        for level in ["limits", "landlock+seccomp", "namespaces"] {
            let words = ["--isolation", level];
            let call = ["libm.so.6", "double cos(double x)", "0"];
            let called = user.cosmos(&[&["call"], &words[..], &call].concat());
            let ran = user.cosmos(&[&["exec"], &words[..], &["--", "echo", "text"]].concat());
            if user.has(level) {
                assert_eq!(called.succeeded(), "1\n", "{level}");
                assert_eq!(ran.succeeded(), "text\n", "{level}");
            } else {
                let named = format!("isolation level {level} is asked for");
                assert!(called.stderr.contains(&named), "{called:?}");
                assert!(ran.stderr.contains(&named), "{ran:?}");
            }
            let listed = user.cosmos(&["ls", "--all"]);
            // The doctor has made VMs of its own.
            let is_ours = |line: &&str| line.contains("libm.so.6") || line.contains("echo");
            let ours = listed.succeeded().lines().filter(is_ours);
            let shown = ours.filter(|line| line.contains(level)).count();
            assert_eq!(shown, if user.has(level) { 2 } else { 0 }, "{listed:?}");
        }
        // What the kernel gives every user on this machine, it gives this one.
        let kernel = user.cosmos(&["doctor"]);
        let landlock = kernel
            .stdout
            .lines()
            .any(|line| line.starts_with("ok    landlock"));
        assert!(!landlock || user.has("landlock+seccomp"), "{kernel:?}");
    });
}

#[test]
fn without_a_control_group_a_confined_program_makes_no_process_and_is_told_so() {
    in_world_for(Duration::from_secs(120), |_: &World| {
        let user = User::new();
        if !user.has("landlock+seccomp") {
            println!("skipped: no walls for ordinary users here");
            return;
        }
        let words = ["exec", "--isolation", "landlock+seccomp", "--"];
        let ran = user.cosmos(&[&words[..], &["sh", "-c", "(exit 3); echo $?"]].concat());
        if user.has("totals") {
            assert_eq!(ran.succeeded(), "3\n");
        } else {
            assert_ne!(ran.code(), 0, "{ran:?}");
            assert!(ran.stderr.contains("note: denied: clone"), "{ran:?}");
            let told = user.cosmos(&["doctor"]);
            assert!(
                told.stdout.contains("confined VMs make no processes"),
                "{told:?}"
            );
        }
        // Without walls it does, whoever counts.
        let ran = user.cosmos(&["exec", "--", "sh", "-c", "(exit 3); echo $?"]);
        assert_eq!(ran.succeeded(), "3\n");
    });
}

/// Containers run as `nobody` often; where every uid has a number, theirs is one like any other.
#[test]
fn nobody_is_a_user_too() {
    in_world_for(Duration::from_secs(120), |_: &World| {
        let map = std::fs::read_to_string("/proc/self/uid_map").expect("the uids here");
        if !is_root() || !map.contains("4294967295") {
            println!("skipped: not root of the machine's own user namespace");
            return;
        }
        let nobody = User::numbered(NOBODY);
        let called = nobody.cosmos(&["call", "libm.so.6", "double cos(double x)", "0"]);
        assert_eq!(called.succeeded(), "1\n");
        let ran = nobody.cosmos(&["exec", "--", "id", "-u"]);
        assert_eq!(ran.succeeded(), "65534\n");
    });
}
