//! What people are told when something fails: each of these says whose fault it is, what happened, and, where
//! there is something to do, what. The texts are kept in `snapshots`, so that each change of one is looked at.

use cosmos_tests::{World, built, in_world_for, run};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);
const COS: &str = "double cos(double x)";

/// What was typed, how it ended and what was said, without what differs from machine to machine.
#[derive(Default)]
struct Told(String);

impl Told {
    fn by(&mut self, world: &World, command: &mut Command) {
        let words: Vec<String> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let ran = run(command, PATIENCE);
        let shown = format!(
            "$ cosmos {}\n{}{}[{}]\n\n",
            words.join(" "),
            ran.stdout,
            ran.stderr,
            ran.code()
        );
        self.0.push_str(&steady(world, &shown));
    }

    fn cosmos(&mut self, world: &World, words: &[&str]) {
        self.by(world, world.cosmos().args(words));
    }

    /// The same with a variable of the environment, and daemons of its own.
    fn with(&mut self, world: &World, (name, value): (&str, &str)) {
        let sockets = world.directory().join(format!("with-{name}"));
        let mut command = world.cosmos();
        command
            .args(["call", "libm.so.6", COS, "0"])
            .env("COSMOS_SOCKET_DIRECTORY", sockets)
            .env(name, value);
        self.0.push_str(&steady(world, &format!("{name}={value} ")));
        self.by(world, &mut command);
    }
}

/// Paths and numbers of this run as words.
fn steady(world: &World, text: &str) -> String {
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let canonical = fs::canonicalize(world.directory()).expect("the directory");
    let home = std::env::var("HOME").expect("set by the harness");
    let mut text = text
        .replace(&home, "[HOME]")
        .replace(&path(world.directory()), "[WORLD]")
        .replace(&path(&canonical), "[WORLD]")
        .replace(&path(built().as_ref()), "[BUILT]");
    for directory in [
        "/usr/lib/x86_64-linux-gnu",
        "/lib/x86_64-linux-gnu",
        "/usr/lib64",
        "/lib64",
        "/usr/bin",
        "/bin",
    ] {
        text = text.replace(&format!("{directory}/"), "[SYSTEM]/");
    }
    for kind in ["hostfn-", "script-", "exec-", "zerovm-", "crash show c-"] {
        text = numbered(&text, kind);
    }
    // How many there are, and what is called how, is the machine's matter.
    let lines = text.lines().map(|line| match line.split_once("system's ") {
        Some((before, after)) => {
            let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
            format!("{before}system's N {rest}\n")
        }
        None => format!("{line}\n"),
    });
    // Frames are named where there are symbols.
    lines.filter(|line| !line.starts_with("  #")).collect()
}

fn numbered(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut steady = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit());
        let is_number = rest.len() < part.len();
        steady.push_str(before);
        steady.push_str(if is_number { "N" } else { "" });
        steady.push_str(if is_number { rest } else { part });
    }
    steady
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn of_functions() {
    in_world_for(Duration::from_secs(150), |world| {
        let mut told = Told::default();
        for words in [
            &["call", "libnothere.so.9", "int f(void)"][..],
            &["call", "/no/such/lib.so", "int f(void)"],
            &["call", "/etc", "int f(void)"],
            &["call", "", "int f(void)"],
            &["call", "libm.so.6", "double coss(double x)", "0"],
            &["call", "libm.so.6", "double cos(double x", "0"],
            &["call", "libm.so.6", "double cos(char *x)", "0"],
            &["call", "libm.so.6", "coz", "0"],
            &["call", "libm.so.6", COS],
            &["call", "libm.so.6", COS, "zero"],
            &["call", "libm.so.6", COS, "0", "1"],
            &["call", "--isolation", "strongest", "libm.so.6", COS, "0"],
            &["call", "--limit", "memory=1", "libm.so.6", COS, "0"],
            &["call", "--limit", "open_files=3", "libm.so.6", COS, "0"],
            &["call", "--limit", "open_files", "libm.so.6", COS, "0"],
            &["call", "--ro", "/no/such/file", "libm.so.6", COS, "0"],
            &["call", "--host", "tcp://there", "libm.so.6", COS, "0"],
            &[
                "call",
                "libc.so.6",
                "unsigned sleep(unsigned s) __timeout(300)",
                "100",
            ],
            &["call", "libc.so.6", "void abort(void)"],
            &["call", "libc.so.6", "size_t strlen(const char *s)", "NULL"],
            &["call", "libc.so.6", "void exit(int status)", "3"],
            &["logs", "hostfn-99"],
            &["crash", "show", "nothing"],
            &["crash", "show", "c-00000000"],
            &["trace", "/no/such/file"],
            &["which", "libnothere.so.9"],
            &["explain", "E9999"],
            &["proto", "check", "/no/such/file"],
            &["gen", "c", "libnothere.so.1"],
            &["stop", "--host", "ssh://there"],
        ] {
            told.cosmos(world, words);
        }
        insta::assert_snapshot!("functions", told.0);
    });
}

