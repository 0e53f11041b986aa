//! Files, signals and sockets of a process that is left some files.

use super::*;
use crate::tests::{Place, in_child, refused};
use nix::errno::Errno;
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::Command;

fn is_there() -> bool {
    crate::offers::Offers::of_this_machine().landlock.is_ok()
}

/// A program that needs no other file, neither a loader nor an interpreter, and exits with 0.
fn program(place: &Place, name: &str) -> PathBuf {
    let header: [&[u8]; 4] = [
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0",
        // Where it begins, where its one segment is said to be, and how long these headers are.
        b"\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0",
        // The segment: all of the file, to be read and executed.
        b"\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\0\0\
          \x81\0\0\0\0\0\0\0\x81\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0",
    ];
    // xor edi, edi; mov eax, 60; syscall
    let code: &[u8] = b"\x31\xff\xb8\x3c\0\0\0\x0f\x05";
    let path = place.path().join(name);
    std::fs::write(&path, [&header.concat(), code].concat()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn runs(path: &Path) -> std::io::Result<()> {
    let status = Command::new(path).status()?;
    assert!(status.success(), "{status}");
    Ok(())
}

#[test]
fn a_file_is_read_and_written_where_that_was_granted_and_nowhere_else() {
    if !is_there() {
        return;
    }
    let place = Place::new("granted");
    let (other, read) = (place.file("other", "x"), place.file("read", "x"));
    let write = place.directory("write");
    let files = Files {
        read: vec![read.clone()],
        write: vec![write.clone()],
        target: vec![place.path().join("nothing of this name")],
        ..Files::default()
    };
    in_child(|| {
        restrict(&files).unwrap();
        assert_eq!(refused(File::open(&other)), Errno::EACCES);
        assert_eq!(refused(std::fs::read_dir(place.path())), Errno::EACCES);
        assert_eq!(std::fs::read_to_string(&read).unwrap(), "x");
        let append = || File::options().append(true).open(&read);
        assert_eq!(refused(append()), Errno::EACCES);
        assert_eq!(refused(std::fs::remove_file(&read)), Errno::EACCES);
        let made = write.join("made");
        File::create(&made).unwrap().write_all(b"y").unwrap();
        std::fs::rename(&made, write.join("moved")).unwrap();
        assert_eq!(std::fs::read(write.join("moved")).unwrap(), b"y");
        // Into what was granted and out of it nothing is moved.
        assert!(std::fs::rename(write.join("moved"), place.path().join("out")).is_err());
        // What every process may use.
        File::open("/dev/urandom").unwrap();
        File::options().write(true).open("/dev/null").unwrap();
        assert_eq!(
            refused(File::options().write(true).open("/dev/zero")),
            Errno::EACCES
        );
    });
}

/// Where files may be changed nothing else is made than files, no device is controlled, nothing is executed.
#[test]
fn what_may_be_changed_holds_no_sockets_devices_or_programs() {
    if !is_there() {
        return;
    }
    let place = Place::new("special");
    let write = place.directory("write");
    let program = program(&place, "write/program");
    runs(&program).unwrap();
    let files = Files {
        write: vec![write.clone()],
        ..Files::default()
    };
    in_child(|| {
        restrict(&files).unwrap();
        assert_eq!(
            refused(UnixListener::bind(write.join("socket"))),
            Errno::EACCES
        );
        let device = write.join("device");
        let mode = nix::sys::stat::SFlag::S_IFCHR;
        let made = nix::sys::stat::mknod(&device, mode, nix::sys::stat::Mode::S_IRUSR, 0x103);
        assert!(
            matches!(made, Err(Errno::EACCES | Errno::EPERM)),
            "{made:?}"
        );
        assert_eq!(refused(runs(&program)), Errno::EACCES);
        let null = File::options().write(true).open("/dev/null").unwrap();
        let mut room = [0u8; 256];
        // SAFETY: the kernel writes a termios at most, for which there is room.
        let asked = unsafe {
            use std::os::fd::AsRawFd;
            libc::ioctl(null.as_raw_fd(), libc::TCGETS, room.as_mut_ptr())
        };
        // Without the rule it would be ENOTTY.
        assert_eq!((asked, Errno::last()), (-1, Errno::EACCES));
    });
}

#[test]
fn programs_are_run_where_that_was_granted_and_a_target_where_it_is_one() {
    if !is_there() {
        return;
    }
    let place = Place::new("programs");
    let directory = place.directory("directory");
    let (named, inner) = (program(&place, "named"), program(&place, "directory/inner"));
    for path in [&named, &inner] {
        runs(path).unwrap();
    }
    let granted = |programs| Files {
        read: vec![directory.clone()],
        programs,
        ..Files::default()
    };
    let target = |runs_target| Files {
        target: vec![named.clone(), directory.clone()],
        runs_target,
        ..Files::default()
    };
    for (files, runs_named, runs_inner) in [
        (granted(false), false, false),
        (granted(true), false, true),
        (target(false), false, false),
        // What is named by itself, and nothing that is in a directory of it.
        (target(true), true, false),
    ] {
        in_child(|| {
            restrict(&files).unwrap();
            for (path, does) in [(&named, runs_named), (&inner, runs_inner)] {
                match does {
                    true => runs(path).unwrap(),
                    false => assert_eq!(refused(runs(path)), Errno::EACCES, "{files:?}"),
                }
            }
        });
    }
}

#[test]
fn a_granted_path_that_is_not_there_is_an_error() {
    if !is_there() {
        return;
    }
    let missing = PathBuf::from("/nothing/of/this/name");
    for files in [
        Files {
            read: vec![missing.clone()],
            ..Files::default()
        },
        Files {
            write: vec![missing.clone()],
            ..Files::default()
        },
    ] {
        let error = Restriction::to(&files, None).unwrap_err();
        assert!(matches!(error, Error::Granted(..)), "{error}");
        assert!(
            error.to_string().contains("/nothing/of/this/name"),
            "{error}"
        );
    }
}

#[test]
fn the_network_is_there_where_it_was_granted() {
    if !is_there() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    in_child(|| {
        restrict(&Files::default()).unwrap();
        assert_eq!(refused(TcpStream::connect(address)), Errno::EACCES);
        assert_eq!(refused(TcpListener::bind("127.0.0.1:0")), Errno::EACCES);
    });
    in_child(|| {
        let files = Files {
            network: true,
            ..Files::default()
        };
        restrict(&files).unwrap();
        TcpStream::connect(address).unwrap();
        TcpListener::bind("127.0.0.1:0").unwrap();
    });
}

/// What a process beyond this one's own is safe from.
fn is_cut_off(address: &SocketAddr) {
    let parent = nix::unistd::getppid();
    assert_eq!(nix::sys::signal::kill(parent, None), Err(Errno::EPERM));
    let connected = UnixStream::connect_addr(address);
    assert_eq!(connected.unwrap_err().kind(), ErrorKind::PermissionDenied);
    nix::sys::signal::kill(nix::unistd::getpid(), None).unwrap();
}

#[test]
fn signals_and_abstract_sockets_end_at_the_scope() {
    if !is_there() {
        return;
    }
    let name = format!("cosmos-confine-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    in_child(|| {
        // It is there for whoever is not confined.
        UnixStream::connect_addr(&address).unwrap();
        scope().unwrap();
        is_cut_off(&address);
        // A file is none of its business.
        File::open("/proc/self/status").unwrap();
    });
    // The same by a ruleset that was made ready by somebody else.
    let ruleset = prepare(&Files::default()).unwrap();
    in_child(|| {
        use std::os::fd::AsRawFd;
        // SAFETY: integers only.
        let held = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0)
        };
        assert_eq!(held, 0, "{}", Errno::last());
        is_cut_off(&address);
        assert_eq!(refused(File::open("/proc/self/status")), Errno::EACCES);
    });
}

