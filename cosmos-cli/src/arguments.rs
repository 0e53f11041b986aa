//! The command line: verbs, their options and the examples their help shows.

mod bench;
mod exec;
mod trace;

pub use bench::Bench;
pub use exec::Exec;
pub use trace::Trace;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Call C functions in another process: dlopen, but the code runs somewhere else.
#[derive(Parser)]
#[command(name = "cosmos", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

const EXAMPLES: &str = "\
Example:
  $ cosmos call libm.so.6 'double cos(double x)' 0
  1

Exit codes: 0 done, 1 what was asked for failed or was refused, 2 wrong usage,
125 cosmos itself failed (a daemon could not be started, the configuration is wrong);
those of exec: cosmos exec --help.";

/// The verbs.
#[derive(Subcommand)]
pub enum Verb {
    Call(Call),
    Bench(Bench),
    Session(Session),
    Exec(Exec),
    #[command(visible_alias = "ps")]
    Ls(Ls),
    Top(Top),
    Limits(Limits),
    Logs(Logs),
    Crash(Crash),
    Trace(Trace),
    Which(Which),
    Explain(Explain),
    Proto(Proto),
    Gen(Generate),
    Doctor(Doctor),
    Config(Config),
    Stop(Stop),
    Completion(Completion),
    Man(Man),
}

/// Call one function of a library in a VM and print what comes back
///
/// Give one ARG per parameter, in order:
///
///   12  -1  0x1f  'a'  10UL     integers, as in C
///   HIGH                        a constant of an enum that the prototype declares
///   1.5  0x1p-3  inf  nan       floating numbers
///   1+2i                        complex numbers
///   hello                       text, for a string or a buffer; "…" may hold C escapes
///   hex:00ff                    bytes, for a buffer
///   @FILE  @-                   the bytes of a file or of standard input;
///                               for an __fd parameter, the file opened for reading
///   NULL                        a null pointer
///   _                           memory for an output, as large as the prototype says
///   {1, .y = 2}  {{1,2},{3,4}}  a struct; several elements
///   sizeof:NAME                 the number of bytes given for parameter NAME
///
/// Parameters that only say how large a buffer is may all be left out.
///
/// A function with nothing but a return value prints that value alone; otherwise `return = …` and
/// one `NAME = …` line per output. Strings are printed quoted, buffers as hexadecimal bytes.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = CALL_EXAMPLES)]
pub struct Call {
    /// Print one JSON object: {"return": …, "out": {…}, "errno": …}.
    #[arg(long)]
    pub json: bool,
    /// Print a line with errno as the function left it, too.
    #[arg(long)]
    pub errno: bool,
    /// Give up after this many milliseconds and end the VM [default: never].
    #[arg(long, value_name = "MS")]
    pub timeout: Option<u64>,
    #[command(flatten)]
    pub confinement: Confinement,
    /// The library: a name that is searched for (libz.so.1) or a path.
    pub target: String,
    /// The function, as one C declaration; records it needs come before it. Its name alone where a
    /// prototype pack of the library tells the rest.
    pub prototype: String,
    /// One value per parameter.
    #[arg(
        value_name = "ARG",
        allow_hyphen_values = true,
        trailing_var_arg = true
    )]
    pub arguments: Vec<String>,
}

/// Whom to ask.
#[derive(Args)]
pub struct Place {
    /// The machine to ask: local, or ssh://[USER@]HOST[:PORT] [default: the one that is configured].
    #[arg(long, value_name = "HOST", global = true)]
    pub host: Option<cosmos::Host>,
}

/// How the VM is confined: tighter than configured, never looser.
#[derive(Args)]
#[command(next_help_heading = "Confinement")]
pub struct Confinement {
    /// The machine to run on: local, or ssh://[USER@]HOST[:PORT]. Names and paths are of that machine.
    #[arg(long, value_name = "HOST", help_heading = "Place")]
    pub host: Option<cosmos::Host>,
    /// The least isolation to accept: none, limits, landlock+seccomp or namespaces.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub isolation: Option<String>,
    /// A file or directory that the VM may read.
    #[arg(long, value_name = "PATH")]
    pub ro: Vec<PathBuf>,
    /// A file or directory that the VM may read and change.
    #[arg(long, value_name = "PATH")]
    pub rw: Vec<PathBuf>,
    /// Let the VM use the network.
    #[arg(long)]
    pub net: bool,
    /// Let the VM start the programs that it can read.
    #[arg(long)]
    pub programs: bool,
    /// Tighten a limit of the configuration: open_files=64, memory_bytes=1G.
    #[arg(long, value_name = "NAME=MOST", value_parser = setting)]
    pub limit: Vec<(String, String)>,
}

