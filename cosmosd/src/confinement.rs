//! Limits and isolation level of a VM, from the configuration.

use cosmos_config::{Config, Level, Origin};
use cosmos_rpc::{Fault, FaultCode};
use nix::sys::resource::{Resource, getrlimit};

/// The strongest level this release gives.
const STRONGEST: Level = Level::Limits;

/// What a VM is started with. Two VMs of equal confinement can stand in for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The level it really has.
    pub level: Level,
    /// `(RLIMIT_* number, soft and hard limit)`.
    pub limits: Vec<(u32, u64)>,
}

impl Confinement {
    /// What the configuration asks for.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a level this release does not give, unless `isolation.degrade` allows the
    /// strongest it does: never a weaker one in silence.
    pub fn of(config: &Config) -> Result<Confinement, Fault> {
        let asked = &config.isolation.level;
        if asked.value > STRONGEST && !config.isolation.degrade.value {
            let message = format!(
                "isolation level {} is asked for ({}), but this release gives at most {STRONGEST}; \
                 ask for that, or set isolation.degrade = true to accept it",
                asked.value, asked.origin
            );
            return Err(match asked.origin {
                Origin::Setting => Fault::caller(FaultCode::Unsupported, message),
                _ => Fault::host(FaultCode::Unsupported, message),
            });
        }
        let level = asked.value.min(STRONGEST);
        let limits = if level >= Level::Limits {
            limits(config)
        } else {
            Vec::new()
        };
        Ok(Confinement { level, limits })
    }
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

    fn confine(variables: &[(&str, &str)]) -> Result<Confinement, Fault> {
        let common = ("COSMOS_SOCKET_DIRECTORY", "/nonexistent");
        let variables = variables.iter().copied().chain([common]);
        let layer = Layer::from_environment(variables).unwrap();
        Confinement::of(&Config::load_from(vec![layer]).unwrap())
    }

    #[test]
    fn a_level_that_is_not_there_is_refused_loudly() {
        let fault = confine(&[("COSMOS_ISOLATION_LEVEL", "namespaces")]).unwrap_err();
        assert_eq!(fault.code, FaultCode::Unsupported);
        insta::assert_snapshot!(fault, @"isolation level namespaces is asked for (environment variable COSMOS_ISOLATION_LEVEL), but this release gives at most limits; ask for that, or set isolation.degrade = true to accept it");
    }

    #[test]
    fn it_degrades_where_allowed_and_says_the_truth() {
        let confinement = confine(&[
            ("COSMOS_ISOLATION_LEVEL", "landlock+seccomp"),
            ("COSMOS_ISOLATION_DEGRADE", "true"),
        ]);
        assert_eq!(confinement.unwrap().level, Level::Limits);
    }

    #[test]
    fn limits_follow_the_configuration() {
        let confinement = confine(&[
            ("COSMOS_LIMITS_OPEN_FILES", "64"),
            ("COSMOS_LIMITS_MEMORY_BYTES", "1000000000"),
        ]);
        let expected = [(libc::RLIMIT_NOFILE, 64), (libc::RLIMIT_AS, 1_000_000_000)];
        assert_eq!(confinement.unwrap().limits, expected);
        let none = confine(&[("COSMOS_ISOLATION_LEVEL", "none")]).unwrap();
        assert_eq!((none.level, none.limits), (Level::None, Vec::new()));
    }

    #[test]
    fn open_files_stay_below_the_daemons() {
        let unlimited = confine(&[("COSMOS_LIMITS_OPEN_FILES", "unlimited")]).unwrap();
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let (_, given) = unlimited.limits[0];
        assert!(given < soft);
    }
}
