//! Daemons that cannot be started or trusted: a clear error, and nothing runs.

use cosmos_tests::{Ran, World, in_world, run};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

const COS: &str = "double cos(double x)";
/// Exit code of `cosmos` where cosmos itself failed.
const COSMOS: i32 = 125;

#[test]
fn daemons_that_cannot_start() {
    in_world(|world| {
        let call = |libexec: &Path| {
            let mut command = world.cosmos();
            command
                .args(["call", "libm.so.6", COS, "0"])
                .env("COSMOS_LIBEXEC_DIRECTORY", libexec);
            run(&mut command, Duration::from_secs(30))
        };
        let empty = world.directory().join("empty");
        std::fs::create_dir(&empty).expect("a directory");
        call(&empty).failed(COSMOS, &["error:", "cosmosdb", "empty"]);

        let silent = world.directory().join("silent");
        std::fs::create_dir(&silent).expect("a directory");
        script(&silent.join("cosmosdb"), "exit 1");
        call(&silent).failed(COSMOS, &["error:", "cosmosdb"]);

        let half = world.directory().join("half");
        std::fs::create_dir(&half).expect("a directory");
        symlink(
            cosmos_tests::built().join("cosmosdb"),
            half.join("cosmosdb"),
        )
        .expect("a link");
        call(&half).failed(COSMOS, &["error:", "cosmosd", "half"]);
        script(&half.join("cosmosd"), "echo 'no good reason'; exit 3");
        call(&half).failed(COSMOS, &["error:", "cosmosd"]);
    });
}

#[test]
fn daemons_that_may_not_be_started() {
    in_world(|world| {
        let mut command = world.cosmos();
        command
            .args(["call", "libm.so.6", COS, "0"])
            .env("COSMOS_START_DAEMONS", "false");
        let ran = run(&mut command, Duration::from_secs(20));
        ran.failed(COSMOS, &["error:", "cosmosdb"]);
        assert!(world.processes().is_empty());
    });
}

fn script(path: &Path, body: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{body}\n")).expect("a script");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("its mode");
}

fn call_at(world: &World, sockets: &Path) -> Ran {
    let mut command = world.cosmos();
    command
        .args(["call", "libm.so.6", COS, "0"])
        .env("COSMOS_SOCKET_DIRECTORY", sockets);
    run(&mut command, Duration::from_secs(20))
}

fn directory(world: &World, name: &str, mode: u32) -> PathBuf {
    let path = world.directory().join(name);
    std::fs::create_dir(&path).expect("a directory");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode");
    path
}

#[test]
fn socket_directory_open_to_others() {
    in_world(|world| {
        for mode in [0o755, 0o770, 0o701] {
            let path = directory(world, &format!("m{mode:o}"), mode);
            call_at(world, &path).failed(COSMOS, &["error:", text(&path), "0700"]);
        }
        assert!(world.processes().is_empty());
    });
}

#[test]
fn socket_directory_behind_a_link() {
    in_world(|world| {
        let real = directory(world, "real", 0o700);
        let link = world.directory().join("link");
        symlink(&real, &link).expect("a link");
        call_at(world, &link).failed(COSMOS, &["error:", text(&link)]);
        assert!(world.processes().is_empty());
    });
}

#[test]
fn socket_directory_that_is_a_file() {
    in_world(|world| {
        let path = world.directory().join("file");
        std::fs::write(&path, b"").expect("a file");
        call_at(world, &path).failed(COSMOS, &["error:", text(&path)]);
    });
}

#[test]
fn socket_directory_of_someone_else() {
    if !cosmos_tests::is_root() {
        println!("skipped: only root can make a directory of someone else");
        return;
    }
    in_world(|world| {
        let path = directory(world, "nobodys", 0o700);
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).expect("chown");
        call_at(world, &path).failed(COSMOS, &["error:", text(&path)]);
        assert!(world.processes().is_empty());
    });
}

#[test]
fn socket_directory_with_too_long_a_path() {
    in_world(|world| {
        let path = directory(world, &"long".repeat(30), 0o700);
        let ran = call_at(world, &path);
        // Either it works, by way of /proc/self/fd, or it says what is wrong.
        if ran.code() != 0 {
            ran.failed(COSMOS, &["error:", "long"]);
        }
    });
}

#[test]
fn wrong_configuration() {
    in_world(|world| {
        let mut command = world.cosmos();
        command
            .args(["call", "libm.so.6", COS, "0"])
            .env("COSMOS_TIMEOUT_MS", "soon");
        let ran = run(&mut command, Duration::from_secs(20));
        ran.failed(
            COSMOS,
            &["error:", "timeout_ms", "soon", "COSMOS_TIMEOUT_MS"],
        );
    });
}

/// A stranger on the registry's socket: random bytes, half a frame, nothing at all, many at once.
#[test]
fn strangers_at_the_registry() {
    in_world(|world| {
        use std::io::Write;
        use std::os::unix::net::UnixStream;
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        let pids = || -> Vec<i32> {
            let processes = world.processes_named("cosmosdb").into_iter();
            processes.map(|process| process.pid).collect()
        };
        let registry = pids();
        let socket = world.sockets().join("cosmosdb.sock");
        let mut kept = Vec::new();
        for round in 0..50u8 {
            let mut stream = UnixStream::connect(&socket).expect("the registry listens");
            let noise: Vec<u8> = (0..round)
                .map(|byte| byte.wrapping_mul(37) ^ round)
                .collect();
            stream.write_all(&noise).ok();
            if round % 2 == 0 {
                kept.push(stream);
            }
        }
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        assert_eq!(pids(), registry);
    });
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
