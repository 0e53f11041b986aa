//! What a scrape of cosmosd says is what happened: after known calls and known failures, read by a parser
//! that is not this project's.

use cosmos::{Library, Options, Value};
use cosmos_tests::{World, c, eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use prometheus_parse::{Scrape, Value as Sample};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

/// Has daemons that are started from now on give metrics.
fn enabled(world: &World) -> PathBuf {
    let socket = world.directory().join("metrics");
    // SAFETY: this process, which is the test's own, has one thread that reads the environment.
    unsafe { std::env::set_var("COSMOS_METRICS_SOCKET", &socket) };
    socket
}

fn ask(socket: &PathBuf, request: &str) -> Option<(String, String)> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "{request}\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.to_owned(), body.to_owned()))
}

fn scrape(socket: &PathBuf) -> Scrape {
    let answered = eventually(PATIENCE, || ask(socket, "GET /metrics HTTP/1.1"));
    let (head, body) = answered.expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    let lines = body.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).expect("it is understood");
    // Every row has its type: one without is of no family. This parser has the sum and the count of a
    // histogram as rows of their own.
    for sample in &scrape.samples {
        let is_part = ["call_seconds_sum", "call_seconds_count"]
            .iter()
            .any(|part| sample.metric.ends_with(part));
        let is_untyped = matches!(sample.value, Sample::Untyped(_));
        assert_eq!(is_untyped, is_part, "{sample:?}");
    }
    scrape
}

/// The value of the row of this name with these labels; 0 where there is none.
fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_it = |sample: &&prometheus_parse::Sample| {
        sample.metric == name
            && labels
                .iter()
                .all(|(label, value)| sample.labels.get(label) == Some(value))
    };
    let mut found = scrape.samples.iter().filter(is_it);
    match found.next().map(|sample| &sample.value) {
        Some(Sample::Counter(value) | Sample::Gauge(value)) => *value,
        None => 0.0,
        other => panic!("{name}: {other:?}"),
    }
}

/// How many calls a histogram has, and in what classes.
fn calls(scrape: &Scrape, kind: &str) -> (f64, Vec<f64>) {
    let is_it = |sample: &&prometheus_parse::Sample| {
        sample.metric == "cosmos_vm_reported_call_seconds"
            && sample.labels.get("kind") == Some(kind)
    };
    let histogram = scrape.samples.iter().find(is_it).expect("the histogram");
    let Sample::Histogram(classes) = &histogram.value else {
        panic!("{histogram:?}")
    };
    let counts: Vec<f64> = classes.iter().map(|class| class.count).collect();
    assert!(counts.is_sorted(), "{counts:?}");
    let last = classes.last().expect("the last class");
    assert!(last.less_than.is_infinite(), "{classes:?}");
    (last.count, counts)
}

fn misbehave(world: &World, options: &Options) -> Library {
    let library = c::library("misbehave.c", world.directory());
    cosmos::dlopen_with(library.to_str().expect("a path"), options).expect("the library")
}

fn add(library: &Library, times: usize) {
    let add = library
        .function("int add(int left, int right)")
        .expect("add");
    for _ in 0..times {
        let outcome = add.call(&[40.into(), 2.into()]).expect("add");
        assert_eq!(outcome.result, Value::Int(42));
    }
}

