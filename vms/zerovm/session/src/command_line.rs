//! The options of `zerovm`: the original's, and a few of its own.

use clap::{ArgAction, Parser};
use std::path::PathBuf;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "zerovm",
    version,
    about = "Run a program for ZeroVM under its manifest, and print its report",
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true
)]
pub struct CommandLine {
    /// Reports the validator's state as "not run". The program is validated all the same.
    #[arg(short = 's', action = ArgAction::SetTrue)]
    pub skip_validation: bool,
    /// Where the report goes.
    #[arg(
        short = 't',
        value_name = "0..2",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub report: i32,
    /// How much goes to syslog.
    #[arg(
        short = 'v',
        value_name = "0..3",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub verbosity: i32,
    /// Stops before the program runs.
    #[arg(short = 'F', action = ArgAction::SetTrue)]
    pub quit_before_run: bool,
    /// Does not preallocate files.
    #[arg(short = 'P', action = ArgAction::SetTrue)]
    pub no_preallocation: bool,
    /// Does not check that data cannot be executed.
    #[arg(short = 'Q', action = ArgAction::SetTrue)]
    pub skip_qualification: bool,
    /// Where every trap is written down.
    #[arg(short = 'T', value_name = "path")]
    pub trace: Option<PathBuf>,
    /// The manifest.
    #[arg(short = 'M', value_name = "path", conflicts_with = "positional")]
    named: Option<PathBuf>,
    /// The manifest.
    #[arg(value_name = "manifest")]
    positional: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Says on standard error why a session failed.
    #[arg(long)]
    pub explain: bool,
    /// Says what confines a guest on this machine, and runs nothing.
    #[arg(long)]
    pub doctor: bool,
    /// Who root becomes; ZEROVM_USER says it too.
    #[arg(
        long,
        value_name = "name",
        env = "ZEROVM_USER",
        default_value = "nobody"
    )]
    pub user: String,
    /// Prints the options.
    #[arg(long)]
    pub help: bool,
    /// Write the manual page and the completions into a directory: what `make install` does.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    pub pages: Option<PathBuf>,
}

impl CommandLine {
    /// Reads the words of a command line, the program's name first. Nothing comes of one that the
    /// original would answer with its help.
    pub fn read(words: impl IntoIterator<Item = std::ffi::OsString>) -> Option<Self> {
        let line = Self::try_parse_from(words).ok()?;
        let is_asked = line.doctor || line.help || line.pages.is_some();
        let complete = is_asked || line.manifest().is_some();
        complete.then_some(line)
    }

    /// The manifest's path.
    pub fn manifest(&self) -> Option<&PathBuf> {
        self.named.as_ref().or(self.positional.as_ref())
    }
}

/// What is printed for a command line that cannot be followed.
pub const HELP: &str = concat!(
    "\u{1b}[1mZeroVM tag1\u{1b}[0m lightweight VM manager, build ",
    env!("CARGO_PKG_VERSION"),
    ", manifest 20130611\n",
    "\
Usage: \u{1b}[1mzerovm\u{1b}[0m [options] <manifest>

 -s         report the validator's state as not run (it runs, and refuses, all the same)
 -t <0..2>  where the report goes: 0 standard output (default), 1 syslog
 -v <0..3>  how much goes to syslog: 0 nothing, 1 errors (default)
 -F         stop before the program runs
 -P         do not preallocate files
 -Q         do not check that data cannot be executed
 -T <path>  append a line for every trap to this file
 -M <path>  the manifest

 --json         print the report as JSON
 --explain      say on standard error why a session failed
 --doctor       say what confines a guest on this machine, and run nothing
 --user <name>  who root becomes (default: $ZEROVM_USER, else nobody)
 --help         print this
"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Option<CommandLine> {
        CommandLine::read(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn options_may_follow_the_manifest() {
        let line = read("zerovm m.txt -sPt1 -v 3 -T /tmp/trace").expect("good");
        assert_eq!(line.manifest(), Some(&PathBuf::from("m.txt")));
        assert!(line.skip_validation && line.no_preallocation);
        assert_eq!((line.report, line.verbosity), (1, 3));
        assert_eq!(line.trace, Some(PathBuf::from("/tmp/trace")));
        assert_eq!(line.user, "nobody");
    }

    #[test]
    fn options_may_be_repeated() {
        let line = read("zerovm -s -s -t0 -t2 m").expect("good");
        assert_eq!(line.report, 2);
        assert_eq!(
            read("zerovm -M m"),
            read("zerovm m").map(|mut line| {
                line.named = line.positional.take();
                line
            })
        );
    }

    #[test]
    fn others_get_help() {
        for words in [
            "zerovm",
            "zerovm -s",
            "zerovm a b",
            "zerovm -M a b",
            "zerovm -x a",
            "zerovm -t",
            "zerovm -t one a",
            "zerovm -h",
            "zerovm -l5 a",
        ] {
            assert_eq!(read(words), None, "{words}");
        }
    }
}
