//! What `make install` puts beside the programs: units that systemd takes, manual pages, completions.

use cosmos_tests::machine::write_program;
use cosmos_tests::{Prefix, World, built, in_world, repository, run};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(50);

#[test]
fn systemd_takes_the_units_and_each_program_has_its_pages() {
    in_world(|world| {
        let prefix = Prefix::installed(world);
        for program in [
            "cosmos",
            "cosmosd",
            "cosmosdb",
            "zerovm",
            "zerovm-validate",
            "zcc",
        ] {
            let page = fs::read_to_string(prefix.file(&format!("share/man/man1/{program}.1")));
            let page = page.expect("a page");
            assert!(page.contains(".SH OPTIONS"), "{program}: {page}");
            assert!(!page.contains("pages"), "{program} shows what is hidden");
            for completion in [
                format!("share/bash-completion/completions/{program}"),
                format!("share/zsh/site-functions/_{program}"),
                format!("share/fish/vendor_completions.d/{program}.fish"),
            ] {
                let script = fs::read_to_string(prefix.file(&completion)).expect("a script");
                assert!(
                    script.contains("--help") || script.contains("help"),
                    "{completion}"
                );
            }
        }
        assert!(prefix.file("bin/cosmosd").exists(), "ssh finds no cosmosd");
        for (manager, units) in [
            (
                "--user",
                &[
                    "user/cosmosdb.socket",
                    "user/cosmosdb.service",
                    "user/cosmosd.service",
                ][..],
            ),
            ("--system", &["system/cosmosd@.service"]),
        ] {
            let units = units
                .iter()
                .map(|unit| prefix.file(&format!("lib/systemd/{unit}")));
            let units: Vec<PathBuf> = units.collect();
            for unit in &units {
                let text = fs::read_to_string(unit).expect("a unit");
                assert!(!text.contains("@LIBEXECDIR@"), "{}: {text}", unit.display());
                let daemon = prefix.file("libexec/cosmos/cosmosd");
                let daemon = daemon.parent().expect("a directory").join("cosmosd");
                let starts = text
                    .lines()
                    .find_map(|line| line.strip_prefix("ExecStart="));
                assert!(
                    starts.is_none_or(|started| Path::new(started).parent() == daemon.parent()),
                    "{text}"
                );
            }
            // A template is looked at as an instance of it.
            let instances = units.iter().map(|unit| {
                let name = unit
                    .file_name()
                    .and_then(|name| name.to_str())
                    .expect("UTF-8");
                unit.with_file_name(name.replace("@.", "@root."))
            });
            verify(world, manager, &instances.collect::<Vec<_>>());
        }
    });
}

/// What systemd says against units, but for what older versions of it do not know.
#[test]
fn what_was_installed_can_be_removed() {
    in_world(|world| {
        let prefix = Prefix::installed(world);
        let root = prefix.file("bin");
        let root = root.parent().expect("a directory");
        assert!(files_below(root).len() > 40, "{:?}", files_below(root));
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "uninstall"])
            .arg("-C")
            .arg(repository())
            .arg(format!("PREFIX={}", root.display()))
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL");
        run(&mut make, PATIENCE).succeeded();
        assert_eq!(files_below(root), Vec::<PathBuf>::new());
    });
}

/// Two small programs in place of all of it, by the flags that it is built with.
#[test]
fn what_is_built_for_installing_names_no_place_of_its_builder() {
    in_world(|world| {
        let directory = world.directory();
        let cargo = directory.join("cargo");
        let text = "#!/bin/sh\nset -e\n\
                    rustc $RUSTFLAGS -o \"$WHERE/rust\" \"$PWD/tests/rust/where.rs\"\n\
                    gcc $CFLAGS -o \"$WHERE/c\" \"$PWD/tests/c/where.c\"\n";
        write_program(&cargo, text);
        let mut make = Command::new("make");
        make.args(["--no-print-directory", "release"])
            .arg("-C")
            .arg(repository())
            .arg(format!("CARGO={}", cargo.display()))
            .env("WHERE", directory)
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL");
        run(&mut make, PATIENCE).succeeded();
        for (program, source) in [("rust", "rust/where.rs"), ("c", "c/where.c")] {
            let ran = run(&mut Command::new(directory.join(program)), PATIENCE);
            let expected = format!("/usr/src/cosmos_vm/tests/{source}\n");
            assert_eq!(ran.succeeded(), expected);
        }
    });
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let below = entries.map(|entry| entry.expect("an entry").path());
    let files = below.flat_map(|path| match path.is_dir() && !path.is_symlink() {
        true => files_below(&path),
        false => vec![path],
    });
    files.collect()
}

