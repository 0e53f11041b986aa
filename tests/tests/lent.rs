//! A VM that waits is lent to who will probably ask for it next: it is that client's when cosmosd says so, and
//! nobody else's then; and it is nobody's loss when somebody else asks first.

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::coordinator::{
    ListVms, Purpose, TargetName, VmAhead, VmBegin, VmOpen, VmOpened, VmRow,
};
use cosmos_rpc::message::registry::Connect;
use cosmos_rpc::message::vm::{ObjectToken, Open};
use cosmos_rpc::rendezvous::{Rendezvous, connect_coordinator, connect_registry};
use cosmos_rpc::{FaultCode, Role};
use cosmos_tests::{World, c, eventually, in_world, open_descriptors};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

/// The client's ends of a connection and of a first channel.
struct Ends(UnixStream, UnixStream);

impl Ends {
    fn of(descriptors: Vec<OwnedFd>) -> Ends {
        let mut streams = descriptors.into_iter().map(UnixStream::from);
        let (main, first) = (streams.next().expect("one"), streams.next().expect("two"));
        assert!(streams.next().is_none());
        Ends(main, first)
    }

    /// Opens it there, as a client does that was lent a VM: both are spoken on before either is heard.
    fn open(self, target: &str) -> (Connection, Connection, ObjectToken) {
        let target = target.to_owned();
        let first = std::thread::spawn(move || {
            let mut first = Connection::connect(self.1, Role::Client).expect("a channel");
            first.set_timeout(Some(PATIENCE));
            let (token, _) = first.call(&Open { target }, &[]).expect("it is opened");
            (first, token)
        });
        let main = Connection::connect(self.0, Role::Client).expect("a connection");
        let (first, token) = first.join().expect("it does");
        (main, first, token)
    }

    /// The same where somebody else may have the VM.
    fn try_open(self, target: &str) -> Option<(Connection, Connection, ObjectToken)> {
        let target = target.to_owned();
        let first = std::thread::spawn(move || {
            let mut first = Connection::connect(self.1, Role::Client).ok()?;
            first.set_timeout(Some(PATIENCE));
            let (token, _) = first.call(&Open { target }, &[]).ok()?;
            Some((first, token))
        });
        let main = Connection::connect(self.0, Role::Client);
        let (first, token) = first.join().expect("it does")?;
        Some((main.ok()?, first, token))
    }

    /// That the VM let go of them without a word.
    fn are_closed(mut self) {
        for end in [&mut self.0, &mut self.1] {
            end.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let mut said = Vec::new();
            let _ = end.read_to_end(&mut said);
            assert_eq!(said, b"");
        }
    }
}

