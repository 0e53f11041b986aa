//! Twelve kernels by everybody who can run them: the processor time of each against gcc -O2, with the
//! sizes of zcc's code and the time of compiling, as a table and as a picture in `target/bench`.
//!
//! All print the same, which is looked at. What is compared runs in turns, so that what else the machine
//! does meets everybody. `ROUNDS` says how often, `KERNELS` which ones, by the beginnings of their names.

#[path = "kernels/contenders.rs"]
mod contenders;
#[path = "kernels/picture.rs"]
mod picture;
#[path = "../tests/support/mod.rs"]
mod support;

use contenders::{ALL, Contender, children};
use object::{Object as _, ObjectSection as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{done, open_directory, zcc};

fn main() {
    // Cargo asks benchmarks that have no harness about their tests.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let rounds = std::env::var("ROUNDS").ok();
    let rounds = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let kernels = kernels();
    let contenders = who_can_run(&kernels[0]);
    println!("processor time against gcc -O2, medians of {rounds} runs in turns");
    print!("{:<14}{:>8}", "kernel", "gcc, s");
    contenders
        .iter()
        .skip(1)
        .for_each(|contender| print!("{:>10}", contender.name()));
    println!(
        "{:>12}{:>12}{:>11}",
        "code, nacl", "code, fast", "compiling"
    );
    let mut rows = Vec::new();
    for kernel in &kernels {
        let row = measure(kernel, &contenders, rounds);
        print!("{:<14}{:>8.3}", row.kernel, row.native);
        print_ratios(&row.ratios, &row.made);
        rows.push(row);
    }
    let means = column_means(&rows, |row| &row.ratios);
    print!("{:<22}", "geometric mean");
    print_ratios(&means, &column_means(&rows, |row| &row.made));
    let names: Vec<&str> = contenders.iter().skip(1).map(|it| it.name()).collect();
    let bars = rows
        .iter()
        .map(|row| (row.kernel.as_str(), row.ratios.as_slice()))
        .chain([("geometric mean", means.as_slice())]);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    fs::create_dir_all(&path).expect("a directory for the picture");
    let path = path.join("kernels.svg");
    fs::write(&path, picture::draw(&names, bars)).expect("the picture is written");
    println!("drawn in {}", path.display());
}

/// Everybody who can run a kernel here; who cannot is named, with what is missing.
fn who_can_run(kernel: &Path) -> Vec<Contender> {
    let place = open_directory();
    let mut all = ALL.to_vec();
    all.retain(|contender| {
        let compiled = contender.compile(kernel, place.path());
        if let Err(why) = &compiled {
            println!("skipped: {}: {why}", contender.name());
        }
        compiled.is_ok()
    });
    all
}

fn kernels() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let entries = fs::read_dir(directory).expect("the kernels");
    let mut kernels: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    let wanted = std::env::var("KERNELS").unwrap_or_default();
    kernels.retain(|kernel| {
        let name = kernel.file_stem().expect("a name").to_string_lossy();
        let mut words = wanted.split_ascii_whitespace().peekable();
        words.peek().is_none() || words.any(|word| name.starts_with(word))
    });
    kernels.sort();
    assert!(!kernels.is_empty(), "KERNELS names none");
    kernels
}

/// What one kernel takes.
struct Row {
    kernel: String,
    /// Seconds of gcc's program.
    native: f64,
    /// The others, as multiples of that.
    ratios: Vec<f64>,
    /// The sizes of code in both dialects, and the time of compiling, as multiples of gcc's.
    made: [f64; 3],
}

fn measure(kernel: &Path, contenders: &[Contender], rounds: usize) -> Row {
    let directory = open_directory();
    let place = directory.path();
    let compiled = |contender: &Contender| {
        let program = contender.compile(kernel, place);
        (*contender, program.expect("it did compile a kernel"))
    };
    let programs: Vec<_> = contenders.iter().map(compiled).collect();
    let mut times = vec![Vec::new(); programs.len()];
    for _ in 0..rounds {
        let mut printed: Option<Vec<u8>> = None;
        for ((contender, program), times) in programs.iter().zip(&mut times) {
            let (output, seconds) = contender.run(program);
            let name = contender.name();
            assert_eq!(
                printed.get_or_insert_with(|| output.clone()),
                &output,
                "{name}"
            );
            times.push(seconds);
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    Row {
        kernel: kernel.file_stem().expect("a name").display().to_string(),
        native: medians[0],
        ratios: medians[1..].iter().map(|time| time / medians[0]).collect(),
        made: compiling(kernel, place, rounds),
    }
}

/// The code that is made in both dialects, and what compiling takes, against gcc.
fn compiling(kernel: &Path, place: &Path, rounds: usize) -> [f64; 3] {
    let object = |name: &str| place.join(format!("{name}.object"));
    let compile = |mut command: Command, name: &str| {
        let before = children();
        command.args(["-O2", "-c"]).arg(kernel).arg("-o");
        done(command.arg(object(name)));
        children() - before
    };
    let in_dialect = |dialect: &str| {
        let mut command = zcc();
        command.args(["--dialect", dialect]);
        compile(command, dialect)
    };
    let (mut by_gcc, mut by_zcc) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        by_gcc.push(compile(Command::new("gcc"), "gcc"));
        by_zcc.push(in_dialect("nacl"));
    }
    in_dialect("fast");
    let size = |name| code(&object(name)) / code(&object("gcc"));
    [size("nacl"), size("fast"), median(by_zcc) / median(by_gcc)]
}

fn code(object: &Path) -> f64 {
    let bytes = fs::read(object).expect("the object");
    let file = object::File::parse(&*bytes).expect("an object");
    let sections = file.sections();
    let text = sections.filter(|section| section.kind() == object::SectionKind::Text);
    text.map(|section| section.size() as f64).sum()
}

fn print_ratios(ratios: &[f64], made: &[f64]) {
    ratios.iter().for_each(|ratio| print!("{ratio:>10.2}"));
    println!("{:>12.2}{:>12.2}{:>11.2}", made[0], made[1], made[2]);
}

fn column_means<'r, C: AsRef<[f64]> + ?Sized + 'r>(
    rows: &'r [Row],
    columns: impl Fn(&'r Row) -> &'r C,
) -> Vec<f64> {
    let width = columns(&rows[0]).as_ref().len();
    let column = |index: usize| rows.iter().map(move |row| (row, index));
    let logarithms = |index: usize| -> f64 {
        let all = column(index).map(|(row, index)| columns(row).as_ref()[index].ln());
        all.sum()
    };
    (0..width)
        .map(|index| (logarithms(index) / rows.len() as f64).exp())
        .collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