impl Confinement {
    /// These options with it.
    pub fn apply(&self, mut options: cosmos::Options) -> cosmos::Options {
        if let Some(host) = &self.host {
            options = options.host(host.clone());
        }
        if let Some(level) = &self.isolation {
            options = options.isolation(level);
        }
        for path in &self.ro {
            options = options.read(path);
        }
        for path in &self.rw {
            options = options.write(path);
        }
        for (key, most) in &self.limit {
            options = options.setting(key, most);
        }
        if self.net {
            options = options.network(true);
        }
        if self.programs {
            options = options.programs(true);
        }
        options
    }
}

const CALL_EXAMPLES: &str = "\
Examples:
  $ cosmos call libm.so.6 'double cos(double x)' 0
  1
  $ cosmos call libc.so.6 'div_t div(int numer, int denom)' 17 -5
  {.quot = -3, .rem = 2}
  $ cosmos call libz.so.1 \\
      'uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)' 0 hello sizeof:buf
  907060870
  $ cosmos call libz.so.1 crc32 0 hello
  907060870";

/// Call functions of a library one after the other, in one VM.
///
/// Each line of FILE, or of standard input, is one call: the function's name and one word per
/// parameter, as for `cosmos call`. `NAME = ` before it keeps the result, `$NAME` in the place of an
/// output keeps what comes back there, and `$NAME` anywhere else stands for what is kept: a number, a
/// text, a handle, or the memory of an object such as a regex_t. `$NAME{.member = …}` sets members
/// of such memory before the call. `$NAME` alone prints it.
///
/// A function that no prototype pack of the library tells of is declared before: a line that ends in
/// `;` is a declaration. `#` begins a comment; a backslash at its end continues a line.
///
/// Ends at the first line that fails, unless it is talking to a terminal.
#[derive(Args)]
#[command(after_help = SESSION_EXAMPLES)]
pub struct Session {
    /// Print one JSON object a call.
    #[arg(long)]
    pub json: bool,
    /// Print a line with errno after each call, too.
    #[arg(long)]
    pub errno: bool,
    /// Give up a call after this many milliseconds and end the VM [default: never].
    #[arg(long, value_name = "MS")]
    pub timeout: Option<u64>,
    #[command(flatten)]
    pub confinement: Confinement,
    /// The library: a name that is searched for (libz.so.1) or a path.
    pub target: String,
    /// The lines; without it, standard input.
    pub file: Option<PathBuf>,
}

const SESSION_EXAMPLES: &str = "\
Example:
  $ cosmos session libsqlite3.so.0
  sqlite3_open :memory: $db
  sqlite3_exec $db \"select 6 * 7\" @print NULL _
  sqlite3_close $db";

/// `500`, in milliseconds, or a number with a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err("a time ends in ms, s, m, h, d or nothing, which is ms".into()),
    };
    let number: Result<f64, _> = digits.parse();
    let seconds = number.map_err(|_| format!("'{digits}' is no number"))? * unit;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time >= Duration::from_millis(1) => Ok(time),
        _ => Err("a time is at least a millisecond".into()),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, most) = text.split_once('=').ok_or("it is no NAME=MOST")?;
    let known = cosmos_config::keys().filter(|key| key.strictest);
    let known = known.filter_map(|key| key.name.strip_prefix("limits."));
    let known: Vec<&str> = known.collect();
    match known.contains(&name) {
        true => Ok((format!("limits.{name}"), most.to_owned())),
        false => Err(format!(
            "there is no limit {name}; there are {}",
            known.join(", ")
        )),
    }
}

fn level(text: &str) -> Result<String, String> {
    let levels = cosmos_config::Level::ALL.map(cosmos_config::Level::name);
    match levels.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("a level is one of {}", levels.join(", "))),
    }
}

