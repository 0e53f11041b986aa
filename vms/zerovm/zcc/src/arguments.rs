//! The command line: gcc's options, as far as they make sense for a sandbox.

use crate::{Dialect, Error};
use clap::Parser;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Compiles C for the sandbox of ZeroVM with the system's gcc.
///
/// Options are gcc's. What is made is a nexe, which `zerovm` and `cosmos exec` run; it is validated
/// before it is written.
#[derive(Debug, Clone, Parser)]
#[command(name = "zcc", version, disable_version_flag = true)]
#[allow(clippy::struct_excessive_bools, reason = "options are like that")]
pub struct Arguments {
    /// C (.c), assembly (.s), objects (.o) and archives (.a) of zcc
    pub(crate) files: Vec<PathBuf>,
    /// Compile to objects and do not link
    #[arg(short = 'c')]
    pub(crate) compile: bool,
    /// Compile to assembly that is laid out
    #[arg(short = 'S')]
    pub(crate) assembly: bool,
    /// Preprocess only
    #[arg(short = 'E')]
    pub(crate) preprocess: bool,
    /// The file to write
    #[arg(short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Optimize: 0, 1, 2, 3, s, g or fast
    #[arg(short = 'O', value_name = "LEVEL")]
    optimize: Vec<String>,
    /// Keep symbols of lines, for reports of crashes and debuggers
    #[arg(short = 'g', value_name = "LEVEL")]
    debug: Vec<String>,
    /// A directory of headers
    #[arg(short = 'I', value_name = "DIR")]
    include_directories: Vec<OsString>,
    /// Define a macro
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    define: Vec<OsString>,
    /// Undefine a macro
    #[arg(short = 'U', value_name = "NAME")]
    undefine: Vec<OsString>,
    /// Link with an archive libNAME.a
    #[arg(short = 'l', value_name = "NAME")]
    pub(crate) libraries: Vec<String>,
    /// A directory of archives
    #[arg(short = 'L', value_name = "DIR")]
    pub(crate) library_directories: Vec<PathBuf>,
    /// Warnings, as gcc has them
    #[arg(short = 'W', value_name = "WARNING")]
    warnings: Vec<OsString>,
    /// How code is generated, as gcc has it
    #[arg(short = 'f', value_name = "OPTION")]
    generation: Vec<String>,
    /// Which instructions are used, as gcc has it: up to SSE4.2
    #[arg(short = 'm', value_name = "OPTION")]
    machine: Vec<String>,
    /// No warnings
    #[arg(short = 'w')]
    no_warnings: bool,
    /// Leave symbols and lines out of the nexe
    #[arg(short = 's')]
    pub(crate) strip: bool,
    /// Print the commands that are run
    #[arg(short = 'v')]
    pub(crate) verbose: bool,
    /// The rules that the code is to keep: nacl or fast
    #[arg(long, value_name = "DIALECT", default_value = "nacl")]
    pub(crate) dialect: Dialect,
    /// The memory that the program is to run in
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub(crate) memory: u64,
    /// Where the headers and archives of the runtime are; they are built where they are missing
    #[arg(long)]
    pub(crate) print_runtime: bool,
    /// The language standard
    #[arg(long = "std", value_name = "STANDARD")]
    standard: Option<String>,
    /// A file to include before all others
    #[arg(long = "include", value_name = "FILE")]
    includes: Vec<OsString>,
    /// A directory of headers that are not warned about
    #[arg(long = "isystem", value_name = "DIR")]
    system_directories: Vec<OsString>,
    /// Write dependencies for make: M, MM, MD, MMD, MP or MG, as gcc has them
    #[arg(long, value_name = "KIND")]
    dependencies: Vec<String>,
    /// The file that dependencies are written to
    #[arg(long, value_name = "FILE")]
    dependency_file: Option<OsString>,
    /// The target that has the dependencies
    #[arg(long, value_name = "TARGET")]
    dependency_target: Option<OsString>,
    /// Link without the runtime
    #[arg(long)]
    pub(crate) nostdlib: bool,
    /// Write the manual page and the completions into a directory: what `make install` does
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    pub pages: Option<PathBuf>,
}

