//! Twelve kernels, compiled with zcc and run by `zerovm`, beside the same compiled with gcc -O2: the
//! processor time of each, as ratios, with the sizes of their code and the time of compiling them.
//!
//! What is compared runs in turns, so that what else the machine does meets both. `ROUNDS` says how
//! often.

#[path = "../tests/support/mod.rs"]
mod support;

use nix::sys::resource::{UsageWho, getrusage};
use object::{Object as _, ObjectSection as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Session, done, native, open_directory, zcc};

fn main() {
    // Cargo asks benchmarks that have no harness about their tests.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5);
    let dialects: Vec<&str> = ["nacl", "fast"]
        .into_iter()
        .filter(|name| links(name))
        .collect();
    println!("processor time against gcc -O2, medians of {rounds} runs in turns");
    print!("{:<14}{:>9}", "kernel", "gcc, s");
    dialects.iter().for_each(|name| print!("{name:>9}"));
    println!("{:>10}{:>10}", "code", "compiling");
    let mut ratios = vec![Vec::new(); dialects.len() + 2];
    for kernel in kernels() {
        let row = measure(&kernel, &dialects, rounds);
        print!(
            "{:<14}{:>9.3}",
            kernel.file_stem().expect("a name").display(),
            row.native
        );
        row.ratios
            .iter()
            .take(dialects.len())
            .for_each(|ratio| print!("{ratio:>9.2}"));
        let [code, compiling] = row.ratios[dialects.len()..] else {
            continue;
        };
        println!("{code:>10.2}{compiling:>10.2}   {}", bar(row.ratios[0]));
        ratios
            .iter_mut()
            .zip(row.ratios)
            .for_each(|(all, ratio)| all.push(ratio));
    }
    print!("{:<23}", "geometric mean");
    for (index, all) in ratios.iter().enumerate() {
        let width = if index < dialects.len() { 9 } else { 10 };
        print!("{:>width$.2}", mean(all));
    }
    println!();
}

/// Whether programs of a dialect can be made.
fn links(dialect: &str) -> bool {
    let directory = open_directory();
    let source = directory.path().join("empty.c");
    fs::write(&source, "int main(void) { return 0; }\n").expect("it is written");
    let nexe = directory.path().join("empty.nexe");
    let output = zcc()
        .args(["--dialect", dialect])
        .arg(source)
        .arg("-o")
        .arg(nexe)
        .output();
    output.is_ok_and(|output| output.status.success())
}

fn kernels() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let entries = fs::read_dir(directory).expect("the kernels");
    let mut kernels: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    kernels.sort();
    kernels
}

/// What one kernel takes.
struct Row {
    native: f64,
    /// The dialects, the size of code, the time of compiling.
    ratios: Vec<f64>,
}

fn measure(kernel: &Path, dialects: &[&str], rounds: usize) -> Row {
    let directory = open_directory();
    let place = directory.path();
    let source = kernel.as_os_str();
    native(["-O2".as_ref(), source], place, &[]);
    let (gcc_object, own_object) = (place.join("gcc.o"), place.join("zcc.o"));
    let by_gcc = time(|| {
        done(
            Command::new("gcc")
                .args(["-O2", "-c"])
                .arg(kernel)
                .arg("-o")
                .arg(&gcc_object),
        );
    });
    let by_zcc = time(|| {
        done(
            zcc()
                .args(["-O2", "-c"])
                .arg(kernel)
                .arg("-o")
                .arg(&own_object),
        );
    });
    let nexes = dialects.iter().map(|dialect| {
        let nexe = place.join(format!("{dialect}.nexe"));
        support::compile(
            [
                "--dialect".as_ref(),
                dialect.as_ref(),
                "-O2".as_ref(),
                source,
            ],
            &nexe,
        );
        nexe
    });
    let nexes: Vec<PathBuf> = nexes.collect();
    let mut natives = Vec::new();
    let mut guests = vec![Vec::new(); nexes.len()];
    for _ in 0..rounds {
        let program = place.join("native");
        natives.push(time(|| _ = done(&mut Command::new(&program))));
        for (times, nexe) in guests.iter_mut().zip(&nexes) {
            times.push(time(|| _ = Session::of(nexe).ended()));
        }
    }
    let native = median(natives);
    let mut ratios: Vec<f64> = guests
        .into_iter()
        .map(|times| median(times) / native)
        .collect();
    ratios.push(code(&own_object) / code(&gcc_object));
    ratios.push(by_zcc / by_gcc);
    Row { native, ratios }
}

/// The processor time, in user mode, of the processes that something starts.
fn time(work: impl FnOnce()) -> f64 {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is told");
        let time = usage.user_time();
        time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
    };
    let before = used();
    work();
    used() - before
}

fn code(object: &Path) -> f64 {
    let bytes = fs::read(object).expect("the object");
    let file = object::File::parse(&*bytes).expect("an object");
    let sections = file.sections();
    let text = sections.filter(|section| section.kind() == object::SectionKind::Text);
    text.map(|section| section.size() as f64).sum()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

fn bar(ratio: f64) -> String {
    "#".repeat((ratio * 20.0).round() as usize)
}
