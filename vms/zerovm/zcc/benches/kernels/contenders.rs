//! What runs a kernel: how it is compiled, how its processor time is known, and why there is none of it.

use crate::support::{Session, compile_in, done};
use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Somebody who runs kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// gcc -O2, a process of this machine.
    Native,
    /// gcc -mx32 -O2 with the guest's runtime, a process of this machine.
    X32,
    /// zcc -O2 in a dialect, run by `zerovm`.
    Guest(&'static str),
    /// clang -O2 for WASI, run by wasmtime.
    Wasm,
}

pub const ALL: [Contender; 5] = [
    Contender::Native,
    Contender::X32,
    Contender::Guest("nacl"),
    Contender::Guest("fast"),
    Contender::Wasm,
];

impl Contender {
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "gcc",
            Self::X32 => "x32",
            Self::Guest(dialect) => dialect,
            Self::Wasm => "wasmtime",
        }
    }

    /// Compiles a kernel into a directory, or says what is missing.
    pub fn compile(self, kernel: &Path, place: &Path) -> Result<PathBuf, String> {
        let program = place.join(self.name());
        match self {
            Self::Native => {
                let mut gcc = Command::new("gcc");
                gcc.args(["-O2", "-w"]).arg(kernel).arg("-o").arg(&program);
                done(gcc.arg("-lm"));
            }
            Self::X32 => x32(kernel, place, &program),
            Self::Guest(dialect) => {
                compile_in(dialect, ["-O2".as_ref(), kernel.as_os_str()], &program);
            }
            Self::Wasm => wasm(kernel, &program)?,
        }
        Ok(program)
    }

    /// Runs what was compiled: what it printed, and the seconds of processor time in user mode.
    pub fn run(self, program: &Path) -> (Vec<u8>, f64) {
        let before = children();
        match self {
            Self::Native | Self::X32 => {
                let output = done(&mut Command::new(program)).stdout;
                (output, children() - before)
            }
            Self::Guest(_) => {
                let output = Session::of(program).ended().output;
                (output, children() - before)
            }
            Self::Wasm => {
                let output = done(python().arg(runner()).arg(program));
                let said = String::from_utf8_lossy(&output.stderr);
                let seconds = said.trim().parse().expect("the runner says the time");
                (output.stdout, seconds)
            }
        }
    }
}

/// The processor time, in user mode, of the processes that ended.
pub fn children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is told");
    let time = usage.user_time();
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compiles a kernel and the runtime as gcc does for x32, and links them as a program of 64 bits.
fn x32(kernel: &Path, place: &Path, program: &Path) {
    let runtime = here("runtime/source");
    let mut sources = vec![kernel.to_owned(), here("benches/kernels/x32.c")];
    let files = std::fs::read_dir(runtime).expect("the runtime");
    sources.extend(files.map(|entry| entry.expect("an entry").path()));
    let mut objects: Vec<OsString> = Vec::new();
    for source in sources {
        let name = source.file_name().expect("a name").to_string_lossy();
        // The start and the traps of a guest.
        if name.ends_with(".h") || ["crt0.s", "trap.s"].contains(&&*name) {
            continue;
        }
        let object = place.join(format!("{name}.o"));
        let mut assembly = source.clone();
        if name.ends_with(".c") {
            assembly = place.join(format!("{name}.s"));
            let mut gcc = Command::new("gcc");
            gcc.args("-mx32 -O2 -w -S -nostdinc -fno-pic -fno-pie -fno-stack-protector".split(' '))
                .args("-fcf-protection=none -fno-asynchronous-unwind-tables".split(' '));
            if source != kernel {
                gcc.args("-ffreestanding -fno-builtin -fno-math-errno".split(' '));
                gcc.arg("-fno-tree-loop-distribute-patterns");
            }
            let builtin = done(Command::new("gcc").arg("-print-file-name=include")).stdout;
            let builtin = String::from_utf8_lossy(&builtin).trim().to_owned();
            gcc.arg("-isystem").arg(here("runtime/include"));
            gcc.args(["-isystem", &builtin]).arg("-o").arg(&assembly);
            done(gcc.arg(&source));
        }
        let mut assembler = Command::new("as");
        done(assembler.arg("--64").arg("-o").arg(&object).arg(assembly));
        objects.push(object.into_os_string());
    }
    let mut ld = Command::new("ld");
    ld.args([
        "-m",
        "elf_x86_64",
        "-static",
        "--gc-sections",
        "-z",
        "noexecstack",
    ]);
    done(ld.arg("-o").arg(program).args(objects));
}

fn runner() -> PathBuf {
    here("benches/kernels/wasm.py")
}

/// The Python that has wasmtime: `ZCC_BENCH_PYTHON`, or the system's.
fn python() -> Command {
    Command::new(std::env::var_os("ZCC_BENCH_PYTHON").unwrap_or_else(|| "python3".into()))
}

fn wasm(kernel: &Path, program: &Path) -> Result<(), String> {
    let has_wasmtime = python().args(["-c", "import wasmtime"]).output();
    if !has_wasmtime.is_ok_and(|output| output.status.success()) {
        return Err("Python has no wasmtime (pip install wasmtime; ZCC_BENCH_PYTHON)".to_owned());
    }
    let mut clangs = ["clang", "clang-19", "clang-18", "clang-16"].into_iter();
    let works = |name: &&str| {
        let mut command = Command::new(name);
        command.args(["--target=wasm32-wasi", "-O2", "-w"]);
        let output = command.arg(kernel).arg("-o").arg(program).output();
        output.is_ok_and(|output| output.status.success())
    };
    match clangs.find(works) {
        Some(_) => Ok(()),
        None => Err(
            "no clang for WASI (clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32)".to_owned(),
        ),
    }
}