/// List the running VMs, and those that died lately.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos ls")]
pub struct Ls {
    #[command(flatten)]
    pub place: Place,
    /// Show those too that ended as they should.
    #[arg(long)]
    pub all: bool,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Show the limits of a VM, and what is left of each
///
/// A line for each limit, in the unit of its key in the configuration. "-" stands where each file, message
/// or thread has all of it, or where nobody counts.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos limits hostfn-3")]
pub struct Limits {
    #[command(flatten)]
    pub place: Place,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
    /// Its name, as `cosmos ls` shows it.
    #[arg(value_name = "VM")]
    pub vm: String,
}

/// Show the VMs again and again, the largest first.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos top --once")]
pub struct Top {
    #[command(flatten)]
    pub place: Place,
    /// Show them once and end.
    #[arg(long)]
    pub once: bool,
    /// Print a JSON array in a line each time.
    #[arg(long)]
    pub json: bool,
    /// How long to wait in between: milliseconds, or 500ms, 2s, 1m.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub pause: Duration,
}

/// Show what a VM wrote to its standard output and error.
///
/// Each line has the time at which cosmosd read it. The last of it is kept, and for 15 minutes after the
/// VM has ended; see log_bytes in `cosmos config show`. What programs write that a VM runs is theirs.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  $ cosmos logs hostfn-3\n  $ cosmos logs --follow --lines 0 hostfn-3"
)]
pub struct Logs {
    #[command(flatten)]
    pub place: Place,
    /// Go on until the VM has ended.
    #[arg(long, short)]
    pub follow: bool,
    /// Begin so many lines before the end [default: all there are].
    #[arg(long, short = 'n', value_name = "N")]
    pub lines: Option<u32>,
    /// Print a JSON object a line: {"time": …, "by": "vm" or "cosmosd", "text": …, "cut": …}.
    #[arg(long)]
    pub json: bool,
    /// The VM, by its name in `cosmos ls`.
    pub vm: String,
}

/// Show what is kept of VMs that crashed.
///
/// A VM that dies by a signal such as SIGSEGV leaves a report: what raised the signal, the calls on the
/// stack by name, the call that a client was waiting for, registers, limits, and the last that was written
/// to standard error. Some are kept, the newest; see `cosmos config show` for where and how many.
#[derive(Args)]
pub struct Crash {
    #[command(flatten)]
    pub place: Place,
    /// What to do.
    #[command(subcommand)]
    pub verb: CrashVerb,
}

/// What to do with crash reports.
#[derive(Subcommand)]
pub enum CrashVerb {
    Ls(CrashLs),
    Show(CrashShow),
    Rm(CrashRm),
}

/// List the crash reports, the newest first.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos crash ls")]
pub struct CrashLs {
    /// Print a JSON array of the whole reports.
    #[arg(long)]
    pub json: bool,
}

