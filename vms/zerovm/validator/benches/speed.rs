//! How fast texts are validated, beside what the decoder alone takes for the same bytes.
//!
//! Three texts. One is assembled with the system's assembler from generated code, and accepted. One
//! is made of the code of a large library of this system: its instructions that the rules allow, in
//! their order, put into bundles, so it is accepted and mixed as real code is. The last is that
//! library's code as it is, compiled for no sandbox: most bundles are refused, and every instruction
//! is looked at all the same.

use iced_x86::{Decoder, DecoderOptions, Instruction};
use object::{Object, ObjectSection};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use zerovm_validator::{Dialect, Validator};

#[path = "../tests/common/assembly.rs"]
mod assembly;
#[path = "../tests/common/mod.rs"]
mod common;

/// Each measurement is the median of so many.
const ROUNDS: usize = 9;

fn main() {
    let library = library();
    match &library {
        Some((path, _)) => println!("the library is {}", path.display()),
        None => println!("no large library found; only generated code is measured"),
    }
    for dialect in Dialect::ALL {
        println!("dialect {dialect}:");
        measure(dialect, library.as_ref().map(|(_, text)| &**text));
    }
    if let Some(path) = std::env::var_os("NEXE") {
        measure_nexe(Path::new(&path));
    }
}

/// The code of a program that is named, many times over: of whatever size it is, it shall not be in
/// the processor's caches.
fn measure_nexe(path: &Path) {
    let file = std::fs::read(path).expect("the program can be read");
    let elf = object::File::parse(&*file).expect("it is an ELF file");
    let text = elf.section_by_name(".text").expect("it has code");
    let text = text.data().expect("it has code");
    let text = text.repeat((16_usize << 20).div_ceil(text.len()));
    let validator = Validator::new(Dialect::of_nexe(&file));
    validator.validate(0x20000, &text).expect("it is valid");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    report(&name, &text, |text| {
        black_box(validator.validate(0x20000, text)).expect("accepted");
    });
}

fn measure(dialect: Dialect, library: Option<&[u8]>) {
    let single = Validator::new(dialect);
    let accepted = accepted_text(dialect);
    single
        .validate(0x20000, &accepted)
        .expect("the generated code keeps to the rules");
    report("accepted, generated", &accepted, |text| {
        black_box(single.validate(0x20000, text)).expect("accepted");
    });
    if let Ok(threads) = std::thread::available_parallelism() {
        report_threads(dialect, &accepted, threads);
    }
    let Some(text) = library else { return };
    let bundled = bundled(&single, text);
    report("accepted, instructions of a library", &bundled, |text| {
        black_box(single.validate(0x20000, text)).expect("every instruction was accepted");
    });
    report("refused, the library as it is", text, |text| {
        black_box(single.violations(0x20000, text).next());
    });
}

/// Prints what one thread takes, in time of its processor: whoever else uses it does not count.
fn report(name: &str, text: &[u8], mut validate: impl FnMut(&[u8])) {
    let mut ours = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..ROUNDS {
        ours.push(processor_time(|| validate(black_box(text))));
        bare.push(processor_time(|| decode(black_box(text))));
    }
    let (ours, bare) = (rate(text, ours), rate(text, bare));
    println!(
        "{name:<36} {:>5.1} MB, validated {ours:>4.0} MB/s, decoded only {bare:>4.0} MB/s, ratio {:.2}",
        text.len() as f64 / 1e6,
        ours / bare
    );
}

/// Prints what several threads take together, by the clock.
fn report_threads(dialect: Dialect, text: &[u8], threads: NonZeroUsize) {
    let validator = Validator::new(dialect).with_threads(threads);
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(validator.validate(0x20000, black_box(text))).expect("accepted");
        start.elapsed().as_secs_f64()
    });
    let rate = rate(text, times.collect());
    println!("the same with {threads} threads, by the clock: {rate:.0} MB/s");
}

/// MB/s by the median.
fn rate(text: &[u8], mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    text.len() as f64 / times[times.len() / 2] / 1e6
}

fn processor_time(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = now();
    work();
    now() - start
}

fn decode(text: &[u8]) {
    let mut decoder = Decoder::new(64, text, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut sum = 0_u64;
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        sum = sum.wrapping_add(instruction.code() as u64);
    }
    black_box(sum);
}

/// At least 16 MB, of which the assembler made one and the rest is the same again.
fn accepted_text(dialect: Dialect) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let block = assembly::assemble(folder.path(), &assembly::program(dialect, 1, 2000));
    let times = (16_usize << 20).div_ceil(block.len());
    block.repeat(times)
}

/// The instructions of a text that the validator accepts, or would from gs, one after the other in
/// bundles; branches go to the start of their own bundle.
fn bundled(validator: &Validator, text: &[u8]) -> Vec<u8> {
    const BUNDLE: usize = 32;
    let mut bundles = Vec::with_capacity(text.len());
    let mut decoder = Decoder::new(64, text, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        let start = decoder.position();
        decoder.decode_out(&mut instruction);
        let code = &text[start..start + instruction.len()];
        let from_gs = [&[0x65, 0x67], code].concat();
        let is_better = validator.validate(0, &from_gs).is_ok();
        let code = if is_better { &from_gs } else { code };
        let mut bytes = [0x90; BUNDLE];
        let length = code.len();
        bytes[..length].copy_from_slice(code);
        let room = BUNDLE - bundles.len() % BUNDLE;
        if room < length {
            bundles.resize(bundles.len() + room, 0x90);
        }
        let distance = (bundles.len() % BUNDLE + length) as i32;
        match bytes {
            [0x70..=0x7f | 0xeb, ..] => bytes[1] = -distance as u8,
            [0xe8 | 0xe9, ..] => bytes[1..5].copy_from_slice(&(-distance).to_le_bytes()),
            [0x0f, 0x80..=0x8f, ..] => bytes[2..6].copy_from_slice(&(-distance).to_le_bytes()),
            _ => {}
        }
        let alone = validator.validate(0, &bytes);
        let branches = alone
            .as_ref()
            .is_err_and(|violation| violation.target.is_some());
        if alone.is_ok() || branches && !matches!(bytes[0], 0xe0..=0xe3 | 0x40..=0x4f | 0x2e | 0x3e)
        {
            bundles.extend(&bytes[..length]);
        }
    }
    bundles.resize(bundles.len().next_multiple_of(BUNDLE), 0x90);
    bundles
}

/// The largest of some libraries, with its code.
fn library() -> Option<(PathBuf, Vec<u8>)> {
    let mut candidates: Vec<PathBuf> = [
        "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
        "/usr/lib64/libcrypto.so.3",
        "/usr/lib/libcrypto.so.3",
    ]
    .map(PathBuf::from)
    .to_vec();
    if let Ok(output) = Command::new("rustc").args(["--print", "sysroot"]).output() {
        let folder = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("lib");
        let found = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|at| at.path());
        candidates.extend(found.filter(|path| path.to_string_lossy().contains("rustc_driver")));
    }
    candidates
        .into_iter()
        .filter_map(|path| {
            let file = std::fs::read(&path).ok()?;
            let elf = object::File::parse(&*file).ok()?;
            let text = elf.section_by_name(".text")?.data().ok()?.to_vec();
            Some((path, text))
        })
        .max_by_key(|(_, text)| text.len())
}
