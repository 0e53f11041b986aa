//! System calls one by one: what is on no list is refused by name, whatever it is, and so is what only
//! some arguments make harmful.

use crate::stage::{Stage, at_each_level, of_libraries, text, with_grants};
use cosmos::{FaultCode, Value};
use cosmos_confine::listener::name;
use cosmos_confine::rules::{self, Permissions};
use cosmos_tests::in_world;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

/// Beyond the last number that any kernel has.
const NUMBERS: std::ops::Range<i64> = 0..600;

/// clone3 does not exist, so that its older form is used, whose arguments can be seen. The other two are
/// the kernel's own, put into programs that it watches: no filter is asked, and who calls them himself
/// gets SIGILL or an error.
const LEFT_OUT: [i64; 3] = [libc::SYS_clone3, 335, 336];

/// What docs/isolation.md and the threat model say is never allowed, to libraries and programs.
const NEVER: &str = "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease \
    pidfd_open pidfd_send_signal pidfd_getfd kcmp ioprio_set sched_setscheduler sched_setparam \
    sched_setattr io_uring_setup io_uring_enter io_uring_register userfaultfd bpf perf_event_open \
    keyctl add_key request_key fanotify_init fanotify_mark modify_ldt personality kexec_load \
    kexec_file_load init_module finit_module delete_module memfd_secret vmsplice move_pages \
    migrate_pages seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self \
    pkey_alloc pkey_free pkey_mprotect unshare setns mount umount2 pivot_root chroot \
    open_by_handle_at name_to_handle_at open_tree move_mount fsopen fsconfig fsmount fspick \
    mount_setattr chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimesat \
    utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr mknod mknodat \
    shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open \
    mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr inotify_init inotify_init1 \
    inotify_add_watch quotactl quotactl_fd swapon swapoff reboot sethostname setdomainname acct \
    settimeofday clock_settime adjtimex iopl ioperm syslog vhangup lookup_dcookie mbind \
    set_mempolicy setuid setgid setresuid setgroups capset setrlimit sync splice tee";

fn most(is_program: bool) -> Permissions {
    Permissions {
        pid: 0,
        network: false,
        memory_files: true,
        programs: false,
        processes: is_program,
        is_program,
    }
}

/// The attempt says which of these was the first that it had its way with: none.
fn none_of(stage: &Stage<'_>, prototype: &str, numbers: &str) {
    let found = stage
        .attempt(prototype, &[numbers.into()])
        .expect(prototype);
    assert_eq!(found, -1, "{prototype} at {}: {found:#x}", stage.level);
}

fn denied(stage: &Stage<'_>) -> BTreeSet<String> {
    let denials = stage.hostile.denials().into_iter();
    denials.map(|(call, _)| call).collect()
}

#[test]
fn every_call_that_is_on_no_list_is_refused_by_its_name() {
    in_world(|world| {
        at_each_level(world, |stage| {
            let allowed = rules::allowed(&most(stage.is_program())).expect("a list");
            let is_left_out = |number: &i64| LEFT_OUT.contains(number);
            let refused: Vec<i64> = NUMBERS
                .filter(|number| !allowed.contains_key(number) && !is_left_out(number))
                .collect();
            let numbers: Vec<String> = refused.iter().map(i64::to_string).collect();
            let prototype = "int first_allowed(const char *numbers)";
            none_of(stage, prototype, &numbers.join(","));
            let denied = denied(stage);
            for number in refused {
                assert!(
                    denied.contains(&name(number)),
                    "{} is not told",
                    name(number)
                );
            }
            for never in NEVER.split_ascii_whitespace() {
                assert!(denied.contains(never), "{never} is on a list");
            }
        });
    });
}

#[test]
fn calls_that_nobody_knows_are_counted_as_one() {
    in_world(|world| {
        of_libraries(
            world,
            |options| options,
            |stage| {
                let prototype = "int call_nothing(int times)";
                let found = stage.attempt(prototype, &[5000.into()]);
                assert_eq!(found.expect(prototype), 0);
                let mut names = denied(stage);
                names.remove("ptrace");
                assert_eq!(names.len(), 1, "{names:?}");
            },
        );
    });
}

