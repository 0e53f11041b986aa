//! SIGHUP: the configuration is read again.

mod support;

use nix::{
    sys::signal::{Signal, kill},
    sys::stat::Mode,
    unistd::{Pid, mkfifo},
};
use std::fs::{self, File};
use support::{Client, World, ask, eventually, field, lives, of_kind, ready};

/// A cosmosd of this configuration, whose log is in the file `log`.
fn configured(text: &str) -> World {
    let mut world = World::empty(&[]);
    fs::create_dir_all(world.path("h/.config/cosmos")).unwrap();
    configure(&world, text);
    world.start_registry();
    let mut command = world.command("cosmosd");
    command.stderr(File::create(world.path("log")).unwrap());
    world.coordinator = Some(ready(command));
    world
}

fn configure(world: &World, text: &str) {
    fs::write(world.path("h/.config/cosmos/cosmos.toml"), text).unwrap();
}

/// Has cosmosd read it again; what it says of that, up to these last words.
fn reload(world: &World, last_words: &str) -> String {
    let log = || fs::read_to_string(world.path("log")).unwrap();
    let before = log().len();
    let pid = Pid::from_raw(i32::try_from(world.coordinator_pid()).unwrap());
    kill(pid, Signal::SIGHUP).unwrap();
    let mut said = String::new();
    assert!(
        eventually(|| {
            said = log().split_off(before);
            said.contains(last_words)
        }),
        "{said}"
    );
    said
}

fn open_files(client: &mut Client, name: &str) -> String {
    let mut stream = client.reach(name).unwrap();
    field(&ask(&mut stream, b'i'), "open_files").to_owned()
}

#[test]
fn what_starts_from_then_on_goes_by_it_and_what_runs_stays_as_it_is() {
    let world = configured("[limits]\nopen_files = 77\n");
    let mut client = world.client();
    let before = client.puppet("").unwrap();
    // It ends with its last connection.
    let mut stream = client.reach(&before.name).unwrap();
    assert_eq!(field(&ask(&mut stream, b'i'), "open_files"), "77");
    assert!(client.open(&of_kind("late")).is_err());

    let late = fs::read_to_string(world.path("p/puppet.toml")).unwrap();
    let late = late.replace("'puppet'", "'late'");
    fs::write(world.path("p/late.toml"), late).unwrap();
    fs::remove_file(world.path("p/missing.toml")).unwrap();
    configure(&world, "idle_seconds = 7\n[limits]\nopen_files = 66\n");
    let said = reload(&world, "was read again");
    for expected in [
        "`limits.open_files` is 66 (",
        "cosmos.toml:3), no longer 77",
        "`idle_seconds` is 7 (",
        "`late` is a kind of VM now",
        "`missing` is no kind of VM any more",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }

    assert_eq!(field(&ask(&mut stream, b'i'), "open_files"), "77");
    let after = client.puppet("").unwrap();
    assert_ne!(after.name, before.name, "it has other limits");
    assert_eq!(open_files(&mut client, &after.name), "66");
    let late = client.open(&of_kind("late")).unwrap();
    assert_eq!(open_files(&mut client, &late.name), "66");
    let gone = client.open(&of_kind("missing")).unwrap_err();
    assert!(gone.message.contains("no kind of VM"), "{gone}");
}

#[test]
fn what_is_said_of_kinds_and_libraries_is_named() {
    let world = configured(
        "[kind.puppet.limits]\nopen_files = 77\nprocesses = 5\n[library.'libz.so.1'.grants]\nnetwork = true\n",
    );
    configure(
        &world,
        "[kind.puppet.limits]\nopen_files = 66\nprocesses = 5\n[kind.puppet.isolation]\nlevel = 'limits'\n",
    );
    let said = reload(&world, "was read again");
    for expected in [
        "`kind.puppet.limits.open_files` is 66 (",
        "cosmos.toml:2), no longer 77",
        "`kind.puppet.isolation.level` is limits (",
        "cosmos.toml:5), and was not said before",
        "`library.\"libz.so.1\".grants.network` is not said any more; it was true",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("processes"), "{said}");
    let said = reload(&world, "was read again");
    assert!(!said.contains("kind.puppet"), "{said}");
}

#[test]
fn what_cannot_change_is_named() {
    let world = configured("");
    configure(&world, "start_daemons = false\nmetrics_port = 9\n");
    let said = reload(&world, "was read again");
    for expected in [
        "`metrics_port` is 9 (",
        "cosmos.toml:2) when cosmosd starts again; it stays 0 until then",
        "`start_daemons` is false (",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("no longer"), "{said}");
    assert!(world.client().puppet("").is_ok());
}

#[test]
fn where_something_is_wrong_the_old_one_stays() {
    let world = configured("[limits]\nopen_files = 77\n");
    let wrong = [
        ("[limits]\nopen_files = 'few'\n", "cosmos.toml:2: "),
        ("[limits\n", "cosmos.toml:1: "),
        (
            "[limits]\nopen_fils = 6\n",
            "did you mean `limits.open_files`?",
        ),
    ];
    for (text, why) in wrong {
        configure(&world, text);
        let said = reload(&world, "stays as it was");
        assert!(said.contains(why), "{said}");
    }
    configure(&world, "[limits]\nopen_files = 66\n");
    fs::write(world.path("p/broken.toml"), "kind = [").unwrap();
    let said = reload(&world, "stays as it was");
    assert!(said.contains("broken.toml"), "{said}");

    fs::remove_file(world.path("p/broken.toml")).unwrap();
    // What would make it wait for ever, and what is larger than a profile, of which the beginning would do.
    mkfifo(&world.path("p/broken.toml"), Mode::S_IRWXU).unwrap();
    let said = reload(&world, "stays as it was");
    assert!(said.contains("broken.toml"), "{said}");
    fs::remove_file(world.path("p/broken.toml")).unwrap();
    let puppet = fs::read_to_string(world.path("p/puppet.toml")).unwrap();
    let large = puppet.replace("'puppet'", "'large'") + "\n" + &"#".repeat(1 << 20);
    fs::write(world.path("p/broken.toml"), large).unwrap();
    let said = reload(&world, "stays as it was");
    assert!(said.contains("is larger than"), "{said}");

    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    assert_eq!(open_files(&mut client, &opened.name), "77");
    fs::remove_file(world.path("p/broken.toml")).unwrap();
    reload(&world, "was read again");
    let opened = client.puppet("").unwrap();
    assert_eq!(open_files(&mut client, &opened.name), "66");
}

#[test]
fn what_waits_for_somebody_is_made_anew() {
    let world = configured("pool = 1\n");
    let mut client = world.client();
    client.puppet("").unwrap();
    let waiting = |client: &mut Client| {
        let mut found = None;
        let is_there = eventually(|| {
            found = client.list().into_iter().find(|row| row.state == "waiting");
            found.is_some()
        });
        assert!(is_there, "{:?}", client.list());
        u32::try_from(found.unwrap().pid).unwrap()
    };
    let old = waiting(&mut client);
    reload(&world, "was read again");
    assert!(eventually(|| !lives(old)));
    let mut second = world.client();
    second.puppet("").unwrap();
    let new = waiting(&mut client);

    configure(&world, "pool = 0\n");
    reload(&world, "was read again");
    assert!(eventually(|| !lives(new)));
    world.client().puppet("").unwrap();
    assert!(client.list().iter().all(|row| row.state != "waiting"));
}