/// gcc's long options with one dash, and what they are called here.
const LONG: [(&str, &str); 12] = [
    ("-MF", "--dependency-file"),
    ("-MT", "--dependency-target"),
    ("-MQ", "--dependency-target"),
    ("-M", "--dependencies=M"),
    ("-MM", "--dependencies=MM"),
    ("-MD", "--dependencies=MD"),
    ("-MMD", "--dependencies=MMD"),
    ("-MP", "--dependencies=MP"),
    ("-include", "--include"),
    ("-isystem", "--isystem"),
    ("-nostdlib", "--nostdlib"),
    ("-pedantic", "-Wpedantic"),
];

impl Arguments {
    /// Parses a command line, which begins with the program's name.
    pub fn from_command_line(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        let spelled = arguments.into_iter().filter_map(spell);
        Self::try_parse_from(spelled)
    }

    /// Refuses what does not go with a sandbox.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refused = |letter: char, option: &str, why| Error::Option {
            option: format!("-{letter}{option}"),
            why,
        };
        for option in &self.generation {
            let why = match option.as_str() {
                "PIC" | "pic" | "PIE" | "pie" => "a nexe is linked to fixed addresses",
                "split-stack" | "sanitize=address" | "sanitize=thread" => {
                    "a guest has no such runtime"
                }
                "openmp" => "a guest has one thread",
                _ if option.starts_with("lto") => "code is rewritten file by file",
                _ if option.starts_with("profile") => "a guest has no such runtime",
                _ if option.starts_with("fixed-") || option.starts_with("call-") => {
                    "registers are the sandbox's to keep"
                }
                _ => continue,
            };
            return Err(refused('f', option, why));
        }
        for option in &self.machine {
            let is_known = matches!(option.as_str(), "x32" | "sse" | "sse2" | "sse3" | "ssse3")
                || matches!(
                    option.as_str(),
                    "sse4" | "sse4.1" | "sse4.2" | "popcnt" | "fpmath=sse"
                )
                || option.starts_with("tune=");
            if !is_known {
                let why = "the sandbox has the instructions of x86-64 up to SSE4.2 and popcnt";
                return Err(refused('m', option, why));
            }
        }
        let outputs = usize::from(self.compile) + usize::from(self.assembly);
        if outputs == 1 && self.output.is_some() && self.files.len() > 1 {
            return Err(Error::OneOutput(self.files.len()));
        }
        Ok(())
    }

    /// Whether line numbers are kept.
    pub(crate) fn debugs(&self) -> bool {
        self.debug.last().is_some_and(|level| level != "0")
    }

    /// Whether gcc is only asked for dependencies or the preprocessed text.
    pub(crate) fn is_for_preprocessor(&self) -> bool {
        self.preprocess
            || self
                .dependencies
                .iter()
                .any(|kind| kind == "M" || kind == "MM")
    }

    /// What gcc is told of a source file: what the user said.
    pub(crate) fn for_gcc(&self, source: &Path, output: &Path) -> Vec<OsString> {
        let mut told: Vec<OsString> = Vec::new();
        let lists = [
            ("-I", &self.include_directories),
            ("-D", &self.define),
            ("-U", &self.undefine),
            ("-W", &self.warnings),
        ];
        for (letter, values) in lists {
            told.extend(values.iter().map(|value| joined(letter, value)));
        }
        for (letter, values) in [("-f", &self.generation), ("-m", &self.machine)] {
            told.extend(
                values
                    .iter()
                    .map(|value| OsString::from(format!("{letter}{value}"))),
            );
        }
        for (option, values) in [
            ("-include", &self.includes),
            ("-isystem", &self.system_directories),
        ] {
            told.extend(
                values
                    .iter()
                    .flat_map(|value| [OsString::from(option), value.clone()]),
            );
        }
        let last = |letter: &str, values: &[String]| {
            values
                .last()
                .map(|value| OsString::from(format!("{letter}{value}")))
        };
        told.extend(last("-O", &self.optimize));
        told.extend(last("-g", &self.debug));
        told.extend(
            self.standard
                .as_ref()
                .map(|name| OsString::from(format!("-std={name}"))),
        );
        told.extend(self.no_warnings.then(|| OsString::from("-w")));
        self.dependency_options(source, output, &mut told);
        told
    }

    fn dependency_options(&self, source: &Path, output: &Path, told: &mut Vec<OsString>) {
        if self.dependencies.is_empty() {
            return;
        }
        told.extend(
            self.dependencies
                .iter()
                .map(|kind| OsString::from(format!("-{kind}"))),
        );
        let object = match self.compile || self.assembly {
            true => output.to_owned(),
            false => source.with_extension("o"),
        };
        let target = self.dependency_target.clone();
        told.push("-MT".into());
        told.push(target.unwrap_or_else(|| object.clone().into_os_string()));
        let writes = self
            .dependencies
            .iter()
            .any(|kind| kind == "MD" || kind == "MMD");
        let default = writes.then(|| object.with_extension("d").into_os_string());
        if let Some(file) = self.dependency_file.clone().or(default) {
            told.extend(["-MF".into(), file]);
        }
    }
}