#[test]
fn what_a_process_may_not_change_of_itself_is_refused() {
    in_world(|world| {
        at_each_level(world, |stage| {
            // Parent-death signal, dumpable, keep capabilities, capabilities, filters, timer slack,
            // errors of memory, its memory's map, subreaper, no new privileges, MPX, floating point,
            // ambient capabilities, vectors, speculation, tagged addresses, flusher, system call
            // dispatch, core scheduling, memory merging, shadow stacks, and who may trace it.
            let options = "1,4,8,24,22,29,33,35,36,38,43,45,47,50,53,55,57,59,62,67,71,0x59616d61";
            none_of(stage, "int first_prctl(const char *options)", options);
            assert!(denied(stage).contains("prctl"));
            let raised = stage.attempt("int raise_limits(void)", &[]);
            assert_eq!(raised.expect("a number"), 0, "at {}", stage.level);
        });
    });
}

#[test]
fn terminals_files_and_owners_are_not_reached_through_descriptors() {
    in_world(|world| {
        at_each_level(world, |stage| {
            // TIOCSTI, TIOCLINUX, TIOCSCTTY, TIOCNOTTY, TIOCSWINSZ, TIOCSETD, TCSETS, TCFLSH, TIOCGPTPEER,
            // FIOASYNC, FIOSETOWN, SIOCSPGRP, SIOCGIFCONF, FS_IOC_SETFLAGS, FICLONE, FICLONERANGE, FIFREEZE,
            // FITHAW, FS_IOC_ENABLE_VERITY, BLKDISCARD, NS_GET_USERNS, SECCOMP_IOCTL_NOTIF_RECV, KVM_CREATE_VM,
            // UFFDIO_API; and the first again with bits above that the kernel does not read.
            let requests = "0x5412,0x541C,0x540E,0x5422,0x5414,0x5423,0x5402,0x540B,0x5441,\
                0x5452,0x8901,0x8902,0x8912,0x40086602,0x40049409,0x4020940D,0xC0045877,\
                0xC0045878,0x40806685,0x1277,0xB701,0xC0502100,0xAE01,0xC018AA3F,0x100005412";
            none_of(stage, "int first_ioctl(const char *requests)", requests);
            // F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, F_DUPFD_QUERY, F_CREATED_QUERY,
            // F_SET_RW_HINT, F_CANCELLK.
            let commands = "8,10,15,1024,1026,1027,1028,1036,1029";
            none_of(stage, "int first_fcntl(const char *commands)", commands);
            let denied = denied(stage);
            assert!(denied.contains("ioctl") && denied.contains("fcntl"));
        });
    });
}

#[test]
fn no_socket_of_any_family_is_made() {
    in_world(|world| {
        at_each_level(world, |stage| {
            let families: Vec<String> = (0..64).map(|family: i32| family.to_string()).collect();
            let families = families.join(",");
            none_of(stage, "int first_family(const char *families)", &families);
            // Datagrams, raw, packets in sequence.
            let kinds = "2,3,4,5";
            none_of(stage, "int first_socketpair(const char *kinds)", kinds);
            let denied = denied(stage);
            assert!(denied.contains("socket") && denied.contains("socketpair"));
        });
    });
}

#[test]
fn the_network_is_tcp_and_udp_and_nothing_else() {
    in_world(|world| {
        with_grants(
            world,
            |options| options.network(true),
            |stage| {
                // Vsock, netlink, packets, the kernel's ciphers, Bluetooth, express data path: all but the
                // two families of the Internet.
                let others =
                    (0..64).filter(|family| ![libc::AF_INET, libc::AF_INET6].contains(family));
                let families: Vec<String> = others.map(|family| family.to_string()).collect();
                let families = families.join(",");
                none_of(stage, "int first_family(const char *families)", &families);
                // Ping, DCCP, SCTP, UDP-Lite, raw, SMC, multipath TCP.
                let protocols = "1,33,132,136,255,256,262";
                none_of(
                    stage,
                    "int first_protocol(const char *protocols)",
                    protocols,
                );
                let stack = "int stack_protocol(void)";
                stage.refused(stack, &[], libc::EPERM, Some("setsockopt"));
            },
        );
    });
}

