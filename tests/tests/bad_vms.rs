//! VMs that die, stall or lie in the middle of a call, and clients that vanish: the call fails, in
//! bounded time, and nobody else notices.

use cosmos::{FaultCode, Options, Value};
use cosmos_tests::{World, c, eventually, in_world, run};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const COS: &str = "double cos(double x)";
/// Exit code of `cosmos` where what was asked for failed.
const FAILED: i32 = 1;
/// How long what comes may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How each function of misbehave.c ends its VM, and what must be said of it.
const DEATHS: [(&str, &[&str], &str); 6] = [
    ("int die_by_segv(void)", &[], "SIGSEGV"),
    ("int die_by_abort(void)", &[], "SIGABRT"),
    ("int die_by_exit(int status)", &["3"], "3"),
    ("int die_by_kill(void)", &[], "SIGKILL"),
    ("int die_by_stack(int depth)", &["0"], "SIGSEGV"),
    ("int die_in_another_thread(void)", &[], "SIGABRT"),
];

#[test]
fn a_vm_that_dies_in_the_call() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for (prototype, arguments, said) in DEATHS {
            let mut all = vec![text(&library), prototype];
            all.extend_from_slice(arguments);
            let ran = world.call(&all);
            let name = prototype.split(['(', ' ']).nth(1).expect("a name");
            ran.failed(FAILED, &["error:", name, said]);
        }
        // What served them serves on.
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        world.only("cosmosd");
    });
}

#[test]
fn a_dead_vm_stays_dead_and_a_new_one_is_new() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for (prototype, arguments, _) in DEATHS {
            let options = Options::new().fresh(true);
            let opened = cosmos::dlopen_with(text(&library), &options).expect("the library");
            let add = opened
                .function("int add(int left, int right)")
                .expect("add");
            assert!(add.call(&[1.into(), 2.into()]).is_ok());
            let fatal = opened.function(prototype).expect(prototype);
            let values: Vec<Value> = arguments
                .iter()
                .map(|text| text.parse::<i32>().expect("a number").into())
                .collect();
            let error = fatal.call(&values).expect_err(prototype);
            assert_eq!(error.code(), FaultCode::VmDied, "{prototype}: {error}");
            assert_eq!(error.errno(), libc::EOWNERDEAD);
            assert_eq!(error.function(), Some(fatal.name()));
            assert_eq!(error.vm(), Some(opened.vm()));
            let signal = match prototype {
                "int die_by_abort(void)" | "int die_in_another_thread(void)" => Some(libc::SIGABRT),
                "int die_by_exit(int status)" => None,
                "int die_by_kill(void)" => Some(libc::SIGKILL),
                _ => Some(libc::SIGSEGV),
            };
            assert_eq!(error.signal(), signal, "{prototype}: {error}");

            // Poisoned: at once, and for good.
            let again = || {
                let begun = Instant::now();
                let error = add.call(&[1.into(), 2.into()]).expect_err("the VM is dead");
                assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
                begun.elapsed()
            };
            assert!((0..5).any(|_| again() < Duration::from_millis(500)));
            let error = opened
                .function("int add(int a, int b)")
                .expect_err("the VM is dead");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        }
        let again = cosmos::dlopen(text(&library)).expect("a new VM");
        let add = again.function("int add(int left, int right)").expect("add");
        let sum = add.call(&[1.into(), 2.into()]).expect("a call");
        assert_eq!(sum.result, Value::Int(3));
    });
}

#[test]
fn a_deadline_ends_a_call() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for name in ["hang", "spin", "hang_on"] {
            let prototype = format!("int {name}(void)");
            let mut command = world.cosmos();
            command.args(["call", "--timeout", "1000", text(&library), &prototype]);
            // Opening has to be done in this time, too; where it is not, there is no call to be late.
            let late = || {
                let ran = run(&mut command, Duration::from_secs(30));
                ran.stderr.contains(name).then_some(ran)
            };
            let ran = eventually(PATIENCE, late).expect("a call that is late");
            ran.failed(FAILED, &["error:", name]);

            let limit = Duration::from_secs(1);
            let options = Options::new().fresh(true).timeout(limit);
            let open = || {
                let opened = cosmos::dlopen_with(text(&library), &options).ok()?;
                let function = opened.function(&prototype).ok()?;
                Some((opened, function))
            };
            let (_opened, function) = eventually(PATIENCE, open).expect("open in time");
            let begun = Instant::now();
            let error = function.call(&[]).expect_err("it never returns");
            assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
            assert_eq!(error.errno(), libc::ETIMEDOUT);
            let took = begun.elapsed();
            assert!(took >= limit, "{took:?}");
            assert!(took < Duration::from_secs(30), "{took:?}");
        }
        assert_ends(world, "cosmos-hostfn");
    });
}

