//! The processes of the ways, and their turns.

use super::way::Way;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How often each way has its turn. The first is not counted.
const TURNS: u32 = 11;

/// What calls took, in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// How many were timed.
    pub calls: usize,
    /// The median.
    pub median: f64,
    /// The 99th percentile.
    pub late: f64,
}

/// Has each way make calls for about so long in all, in turns; what they took, or why not.
///
/// # Errors
/// This program cannot be started again.
pub fn measure(ways: &[Way], time: Duration) -> io::Result<Vec<Result<Taken, String>>> {
    let mut processes = Vec::new();
    for way in ways {
        processes.push(Process::start(*way)?);
    }
    let turn = time / TURNS;
    for number in 0..TURNS {
        for process in &mut processes {
            process.turn(turn, number > 0);
        }
    }
    Ok(processes.into_iter().map(Process::end).collect())
}

struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    took: Vec<f64>,
    failed: Option<String>,
}

impl Process {
    fn start(way: Way) -> io::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        // The verb is the first word: clap takes no option before it.
        let mut words = std::env::args_os().skip(1);
        command
            .args(words.next())
            .arg("--way")
            .arg(way.word())
            .args(words);
        if matches!(way, Way::Ring(_) | Way::Socket(_)) {
            let ring = matches!(way, Way::Ring(_));
            command.env("COSMOS_RING", ring.to_string());
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(answers)) = (orders, answers) else {
            return Err(io::Error::other("a process without its pipes"));
        };
        Ok(Process {
            child,
            orders,
            answers: BufReader::new(answers),
            took: Vec::new(),
            failed: None,
        })
    }

    fn turn(&mut self, time: Duration, is_counted: bool) {
        if self.failed.is_some() {
            return;
        }
        // Where it has said why it fails and ended, nobody reads this any more.
        let _ = writeln!(self.orders, "{}", time.as_micros());
        let mut line = String::new();
        let answered = self.answers.read_line(&mut line);
        self.failed = match (answered, line.strip_prefix("failed: ")) {
            (Ok(count), None) if count > 0 => None,
            (Ok(_), Some(why)) => Some(why.trim_end().to_owned()),
            _ => Some(self.ended()),
        };
        if is_counted && self.failed.is_none() {
            let times = line.split_whitespace();
            self.took
                .extend(times.filter_map(|time| time.parse::<f64>().ok()));
        }
    }

    /// How the process ended in the middle of its calls.
    fn ended(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => match status.signal().map(nix::sys::signal::Signal::try_from) {
                Some(Ok(signal)) => format!("its process was killed by {}", signal.as_str()),
                _ => format!("its process ended: {status}"),
            },
            Err(error) => format!("its process is lost: {error}"),
        }
    }

    fn end(mut self) -> Result<Taken, String> {
        drop(self.orders);
        // It has ended already, or ends with its input.
        let _ = self.child.wait();
        if let Some(why) = self.failed {
            return Err(why);
        }
        summary(self.took).ok_or_else(|| "no call ended in time".to_owned())
    }
}

fn summary(mut took: Vec<f64>) -> Option<Taken> {
    took.sort_by(f64::total_cmp);
    let last = took.len().checked_sub(1)?;
    let at = |part: usize| took.get(last * part / 100).copied();
    Some(Taken {
        calls: took.len(),
        median: at(50)?,
        late: at(99)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_median_and_what_one_in_a_hundred_exceeds() {
        let took = (0..=100).rev().map(f64::from).collect();
        let taken = summary(took).unwrap();
        assert_eq!((taken.calls, taken.median, taken.late), (101, 50.0, 99.0));
        assert_eq!(summary(vec![7.0]).unwrap().late, 7.0);
        assert_eq!(summary(Vec::new()), None);
    }
}
