//! How a VM is confined: its level, its limits and its grants, from the configuration, from what the
//! client asks for, and from what this machine offers.

use crate::profile::Profile;
use cosmos_config::{Config, Granted, Level, Limit, Origin, Sourced};
use cosmos_confine::files::{NETWORK_READ, REPLACED};
use cosmos_confine::offers::Offers;
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::launch::{Bounds, Walls};
use cosmos_rpc::{Fault, FaultCode};
use nix::sys::resource::{Resource, getrlimit};
use std::path::{Path, PathBuf};

/// What a VM is started with. Two VMs of equal confinement can stand in for each other, as far as
/// each may read the other's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The level it really has.
    pub level: Level,
    /// `(RLIMIT_* number, soft and hard limit)`.
    pub limits: Vec<(u32, u64)>,
    /// What is bounded otherwise.
    pub bounds: Bounds,
    /// Bytes it may write to its standard output and error.
    pub output_bytes: Option<u64>,
    /// Calls back of a thread, one inside of another, where that is fewer than there can be.
    pub call_depth: Option<u64>,
    /// The largest request or answer of a call, where somebody stated it: its clients keep to it, each
    /// on all channels to a VM.
    pub message_bytes: Option<u64>,
    /// What it may use besides; nothing below `landlock+seccomp`, where nothing is withheld.
    pub grants: Grants,
    /// Around what there are walls.
    pub walls: Walls,
}

impl Confinement {
    /// What the configuration asks for, for a VM of this kind, with what the client grants it.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a level that this machine or the kind does not give, unless
    /// `isolation.degrade` allows the strongest there is; `NotPermitted` for grants that the
    /// configuration leaves to nobody: never a weaker one in silence.
    pub fn of(
        config: &Config,
        profile: &Profile,
        offers: &Offers,
        asked: &Grants,
    ) -> Result<Confinement, Fault> {
        let level = level(config, profile, offers)?;
        let grants = match level {
            Level::None | Level::Limits => Grants::default(),
            _ => grants(&config.grants, asked)?,
        };
        let walls = match level {
            Level::None | Level::Limits => Walls::None,
            _ => profile.walls,
        };
        let makes_processes = grants.programs || walls == Walls::Programs;
        let configured = &config.limits;
        let bounded = level >= Level::Limits;
        let bound = |limit: &Limit| limit.bound().filter(|_| bounded);
        Ok(Confinement {
            level,
            limits: if bounded { limits(config) } else { Vec::new() },
            bounds: Bounds {
                wall_seconds: bound(&configured.wall_seconds).unwrap_or(0),
                memory_bytes: bound(&configured.memory_bytes).unwrap_or(0),
                processes: bound(&configured.processes)
                    .or(makes_processes.then_some(PROCESSES_OF_PROGRAMS))
                    .unwrap_or(0),
            },
            output_bytes: bound(&configured.output_bytes),
            call_depth: bound(&configured.call_depth).filter(|most| *most < DEEPEST),
            message_bytes: stated(&configured.message_bytes),
            grants,
            walls,
        })
    }

    /// Whether a VM that was started with this can be given away as one with the other: all that it
    /// gets before it knows its target is the same. Files and the network are granted with the target,
    /// but for a VM that sees nothing else of the machine: its view is made before.
    pub fn starts_like(&self, other: &Confinement) -> bool {
        let early = |confinement: &Confinement| {
            let mut early = confinement.clone();
            if early.level < Level::Namespaces {
                early.grants = Grants {
                    programs: early.grants.programs,
                    ..Grants::default()
                };
            }
            early
        };
        early(self) == early(other)
    }

    /// Whether it is confined in files and system calls.
    pub fn has_walls(&self) -> bool {
        self.walls != Walls::None
    }

    /// Whether it may make processes, where something counts them: a program makes what it likes, all of
    /// it as confined as it is.
    pub fn makes_processes(&self) -> bool {
        self.grants.programs || self.walls == Walls::Programs
    }

    /// What others like it may read as well, as far as other files come to be there while the machine runs.
    pub fn common(&self) -> impl Iterator<Item = PathBuf> {
        let replaced: &[&str] = if self.has_walls() { REPLACED } else { &[] };
        let network: &[&str] = if self.has_walls() && self.grants.network {
            NETWORK_READ
        } else {
            &[]
        };
        replaced.iter().chain(network).map(PathBuf::from)
    }

    /// What it may read beside its target's files.
    pub fn readable(&self) -> impl Iterator<Item = PathBuf> {
        let grants = self.grants.read.iter().chain(&self.grants.write);
        grants.map(PathBuf::from)
    }
}

/// Most processes and threads of a VM that may start programs, where nothing is configured.
const PROCESSES_OF_PROGRAMS: u64 = 512;
/// Calls back that there can be, whatever is configured.
const DEEPEST: u64 = cosmos_rpc::message::vm::CALLBACK_DEPTH as u64;

