//! `zerovm-validate`: says of programs, or of pieces of code, whether ZeroVM may run them.
//!
//! Nothing is run or mapped here; the verdict is that of `zerovm-validator` on the bytes that the
//! loader would place.

#![forbid(unsafe_code)]

mod blobs;
mod nexe;

use clap::Parser;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
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
    #[arg(value_name = "FILE", required_unless_present = "hex")]
    files: Vec<PathBuf>,

    /// Judge standard input instead: code in hexadecimal, one piece a line, each filled up with 90
    /// to the end of its bundle; prints `ok` or `bad OFFSET REASON` for each.
    #[arg(long, conflicts_with = "files")]
    hex: bool,
}

/// No file is read further than that.
const LARGEST: u64 = 1 << 28;

const UNSAFE: u8 = 1;
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let threads = std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN);
    let validator = Validator::new(Dialect::Nacl).with_threads(threads);
    let mut output = BufWriter::new(io::stdout().lock());
    let written = if arguments.hex {
        blobs::judge(&validator, io::stdin().lock(), &mut output)
    } else {
        judge_files(&validator, &arguments.files, &mut output)
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

/// Prints a line for each file; the exit code.
fn judge_files(
    validator: &Validator,
    files: &[PathBuf],
    output: &mut impl Write,
) -> io::Result<u8> {
    let mut code = 0;
    for file in files {
        let verdict = match read(file) {
            Ok(bytes) => judge_program(validator, &bytes),
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
    let mut bytes = Vec::new();
    File::open(file)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let message = "more than the 256 MiB that are read of a file";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn print_unsafe(file: &Path, reason: &str, output: &mut impl Write) -> io::Result<()> {
    writeln!(output, "{}: unsafe {reason}", file.display())
}

/// The verdict on a whole file; if it is refused, the offset in its text and why.
fn judge_program(validator: &Validator, file: &[u8]) -> Result<(), String> {
    let program = nexe::text(file).map_err(|refusal| format!("0x0: {refusal}"))?;
    validator
        .validate(program.address, &program.text)
        .map_err(|violation| violation.to_string())
}
