//! A VM that was started before anybody asked for it is as confined, once it is somebody's, as one that
//! was started for its target: the attacks of the other rooms fail in it, and the kernel says the same of
//! both.

use crate::stage::{
    Attacker, LEVELS, last_of_pooled, of_pooled, pid_of, secret, text, wait_for_waiting,
};
use cosmos::{Library, Options};
use cosmos_tests::{World, c, in_world};
use std::collections::BTreeSet;

/// What the configuration of these worlds asks for.
const ONE_WAITS: &str = "pool = 1\n";

#[test]
fn one_that_waited_reaches_nothing_beyond_its_grants() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let secret = secret(world);
        let granted = world.directory().join("granted");
        std::fs::create_dir(&granted).unwrap();
        std::fs::write(granted.join("file"), "x").unwrap();
        of_pooled(
            world,
            |options| options.read(&granted),
            |stage| {
                let read = "int open_to_read(const char *path)";
                let file = text(&granted.join("file"));
                assert_eq!(stage.attempt(read, std::slice::from_ref(&file)).unwrap(), 0);
                for path in [
                    text(&secret),
                    "/etc/passwd".into(),
                    "/proc/self/maps".into(),
                ] {
                    stage.out_of_reach(read, &[path]);
                }
                let write = "int open_to_write(const char *path)";
                for path in [file, text(&secret)] {
                    stage.out_of_reach(write, &[path]);
                }
                let mode = "int change_mode(const char *path)";
                stage.refused(mode, &[text(&secret)], libc::EPERM, Some("chmod"));
                let memory = "int reopen_memory(void)";
                stage.refused(memory, &[], libc::EPERM, Some("memfd_create"));
                for pid in stage.others() {
                    let kill = "int signal_process(int pid)";
                    stage.refused(kill, &[pid.into()], libc::EPERM, Some("kill"));
                    let trace = "int attach(int pid)";
                    stage.refused(trace, &[pid.into()], libc::EPERM, Some("ptrace"));
                }
            },
        );
    });
}

/// It had threads before it was confined: none of them is left out, whose stack and registers foreign code
/// could make its own.
#[test]
fn every_thread_of_one_that_waited_is_confined() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let secret = secret(world);
        of_pooled(
            world,
            |options| options,
            |stage| {
                let reach = "int threads_that_reach(const char *path)";
                assert_eq!(stage.attempt(reach, &[text(&secret)]).unwrap(), 0);
                let tried = stage.attempt("int threads_that_tried(void)", &[]);
                // The one that waits for cosmosd, and those of the client's two connections.
                assert!(tried.unwrap() >= 3);
                let Attacker::Library(library) = &stage.hostile else {
                    panic!("it is a library");
                };
                let pid = pid_of(library.vm());
                let filters = |task: std::fs::DirEntry| {
                    let status = std::fs::read_to_string(task.path().join("status"));
                    let status = status.expect("of a thread that runs");
                    let line = |name: &str| {
                        let line = status.lines().find(|line| line.starts_with(name));
                        line.expect(name).to_owned()
                    };
                    (
                        line("Seccomp:"),
                        line("Seccomp_filters:"),
                        line("NoNewPrivs:"),
                    )
                };
                let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
                let told: BTreeSet<_> = tasks.map(|task| filters(task.unwrap())).collect();
                assert_eq!(told.len(), 1, "{told:?}");
            },
        );
    });
}

#[test]
fn the_kernel_says_the_same_of_one_that_waited_and_of_a_new_one() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        for level in LEVELS {
            if !world.offers(level) {
                continue;
            }
            let options = Options::new().isolation(level).fresh(true);
            let open = || cosmos::dlopen_with("libm.so.6", &options).expect("libm");
            let first = open();
            wait_for_waiting(level);
            // One that is confined when it is given away, and one that was before.
            for opens in [1, 2] {
                let given = last_of_pooled(opens, open);
                assert_eq!(told(&given), told(&first), "{level}");
                assert_eq!(seen(&given), seen(&first), "{level}");
                wait_for_waiting(level);
            }
        }
    });
}

