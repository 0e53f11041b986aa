//! Measuring with daemons of one's own.

use std::process::Command;
use std::time::Duration;

/// Set in the process that measures.
const INSIDE: &str = "COSMOSTEST_BENCH";

/// Whether this process is to measure. A benchmark calls this first and does nothing where it says
/// no: `cargo test --benches` runs benchmarks too, and only `cargo bench` says `--bench`; that run
/// starts this program again, with daemons that serve nobody else and end by themselves.
///
/// # Panics
///
/// When the measurement failed, or its daemons stay.
pub fn is_measuring() -> bool {
    is_measuring_with(&[])
}

/// The same, with daemons that are configured by these variables.
///
/// # Panics
///
/// As [`is_measuring`].
pub fn is_measuring_with(variables: &[(&str, &str)]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if std::env::args().any(|argument| argument == "--bench") {
        in_daemons_of_its_own(variables);
    }
    false
}

fn in_daemons_of_its_own(variables: &[(&str, &str)]) {
    let directory = tempfile::Builder::new()
        .prefix("cb-")
        .tempdir()
        .expect("a directory");
    let sockets = directory.path().join("s");
    let status = Command::new(std::env::current_exe().expect("this executable"))
        .args(std::env::args().skip(1))
        .env(INSIDE, "1")
        .env("COSMOS_SOCKET_DIRECTORY", &sockets)
        .env("XDG_CONFIG_HOME", directory.path().join("config"))
        .env("COSMOS_IDLE_SECONDS", "1")
        .envs(variables.iter().copied())
        .status()
        .expect("the measuring process");
    // Their directory is not taken from under them. Asking the registry would keep it.
    let socket = sockets.join("cosmosdb.sock");
    let gone = crate::eventually(Duration::from_secs(20), || (!socket.exists()).then_some(()));
    assert!(status.success(), "the measurement failed: {status}");
    assert!(gone.is_some(), "the daemons stay though nobody needs them");
}
