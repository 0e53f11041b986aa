//! Layers, their order, their mistakes.

use cosmos_config::{Config, ConfigError, Layer, Level, Limit, Origin, Surroundings};
use std::path::{Path, PathBuf};

fn file(text: &str) -> Result<Layer, ConfigError> {
    Layer::from_toml(Path::new("/etc/cosmos/cosmos.toml"), text)
}

fn environment(variables: &[(&str, &str)]) -> Layer {
    Layer::from_environment(variables.iter().copied()).unwrap()
}

fn surroundings() -> Surroundings {
    Surroundings {
        uid: 4_000_000,
        runtime_directory: None,
        configuration_directory: None,
        state_directory: None,
        home: Some(PathBuf::from("/home/ada")),
        users_directory: PathBuf::from("/nonexistent"),
        executable: None,
        set_id: false,
    }
}

fn load(layers: Vec<Layer>) -> Config {
    Config::load_in(&surroundings(), layers).unwrap()
}

#[test]
fn stronger_layer_replaces() {
    let config = load(vec![
        file("idle_seconds = 5\nsearch_path = [\"/a\"]").unwrap(),
        environment(&[
            ("COSMOS_IDLE_SECONDS", "9"),
            ("COSMOS_SEARCH_PATH", "/b:/c"),
        ]),
    ]);
    assert_eq!(*config.idle_seconds, 9);
    assert_eq!(
        *config.search_path,
        [PathBuf::from("/b"), PathBuf::from("/c")]
    );
    assert_eq!(
        config.idle_seconds.origin,
        Origin::Environment("COSMOS_IDLE_SECONDS".to_owned())
    );
}

#[test]
fn bytes_have_units_wherever_they_are_said() {
    let said = file("crash_bytes = \"16M\"\nlog_bytes = 65536\n[limits]\nmemory_bytes = \"2GiB\"");
    let settings = Layer::from_settings([("limits.message_bytes", "512k")]);
    let config = load(vec![
        said.unwrap(),
        environment(&[("COSMOS_LIMITS_MEMORY_BYTES", "1G")]),
        settings.unwrap(),
    ]);
    assert_eq!(
        (*config.crash_bytes, *config.log_bytes),
        (16 << 20, 64 << 10)
    );
    assert_eq!(*config.limits.memory_bytes, Limit::at(1 << 30));
    assert_eq!(*config.limits.message_bytes, Limit::at(512 << 10));
    let wrong = file("[limits]\nmemory_bytes = \"1GB\"").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "/etc/cosmos/cosmos.toml:2: `limits.memory_bytes` takes a whole number of bytes, one like \"512K\", \
         \"16M\" or \"1G\", or \"unlimited\", not \"1GB\""
    );
    // Other numbers have none.
    assert!(file("[limits]\nprocesses = \"1K\"").is_err());
}

#[test]
fn isolation_and_limits_combine_to_the_strictest() {
    let config = load(vec![
        file("[isolation]\nlevel = \"landlock+seccomp\"\n[limits]\nopen_files = 100\nmemory_bytes = 7000")
            .unwrap(),
        environment(&[
            ("COSMOS_ISOLATION_LEVEL", "none"),
            ("COSMOS_LIMITS_OPEN_FILES", "50"),
            ("COSMOS_LIMITS_MEMORY_BYTES", "unlimited"),
        ]),
    ]);
    assert_eq!(*config.isolation.level, Level::LandlockSeccomp);
    assert_eq!(*config.limits.open_files, Limit::at(50));
    assert_eq!(*config.limits.memory_bytes, Limit::at(7000));
    let path = PathBuf::from("/etc/cosmos/cosmos.toml");
    assert_eq!(
        config.limits.memory_bytes.origin,
        Origin::File { path, line: 5 }
    );
}

#[test]
fn built_in_limit_can_be_raised_and_level_lowered_where_nobody_states_one() {
    let config = load(vec![environment(&[
        ("COSMOS_LIMITS_OPEN_FILES", "9000"),
        ("COSMOS_ISOLATION_LEVEL", "none"),
    ])]);
    assert_eq!(*config.limits.open_files, Limit::at(9000));
    assert_eq!(*config.isolation.level, Level::None);
}

#[test]
fn degrade_is_forbidden_by_any_layer() {
    let allowed = environment(&[("COSMOS_ISOLATION_DEGRADE", "true")]);
    assert!(*load(vec![allowed.clone()]).isolation.degrade);
    let forbidden = file("isolation.degrade = false").unwrap();
    assert!(!*load(vec![forbidden, allowed]).isolation.degrade);
}