fn stated(limit: &Sourced<Limit>) -> Option<u64> {
    limit.bound().filter(|_| limit.origin != Origin::Default)
}

/// The level that is asked for, where it can be had; the strongest there is where nobody asked, or
/// somebody allowed less.
fn level(config: &Config, profile: &Profile, offers: &Offers) -> Result<Level, Fault> {
    let asked = &config.isolation.level;
    let wanted = match asked.origin {
        Origin::Default => asked.value.min(profile.unasked),
        _ => asked.value,
    };
    let Err((best, why)) = at_most(wanted, profile, offers) else {
        return Ok(wanted);
    };
    if asked.origin == Origin::Default || config.isolation.degrade.value {
        if best < profile.strongest {
            tracing::warn!("a {} VM runs at level {best}: {why}", profile.kind);
        }
        return Ok(best);
    }
    let message = format!(
        "isolation level {} is asked for ({}), but {why}; ask for {best}, or set isolation.degrade = \
         true to accept it",
        asked.value, asked.origin
    );
    Err(match asked.origin {
        Origin::Setting => Fault::caller(FaultCode::Unsupported, message),
        _ => Fault::host(FaultCode::Unsupported, message),
    })
}

/// Whether a level can be had; otherwise the strongest that can, and why.
fn at_most(asked: Level, profile: &Profile, offers: &Offers) -> Result<(), (Level, String)> {
    let best = [
        (Level::LandlockSeccomp, offers.walls()),
        (Level::Namespaces, offers.seclusion()),
    ];
    let mut strongest = Level::Limits;
    for (level, offered) in best {
        if asked < level {
            return Ok(());
        }
        if profile.strongest < level {
            let kind = &profile.kind;
            return Err((strongest, format!("a {kind} VM has at most {strongest}")));
        }
        offered.map_err(|why| (strongest, format!("this machine has not got it: {why}")))?;
        strongest = level;
    }
    Ok(())
}

fn grants(configured: &Granted, asked: &Grants) -> Result<Grants, Fault> {
    let text = |path: &PathBuf| path.to_str().map(str::to_owned);
    let mut grants = Grants {
        read: configured.read.iter().filter_map(text).collect(),
        write: configured.write.iter().filter_map(text).collect(),
        network: configured.network.value,
        programs: configured.programs.value,
    };
    if !configured.by_callers.value && !grants.contain(asked) {
        return Err(Fault::caller(
            FaultCode::NotPermitted,
            format!(
                "the program grants its VM more than the configuration does, which forbids that \
                 (grants.by_callers = false, {})",
                configured.by_callers.origin
            ),
        ));
    }
    let paths = asked.read.iter().chain(&asked.write);
    if let Some(path) = paths.map(Path::new).find(|path| !path.is_absolute()) {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!("'{}' is granted and is no absolute path", path.display()),
        ));
    }
    grants.add(asked);
    Ok(grants)
}

fn limits(config: &Config) -> Vec<(u32, u64)> {
    let configured = &config.limits;
    let open_files = configured
        .open_files
        .bound()
        .unwrap_or(u64::MAX)
        .min(below_own_open_files());
    let mut limits = vec![(libc::RLIMIT_NOFILE, open_files)];
    let others = [
        (libc::RLIMIT_AS, configured.memory_bytes.bound()),
        (libc::RLIMIT_NPROC, configured.processes.bound()),
        (libc::RLIMIT_CPU, configured.cpu_seconds.bound()),
        (libc::RLIMIT_FSIZE, configured.file_bytes.bound()),
    ];
    limits.extend(
        others
            .into_iter()
            .filter_map(|(kind, bound)| Some((kind, bound?))),
    );
    limits
}

