//! No connection: each cause is told apart, by what ssh or the far machine says.

use super::exec;
use cosmos_tests::in_world;
use cosmos_tests::machine::{Machine, THERE, write_program};
use cosmos_tests::run;
use cosmos_tests::window::Window;
use std::time::Duration;

const COSMOS: i32 = 125;

#[test]
fn a_login_that_is_refused_and_a_machine_that_is_another_one_are_told() {
    in_world(|world| {
        let Some(machine) = Machine::start(world) else {
            return;
        };
        machine.use_key("stranger");
        let refused = exec(world, &["--", "true"]);
        refused.failed(
            COSMOS,
            &["ssh cannot connect to ssh://there", "Permission denied"],
        );
        machine.use_key("user");
        machine.know_host("stranger.pub");
        let other = exec(world, &["--", "true"]);
        other.failed(
            COSMOS,
            &["ssh cannot connect to ssh://there", "verification failed"],
        );
        // A library fails in the same words.
        let mut call = world.cosmos();
        call.args([
            "call",
            "--host",
            THERE,
            "libm.so.6",
            "double cos(double x)",
            "0",
        ]);
        run(&mut call, super::PATIENCE).failed(COSMOS, &["verification failed"]);
        machine.know_host("host.pub");
        exec(world, &["--", "true"]).succeeded();
    });
}

#[test]
fn the_ssh_in_path_connects_where_none_is_configured() {
    in_world(|world| {
        let Some(machine) = Machine::start(world) else {
            return;
        };
        let bin = world.directory().join("bin");
        std::fs::create_dir(&bin).expect("a directory");
        let path = std::env::var("PATH").expect("a PATH");
        let text = format!(
            "#!/bin/sh\nPATH='{path}'\nexec ssh -F '{}/ssh_config' \"$@\"\n",
            machine.directory().display()
        );
        write_program(&bin.join("ssh"), &text);
        let home = std::env::var_os("XDG_CONFIG_HOME").expect("set by the harness");
        let configuration = std::path::PathBuf::from(home).join("cosmos/cosmos.toml");
        std::fs::remove_file(configuration).expect("the machine's own");
        let mut command = world.cosmos();
        command.args(["exec", "--host", THERE, "--", "echo", "here"]);
        command.env("PATH", format!("{}:{path}", bin.display()));
        assert_eq!(run(&mut command, super::PATIENCE).succeeded(), "here\n");
    });
}

#[test]
fn a_machine_without_cosmosd_is_told() {
    in_world(|world| {
        let Some(_machine) = Machine::with_path(world, "/usr/bin:/bin") else {
            return;
        };
        exec(world, &["--", "true"])
            .failed(COSMOS, &["has no cosmosd in the PATH of its commands"]);
    });
}

#[test]
fn another_version_a_talkative_shell_and_a_cosmosd_that_fails_are_told() {
    in_world(|world| {
        let bin = world.directory().join("bin");
        std::fs::create_dir(&bin).expect("a directory");
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let Some(_machine) = Machine::with_path(world, &path) else {
            return;
        };
        let cosmosd = |text: &str| {
            write_program(&bin.join("cosmosd"), &format!("#!/bin/sh\n{text}\n"));
            exec(world, &["--", "true"])
        };
        cosmosd(r"printf 'COSMUX\143\000'; cat").failed(
            COSMOS,
            &[
                "ssh://there",
                "speaks version 99 of the protocol of streams",
            ],
        );
        cosmosd("echo Welcome; cat").failed(COSMOS, &["wrote \"Welcome\\n\" where cosmosd is due"]);
        cosmosd("echo it is broken >&2; exit 4").failed(
            COSMOS,
            &["ended with code 4 before it answered", "it is broken"],
        );
        // It answers, and breaks the protocol: data of a stream that is not there.
        cosmosd(r"printf 'COSMUX\001\000\007\000\000\000\001\000\000\000\002\000\000\000x'; cat")
            .failed(
                COSMOS,
                &["ssh://there", "data of a stream that is not there"],
            );
    });
}

#[test]
fn hosts_that_are_none_are_refused_before_anything_is_started() {
    in_world(|world| {
        for host in [
            "ssh://-oProxyCommand=touch owned",
            "ssh://a b",
            "there",
            "ssh://there;id",
        ] {
            let mut command = world.cosmos();
            command.args(["exec", "--host", host, "--", "true"]);
            run(&mut command, super::PATIENCE).failed(COSMOS, &["--host"]);
            let mut command = world.cosmos();
            command
                .args(["exec", "--", "true"])
                .env("COSMOS_HOST", host);
            run(&mut command, super::PATIENCE).failed(COSMOS, &["host"]);
        }
        assert!(!world.directory().join("owned").exists());
    });
}

#[test]
fn who_waits_at_a_terminal_sees_for_what_and_nobody_else_does() {
    in_world(|world| {
        let (ssh, go) = (world.directory().join("ssh"), world.directory().join("go"));
        let text = format!(
            "#!/bin/sh\nwhile [ ! -e '{}' ]; do sleep 0.05; done\necho no such road >&2\nexit 255\n",
            go.display()
        );
        write_program(&ssh, &text);
        let home = std::env::var_os("XDG_CONFIG_HOME").expect("set by the harness");
        let home = std::path::PathBuf::from(home).join("cosmos");
        std::fs::create_dir_all(&home).expect("a directory");
        let text = format!("ssh = '{}'\n", ssh.display());
        std::fs::write(home.join("cosmos.toml"), text).expect("the configuration");
        let mut window = Window::of(world, &["exec", "--host", THERE, "--", "true"]);
        window.shows("starting a VM for true...");
        std::fs::write(&go, "").expect("a file");
        // The line goes with the wait.
        window.shows("\r\u{1b}[Kerror: ");
        window.shows("no such road");
        assert_eq!(window.code(), Some(COSMOS));
        std::fs::remove_file(&go).expect("removed");
        let later = std::thread::spawn(move || {
            // Longer than the line takes to come.
            std::thread::sleep(Duration::from_millis(1500));
            std::fs::write(&go, "").expect("a file");
        });
        let ran = exec(world, &["--", "true"]);
        later.join().expect("no panic");
        assert_eq!(ran.code(), COSMOS);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert!(!ran.stderr.contains("starting"), "{}", ran.stderr);
    });
}