/// Where the argument itself is the trouble, it is named, with another way to say the same.
#[test]
fn of_words_that_cannot_be_carried() {
    in_world_for(PATIENCE, |world| {
        let word = OsStr::from_bytes(b"caf\xe9");
        let strlen = ["call", "libc.so.6", "size_t strlen(const char *s)"];
        let refused = run(world.cosmos().args(strlen).arg(word), PATIENCE);
        assert_eq!(refused.code(), 2, "{refused:?}");
        for part in [r#"the argument "caf\xE9" is not UTF-8"#, "hex:ff or @FILE"] {
            assert!(refused.stderr.contains(part), "{refused:?}");
        }
        let said = run(world.cosmos().args(strlen).arg(r#""caf\xe9""#), PATIENCE);
        assert_eq!(said.succeeded(), "4\n");

        let long = format!("/tmp/{}", "x".repeat(5000));
        let refused = world.run_cosmos(&["call", &long, "int f(void)"]);
        let text = "a target's name has at most 4096 bytes, this one has 5005";
        assert!(refused.stderr.contains(text), "{refused:?}");
    });
}

/// Nobody reads what is said beside the result, and the result is there all the same.
#[test]
fn of_a_standard_error_that_is_full() {
    in_world_for(PATIENCE, |world| {
        let full = File::options().write(true).open("/dev/full");
        let puts = ["call", "libc.so.6", "int puts(const char *s)", "text"];
        let mut command = world.cosmos();
        command.args(puts).stderr(full.expect("the device"));
        let output = command.output().expect("it runs");
        assert_eq!(output.stdout, b"5\n", "{output:?}");
        assert!(output.status.success(), "{output:?}");
    });
}

/// What only walls refuse.
#[test]
fn of_walls() {
    in_world_for(Duration::from_secs(100), |world| {
        if !world.offers("landlock+seccomp") {
            return;
        }
        let mut told = Told::default();
        let open = "int open(const char *path, int flags)";
        let socket = "int socket(int domain, int type, int protocol)";
        told.cosmos(world, &["call", "libc.so.6", open, "/etc/passwd", "0"]);
        told.cosmos(world, &["call", "libc.so.6", socket, "2", "1", "0"]);
        let walls = ["exec", "--isolation", "landlock+seccomp"];
        let missing = ["--ro", "/no/such/file", "--", "true"];
        told.cosmos(world, &[&walls[..], &missing].concat());
        if world.offers("namespaces") {
            let mut command = world.cosmos();
            command.current_dir(world.directory());
            let elsewhere = ["exec", "--isolation", "namespaces", "--", "true"];
            let ran = run(command.args(elsewhere), PATIENCE);
            assert_eq!(ran.code(), 126, "{ran:?}");
            let text = "its working directory";
            assert!(ran.stderr.contains(text), "{ran:?}");
            assert!(ran.stderr.contains("`--cwd /` always is"), "{ran:?}");
        }
        insta::assert_snapshot!("walls", told.0);
    });
}

#[test]
fn of_programs() {
    in_world_for(Duration::from_secs(150), |world| {
        let own = world.directory();
        program(&own.join("plain"), "no program\n");
        program(&own.join("lost"), "#!/no/such/interpreter\n");
        File::create(own.join("data")).expect("a file");
        fs::write(own.join("shut.lua"), "#!/usr/bin/env lua\n").expect("a file");
        program(&own.join("noise.nexe"), "\u{1}\u{2}\u{3}");
        let path = |name: &str| own.join(name).to_str().expect("UTF-8").to_owned();
        let (plain, lost, shut) = (path("plain"), path("lost"), path("shut.lua"));
        let (noise, big) = (path("noise.nexe"), path("big"));
        let writes = format!("exec head -c 100000 /dev/zero > {big}");
        let mut told = Told::default();
        for words in [
            &["exec"][..],
            &["exec", "--", "no-such-program"],
            &["exec", "--", "/no/such/program"],
            &["exec", "--", &plain],
            &["exec", "--", &lost],
            &["exec", "--", &shut],
            &["exec", "--", &noise],
            &["exec", "-C", "/no/such/place", "--", "true"],
            &["exec", "--env", "=1", "--", "true"],
            &["exec", "--env-file", "/no/such/file", "--", "true"],
            &["exec", "--umask", "9", "--", "true"],
            &["exec", "--timeout", "1x", "--", "true"],
            &["exec", "--timeout", "200ms", "--", "sleep", "100"],
            &[
                "exec",
                "--limit",
                "cpu_seconds=1",
                "--",
                "sh",
                "-c",
                "while :; do :; done",
            ],
            &[
                "exec",
                "--limit",
                "file_bytes=1000",
                "--",
                "sh",
                "-c",
                &writes,
            ],
            &["exec", "--isolation", "strongest", "--", "true"],
            &["exec", "--manifest", "/no/such/file", "--", "true"],
        ] {
            told.cosmos(world, words);
        }
        insta::assert_snapshot!("programs", told.0);
    });
}

#[test]
fn of_scripts() {
    in_world_for(Duration::from_secs(100), |world| {
        let own = world.directory();
        program(
            &own.join("broken.lua"),
            "#!/usr/bin/env lua\nfunction f( return\n",
        );
        let functions = "#!/usr/bin/env lua\n\
            function raises() error(\"no more\") end\n\
            function loops() while true do end end\n\
            function grows() local t = {} while true do t[#t + 1] = (\"x\"):rep(1000000) end end\n\
            function text() return \"text\" end\n";
        program(&own.join("functions.lua"), functions);
        let path = |name: &str| own.join(name).to_str().expect("UTF-8").to_owned();
        let (broken, functions) = (path("broken.lua"), path("functions.lua"));
        let mut told = Told::default();
        for (script, prototype) in [
            (&broken, "int f(void)"),
            (&functions, "int nowhere(void)"),
            (&functions, "int raises(void)"),
            (&functions, "int loops(void) __timeout(3000)"),
            (&functions, "int grows(void)"),
            (&functions, "int text(void)"),
        ] {
            told.cosmos(world, &["call", script, prototype]);
        }
        insta::assert_snapshot!("scripts", told.0);
    });
}

#[test]
fn of_machines_and_settings() {
    in_world_for(Duration::from_secs(150), |world| {
        let own = world.directory();
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (open, bare, half) = (own.join("open"), own.join("bare"), own.join("half"));
        for directory in [&open, &bare, &half] {
            fs::create_dir(directory).expect("a directory");
        }
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).expect("its mode");
        for daemon in ["cosmosdb", "cosmosd"] {
            fs::copy(built().join(daemon), half.join(daemon)).expect("a copy");
        }
        let mut told = Told::default();
        for (name, value) in [
            ("COSMOS_LIBEXEC_DIRECTORY", text(&bare)),
            ("COSMOS_ISOLATION_LEVEL", "strong".to_owned()),
            ("COSMOS_RING", "maybe".to_owned()),
            ("COSMOS_LIMITS_OPEN_FILES", "3".to_owned()),
            ("COSMOS_LIMITS_OPEN_FILE", "100".to_owned()),
            ("COSMOS_PINS", "/no/such/file".to_owned()),
            ("COSMOS_TRACE", "relative".to_owned()),
            ("COSMOS_CRASH_DIRECTORY", "relative".to_owned()),
            ("COSMOS_HOST", "there".to_owned()),
            ("COSMOS_SOCKET_DIRECTORY", text(&open)),
            ("COSMOS_SOCKET_DIRECTORY", "/proc/no-such-place".to_owned()),
        ] {
            told.with(world, (name, &value));
        }
        let mut command = world.cosmos();
        command
            .args(["call", "libm.so.6", COS, "0"])
            .env("COSMOS_SOCKET_DIRECTORY", own.join("of-half"))
            .env("COSMOS_LIBEXEC_DIRECTORY", &half);
        told.by(world, &mut command);
        let home = std::env::var_os("XDG_CONFIG_HOME").expect("set by the harness");
        let settings = Path::new(&home).join("cosmos");
        fs::create_dir_all(&settings).expect("a directory");
        for written in [
            "isolaton.level = 'none'\n",
            "[limits]\nopen_files = 'many'\n",
            "[[\n",
        ] {
            fs::write(settings.join("cosmos.toml"), written).expect("the settings");
            told.cosmos(world, &["call", "libm.so.6", COS, "0"]);
        }
        fs::remove_file(settings.join("cosmos.toml")).expect("removed");
        insta::assert_snapshot!("machines", told.0);
    });
}