/// Whether a VM that waits has its second filter says whether it has given everything up.
#[test]
fn one_that_waits_for_what_was_asked_for_twice_gives_up_the_rest_while_it_waits() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let level = LEVELS[0];
        if !world.offers(level) {
            return;
        }
        let options = Options::new().isolation(level).fresh(true);
        let open = || cosmos::dlopen_with("libm.so.6", &options).expect("libm");
        let filters = |name: &str| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", pid_of(name)));
            let status = status.expect("of a process that runs");
            let line = status
                .lines()
                .find(|line| line.starts_with("Seccomp_filters:"));
            line.expect("what the kernel says").to_owned()
        };
        let first = open();
        let one = wait_for_waiting(level);
        assert_ne!(filters(&one[0]), filters(first.vm()));
        let second = open();
        assert_eq!(second.vm(), one[0]);
        let other = wait_for_waiting(level);
        assert_eq!(filters(&other[0]), filters(first.vm()));
        let third = open();
        assert_eq!(third.vm(), other[0]);
    });
}

/// Whoever asks for less is not given a VM that is confined already, and may do more.
#[test]
fn one_that_was_granted_more_is_given_to_nobody_who_asks_for_less() {
    in_world(|world| given_to_nobody_else(world, true));
}

/// And whoever asks for more is not given one that may do less.
#[test]
fn one_that_was_granted_less_is_given_to_nobody_who_asks_for_more() {
    in_world(|world| given_to_nobody_else(world, false));
}

fn given_to_nobody_else(world: &World, is_granted: bool) {
    world.configure(ONE_WAITS);
    let level = LEVELS[0];
    if !world.offers(level) {
        return;
    }
    let secret = secret(world);
    let own = c::library("hostile.c", world.directory());
    let own = own.to_str().unwrap();
    let open = |is_granted: bool| {
        let options = Options::new().isolation(level).fresh(true);
        let options = match is_granted {
            true => options.read(&secret),
            false => options,
        };
        cosmos::dlopen_with(own, &options).expect("the library")
    };
    let reaches = |library: &Library| {
        let read = library.function("int open_to_read(const char *path)");
        let outcome = read.unwrap().call(&[text(&secret)]).unwrap();
        outcome.result == 0.into()
    };
    let last = last_of_pooled(3, || open(is_granted));
    assert_eq!(reaches(&last), is_granted);
    let waiting = wait_for_waiting(level);
    let other = open(!is_granted);
    assert!(waiting.iter().all(|known| known != other.vm()));
    assert_eq!(reaches(&other), !is_granted);
}

/// What does not show its target to one that waits gets a new one, and is confined all the same.
#[test]
fn a_library_outside_of_what_a_waiting_one_sees_gets_another() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let level = "namespaces";
        if !world.offers(level) {
            return;
        }
        let options = Options::new().isolation(level).fresh(true);
        let _first = cosmos::dlopen_with("libm.so.6", &options).expect("libm");
        let waiting = wait_for_waiting(level);
        let own = c::library("hostile.c", world.directory());
        let own = cosmos::dlopen_with(own.to_str().unwrap(), &options).expect("the library");
        assert!(waiting.iter().all(|known| known != own.vm()), "{waiting:?}");
        let read = own.function("int open_to_read(const char *path)").unwrap();
        let outcome = read.call(&["/etc/passwd".into()]).unwrap();
        let denied = [libc::EACCES, libc::ENOENT];
        assert!(
            denied.iter().any(|errno| outcome.result == (*errno).into()),
            "{outcome:?}"
        );
    });
}

/// What the kernel says of a VM's rights.
fn told(library: &Library) -> Vec<String> {
    let pid = pid_of(library.vm());
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).expect(name);
    let of_rights = |line: &&str| {
        let names = [
            "Cap",
            "NoNewPrivs",
            "Seccomp",
            "Uid",
            "Gid",
            "Groups",
            "Umask",
            "Sig",
        ];
        names.iter().any(|name| line.starts_with(name)) && !line.starts_with("SigQ")
    };
    let status = read("status");
    let rights = status.lines().filter(of_rights).map(str::to_owned);
    let limits = read("limits");
    rights.chain(limits.lines().map(str::to_owned)).collect()
}

/// Which descriptors it has, by kind, and what is at its root.
fn seen(library: &Library) -> (Vec<String>, BTreeSet<String>) {
    let pid = pid_of(library.vm());
    let names = |directory: String| {
        let entries = std::fs::read_dir(&directory).expect("of a process of this user");
        entries
            .flatten()
            .map(|entry| entry.file_name().into_string().expect("text"))
    };
    let kind = |number: String| {
        let link = std::fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap_or_default();
        let link = link.to_string_lossy().into_owned();
        link.split(':').next().unwrap_or_default().to_owned()
    };
    let mut descriptors: Vec<String> = names(format!("/proc/{pid}/fd")).map(kind).collect();
    descriptors.sort();
    (descriptors, names(format!("/proc/{pid}/root")).collect())
}