/// What gcc spells with one dash and many letters, as options are spelled here. What says nothing new
/// is left out.
fn spell(argument: OsString) -> Option<OsString> {
    let Some(text) = argument.to_str() else {
        return Some(argument);
    };
    if let Some((_, long)) = LONG.iter().find(|(short, _)| *short == text) {
        return Some(OsString::from(long));
    }
    Some(OsString::from(match text {
        "-static" | "-pipe" | "-mx32" => return None,
        "-ansi" => "--std=c90".to_owned(),
        "-O" => "-O1".to_owned(),
        "-g" => "-g2".to_owned(),
        "--version" => "--version".to_owned(),
        _ => match text.strip_prefix("-std=") {
            Some(standard) => format!("--std={standard}"),
            None => return Some(argument),
        },
    }))
}

fn joined(letter: &str, value: &OsString) -> OsString {
    let mut whole = OsString::from(letter);
    whole.push(value);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Arguments {
        let words = std::iter::once("zcc").chain(line.split_ascii_whitespace());
        Arguments::from_command_line(words.map(OsString::from)).expect(line)
    }

    fn told(line: &str) -> String {
        let arguments = parsed(line);
        let told = arguments.for_gcc(Path::new("d/x.c"), Path::new("x.o"));
        let told: Vec<_> = told.iter().map(|word| word.to_string_lossy()).collect();
        told.join(" ")
    }

    #[test]
    fn gcc_is_told_what_the_user_says() {
        assert_eq!(
            told("-c -O2 -O -DA=1 -D B -Iinc x.c"),
            "-Iinc -DA=1 -DB -O1"
        );
        assert_eq!(
            told("-g -std=c99 -Wall -w x.c -msse4.2"),
            "-Wall -msse4.2 -g2 -std=c99 -w"
        );
        assert_eq!(told("-c -MMD -MF a.d x.c"), "-MMD -MT x.o -MF a.d");
        assert_eq!(told("-c -MD x.c"), "-MD -MT x.o -MF x.d");
        assert_eq!(
            told("-include a.h -isystem s x.c"),
            "-include a.h -isystem s"
        );
    }

    #[test]
    fn what_does_not_go_with_a_sandbox() {
        for line in [
            "-fPIC",
            "-fpie",
            "-flto",
            "-ffixed-rbx",
            "-mavx2",
            "-m32",
            "-march=native",
        ] {
            assert!(parsed(line).check().is_err(), "{line}");
        }
        assert!(parsed("-c -o x a.c b.c").check().is_err());
        assert!(
            parsed("-o x a.c b.c -funroll-loops -mtune=generic")
                .check()
                .is_ok()
        );
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
