//! RPyC, a Python program calling another over a Unix socket, where this machine's Python has it. The
//! near end is Python too, told line by line what to do.

use super::{Outcome, Peer, System, far_of};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub const RPYC: System = System {
    name: "rpyc",
    spins: false,
    has_far: true,
    inside: false,
    connect: |far| Ok(Box::new(Near::start(far_of(far)?.directory())?)),
    serve,
};

const PROGRAM: &str = include_str!("rpyc.py");

fn python(role: &str, directory: &Path) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-c", PROGRAM, role])
        .arg(directory.join("far"));
    command
}

struct Near {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Near {
    fn start(directory: &Path) -> Outcome<Near> {
        let mut process = python("near", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        Ok(Near {
            process,
            input,
            output,
        })
    }
}

impl Peer for Near {
    fn cos(&mut self, _: f64) -> Outcome<f64> {
        Err("its near end measures by itself".into())
    }

    fn times(&mut self, what: &str, count: u32) -> Option<Outcome<Vec<f64>>> {
        let mut ask = || {
            writeln!(self.input, "{what} {count}")?;
            let mut line = String::new();
            self.output.read_line(&mut line)?;
            let times = line.split_ascii_whitespace().map(str::parse);
            let times: Vec<f64> = times.collect::<Result<_, _>>()?;
            match times.is_empty() {
                true => Err("the Python program ended".into()),
                false => Ok(times),
            }
        };
        Some(ask())
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(directory: &Path) -> Outcome {
    use std::os::unix::process::CommandExt;
    let has_it = Command::new("python3")
        .args(["-c", "import rpyc"])
        .stderr(Stdio::null())
        .status();
    if !has_it.is_ok_and(|status| status.success()) {
        println!("this Python has no rpyc");
        return Ok(());
    }
    Err(python("far", directory).exec().into())
}
