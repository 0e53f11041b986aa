//! Programs in dialect fast do what they do natively.
//!
//! They are run by a loader that confines nothing: what is shown is that they are rewritten to the same
//! program whoever runs it, not that they are confined.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{done, native, open_directory, source, zcc};

/// Links an object with the runtime by zcc's own script.
fn link(object: &Path, nexe: &Path) {
    let told = done(zcc().args(["--dialect", "fast", "--print-runtime"])).stdout;
    let runtime = PathBuf::from(String::from_utf8_lossy(&told).trim()).join("fast");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/nexe.ld");
    let mut ld = Command::new("ld");
    ld.args(["-m", "elf_x86_64", "-n", "-static", "--gc-sections", "-T"])
        .arg(script);
    ld.arg("-o")
        .arg(nexe)
        .arg(runtime.join("crt0.o"))
        .arg(object);
    done(ld.arg(runtime.join("libzvm.a")));
}

#[test]
fn the_language_and_the_kernels() {
    let directory = open_directory();
    let place = directory.path();
    let loader = place.join("loader");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-no-pie", "-fcf-protection=none"])
        .arg(source("bare_loader.c"));
    done(gcc.arg("-o").arg(&loader));
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let programs = [
        (source("language.c"), ["-O0", "-O2", "-Os"].as_slice(), "0"),
        (kernels.join("json.c"), &["-O2"], "2"),
        (kernels.join("lz.c"), &["-O2"], "2"),
        (kernels.join("mixed.c"), &["-O2"], "100"),
        (kernels.join("heapsort.c"), &["-O2"], "1"),
        (kernels.join("treap.c"), &["-O2"], "1000"),
        (kernels.join("interpreter.c"), &["-O2"], "1000"),
    ];
    for (source, levels, rounds) in programs {
        let rounds = format!("-DROUNDS={rounds}");
        let words = [source.as_os_str(), "-O2".as_ref(), rounds.as_ref()];
        let expected = native(words, place, &[]);
        for level in levels {
            let (object, nexe) = (place.join("guest.o"), place.join("guest.nexe"));
            let mut command = zcc();
            command
                .args(["--dialect", "fast", level, &rounds, "-w", "-c"])
                .arg(&source);
            done(command.arg("-o").arg(&object));
            link(&object, &nexe);
            let output = Command::new(&loader)
                .arg(&nexe)
                .output()
                .expect("it starts");
            let name = source.display();
            assert_eq!(output.stdout, expected.output, "{name} {level}");
            assert_eq!(output.status.code(), Some(expected.code), "{name} {level}");
        }
    }
}