#[test]
fn request_tightens_and_never_loosens() {
    let config = load(vec![file("[limits]\nopen_files = 100").unwrap()]);
    let wider = config.tightened([("limits.open_files", "200")]).unwrap();
    assert_eq!(*wider.limits.open_files, Limit::at(100));
    let tighter = config
        .tightened([("limits.open_files", "64"), ("timeout_ms", "5")])
        .unwrap();
    assert_eq!(*tighter.limits.open_files, Limit::at(64));
    assert_eq!(*tighter.timeout_ms, 5);
    assert_eq!(tighter.limits.open_files.origin, Origin::Setting);
    let refused = config.tightened([("socket_directory", "/x")]).unwrap_err();
    assert!(
        matches!(refused, ConfigError::NotPerRequest { .. }),
        "{refused}"
    );
}

#[test]
fn mistakes_name_their_place() {
    let messages = [
        "idle_secnds = 3",
        "\n\n[limits]\nopen_file = 3",
        "[limts]\nopen_files = 3",
        "colour = \"blue\"",
        "isolation = \"none\"",
        "idle_seconds = -1",
        "idle_seconds = \"soon\"",
        "[isolation]\nlevel = \"strong\"",
        "socket_directory = \"run/cosmos\"",
        "search_path = [\"/a\", 3]",
        "[limits]\nopen_files = \"many\"",
        "idle_seconds = = 3",
    ]
    .map(|text| format!("{text:?}\n  {}", file(text).unwrap_err()));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn near_miss_in_the_environment_is_an_error_and_others_are_not_ours() {
    let others = [
        ("COSMOS_ENDPOINT", "https://x"),
        ("PATH", "/bin"),
        ("COSMOS_KEY", "k"),
    ];
    assert!(Layer::from_environment(others).is_ok());
    let error = Layer::from_environment([("COSMOS_SOKET_DIRECTORY", "/x")]).unwrap_err();
    insta::assert_snapshot!(error, @"environment variable COSMOS_SOKET_DIRECTORY: there is no key `COSMOS_SOKET_DIRECTORY`; did you mean `COSMOS_SOCKET_DIRECTORY`?");
}

#[test]
fn entries_show_every_key_with_its_origin() {
    let config = load(vec![file("\nidle_seconds = 5").unwrap()]);
    let mut entries = config.entries();
    let keys: Vec<&str> = cosmos_config::keys().map(|key| key.name).collect();
    assert_eq!(
        entries
            .iter()
            .map(|entry| entry.0.as_str())
            .collect::<Vec<_>>(),
        keys
    );
    entries.retain(|entry| entry.0 != "libexec_directory");
    let text: Vec<String> = entries
        .into_iter()
        .map(|(key, value, origin)| format!("{key} = {value}  ({origin})"))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn socket_directory_follows_the_rules() {
    let temporary = tempfile::tempdir().unwrap();
    let mine = std::os::unix::fs::MetadataExt::uid(&temporary.path().metadata().unwrap());
    let runtime = Some(temporary.path().to_owned());
    let of = |surroundings: &Surroundings| {
        Config::load_in(surroundings, Vec::new()).map(|config| config.socket_directory.value)
    };
    let ours = Surroundings {
        uid: mine,
        runtime_directory: runtime.clone(),
        ..surroundings()
    };
    assert_eq!(of(&ours).unwrap(), temporary.path().join("cosmos"));
    let anothers = Surroundings {
        runtime_directory: runtime,
        ..surroundings()
    };
    assert_eq!(of(&anothers).unwrap(), PathBuf::from("/home/ada/.cosmos"));
    let root = Surroundings {
        uid: 0,
        ..surroundings()
    };
    assert_eq!(of(&root).unwrap(), PathBuf::from("/run/cosmos"));
    let nobody = Surroundings {
        home: None,
        ..surroundings()
    };
    assert!(matches!(
        of(&nobody),
        Err(ConfigError::NoSocketDirectory { .. })
    ));
    if mine != 0 {
        std::fs::create_dir(temporary.path().join(mine.to_string())).unwrap();
        let users = Surroundings {
            uid: mine,
            users_directory: temporary.path().into(),
            ..surroundings()
        };
        assert_eq!(
            of(&users).unwrap(),
            temporary.path().join(format!("{mine}/cosmos"))
        );
    }
}

#[test]
fn libexec_directory_is_where_cosmosdb_is() {
    let temporary = tempfile::tempdir().unwrap();
    std::fs::write(temporary.path().join("cosmosdb"), "").unwrap();
    let of = |executable: PathBuf, set_id| {
        let surroundings = Surroundings {
            executable: Some(executable),
            set_id,
            ..surroundings()
        };
        Config::load_in(&surroundings, Vec::new())
            .unwrap()
            .libexec_directory
            .value
    };
    if option_env!("COSMOS_LIBEXECDIR").is_none() {
        assert_eq!(of(temporary.path().join("cosmos"), false), temporary.path());
        assert_eq!(
            of(temporary.path().join("deps/test-1"), false),
            temporary.path()
        );
        assert_ne!(of(temporary.path().join("cosmos"), true), temporary.path());
    }
}

#[test]
fn missing_file_is_no_layer_and_unreadable_one_an_error() {
    let temporary = tempfile::tempdir().unwrap();
    assert!(
        Layer::from_file(&temporary.path().join("none.toml"))
            .unwrap()
            .is_none()
    );
    let error = Layer::from_file(temporary.path()).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    let large = temporary.path().join("large.toml");
    std::fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(matches!(
        Layer::from_file(&large),
        Err(ConfigError::TooLarge { .. })
    ));
}

#[test]
fn a_pipe_makes_nobody_wait_and_a_link_to_null_states_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = Layer::from_file(&pipe).unwrap_err().to_string();
    assert!(error.ends_with("cannot be read: it is a pipe"), "{error}");
    let nothing = directory.path().join("nothing");
    std::os::unix::fs::symlink("/dev/null", &nothing).unwrap();
    assert!(Layer::from_file(&nothing).unwrap().is_some());
}

#[test]
fn what_was_stated_of_confinement_can_be_asked_for_again() {
    let stated = environment(&[
        ("COSMOS_ISOLATION_LEVEL", "none"),
        ("COSMOS_LIMITS_OPEN_FILES", "2000"),
        ("COSMOS_LIMITS_PROCESSES", "unlimited"),
        ("COSMOS_IDLE_SECONDS", "5"),
    ]);
    let settings = load(vec![stated]).settings();
    let settings: Vec<_> = settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        settings,
        [
            ("isolation.level", "none"),
            ("limits.open_files", "2000"),
            ("limits.processes", "unlimited"),
        ]
    );
    let tightened = load(Vec::new()).tightened(settings).unwrap();
    assert_eq!(*tightened.limits.open_files, Limit::at(2000));
}

