//! Programs as functions: open, sym, call and close on the kind `exec`, and many runs of one program.

use super::{PATIENCE, write_program};
use cosmos::{FaultCode, Options, Program, Stream, Value};
use cosmos_tests::{eventually, in_world, open_descriptors};
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn a_program_is_called_as_a_function() {
    in_world(|world| {
        let path = write_program(
            &world.directory().join("tool"),
            "#!/bin/sh\nfor word; do printf '<%s>' \"$word\" >&2; done; \
             tr a-z A-Z; [ \"$1\" = kill ] && kill -9 $$; exit $#\n",
        );
        let tool = cosmos::dlopen(&path).expect("a program");
        assert_eq!(tool.kind(), "exec");
        let own = tool
            .function(
                "int tool(const char *in, int level, bool fast, const char *opt_o, double x, \
                 const char *stdin, char *__out __sized_by(*n) stdout, size_t *__inout n, \
                 char *__out __sized_by(100) __null_terminated stderr)",
            )
            .expect("the program itself");
        let call = own.call(&[
            "a b".into(),
            (-7).into(),
            true.into(),
            Value::Null,
            0.5.into(),
            "text".into(),
            Value::Out,
            Value::Int(20),
            Value::Out,
        ]);
        let outcome = call.expect("a call");
        assert_eq!(outcome.result, Value::Int(4));
        let output = |name: &str| {
            let found = outcome.outputs.iter().find(|(known, _)| known == name);
            found.expect("an output").1.clone()
        };
        assert_eq!(output("stdout"), Value::Bytes(b"TEXT".to_vec()));
        assert_eq!(
            output("stderr"),
            Value::Text(b"<a b><-7><--fast><0.5>".to_vec())
        );

        // A subcommand, a signal, and no output.
        let entry = tool.function("int kill(void)").expect("an entry");
        assert_eq!(entry.call(&[]).expect("a call").result, Value::Int(137));
        let entry = tool
            .function("int sub_command(unsigned char n)")
            .expect("an entry");
        assert_eq!(
            entry.call(&[255.into()]).expect("a call").result,
            Value::Int(2)
        );

        // There is room for 3.
        let small = tool.function(
            "int tool(const char *stdin, char *__out __sized_by(4) __null_terminated stdout)",
        );
        let small = small.expect("an entry");
        let fits = small.call(&["abc".into(), Value::Out]).expect("a call");
        assert_eq!(fits.outputs[0].1, Value::Text(b"ABC".to_vec()));
        let error = small
            .call(&["abcd".into(), Value::Out])
            .expect_err("no room");
        assert_eq!(error.code(), FaultCode::TooLarge, "{error}");

        let refused = tool
            .function("int tool(struct { int a; } pair)")
            .expect_err("no word");
        assert_eq!(refused.code(), FaultCode::BadPrototype);
        assert!(refused.to_string().contains("'pair'"), "{refused}");
        tool.close().expect("closed");

        let shown = world.call(&["/bin/echo", "int main(const char *a, int b)", "x", "1"]);
        assert_eq!(shown.succeeded(), "0\n");
    });
}

#[test]
fn what_runs_ends_when_its_program_is_closed_or_its_client_lets_go() {
    in_world(|world| {
        let program = Program::open("sleep", &Options::new()).expect("a program");
        let mut command = program.command();
        let running = command.arg("1000").spawn().expect("it runs");
        let started = eventually(PATIENCE, || {
            (!world.processes_named("sleep").is_empty()).then_some(())
        });
        assert!(started.is_some());
        drop(running);
        let gone = || {
            eventually(PATIENCE, || {
                world.processes_named("sleep").is_empty().then_some(())
            })
        };
        assert!(gone().is_some(), "{:?}", world.processes());
        // It can be run again, twice at once, and stays with its VM.
        let vm = program.vm().to_owned();
        let mut first = command.spawn().expect("it runs");
        let second = command.spawn().expect("it runs");
        assert_eq!((first.vm(), second.vm()), (vm.as_str(), vm.as_str()));
        second.steering().signal(15).expect("a signal");
        assert_eq!(second.wait().expect("its end").signal, 15);
        first.steering().signal(2).expect("a signal");
        drop(first.stdin.take());
        assert_eq!(first.wait().expect("its end").signal, 2);
    });
}