fn verify(world: &World, manager: &str, units: &[PathBuf]) {
    if !has("systemd-analyze") {
        return;
    }
    let mut verify = Command::new("systemd-analyze");
    verify.args([manager, "--man=no", "verify"]).args(units);
    verify.env("XDG_RUNTIME_DIR", world.directory());
    let ran = run(&mut verify, PATIENCE);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let ours = |line: &&str| line.contains("cosmos") && !line.contains("'DelegateSubgroup'");
    let about: Vec<&str> = said.lines().filter(ours).collect();
    assert!(about.is_empty(), "{about:?}");
}

#[test]
fn an_account_can_be_made_to_run_vms_for_others() {
    in_world(|world| {
        let prefix = Prefix::installed(world);
        let account = prefix.file("lib/sysusers.d/cosmos.conf");
        let home = prefix.file("lib/tmpfiles.d/cosmos.conf");
        let root = world.directory().join("root");
        fs::create_dir_all(root.join("etc")).expect("a directory");
        let root = format!("--root={}", root.display());
        if has("systemd-sysusers") {
            run(
                Command::new("systemd-sysusers").arg(&root).arg(&account),
                PATIENCE,
            )
            .succeeded();
            let made = fs::read_to_string(world.directory().join("root/etc/passwd"));
            let made = made.expect("the accounts");
            let line = made.lines().find(|line| line.starts_with("cosmos:"));
            let line = line.unwrap_or_else(|| panic!("no account: {made}"));
            assert!(line.ends_with(":/var/lib/cosmos:/bin/sh"), "{line}");
        }
        if has("systemd-tmpfiles") && has("systemd-sysusers") {
            let mut makes = Command::new("systemd-tmpfiles");
            run(makes.args([&root, "--create"]).arg(&home), PATIENCE).succeeded();
            let made = fs::metadata(world.directory().join("root/var/lib/cosmos"));
            assert_eq!(made.expect("its home").mode() & 0o777, 0o700);
        }
    });
}

/// What `cosmosd@.service` does: cosmosd in the foreground as this account, in a directory of its own,
/// with a registry that nobody else started.
#[test]
fn cosmosd_alone_serves_an_account_as_its_unit_has_it() {
    in_world(|world| {
        let runtime = world.directory().join("cosmos-account");
        fs::create_dir(&runtime).expect("a directory");
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o700)).expect("its mode");
        let (socket, listener) = (world.directory().join("notify"), "COSMOS_SOCKET_DIRECTORY");
        let notified = UnixDatagram::bind(&socket).expect("a socket");
        notified
            .set_read_timeout(Some(PATIENCE))
            .expect("a deadline");
        let mut daemon = Command::new(built().join("cosmosd"))
            .env(listener, &runtime)
            .env("NOTIFY_SOCKET", &socket)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cosmosd");
        let mut told = [0; 256];
        let count = notified.recv(&mut told).expect("a word that it is ready");
        let told = String::from_utf8_lossy(&told[..count]).into_owned();
        assert!(told.contains("READY=1"), "{told}");
        let call =
            |words: &[&str]| run(world.cosmos().args(words).env(listener, &runtime), PATIENCE);
        let cosine = call(&["call", "libm.so.6", "double cos(double x)", "0"]);
        assert_eq!(cosine.succeeded(), "1\n");
        let term = nix::sys::signal::Signal::SIGTERM;
        let pid = nix::unistd::Pid::from_raw(daemon.id().cast_signed());
        nix::sys::signal::kill(pid, term).expect("it runs");
        assert!(daemon.wait().expect("its end").success());
        call(&["stop"]).succeeded();
    });
}

/// Whether this machine has a program; says so where it has not.
fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        println!("skipped: there is no {program} here");
    }
    there
}
