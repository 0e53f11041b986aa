//! Who may do what, and how much of it.
//!
//! # What is enforced
//!
//! | who | may |
//! |---|---|
//! | the registry's own uid, and root | connect to and register every name that is not reserved |
//! | the coordinator | register `cosmos*` and `vm/*`. It is a process of the registry's uid or root that shakes hands in the role of cosmosd; while one connection holds such a name, no other gets one |
//! | another uid | what a rule gives it; nothing without one, not even a connection |
//! | pid 0 (another pid namespace), the overflow uid where some uid has no number here | nothing |
//! | the supervisor's inherited descriptor | dump and hand-over |
//!
//! Between processes of one uid these rules keep order; they are no wall (see the threat model:
//! unconfined processes of the same uid are trusted). To connect to a name of another uid takes a
//! rule *and* that its owner registered it as shared.
//!
//! # The file
//!
//! ```toml
//! names_per_uid = 64          # of each uid other than the registry's and root
//! connections_per_uid = 32
//!
//! [[rule]]
//! uid = 1000                  # a number, or "any"
//! names = "svc/*"             # * stands for any run of characters
//! may = ["connect", "register"]
//! ```
//!
//! It must belong to root or the registry's uid and be writable by nobody else. Reserved names are
//! never given to another uid, whatever a rule says of registering.

use crate::name;
use cosmos_rpc::{Fault, FaultCode};
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Largest rules file in bytes.
const LARGEST: u64 = 1 << 20;

/// What a peer may do to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Connect to it and see it in lists.
    Connect,
    /// Register it.
    Register,
}

/// The rules of one registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The uid the registry runs as; it and root may everything.
    #[serde(skip)]
    pub own: u32,
    /// Most names of each other uid.
    #[serde(default = "default_names")]
    pub names_per_uid: usize,
    /// Most connections of each other uid.
    #[serde(default = "default_connections")]
    pub connections_per_uid: usize,
    /// What other uids may.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// To whom.
    pub uid: Whom,
    /// On which names.
    pub names: String,
    /// What.
    pub may: Vec<Right>,
}

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Whom {
    /// This uid.
    Uid(u32),
    /// Every uid.
    Word(Any),
}

/// The word for every uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Any {
    /// `any`
    Any,
}

impl Rules {
    /// No rule: for processes of `own` and root alone.
    pub fn closed(own: u32) -> Rules {
        let (names_per_uid, connections_per_uid) = (default_names(), default_connections());
        Rules {
            own,
            names_per_uid,
            connections_per_uid,
            rules: Vec::new(),
        }
    }

    /// The rules a text states.
    pub fn parse(text: &str, own: u32) -> Result<Rules, String> {
        let rules: Rules = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok(Rules { own, ..rules })
    }

    /// The rules in a file.
    ///
    /// # Errors
    ///
    /// `Configuration`, naming the file: not readable, somebody else's, writable by others, wrong.
    pub fn load(path: &Path, own: u32) -> Result<Rules, Fault> {
        let wrong = |why: String| {
            Fault::host(
                FaultCode::Configuration,
                format!("the rules file {} cannot be used: {why}", path.display()),
            )
        };
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let found = file.metadata().map_err(|error| wrong(error.to_string()))?;
        if !found.is_file() || found.len() > LARGEST {
            return Err(wrong("it is no file of reasonable size".to_owned()));
        }
        if (found.uid() != 0 && found.uid() != own) || found.mode() & 0o022 != 0 {
            return Err(wrong(format!(
                "it belongs to uid {} with mode {:04o}; it must be uid {own}'s or root's and \
                 writable by nobody else",
                found.uid(),
                found.mode() & 0o7777
            )));
        }
        let mut text = String::new();
        file.take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|error| wrong(error.to_string()))?;
        Rules::parse(&text, own).map_err(wrong)
    }

    /// Whether the uid is the registry's own, or root.
    pub fn is_own(&self, uid: u32) -> bool {
        uid == self.own || uid == 0
    }

    /// Whether the uid may have a connection at all.
    pub fn admits(&self, uid: u32) -> bool {
        self.is_own(uid) || self.rules.iter().any(|rule| rule.is_about(uid))
    }

    /// Whether the uid has a right on a name, reservation and sharing apart.
    pub fn grants(&self, uid: u32, right: Right, name: &str) -> bool {
        let granted = |rule: &Rule| {
            rule.is_about(uid) && rule.may.contains(&right) && name::matches(&rule.names, name)
        };
        self.is_own(uid) || self.rules.iter().any(granted)
    }
}

impl Rule {
    fn is_about(&self, uid: u32) -> bool {
        match self.uid {
            Whom::Uid(number) => number == uid,
            Whom::Word(Any::Any) => true,
        }
    }
}

fn default_names() -> usize {
    64
}

fn default_connections() -> usize {
    32
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        connections_per_uid = 3
        [[rule]]
        uid = 1000
        names = "svc/*"
        may = ["connect", "register"]
        [[rule]]
        uid = "any"
        names = "public"
        may = ["connect"]
    "#;

    #[test]
    fn a_rule_gives_what_it_says_and_no_more() {
        let rules = Rules::parse(TEXT, 500).unwrap();
        assert_eq!((rules.connections_per_uid, rules.names_per_uid), (3, 64));
        assert!(rules.grants(1000, Right::Register, "svc/a"));
        assert!(!rules.grants(1000, Right::Register, "other"));
        assert!(!rules.grants(1001, Right::Register, "svc/a"));
        assert!(rules.grants(1001, Right::Connect, "public"));
        assert!(!rules.grants(1001, Right::Register, "public"));
        assert!(rules.grants(500, Right::Register, "any/name"));
        assert!(rules.grants(0, Right::Connect, "any/name"));
    }

    #[test]
    fn without_rules_only_the_own_uid_and_root_come_in() {
        let rules = Rules::closed(500);
        assert!(rules.admits(500) && rules.admits(0) && !rules.admits(501));
    }

    #[test]
    fn mistakes_are_errors() {
        for text in [
            "rules = 1",
            "[[rule]]\nuid = 1",
            "[[rule]]\nuid=\"all\"\nnames=\"*\"\nmay=[]",
        ] {
            assert!(Rules::parse(text, 0).is_err(), "{text}");
        }
    }
}