/// A process that does nothing until this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn new(process: Pid) -> Stopped {
        kill(process, Signal::SIGSTOP).expect("it is stopped");
        Stopped(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// A client of cosmosd's, message by message.
struct Asker {
    rendezvous: Rendezvous,
    cosmosd: Connection,
    request: VmOpen,
}

impl Asker {
    fn of(world: &World, library: &Path) -> Asker {
        let rendezvous = Rendezvous {
            directory: world.sockets(),
            libexec: PathBuf::new(),
            start: false,
            patience: PATIENCE,
        };
        let target = TargetName {
            name: library.to_str().expect("a path").to_owned(),
            directory: "/".to_owned(),
        };
        let request = VmOpen {
            purpose: Purpose::Target(target),
            shared_name: String::new(),
            fresh: true,
            connect: true,
            settings: Vec::new(),
            grants: Default::default(),
        };
        let mut cosmosd = connect_coordinator(&rendezvous).expect("cosmosd");
        cosmosd.set_timeout(Some(PATIENCE));
        Asker {
            rendezvous,
            cosmosd,
            request,
        }
    }

    fn asks(&mut self) -> (VmOpened, Vec<OwnedFd>) {
        let request = VmBegin(self.request.clone());
        self.cosmosd.call(&request, &[]).expect("a VM")
    }

    /// What it is lent, once it is, within so long.
    fn is_lent_within(&mut self, patience: Duration) -> Option<(VmOpened, Ends)> {
        let look = || {
            self.cosmosd.call(&ListVms, &[]).expect("the VMs");
            self.cosmosd.last_notice::<VmAhead>()
        };
        let (ahead, ends) = eventually(patience, look)?;
        assert_eq!(ahead.request, self.request);
        Some((ahead.opened, Ends::of(ends)))
    }

    fn is_lent(&mut self) -> (VmOpened, Ends) {
        self.is_lent_within(PATIENCE).expect("it is lent one")
    }

    /// One that asked so often that it is lent the next one: what waited before was for another request, perhaps.
    fn with_habits(world: &World, library: &Path) -> (Asker, VmOpened, Ends) {
        let mut asker = Asker::of(world, library);
        for _ in 0..12 {
            let (opened, ends) = asker.asks();
            if !ends.is_empty() {
                Ends::of(ends).open(&opened.target);
            }
            if let Some((lent, ends)) = asker.is_lent_within(Duration::from_secs(3)) {
                return (asker, lent, ends);
            }
        }
        panic!("it is never lent one");
    }

    fn pid_of(&mut self, name: &str) -> Pid {
        let (rows, _) = self.cosmosd.call(&ListVms, &[]).expect("the VMs");
        let row = rows.into_iter().find(|row| name.ends_with(&row.name));
        Pid::from_raw(row.expect("it is there").pid)
    }

    /// Waits until there is none of this name.
    fn is_gone(&mut self, name: &str) {
        let look = || {
            let (rows, _) = self.cosmosd.call(&ListVms, &[]).expect("the VMs");
            let is_it = |row: &VmRow| name.ends_with(&row.name) && row.state != "gone";
            (!rows.iter().any(is_it)).then_some(())
        };
        eventually(PATIENCE, look).expect("it ends");
    }

    /// Waits until one of these VMs is in that state.
    fn state_is(&mut self, state: &str, is_one: impl Fn(&str) -> bool) {
        let look = || {
            let (rows, _) = self.cosmosd.call(&ListVms, &[]).expect("the VMs");
            let mut rows = rows.into_iter();
            rows.any(|row| row.state == state && is_one(&row.name))
                .then_some(())
        };
        eventually(PATIENCE, look).expect(state);
    }
}

/// Has one VM wait in this world, and gives a library of its own.
fn with_pool(world: &World) -> PathBuf {
    world.configure("pool = 1\n");
    // Starts the daemons.
    world.call(&["libm.so.6", "double cos(double)", "0"]);
    build(world, "1")
}

fn build(world: &World, version: &str) -> PathBuf {
    let library = world.directory().join("libversion.so");
    let next = library.with_extension("next");
    let version = format!("-DVERSION={version}");
    c::compile("gcc", &["-shared", "-fPIC", &version], "version.c", &next);
    std::fs::rename(&next, &library).expect("it is there");
    library
}

#[test]
fn what_was_lent_is_the_clients_when_it_asks() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, ends) = Asker::with_habits(world, library);
        assert_eq!(lent.target, library.to_str().expect("a path"));
        // Spoken to before it was asked for.
        let (main, first, _) = ends.open(&lent.target);
        let (opened, descriptors) = asker.asks();
        assert_eq!((opened, descriptors.len()), (lent.clone(), 0));
        let name = lent.name.trim_start_matches("vm/");
        asker.state_is("ready", |it| it == name);
        // And the next one is lent in its turn.
        let (next, _ends) = asker.is_lent();
        assert_ne!(next.name, lent.name);
        drop((main, first));
    });
}

#[test]
fn one_that_is_spoken_to_after_it_was_asked_for_serves_likewise() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, ends) = Asker::with_habits(world, library);
        let (opened, descriptors) = asker.asks();
        assert_eq!((opened, descriptors.len()), (lent.clone(), 0));
        ends.open(&lent.target);
    });
}

#[test]
fn somebody_else_who_asks_first_has_it() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, ends) = Asker::with_habits(world, library);
        let mut other = Asker::of(world, library);
        let (opened, descriptors) = other.asks();
        assert_eq!(opened.name, lent.name);
        let (_main, _first, _) = Ends::of(descriptors).open(&opened.target);
        ends.are_closed();
        // Whom it was lent to has another one.
        let (opened, descriptors) = asker.asks();
        assert_ne!(opened.name, lent.name);
        Ends::of(descriptors).open(&opened.target);
    });
}