/// Show a crash report.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos crash show c-3f9a0c12")]
pub struct CrashShow {
    /// Print it as JSON.
    #[arg(long)]
    pub json: bool,
    /// Its number; without one, the newest.
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// Remove crash reports.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos crash rm c-3f9a0c12")]
pub struct CrashRm {
    /// Their numbers.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
}

/// Show which kind of VM would run a target.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos which libz.so.1 --explain")]
pub struct Which {
    #[command(flatten)]
    pub place: Place,
    /// The library or program: a name that is searched for, or a path.
    pub target: String,
    /// Show what the target needs and why each other kind was refused.
    #[arg(long)]
    pub explain: bool,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Explain an error by its number or its name, or list them all.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos explain E0103")]
pub struct Explain {
    /// The number, such as E0103, or the name, such as TooLarge or COSMOS_ERROR_TOO_LARGE.
    pub code: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Print typed functions of a library's prototype pack: a C header or a Rust module.
///
/// In the header, crc32 of libz.so.1 is libz_crc32; with COSMOS_REDIRECT defined, its own name means
/// that too, so that a program written for the library needs no change.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos gen c libz.so.1 > libz_cosmos.h")]
pub struct Generate {
    /// What to print.
    pub language: Language,
    /// The library, by the SONAME of its pack.
    pub library: String,
}

/// What `cosmos gen` prints.
#[derive(Clone, Copy, ValueEnum)]
pub enum Language {
    /// A header of inline functions, for C from C89 on and for C++.
    C,
    /// A module with a method per function.
    Rust,
}

/// Check prototypes without calling anything.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos proto check zlib.protos")]
pub struct Proto {
    /// What to do with them.
    #[command(subcommand)]
    pub verb: ProtoVerb,
}

/// The verbs of `cosmos proto`.
#[derive(Subcommand)]
pub enum ProtoVerb {
    Check(ProtoCheck),
    Scan(ProtoScan),
    Show(ProtoShow),
}

/// Check every declaration of a file: `ok NAME` or `refused NAME ENNNN REASON` a line.
///
/// Exits with 1 when any declaration was refused.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos proto check zlib.protos")]
pub struct ProtoCheck {
    /// The file; - for standard input.
    pub file: PathBuf,
    /// Print a JSON array.
    #[arg(long)]
    pub json: bool,
}

/// Turn a C header into prototypes, and list what else must be said of the rest.
///
/// The system's C preprocessor (CC, or cc) expands the header; attributes of glibc and GCC are used
/// where they say how a buffer travels or who frees a result. What is printed is a file of
/// prototypes: the beginning of a prototype pack.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  $ cosmos proto scan zlib.h > libz.so.1.protos\n  \
    $ cosmos proto scan --summary --pack libz.so.1 zlib.h"
)]
pub struct ProtoScan {
    /// The header: a path, or a name that the preprocessor searches for.
    pub header: String,
    /// A directory to search headers in first.
    #[arg(short = 'I', value_name = "DIR")]
    pub include: Vec<String>,
    /// A macro for the header.
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    pub define: Vec<String>,
    /// Take what the prototype pack of this library says of its functions.
    #[arg(long, value_name = "LIBRARY")]
    pub pack: Option<String>,
    /// Print how many functions can be called, and nothing else.
    #[arg(long)]
    pub summary: bool,
    /// Print a JSON object.
    #[arg(long, conflicts_with = "summary")]
    pub json: bool,
}

/// Show what a prototype means: every default applied, and the layout of its types.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos proto show 'div_t div(int numer, int denom)'")]
pub struct ProtoShow {
    /// The prototype.
    pub prototype: String,
    /// The data model to lay it out for.
    #[arg(long, value_parser = ["LP64", "x32", "ILP32"], ignore_case = true)]
    pub model: Option<String>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Check this machine and its configuration, and make one call to be sure.
///
/// Exits with 1 when something prevents calls. Of another machine it checks the way there, cosmosd and the
/// levels there, and a call.
#[derive(Args)]
#[command(after_help = "Examples:\n  $ cosmos doctor\n  $ cosmos doctor --host ssh://apu2")]
pub struct Doctor {
    /// The machine to check: local, or ssh://[USER@]HOST[:PORT] [default: this one].
    #[arg(long, value_name = "HOST")]
    pub host: Option<cosmos::Host>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Show the configuration.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos config show")]
pub struct Config {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

/// The verbs of `cosmos config`.
#[derive(Subcommand)]
pub enum ConfigVerb {
    Show(ConfigShow),
}

/// Show every key, its value and where the value comes from.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos config show")]
pub struct ConfigShow {
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// End the daemons of this machine and every VM; the next call starts them again.
#[derive(Args)]
#[command(after_help = "Example:\n  $ cosmos stop")]
pub struct Stop {
    /// Refused but for local: the daemons of another machine are ended there.
    #[arg(long, value_name = "HOST", hide = true)]
    pub host: Option<cosmos::Host>,
}

/// Print a shell's completion script.
#[derive(Args)]
#[command(
    after_help = "Example:\n  $ cosmos completion bash > ~/.local/share/bash-completion/completions/cosmos"
)]
pub struct Completion {
    /// The shell.
    #[arg(value_parser = clap::value_parser!(Shell))]
    pub shell: Shell,
}

/// Write the manual pages into a directory.
#[derive(Args)]
#[command(hide = true)]
pub struct Man {
    /// The directory, which must exist.
    pub directory: PathBuf,
}