/// Each thread holds what it holds itself: a copy of it leaves another one the same.
#[test]
fn a_restriction_is_held_once_more() {
    if !is_there() {
        return;
    }
    in_child(|| {
        let restriction = Restriction::to(&Files::default(), None).unwrap();
        let again = restriction.again().unwrap();
        let other = std::thread::spawn(move || {
            again.hold().unwrap();
            refused(File::open("/proc/self/status"))
        });
        assert_eq!(other.join().unwrap(), Errno::EACCES);
        File::open("/proc/self/status").unwrap();
        restriction.hold().unwrap();
        assert_eq!(refused(File::open("/proc/self/status")), Errno::EACCES);
    });
}

/// Rules that were made ahead are used as long as they are what they would be now, and for nobody who is
/// granted more.
#[test]
fn rules_made_ahead_are_those_of_now() {
    if !is_there() {
        return;
    }
    let place = Place::new("ahead");
    let file = place.file("granted", "x");
    let files = Files {
        read: vec![file.clone()],
        ..Files::default()
    };
    in_child(|| {
        let ahead = Ahead::make().unwrap();
        assert!(ahead.are_current());
        let restriction = Restriction::to(&files, Some(ahead)).unwrap();
        restriction.hold().unwrap();
        File::open(&file).unwrap();
        File::open("/dev/urandom").unwrap();
        assert_eq!(refused(File::open("/proc/self/status")), Errno::EACCES);
    });
    // Of which another file has the name now: with a rule that nothing else would have.
    let stale = || {
        let mut ahead = Ahead::make().unwrap();
        let (everything, access) = rule("/", readable(true)).unwrap();
        ahead.ruleset.add(&everything, access).unwrap();
        ahead.found.push(("/dev/null", Some((0, 0))));
        assert!(!ahead.are_current());
        ahead
    };
    in_child(|| {
        let restriction = Restriction::to(&files, Some(stale())).unwrap();
        restriction.hold().unwrap();
        File::open(&file).unwrap();
        assert_eq!(refused(File::open("/proc/self/status")), Errno::EACCES);
    });
    // Without the network in it, where that is granted.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    in_child(|| {
        let files = Files {
            network: true,
            ..Files::default()
        };
        let restriction = Restriction::to(&files, Some(Ahead::make().unwrap())).unwrap();
        restriction.hold().unwrap();
        TcpStream::connect(address).unwrap();
    });
}

