//! Standard streams that are not there: the program has closed what who started it has closed.

use super::PATIENCE;
use cosmos::{Command, Options, Stream};
use cosmos_tests::{Ran, in_world, run};
use std::process;

/// A line for the shell: writes which of its streams are open into the file `$1`, as `012` or fewer. It opens
/// nothing before it has looked: a file would come to be a stream.
const LOOK: &str = "open=; for number in 0 1 2; do [ -e /proc/$$/fd/$number ] && open=$open$number; done; \
    printf %s \"$open\" > \"$1\"";

/// Runs a command by a shell that closes what `closings` says.
fn by_shell(command: &mut process::Command, closings: &str) -> Ran {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| format!("'{}'", word.to_str().expect("UTF-8")))
        .collect();
    let mut shell = process::Command::new("sh");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let line = format!("exec {} {closings}", words.join(" "));
    run(shell.args(["-c", &line]), PATIENCE)
}

const CLOSINGS: [(&str, &str); 8] = [
    ("012", ""),
    ("12", "<&-"),
    ("02", ">&-"),
    ("01", "2>&-"),
    ("2", "<&- >&-"),
    ("1", "<&- 2>&-"),
    ("0", ">&- 2>&-"),
    ("", "<&- >&- 2>&-"),
];

#[test]
fn each_stream_that_is_closed_is_closed_for_the_program() {
    in_world(|world| {
        let file = world.directory().join("open");
        let file = file.to_str().expect("UTF-8");
        let look = ["sh", "-c", LOOK, "look", file];
        let found = || std::fs::read_to_string(file).expect("what it found");
        for (open, closings) in CLOSINGS {
            let mut local = process::Command::new("env");
            by_shell(local.args(look), closings).succeeded();
            assert_eq!(found(), open, "here: {closings}");
            for more in [&[][..], &["--no-crash-report"]] {
                let mut command = world.cosmos();
                command.arg("exec").args(more).arg("--").args(look);
                by_shell(&mut command, closings).succeeded();
                assert_eq!(found(), open, "there: {closings}");
            }
        }
    });
}

/// As `echo` says it here: the program is told, and its code is the command's.
#[test]
fn who_writes_to_a_closed_output_is_told_so() {
    in_world(|world| {
        for (tool, closings) in [("echo", ">&-"), ("cat", "<&-")] {
            let ran = |command: &mut process::Command| by_shell(command, closings);
            let tool = format!("/bin/{tool}");
            let local = ran(process::Command::new("env").args([&tool, "-"]));
            let there = ran(world.cosmos().args(["exec", "--", &tool, "-"]));
            assert_ne!(local.code(), 0, "{local:?}");
            assert_eq!(
                (there.code(), &there.stderr),
                (local.code(), &local.stderr),
                "{there:?}"
            );
        }
        for verb in [&["exec", "--json", "--", "true"][..], &["ls"], &["doctor"]] {
            let ran = by_shell(world.cosmos().args(verb), ">&-");
            ran.failed(125, &["standard output", "closed"]);
        }
    });
}

/// What the library opened where a stream was free is no stream of the program's.
#[test]
fn a_descriptor_of_the_library_does_not_become_a_stream() {
    in_world(|_| {
        let ended = |command: &mut Command| command.status().expect("its end");
        let mut closed = Command::new("sh");
        closed.args(["-c", "true <&1"]).stdout(Stream::Closed);
        assert_ne!(ended(&mut closed).code, 0);
        // Bound to close on exec, as all that the library opens.
        let output = std::io::stdout();
        let flags = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
        nix::fcntl::fcntl(&output, flags).expect("its flag");
        let mut inherits = Command::new("sh");
        inherits.args(["-c", "true <&1"]).options(&Options::new());
        assert_ne!(ended(&mut inherits).code, 0);
        let none = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty());
        nix::fcntl::fcntl(&output, none).expect("its flag");
        assert_eq!(ended(Command::new("sh").args(["-c", "true <&1"])).code, 0);
    });
}