#[test]
fn timers_watches_and_messages_reach_nobody() {
    in_world(|world| {
        let path = world.directory().join("listens");
        let listens = UnixDatagram::bind(&path).unwrap();
        listens.set_nonblocking(true).unwrap();
        at_each_level(world, |stage| {
            for pid in stage.others() {
                let found = stage.attempt("int aim_timer(int pid)", &[pid.into()]);
                assert_eq!(found.unwrap(), libc::EINVAL.into(), "{pid}");
            }
            stage.refused(
                "int watch_files(void)",
                &[],
                libc::EPERM,
                Some("inotify_init1"),
            );
            let elsewhere = "int message_elsewhere(const char *path)";
            let found = stage.attempt(elsewhere, &[text(&path)]).unwrap();
            assert_eq!(found, libc::EPERM.into());
        });
        assert!(listens.recv(&mut [0]).is_err(), "something came");
    });
}

#[test]
fn directories_paths_and_sockets_of_datagrams_are_not_passed() {
    in_world(|world| {
        use std::os::unix::fs::OpenOptionsExt;
        let directory = File::open(world.directory()).unwrap();
        let mut options = File::options();
        let path = options.read(true).custom_flags(libc::O_PATH);
        let path = path.open("/etc/passwd").unwrap();
        let (datagrams, _) = UnixDatagram::pair().unwrap();
        let passed = [
            (directory.as_raw_fd(), "a directory"),
            (path.as_raw_fd(), "O_PATH"),
            (datagrams.as_raw_fd(), "datagrams"),
        ];
        at_each_level(world, |stage| {
            for (number, word) in passed {
                let beside = "int open_beside(int __fd descriptor)";
                let attempt = stage.attempt(beside, &[Value::Descriptor(number)]);
                let error = attempt.expect_err(word);
                assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
                assert!(error.to_string().contains(word), "{error}");
            }
        });
    });
}

#[test]
fn directories_and_paths_are_not_taken_from_a_library() {
    in_world(|world| {
        of_libraries(
            world,
            |options| options.read(world.directory()),
            |stage| {
                for (prototype, word) in [
                    ("int __fd open_directory(const char *path)", "a directory"),
                    ("int __fd open_path(const char *path)", "O_PATH"),
                ] {
                    let attempt = stage.attempt(prototype, &[text(world.directory())]);
                    let error = attempt.expect_err(word);
                    assert_eq!(error.code(), FaultCode::Protocol, "{error}");
                    assert!(error.to_string().contains(word), "{error}");
                }
            },
        );
    });
}

/// The program's own functions get and give descriptors as calls do.
#[test]
fn callbacks_are_no_way_around_that() {
    in_world(|world| {
        of_libraries(
            world,
            |options| options.read(world.directory()),
            |stage| {
                for (function, word) in [("tell_directory", "a directory"), ("tell_path", "O_PATH")]
                {
                    let tell = format!(
                        "int {function}(const char *path, int (*told)(int __fd descriptor))"
                    );
                    let told = cosmos::callback(|_| Value::from(0));
                    let attempt = stage.attempt(&tell, &[text(world.directory()), told]);
                    let error = attempt.expect_err(word);
                    assert_eq!(error.code(), FaultCode::Protocol, "{error}");
                    assert!(error.to_string().contains(word), "{error}");
                }
                let directory = File::open(world.directory()).unwrap();
                let given = cosmos::callback(move |_| Value::Descriptor(directory.as_raw_fd()));
                let attempt = stage.attempt("int ask_for_one(int __fd (*asked)(void))", &[given]);
                let error = attempt.expect_err("a directory");
                assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
                assert!(error.to_string().contains("a directory"), "{error}");
            },
        );
    });
}
