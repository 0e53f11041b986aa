//! Who runs code somewhere else can ask what is left of its limits, from Rust, from C and by the command.

use cosmos::{Budget, FaultCode, Library, Options};
use cosmos_tests::{Prefix, World, c, eventually, in_world, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn open(world: &World, options: &Options) -> Library {
    let library = c::library("spends.c", world.directory());
    cosmos::dlopen_with(library.to_str().expect("a path"), options).expect("the library")
}

fn limited() -> Options {
    Options::new()
        .fresh(true)
        .limit("memory_bytes", 512 << 20)
        .limit("cpu_seconds", 1000)
        .limit("wall_seconds", 2000)
        .limit("open_files", 128)
        .limit("output_bytes", 1 << 20)
        .limit("file_bytes", 1 << 20)
        .limit("call_depth", 5)
}

fn spend(library: &Library, what: &str, amount: i32) -> i128 {
    let prototype = format!("int spend_{what}(int amount)");
    let function = library.function(&prototype).expect("it is there");
    match function.call(&[amount.into()]).expect("a call").result {
        cosmos::Value::Int(number) => number,
        other => panic!("{other:?}"),
    }
}

fn of(library: &Library, limit: &str) -> Budget {
    let budget = library.budget().expect("a budget");
    let found = budget.iter().find(|budget| budget.limit == limit);
    found
        .unwrap_or_else(|| panic!("no {limit}: {budget:?}"))
        .clone()
}

fn used(library: &Library, limit: &str) -> u64 {
    let used = of(library, limit).used;
    used.unwrap_or_else(|| panic!("{limit} is not counted"))
}

#[test]
fn what_a_vm_uses_is_what_it_has_less() {
    in_world(|world| {
        let library = open(world, &limited());
        let memory = used(&library, "memory_bytes");
        assert_eq!(spend(&library, "memory", 64 << 20), 0);
        let more = of(&library, "memory_bytes");
        assert_eq!(more.most, 512 << 20);
        assert!(
            more.used.expect("counted") >= memory + (60 << 20),
            "{memory}: {more:?}"
        );
        assert_eq!(more.left(), more.used.map(|used| more.most - used));

        let descriptors = used(&library, "open_files");
        assert_eq!(spend(&library, "descriptors", 40), 40);
        assert!(used(&library, "open_files") >= descriptors + 40);
        assert_eq!(of(&library, "open_files").most, 128);

        assert_eq!(spend(&library, "output", 10_000), 0);
        // It is counted when cosmosd has read it.
        let is_read = || (used(&library, "output_bytes") >= 10_000).then_some(());
        eventually(PATIENCE, is_read).expect("output is counted");

        assert_eq!(spend(&library, "seconds", 2), 0);
        // The two parts of it are each rounded down.
        assert!(used(&library, "cpu_seconds") >= 1);
        assert!(used(&library, "wall_seconds") >= 1);
        assert_eq!(of(&library, "cpu_seconds").most, 1000);
        assert_eq!(of(&library, "wall_seconds").most, 2000);
    });
}

#[test]
fn what_nobody_uses_up_is_told_without_a_number() {
    in_world(|world| {
        let library = open(world, &limited());
        for (limit, most) in [("file_bytes", 1 << 20), ("call_depth", 5)] {
            let budget = of(&library, limit);
            assert_eq!(
                (budget.most, budget.used, budget.left()),
                (most, None, None)
            );
        }
    });
}

#[test]
fn a_vm_without_limits_has_none() {
    in_world(|world| {
        world.configure("[isolation]\nlevel = \"none\"\n");
        let library = open(world, &Options::new().fresh(true));
        assert_eq!(library.budget().expect("an answer"), []);
    });
}

#[test]
fn a_vm_that_ended_has_nothing_left() {
    in_world(|world| {
        let library = open(world, &limited());
        let name = library.vm().to_owned();
        let vm = world.processes_named("cosmos-hostfn");
        let [vm] = &vm[..] else { panic!("{vm:?}") };
        kill(Pid::from_raw(vm.pid), Signal::SIGKILL).expect("it can be killed");
        let is_told = || library.budget().err();
        let error = eventually(PATIENCE, is_told).expect("an error");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        let told = world.run_cosmos(&["limits", &name]);
        told.failed(1, &[&format!("the VM {name} has ended")]);
    });
}

#[test]
fn the_command_says_the_same() {
    in_world(|world| {
        let library = open(world, &limited());
        let shown = world.run_cosmos(&["limits", library.vm()]);
        let shown = shown.succeeded();
        let line = |key: &str| {
            let found = shown.lines().find(|line| line.starts_with(key));
            found.unwrap_or_else(|| panic!("no {key}: {shown}"))
        };
        let fields: Vec<&str> = line("open_files").split_whitespace().collect();
        let [_, most, used, left] = fields[..] else {
            panic!("{fields:?}")
        };
        let number = |text: &str| text.parse::<u64>().expect("a number");
        assert_eq!(number(most), 128);
        assert_eq!(number(used) + number(left), 128);
        assert_eq!(
            line("call_depth").split_whitespace().collect::<Vec<_>>(),
            ["call_depth", "5", "-", "-"]
        );
        let json = world.run_cosmos(&["limits", "--json", library.vm()]);
        let rows: serde_json::Value = serde_json::from_str(json.succeeded()).expect("JSON");
        let rows = rows.as_array().expect("an array").clone();
        let keys: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["limit"].as_str())
            .collect();
        assert!(
            keys.contains(&"memory_bytes") && keys.contains(&"output_bytes"),
            "{keys:?}"
        );
        world
            .run_cosmos(&["limits", "hostfn-999"])
            .failed(1, &["there is no VM hostfn-999"]);
    });
}

#[test]
fn c_is_told_the_same() {
    in_world(|world| {
        let library = c::library("spends.c", world.directory());
        let prefix = Prefix::installed(world);
        let program = world.directory().join("budget");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror"];
        prefix.compile("gcc", "budget.c", &flags, &program);
        let mut command = Command::new(&program);
        run(prefix.environment(command.arg(&library)), PATIENCE).succeeded();
    });
}
