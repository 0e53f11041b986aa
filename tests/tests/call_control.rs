//! How long calls may take, how other threads end them, and which run again.

use cosmos::{FaultCode, Options};
use cosmos_tests::in_world;
use std::time::{Duration, Instant};

const C: &str = "libc.so.6";
const SLEEP: &str = "int usleep(unsigned microseconds)";
/// Longer than any test.
const FOR_EVER: i32 = 900_000_000;

/// A library in a VM of its own: a limit that passes ends the VM.
fn fresh(options: Options) -> cosmos::Library {
    cosmos::dlopen_with(C, &options.fresh(true)).expect(C)
}

/// The limit that is said nearest to the call holds, whichever is shorter.
#[test]
fn the_nearest_limit_holds() {
    in_world(|_| {
        let long = || Options::new().timeout(Duration::from_secs(600));
        let short = || Options::new().timeout(Duration::from_millis(50));
        let limited = format!("{SLEEP} __timeout(50)");
        let patient = format!("{SLEEP} __timeout(600000)");
        let moment = Duration::from_millis(50);
        let overdue = |library: cosmos::Library, prototype: &str, within: Option<Duration>| {
            let function = library.function(prototype).expect(prototype);
            let begun = Instant::now();
            let call = || function.call(&[FOR_EVER.into()]);
            let outcome = within.map_or_else(call, |limit| cosmos::within(limit, call));
            let error = outcome.expect_err("it is late");
            assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
            assert_eq!(error.errno(), libc::ETIMEDOUT);
            assert!(begun.elapsed() < Duration::from_secs(30));
            // A private VM does not survive it.
            let error = function.call(&[0.into()]).expect_err("it was killed");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        };
        overdue(fresh(short()), SLEEP, None);
        overdue(fresh(long()), &limited, None);
        overdue(fresh(long()), SLEEP, Some(moment));
        overdue(fresh(long()), &patient, Some(moment));
        // And in time where the nearest is the longest.
        let sleep = |library: cosmos::Library, prototype: &str| {
            let function = library.function(prototype).expect(prototype);
            function.call(&[200_000.into()]).expect("in time").result
        };
        assert_eq!(sleep(fresh(short()), &patient), 0.into());
        let library = fresh(short());
        let slept = cosmos::within(Duration::from_secs(600), || sleep(library, &limited));
        assert_eq!(slept, 0.into());
    });
}