#[test]
fn sections_of_a_kind_or_a_library_count_in_their_layer_and_layers_combine_as_ever() {
    let system = file(
        "[isolation]\nlevel = \"limits\"\n\
         [kind.hostfn.isolation]\nlevel = \"landlock+seccomp\"\n\
         [library.\"libz.so.1\".isolation]\nlevel = \"namespaces\"\n\
         [library.\"libz.so.1\".grants]\nread = [\"/srv\"]\n\
         [library.\"libm.so.6\".isolation]\nlevel = \"none\"\n",
    )
    .unwrap();
    let level = |config: &Config, kind: &str, library: &str| {
        *config.of_target(kind, &[library]).isolation.level
    };
    let config = load(vec![system.clone()]);
    assert_eq!(*config.isolation.level, Level::Limits);
    assert_eq!(level(&config, "exec", ""), Level::Limits);
    assert_eq!(
        level(&config, "hostfn", "libc.so.6"),
        Level::LandlockSeccomp
    );
    assert_eq!(level(&config, "hostfn", "libz.so.1"), Level::Namespaces);
    assert_eq!(level(&config, "hostfn", "libm.so.6"), Level::None);
    let granted = config.of_target("hostfn", &["libz.so.1"]).grants;
    assert_eq!(granted.read.len(), 1);
    // A user's own section cannot loosen what the system's file says.
    let user = file("[library.\"libz.so.1\".isolation]\nlevel = \"none\"").unwrap();
    let config = load(vec![system, user]);
    assert_eq!(level(&config, "hostfn", "libz.so.1"), Level::Namespaces);
}

#[test]
fn a_section_of_a_library_holds_nothing_but_confinement() {
    for text in [
        "[library.\"libz.so.1\"]\nidle_seconds = 3",
        "[library.\"libz.so.1\".isolation]\nlevle = \"none\"",
        "library = 3",
        "[kind]\nhostfn = 3",
    ] {
        assert!(file(text).is_err(), "{text}");
    }
}