/// Every VM that answers garbage is a failed call of a known kind, and the end of that VM alone.
fn answers_garbage(world: &World, name: &str) {
    let library = c::library("misbehave.c", world.directory());
    let other = cosmos::dlopen("libm.so.6").expect("libm");
    let cos = other.function(COS).expect("cos");
    let coordinator = pids(world, "cosmosd");
    let options = Options::new().fresh(true);
    let opened = cosmos::dlopen_with(text(&library), &options).expect("the library");
    let function = opened.function(&format!("int {name}(void)")).expect(name);
    assert_ne!(other.vm(), opened.vm());
    let pid = opened.function("int pid_of_vm(void)").expect("pid_of_vm");
    let Value::Int(pid) = pid.call(&[]).expect("a call").result else {
        panic!("a pid is an int")
    };

    let begun = Instant::now();
    let error = function.call(&[]).expect_err("garbage");
    println!(
        "{name}: {:?} after {:?}: {error}",
        error.code(),
        begun.elapsed()
    );
    // Nobody set a limit: were it not noticed, there would be no end.
    assert!(begun.elapsed() < PATIENCE);
    let codes = [
        FaultCode::Protocol,
        FaultCode::TooLarge,
        FaultCode::Disconnected,
        FaultCode::VmDied,
    ];
    assert!(codes.contains(&error.code()), "{:?}: {error}", error.code());
    assert!(function.call(&[]).is_err());

    // Nobody else noticed.
    assert!(cos.call(&[0.0.into()]).is_ok());
    assert_eq!(pids(world, "cosmosd"), coordinator);
    let fresh = cosmos::dlopen_with("libm.so.6", &options).expect("a new VM");
    assert!(
        fresh
            .function(COS)
            .expect("cos")
            .call(&[0.0.into()])
            .is_ok()
    );
    drop((function, opened));
    let ended = eventually(PATIENCE, || {
        let pids = pids(world, "cosmos-hostfn");
        (!pids.iter().any(|running| i128::from(*running) == pid)).then_some(())
    });
    assert!(ended.is_some(), "{pid} runs on");
}

#[test]
fn a_vm_that_babbles() {
    in_world(|world| answers_garbage(world, "babble"));
}

#[test]
fn a_vm_that_forges_a_reply() {
    in_world(|world| answers_garbage(world, "forge_reply"));
}

#[test]
fn a_vm_that_announces_too_much() {
    in_world(|world| answers_garbage(world, "forge_length"));
}

#[test]
fn a_vm_that_announces_descriptors() {
    in_world(|world| answers_garbage(world, "forge_descriptors"));
}

#[test]
fn a_vm_that_stops_half_way() {
    in_world(|world| answers_garbage(world, "forge_half"));
}

#[test]
fn a_vm_that_falls_silent() {
    in_world(|world| answers_garbage(world, "fall_silent"));
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_call() {
    in_world(|world| {
        // A launcher that waits for the next VM outlives its client by right.
        world.configure("spare_launcher = false\n");
        let library = c::library("misbehave.c", world.directory());
        for name in ["hang", "spin", "hang_on"] {
            let prototype = format!("int {name}(void)");
            let mut client = world
                .cosmos()
                .args(["call", text(&library), &prototype])
                .stdout(Stdio::null())
                .spawn()
                .expect("the client");
            let vm = eventually(PATIENCE, || {
                world.processes_named("cosmos-hostfn").into_iter().next()
            });
            vm.expect("the VM of the client");
            // In the middle of the call, not of opening.
            std::thread::sleep(Duration::from_millis(300));
            client.kill().expect("the client runs");
            client.wait().expect("the client ended");
            assert_ends(world, "cosmos-hostfn");
            assert_ends(world, "cosmos-launch");
        }
        world.only("cosmosd");
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
    });
}

fn pids(world: &World, name: &str) -> Vec<i32> {
    let processes = world.processes_named(name).into_iter();
    processes.map(|process| process.pid).collect()
}

#[track_caller]
fn assert_ends(world: &World, name: &str) {
    let ended = eventually(PATIENCE, || {
        world.processes_named(name).is_empty().then_some(())
    });
    assert!(ended.is_some(), "{:?} run on", world.processes_named(name));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