#[test]
fn one_that_somebody_speaks_to_is_given_to_nobody_else() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, mut ends) = Asker::with_habits(world, library);
        let mut other = Asker::of(world, library);
        // No handshake as yet, but a word: cosmosd may not know it when the other one asks.
        ends.1.write_all(&[0]).expect("it is heard");
        let (opened, descriptors) = other.asks();
        if opened.name == lent.name {
            Ends::of(descriptors).are_closed();
        } else {
            Ends::of(descriptors).open(&opened.target);
        }
        drop(ends);
        let (opened, descriptors) = asker.asks();
        assert!(opened.name != lent.name || descriptors.is_empty());
    });
}

#[test]
fn it_is_not_the_clients_where_the_target_is_another_file_by_then() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, ends) = Asker::with_habits(world, library);
        build(world, "2");
        let (opened, descriptors) = asker.asks();
        assert_ne!(opened.name, lent.name);
        Ends::of(descriptors).open(&opened.target);
        drop(ends);
    });
}

#[test]
fn it_is_not_the_clients_where_it_asks_for_something_else() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, _ends) = Asker::with_habits(world, library);
        asker.request.settings = vec![("limits.open_files".to_owned(), "100".to_owned())];
        let (opened, descriptors) = asker.asks();
        assert_ne!(opened.name, lent.name);
        assert_eq!(descriptors.len(), 2);
    });
}

#[test]
fn whoever_let_go_of_what_was_lent_has_the_vm_by_its_name() {
    in_world(|world| {
        let library = &with_pool(world);
        let (mut asker, lent, ends) = Asker::with_habits(world, library);
        drop(ends);
        let (opened, descriptors) = asker.asks();
        if opened.name == lent.name {
            assert_eq!(descriptors.len(), 0);
            let name = opened.name.clone();
            let mut cosmosdb = connect_registry(&asker.rendezvous).expect("cosmosdb");
            let (_, found) = cosmosdb.call(&Connect { name }, &[]).expect("it is there");
            let found = found.into_iter().next().expect("a connection");
            let main = Connection::connect(found.into(), Role::Client).expect("it serves");
            main.expect(Role::Vm).expect("the VM");
        } else {
            Ends::of(descriptors).open(&opened.target);
        }
    });
}

/// It may never ask for that VM, and a process that it forks would have them too.
#[test]
fn a_program_keeps_no_descriptors_of_what_it_was_lent() {
    in_world(|world| {
        let library = &with_pool(world);
        let name = library.to_str().expect("a path");
        let options = cosmos::Options::new().fresh(true);
        // A program has this connection for as long as it runs.
        cosmos::queries::list_names("*").expect("cosmosdb");
        let mut kept = None;
        for _ in 0..8 {
            let opened = cosmos::dlopen_with(name, &options).expect("the library");
            let vm = opened.vm().to_owned();
            opened.close().expect("closed");
            let one_waits = || {
                let mut rows = cosmos::queries::list_vms().expect("the VMs").into_iter();
                let is_next = rows.any(|row| row.state == "waiting" && row.name != vm);
                is_next.then_some(())
            };
            eventually(PATIENCE, one_waits).expect("the next one waits");
            // What it is lent comes ahead of one of these answers, and is closed behind that or the next one.
            let most = *kept.get_or_insert_with(|| {
                std::thread::sleep(Duration::from_millis(20));
                cosmos::queries::list_vms().expect("the VMs");
                open_descriptors()
            });
            let are_closed = || {
                cosmos::queries::list_vms().expect("the VMs");
                (open_descriptors() <= most).then_some(())
            };
            let are_closed = eventually(PATIENCE, are_closed);
            assert!(
                are_closed.is_some(),
                "{most} before, {} now",
                open_descriptors()
            );
        }
    });
}

#[test]
fn when_the_session_ends_it_is_for_others() {
    in_world(|world| {
        let library = &with_pool(world);
        let (asker, lent, ends) = Asker::with_habits(world, library);
        drop((asker, ends));
        let mut other = Asker::of(world, library);
        let name = lent.name.trim_start_matches("vm/");
        other.state_is("waiting", |it| it == name);
        let (opened, descriptors) = other.asks();
        assert_eq!(opened.name, lent.name);
        Ends::of(descriptors).open(&opened.target);
    });
}

