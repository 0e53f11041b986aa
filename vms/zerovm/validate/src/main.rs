//! `zerovm-validate`: says of programs, or of pieces of code, whether ZeroVM may run them.
//!
//! Nothing is run or mapped here; the verdict is that of `zerovm-validator` on the bytes that the
//! loader would place.

#![forbid(unsafe_code)]

mod blobs;
mod nexe;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zerovm_validator::{Dialect, Validator};

/// Say of programs for ZeroVM whether they are safe to run.
///
/// Prints `FILE: safe`, or `FILE: unsafe OFFSET: REASON` with the offset in the text segment. A file
/// that is not in ELF format is taken for bare code that starts on a bundle. Exits with 0 if all are
/// safe, 1 if one is not, and 2 if one cannot be read.
#[derive(Parser)]
#[command(name = "zerovm-validate", version)]
struct Arguments {
    /// Programs to judge.
    #[arg(value_name = "FILE", required_unless_present_any = ["hex", "pages"])]
    files: Vec<PathBuf>,

    /// Judge standard input instead: code in hexadecimal, one piece a line, each filled up with 90
    /// to the end of its bundle; prints `ok` or `bad OFFSET REASON` for each.
    #[arg(long, conflicts_with = "files")]
    hex: bool,

    /// The rules to judge by. Without this they are what each program says in its header, and nacl for
    /// what has none.
    #[arg(long, value_name = "DIALECT", value_parser = dialects())]
    dialect: Option<Dialect>,

    /// Write the manual page and the completions into a directory: what `make install` does.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    pages: Option<PathBuf>,
}

fn dialects() -> impl TypedValueParser<Value = Dialect> {
    let names = Dialect::ALL.map(Dialect::name);
    PossibleValuesParser::new(names).map(|name| {
        let named = Dialect::ALL.into_iter().find(|it| it.name() == name);
        named.unwrap_or_default()
    })
}

/// No file is read further than that.
const LARGEST: u64 = 1 << 28;

const UNSAFE: u8 = 1;
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(directory) = &arguments.pages {
        return cosmos_pages::write(Arguments::command(), directory);
    }
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let rules = Rules {
        wanted: arguments.dialect,
        threads,
    };
    let mut output = BufWriter::new(io::stdout().lock());
    let written = if arguments.hex {
        blobs::judge(&rules.of(Dialect::Nacl), io::stdin().lock(), &mut output)
    } else {
        judge_files(&rules, &arguments.files, &mut output)
    };
    let code = match written.and_then(|code| output.flush().map(|()| code)) {
        Ok(code) => code,
        // Whoever reads the verdicts has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => TROUBLE,
        Err(error) => {
            eprintln!("zerovm-validate: {error}");
            TROUBLE
        }
    };
    ExitCode::from(code)
}

/// The rules that are asked for.
struct Rules {
    wanted: Option<Dialect>,
    threads: NonZeroUsize,
}

impl Rules {
    /// The validator of a text that says to be of this dialect.
    fn of(&self, said: Dialect) -> Validator {
        Validator::new(self.wanted.unwrap_or(said)).with_threads(self.threads)
    }
}

/// Prints a line for each file; the exit code.
fn judge_files(rules: &Rules, files: &[PathBuf], output: &mut impl Write) -> io::Result<u8> {
    let mut code = 0;
    for file in files {
        let verdict = match read(file) {
            Ok(bytes) => judge_program(rules, &bytes),
            Err(error) => {
                output.flush()?;
                eprintln!("zerovm-validate: {}: {error}", file.display());
                code = code.max(TROUBLE);
                continue;
            }
        };
        if let Err(reason) = &verdict {
            code = code.max(UNSAFE);
            print_unsafe(file, reason, output)?;
        } else {
            writeln!(output, "{}: safe", file.display())?;
        }
    }
    Ok(code)
}

/// Reads a file, but not one that never ends.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let too_large = || {
        let message = "more than the 256 MiB that are read of a file";
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    let file = File::open(file)?;
    if file.metadata()?.len() > LARGEST {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // What its size does not say.
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    Ok(bytes)
}

fn print_unsafe(file: &Path, reason: &str, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{}: unsafe {reason}", file.display())
}

/// The verdict on a whole file; if it is refused, the offset in its text and why.
fn judge_program(rules: &Rules, file: &[u8]) -> Result<(), String> {
    let program = nexe::text(file).map_err(|refusal| format!("0x0: {refusal}"))?;
    rules
        .of(program.dialect)
        .validate(program.address, &program.text)
        .map_err(|violation| violation.to_string())
}