#[test]
fn known_calls_and_failures_are_what_a_scrape_says() {
    in_world(|world| {
        let socket = enabled(world);
        // A VM of its own ends with the library.
        let library = misbehave(world, &Options::new().fresh(true));
        let mode = std::fs::metadata(&socket)
            .expect("the socket")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let kind = [("kind", "hostfn")];
        add(&library, 23);
        let missing = library.function("int no_such_function(void)");
        assert!(missing.is_err());
        let missing = cosmos::dlopen("/nowhere/libnone.so");
        assert!(missing.is_err());

        let one = scrape(&socket);
        let (count, classes) = calls(&one, "hostfn");
        assert_eq!(count, 23.0, "{classes:?}");
        let reported = |scrape: &Scrape, request| {
            let labels = [kind[0], ("request", request)];
            value(scrape, "cosmos_vm_reported_requests_total", &labels)
        };
        assert_eq!(reported(&one, "open"), 1.0);
        assert_eq!(reported(&one, "sym"), 2.0);
        let cause = |cause| [kind[0], ("cause", cause)];
        let errors = "cosmos_vm_reported_errors_total";
        assert_eq!(value(&one, errors, &cause("no_such_symbol")), 1.0);
        assert_eq!(value(&one, "cosmos_opens_total", &[("result", "ok")]), 1.0);
        assert_eq!(
            value(&one, "cosmos_opens_total", &[("result", "no_such_target")]),
            1.0
        );
        assert_eq!(
            value(&one, "cosmos_vms", &[kind[0], ("state", "ready")]),
            1.0
        );
        assert_eq!(value(&one, "cosmos_vm_starts_total", &kind), 1.0);
        assert_eq!(value(&one, "cosmos_clients", &[]), 1.0);
        assert_eq!(value(&one, "cosmos_registry_up", &[]), 1.0);
        let resident = value(&one, "cosmos_vm_resident_bytes", &kind);
        assert!((1e5..1e9).contains(&resident), "{resident}");

        // What a VM counted stays when it has ended, however it has.
        let other = misbehave(world, &Options::new().fresh(true));
        add(&other, 19);
        let crash = other.function("int die_by_segv(void)").expect("a crash");
        assert!(crash.call(&[]).is_err());
        drop(library);
        let mut last = String::new();
        let ended = eventually(PATIENCE, || {
            let scrape = scrape(&socket);
            last = format!("{:#?}", scrape.samples);
            let ends = "cosmos_vm_ends_total";
            let both = value(&scrape, ends, &cause("killed_by_signal"))
                + value(&scrape, ends, &cause("exited"));
            (both == 2.0).then_some(scrape)
        });
        let ended = ended.unwrap_or_else(|| panic!("{last}"));
        assert_eq!(value(&ended, "cosmos_vm_ends_total", &cause("exited")), 1.0);
        assert_eq!(calls(&ended, "hostfn").0, 42.0);
        assert_eq!(reported(&ended, "open"), 2.0);
        assert_eq!(
            value(&ended, "cosmos_vms", &[kind[0], ("state", "ready")]),
            0.0
        );
        assert_eq!(value(&ended, "cosmos_vm_resident_bytes", &kind), 0.0);
    });
}

#[test]
fn many_calls_in_one_message_are_many_calls() {
    in_world(|world| {
        let socket = enabled(world);
        let library = misbehave(world, &Options::new());
        let add = library
            .function("int add(int left, int right)")
            .expect("add");
        let mut batch = cosmos::Batch::new();
        for number in 0..100 {
            batch.add(&add, [number.into(), 1.into()]);
        }
        assert!(batch.run().iter().all(Result::is_ok));
        assert_eq!(calls(&scrape(&socket), "hostfn").0, 100.0);
    });
}

#[test]
fn who_asks_for_anything_else_is_told_so_and_who_says_nothing_stops_nobody() {
    in_world(|world| {
        let socket = enabled(world);
        let library = misbehave(world, &Options::new());
        let told = |request| ask(&socket, request).expect("an answer").0;
        assert!(told("GET /passwd HTTP/1.1").starts_with("HTTP/1.1 404 "));
        assert!(told("DELETE /metrics HTTP/1.1").starts_with("HTTP/1.1 405 "));
        assert!(told("nonsense").starts_with("HTTP/1.1 400 "));
        let silent: Vec<UnixStream> = (0..40)
            .map_while(|_| UnixStream::connect(&socket).ok())
            .collect();
        add(&library, 1);
        let rows = cosmos::queries::list_vms().expect("cosmosd answers");
        assert_eq!(rows.len(), 1);
        drop(silent);
        assert_eq!(calls(&scrape(&socket), "hostfn").0, 1.0);
    });
}

#[test]
fn a_cosmosd_that_takes_over_has_its_vms_count_on() {
    in_world(|world| {
        let socket = enabled(world);
        let library = misbehave(world, &Options::new());
        add(&library, 3);
        assert_eq!(calls(&scrape(&socket), "hostfn").0, 3.0);
        let daemon = world.only("cosmosd");
        kill(Pid::from_raw(daemon.pid), Signal::SIGKILL).expect("it can be killed");
        let is_back = || {
            let rows = cosmos::queries::list_vms().ok()?;
            rows.iter()
                .any(|row| row.name == library.vm())
                .then_some(())
        };
        eventually(PATIENCE, is_back).expect("it is back");
        // It counts once it was told so, from nothing.
        let counted = eventually(PATIENCE, || {
            add(&library, 1);
            (calls(&scrape(&socket), "hostfn").0 >= 1.0).then_some(())
        });
        counted.expect("it counts");
    });
}

#[test]
fn without_the_setting_nothing_is_given_and_nothing_counted() {
    in_world(|world| {
        let library = misbehave(world, &Options::new());
        add(&library, 1);
        let pid = library.function("int pid_of_vm(void)").expect("its pid");
        let Value::Int(pid) = pid.call(&[]).expect("its pid").result else {
            panic!("no number")
        };
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("its mappings");
        assert!(!maps.contains("cosmos-tally"), "{maps}");
        let left = std::fs::read_dir(world.directory()).expect("the directory");
        let names = left.map(|entry| entry.expect("an entry").file_name());
        assert!(names.into_iter().all(|name| name != "metrics"));
    });
}