/// A VM must not be able to hold more descriptors in flight than a daemon can take.
fn below_own_open_files() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(256, |(soft, _)| soft.saturating_sub(1).max(16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmos_config::Layer;
    use cosmos_confine::totals::Bounded;

    fn profile(strongest: &str) -> Profile {
        let text = include_str!("../profiles/hostfn.toml")
            .replace("isolation = \"namespaces\"", "")
            + &format!("isolation = \"{strongest}\"");
        Profile::parse(Path::new("x.toml"), &text, Path::new("/x")).unwrap()
    }

    fn offers(landlock: bool, namespaces: bool) -> Offers {
        let none = "this kernel has none".to_owned();
        Offers {
            landlock: if landlock { Ok(7) } else { Err(none.clone()) },
            seccomp: Ok(()),
            namespaces: if namespaces { Ok(()) } else { Err(none) },
            totals: Bounded::default(),
            tracing: Ok(()),
        }
    }

    fn config(variables: &[(&str, &str)]) -> Config {
        let common = ("COSMOS_SOCKET_DIRECTORY", "/nonexistent");
        let variables = variables.iter().copied().chain([common]);
        let layer = Layer::from_environment(variables).unwrap();
        Config::load_from(vec![layer]).unwrap()
    }

    fn confine(variables: &[(&str, &str)], offers: &Offers) -> Result<Confinement, Fault> {
        let nothing = Grants::default();
        Confinement::of(&config(variables), &profile("namespaces"), offers, &nothing)
    }

    #[test]
    fn a_level_that_is_not_there_is_refused_loudly() {
        let asked = [("COSMOS_ISOLATION_LEVEL", "namespaces")];
        let fault = confine(&asked, &offers(true, false)).unwrap_err();
        assert_eq!(fault.code, FaultCode::Unsupported);
        insta::assert_snapshot!(fault, @"isolation level namespaces is asked for (environment variable COSMOS_ISOLATION_LEVEL), but this machine has not got it: this kernel has none; ask for landlock+seccomp, or set isolation.degrade = true to accept it");
        assert!(confine(&asked, &offers(true, true)).is_ok());
    }

    #[test]
    fn it_degrades_where_allowed_and_says_the_truth() {
        let asked = [
            ("COSMOS_ISOLATION_LEVEL", "namespaces"),
            ("COSMOS_ISOLATION_DEGRADE", "true"),
        ];
        let level = |landlock, namespaces| {
            let confinement = confine(&asked, &offers(landlock, namespaces));
            confinement.unwrap().level
        };
        assert_eq!(level(true, true), Level::Namespaces);
        assert_eq!(level(true, false), Level::LandlockSeccomp);
        assert_eq!(level(false, true), Level::Limits);
    }

    #[test]
    fn where_nobody_asks_it_is_walls_as_far_as_machine_and_kind_have_them() {
        let level = |landlock| confine(&[], &offers(landlock, true)).unwrap().level;
        assert_eq!(level(true), Level::LandlockSeccomp);
        assert_eq!(level(false), Level::Limits);
        let nothing = Grants::default();
        let weaker = Confinement::of(
            &config(&[]),
            &profile("limits"),
            &offers(true, true),
            &nothing,
        );
        assert_eq!(weaker.unwrap().level, Level::Limits);
    }

    #[test]
    fn limits_follow_the_configuration() {
        let all = offers(true, true);
        let confinement = confine(
            &[
                ("COSMOS_LIMITS_OPEN_FILES", "64"),
                ("COSMOS_LIMITS_MEMORY_BYTES", "1000000000"),
                ("COSMOS_LIMITS_WALL_SECONDS", "9"),
                ("COSMOS_LIMITS_CALL_DEPTH", "3"),
            ],
            &all,
        )
        .unwrap();
        let expected = [(libc::RLIMIT_NOFILE, 64), (libc::RLIMIT_AS, 1_000_000_000)];
        assert_eq!(confinement.limits, expected);
        assert_eq!(confinement.bounds.wall_seconds, 9);
        assert_eq!(confinement.bounds.memory_bytes, 1_000_000_000);
        assert_eq!(confinement.call_depth, Some(3));
        let none = confine(&[("COSMOS_ISOLATION_LEVEL", "none")], &all).unwrap();
        assert_eq!((none.level, none.limits), (Level::None, Vec::new()));
    }

    #[test]
    fn open_files_stay_below_the_daemons() {
        let unlimited = [("COSMOS_LIMITS_OPEN_FILES", "unlimited")];
        let unlimited = confine(&unlimited, &offers(true, true)).unwrap();
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let (_, given) = unlimited.limits[0];
        assert!(given < soft);
    }

    #[test]
    fn a_caller_grants_what_the_configuration_leaves_to_it() {
        let asked = Grants {
            read: vec!["/etc/x".to_owned()],
            ..Grants::default()
        };
        let of = |variables: &[(&str, &str)]| {
            let config = config(variables);
            Confinement::of(&config, &profile("namespaces"), &offers(true, true), &asked)
        };
        let granted = of(&[("COSMOS_GRANTS_WRITE", "/var/y")]).unwrap().grants;
        assert_eq!(granted.read, ["/etc/x"]);
        assert_eq!(granted.write, ["/var/y"]);
        let forbidden = ("COSMOS_GRANTS_BY_CALLERS", "false");
        let fault = of(&[forbidden]).unwrap_err();
        assert_eq!(fault.code, FaultCode::NotPermitted);
        insta::assert_snapshot!(fault, @"the program grants its VM more than the configuration does, which forbids that (grants.by_callers = false, environment variable COSMOS_GRANTS_BY_CALLERS)");
        assert!(of(&[forbidden, ("COSMOS_GRANTS_READ", "/etc")]).is_ok());
    }
}