/// What a thread finds that holds what was made by another one, with a directory of its own besides.
#[test]
fn what_another_has_made_and_given_holds_as_ones_own_and_can_be_added_to() {
    let directory = tempfile::tempdir().unwrap();
    let (granted, other) = (
        directory.path().join("granted"),
        directory.path().join("other"),
    );
    for path in [&granted, &other] {
        std::fs::write(path, "something").unwrap();
    }
    let given = Ahead::make().unwrap().give();
    let held = std::thread::spawn(move || {
        let files = Files {
            target: vec![granted.clone()],
            ..Files::default()
        };
        let restriction = Restriction::to(&files, Some(Ahead::given(given))).unwrap();
        restriction.again().unwrap().hold().unwrap();
        let denied =
            |path: &Path| std::fs::read(path).unwrap_err().raw_os_error() == Some(libc::EACCES);
        assert_eq!(std::fs::read(&granted).unwrap(), b"something");
        assert!(denied(&other) && denied(Path::new("/etc/passwd")));
        assert!(std::fs::read("/dev/null").unwrap().is_empty());
        // One that holds it cannot take it back by making another.
        assert!(std::fs::write(&granted, "else").is_err());
        restrict(&Files {
            write: vec![granted.clone()],
            ..Files::default()
        })
        .unwrap();
        assert!(std::fs::write(&granted, "else").is_err());
    });
    held.join().unwrap();
    assert_eq!(
        std::fs::read(directory.path().join("other")).unwrap(),
        b"something"
    );
}

#[test]
fn what_is_no_ruleset_is_refused() {
    let nothing = OwnedFd::from(File::open("/dev/null").unwrap());
    let files = Files {
        target: vec![PathBuf::from("/dev/null")],
        ..Files::default()
    };
    let given = Some(Ahead::given(nothing));
    assert!(matches!(
        Restriction::to(&files, given),
        Err(Error::Landlock(_))
    ));
}