/// A session that is over leaves its client what it was lent: who speaks there, and who asks for the VM, do not meet
/// in it, whoever of them it has.
#[test]
fn one_whose_session_is_over_and_who_speaks_is_not_in_it_beside_somebody_else() {
    in_world(|world| {
        let library = &with_pool(world);
        let (asker, lent, ends) = Asker::with_habits(world, library);
        drop(asker);
        let mut other = Asker::of(world, library);
        other.state_is("waiting", |it| lent.name.ends_with(it));
        // It hears both of them in one moment.
        let stopped = Stopped::new(other.pid_of(&lent.name));
        let target = lent.target.clone();
        let first = std::thread::spawn(move || ends.try_open(&target));
        let (opened, descriptors) = other.asks();
        assert_eq!(opened.name, lent.name);
        let theirs = Ends::of(descriptors);
        let target = opened.target;
        let second = std::thread::spawn(move || theirs.try_open(&target));
        std::thread::sleep(Duration::from_millis(50));
        drop(stopped);
        let served = [first, second].map(|one| one.join().expect("it ends"));
        let served = served.iter().filter(|one| one.is_some()).count();
        assert_eq!(served, 1);
    });
}

/// By its name he would be let in beside whoever speaks on what was lent.
#[test]
fn who_is_given_no_ends_is_given_none_that_is_lent_to_somebody_else() {
    in_world(|world| {
        let library = &with_pool(world);
        let (_asker, lent, _ends) = Asker::with_habits(world, library);
        let mut other = Asker::of(world, library);
        let request = VmOpen {
            connect: false,
            ..other.request.clone()
        };
        let (opened, _) = other.cosmosd.call(&request, &[]).expect("a VM");
        assert_ne!(opened.name, lent.name);
    });
}

/// And whoever was given one by ends does not come to it by its name.
#[test]
fn one_that_was_lent_to_somebody_else_is_not_reached_by_its_name() {
    in_world(|world| {
        let library = &with_pool(world);
        let (_asker, lent, _ends) = Asker::with_habits(world, library);
        let mut other = Asker::of(world, library);
        let (opened, _descriptors) = other.asks();
        assert_eq!(opened.name, lent.name);
        let mut cosmosdb = connect_registry(&other.rendezvous).expect("cosmosdb");
        let request = Connect { name: opened.name };
        let (_, found) = cosmosdb.call(&request, &[]).expect("it is there");
        let found = found.into_iter().next().expect("a connection");
        let refused = Connection::connect(found.into(), Role::Client).expect_err("refused");
        assert_eq!(refused.code, FaultCode::Disconnected, "{refused}");
    });
}

#[test]
fn one_that_is_spoken_to_ends_with_the_session_it_was_lent_to() {
    in_world(|world| {
        let library = &with_pool(world);
        let mut other = Asker::of(world, library);
        let (asker, lent, ends) = Asker::with_habits(world, library);
        let (_main, _first, _) = ends.open(&lent.target);
        drop(asker);
        other.is_gone(&lent.name);
        // Nor is there one where the words come behind the session's end.
        let (asker, lent, ends) = Asker::with_habits(world, library);
        drop(asker);
        let (_main, _first) = (ends.0, ends.1);
        (&_first).write_all(&[0]).expect("it is heard");
        other.is_gone(&lent.name);
    });
}

/// Where it may reach less, it opens nothing else: a VM is lent as confined as the request before was served.
#[test]
fn what_is_lent_is_confined_for_the_request() {
    in_world(|world| {
        let library = &with_pool(world);
        let (_asker, lent, ends) = Asker::with_habits(world, library);
        if lent.isolation != "landlock+seccomp" {
            return;
        }
        let elsewhere = world.directory().join("another.so");
        std::fs::copy(library, &elsewhere).expect("a copy");
        let target = elsewhere.to_str().expect("a path").to_owned();
        let first = std::thread::spawn(move || {
            let mut first = Connection::connect(ends.1, Role::Client).expect("a channel");
            first.set_timeout(Some(PATIENCE));
            let refused = first.call(&Open { target }, &[]).map(drop);
            (first, refused.expect_err("it may not be read"))
        });
        let _main = Connection::connect(ends.0, Role::Client).expect("a connection");
        let (_first, fault) = first.join().expect("it does");
        assert_eq!(fault.code, FaultCode::NotPermitted, "{fault}");
    });
}