#[test]
fn a_program_that_changed_is_not_run() {
    in_world(|world| {
        let path = write_program(&world.directory().join("tool"), "#!/bin/sh\nexit 3\n");
        let program = Program::open(&path, &Options::new()).expect("a program");
        assert_eq!(program.command().status().expect("its end").code, 3);
        let other = write_program(&world.directory().join("other"), "#!/bin/sh\nexit 4\n");
        std::fs::rename(other, &path).expect("replaced");
        let error = program.command().status().expect_err("another program");
        assert_eq!(error.code(), FaultCode::NotLoadable);
        assert!(error.to_string().contains("changed"), "{error}");
    });
}

#[test]
fn a_reader_that_is_slow_stops_the_program() {
    in_world(|_| {
        let program = Program::open("sh", &Options::new()).expect("a program");
        let mut command = program.command();
        command.args(["-c", "head -c 10000000 /dev/zero; echo all >&2"]);
        let mut running = command
            .stdout(Stream::Pipe)
            .stderr(Stream::Pipe)
            .spawn()
            .expect("it runs");
        let mut output = running.stdout.take().expect("a pipe");
        output.read_exact(&mut [0; 1000]).expect("its beginning");
        // What nobody reads fills the pipe, and nothing else: the program waits.
        let waiting = |steering: &cosmos::Steering| steering.signal(0).is_err();
        assert!(waiting(&running.steering()), "0 is no signal");
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).expect("the rest");
        assert_eq!(rest.len(), 9_999_000);
        let mut said = String::new();
        let mut error = running.stderr.take().expect("a pipe");
        error.read_to_string(&mut said).expect("what it says");
        assert_eq!(said, "all\n");
        assert!(running.wait().expect("its end").success());

        // A pipe whose reader is gone takes no more.
        let mut running = command.stdin(Stream::Pipe).spawn().expect("it runs");
        // What it says at its end first: it may come to that as soon as its output has no reader.
        drop(running.stderr.take());
        drop(running.stdout.take());
        let mut input = running.stdin.take().expect("a pipe");
        let _ = input.write_all(b"nobody reads this");
        drop(input);
        assert!(!running.wait().expect("its end").success());
    });
}

/// How many runs; `make soak` asks for ten thousand.
fn rounds() -> usize {
    let asked = std::env::var("COSMOSTEST_SOAK_RUNS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(300)
}

#[test]
fn many_short_runs_leave_nothing_behind() {
    cosmos_tests::in_world_for(Duration::from_secs(600), |world| {
        let program = Program::open("sh", &Options::new()).expect("a program");
        let run = |round: usize| {
            let mut command = program.command();
            let code = round % 256;
            // Some leave something behind; it goes with them.
            let line = match round % 10 {
                0 => format!("setsid sleep 1000 </dev/null >/dev/null 2>&1 & exit {code}"),
                _ => format!("exit {code}"),
            };
            let ended = command.args(["-c", &line]).status().expect("its end");
            assert_eq!(ended.code, code as i32, "round {round}");
        };
        (0..20).for_each(run);
        let figures = || {
            let mut all: Vec<(String, usize)> = Vec::new();
            for process in cosmos_tests::Process::below(std::process::id() as i32) {
                all.push((process.name.clone(), usize::from(process.is_zombie())));
            }
            for process in world.processes() {
                all.push((process.name.clone(), process.descriptors().len()));
            }
            all.sort();
            (all, open_descriptors())
        };
        let files = || {
            std::fs::read_dir(world.sockets())
                .expect("the directory")
                .count()
        };
        // At rest: the launcher for the next VM comes a moment after this one has.
        let mut last = figures();
        let is_still = || {
            std::thread::sleep(Duration::from_millis(50));
            let before = std::mem::replace(&mut last, figures());
            let launchers = world.processes_named("cosmos-launch").len();
            (last == before && launchers == 3).then_some(())
        };
        let is_still = eventually(PATIENCE, is_still);
        assert!(is_still.is_some(), "never at rest: {last:?}");
        let (before, files_before) = (last, files());
        (0..rounds()).for_each(run);
        let after = eventually(PATIENCE, || {
            let now = figures();
            (now == before).then_some(now)
        });
        let after = after.unwrap_or_else(figures);
        let (processes, descriptors) = (&after.0, after.1);
        println!(
            "{} runs, then {descriptors} descriptors here and {processes:?} with theirs, as before",
            rounds()
        );
        assert_eq!(after, before);
        assert_eq!(files(), files_before);
    });
}
