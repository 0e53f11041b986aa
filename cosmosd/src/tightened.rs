//! The configuration for a kind and a target with a request's settings, made once for requests that are alike:
//! to make it takes a large part of what an open takes. It is made of one configuration of cosmosd's, and goes with that.

use crate::profile::Profile;
use cosmos_config::{Config, ConfigError};
use std::{cell::RefCell, collections::HashMap, rc::Rc};

/// Most of them that are kept.
const MOST: usize = 64;
/// Bytes of the texts that one was asked by, at most, to be kept.
const LONGEST: usize = 4096;

/// What one was asked by: the kind, the names of the target, the settings.
type Asked = (String, [String; 3], Vec<(String, String)>);

/// Those that were asked for.
#[derive(Debug, Default)]
pub struct Tightened(RefCell<HashMap<Asked, Rc<Config>>>);

impl Tightened {
    /// That of a target of these names, in a VM of this kind, as tight as the settings ask.
    ///
    /// # Errors
    /// Settings that are none.
    pub fn of(
        &self,
        config: &Config,
        profile: &Profile,
        names: [&str; 3],
        settings: &[(String, String)],
    ) -> Result<Rc<Config>, ConfigError> {
        let asked: Asked = (
            profile.kind.clone(),
            names.map(str::to_owned),
            settings.to_vec(),
        );
        if let Some(known) = self.0.borrow().get(&asked) {
            return Ok(known.clone());
        }
        let settings = settings.iter();
        let settings = settings.map(|(key, value)| (key.as_str(), value.as_str()));
        let config = config
            .of_target(&profile.kind, &names)
            .tightened(settings)?;
        let config = Rc::new(config);
        if length(&asked) <= LONGEST {
            let mut kept = self.0.borrow_mut();
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(asked, config.clone());
        }
        Ok(config)
    }
}

fn length((_, names, settings): &Asked) -> usize {
    let names = names.iter().map(String::len);
    let settings = settings.iter().map(|(key, value)| key.len() + value.len());
    names.chain(settings).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmos_config::Layer;
    use std::path::Path;

    fn profile() -> Profile {
        let text = include_str!("../profiles/hostfn.toml");
        Profile::parse(Path::new("x.toml"), text, Path::new("/x")).unwrap()
    }

    fn config() -> Config {
        let variables = [("COSMOS_SOCKET_DIRECTORY", "/nonexistent")];
        Config::load_from(vec![Layer::from_environment(variables).unwrap()]).unwrap()
    }

    fn setting(key: &str, value: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn it_is_what_would_be_made_and_made_once() {
        let (kept, config, profile) = (Tightened::default(), config(), profile());
        let names = ["libz.so.1", "libz.so.1", "/lib/libz.so.1"];
        let few = setting("limits.open_files", "64");
        let of = |settings: &[_]| kept.of(&config, &profile, names, settings).unwrap();
        let first = of(&few);
        assert_eq!(first.limits.open_files.bound(), Some(64));
        assert!(Rc::ptr_eq(&first, &of(&few)));
        let other = of(&setting("limits.open_files", "63"));
        assert_eq!(other.limits.open_files.bound(), Some(63));
        let none = of(&[]);
        assert_eq!(*none, config.of_target(&profile.kind, &names));
        assert!(Rc::ptr_eq(&first, &of(&few)));
    }

    #[test]
    fn what_is_wrong_is_refused_every_time() {
        let (kept, config, profile) = (Tightened::default(), config(), profile());
        for _ in 0..2 {
            let settings = setting("limits.open_files", "many");
            assert!(kept.of(&config, &profile, [""; 3], &settings).is_err());
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (kept, config, profile) = (Tightened::default(), config(), profile());
        for number in 0..3 * MOST {
            let name = number.to_string();
            kept.of(&config, &profile, [&name, "", ""], &[]).unwrap();
            assert!(kept.0.borrow().len() <= MOST);
        }
        let before = kept.0.borrow().len();
        let long = "x".repeat(LONGEST + 1);
        kept.of(&config, &profile, [&long, "", ""], &[]).unwrap();
        assert_eq!(kept.0.borrow().len(), before);
    }
}
