//! The names, sans-I/O.
//!
//! Invariants: every row's owner is a live connection (whoever ends one calls
//! [`Table::remove_owner`]); an expired row is never seen, because every question first purges.

use cosmos_rpc::message::registry::{Entry, Identity, Route};
use cosmos_rpc::{Fault, FaultCode};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Number of a connection, never used twice in a registry's life, hand-overs included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// A registered name.
#[derive(Clone, Debug)]
pub struct Row {
    /// How clients reach the owner.
    pub route: Route,
    /// The listening socket of [`Route::Listening`], kept so that its queue outlives its owner's
    /// own descriptor.
    pub listener: Option<Rc<OwnedFd>>,
    /// The connection it lives by.
    pub owner: PeerId,
    /// Who made that connection.
    pub identity: Identity,
    /// When it ends by itself.
    pub expires: Option<Instant>,
    /// Whether other uids may connect.
    pub shared: bool,
}

/// All names.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeMap<String, Row>,
}

impl Table {
    /// Adds a name.
    ///
    /// # Errors
    ///
    /// `NameTaken`, naming the owner.
    pub fn add(&mut self, name: String, row: Row, now: Instant) -> Result<(), Fault> {
        self.purge(now);
        if let Some(taken) = self.rows.get(&name) {
            return Err(Fault::caller(
                FaultCode::NameTaken,
                format!(
                    "the name {name} is registered already, by pid {} of uid {}",
                    taken.identity.pid, taken.identity.uid
                ),
            ));
        }
        self.rows.insert(name, row);
        Ok(())
    }

    /// The row of a name.
    pub fn get(&mut self, name: &str, now: Instant) -> Option<&Row> {
        self.purge(now);
        self.rows.get(name)
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &str) -> Option<Row> {
        self.rows.remove(name)
    }

    /// Takes out every name of a connection that ended.
    pub fn remove_owner(&mut self, owner: PeerId) {
        self.rows.retain(|_, row| row.owner != owner);
    }

    /// Every row, in the order of names.
    pub fn rows(&mut self, now: Instant) -> impl Iterator<Item = (&str, &Row)> {
        self.purge(now);
        self.rows.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of names of a uid.
    pub fn len_of(&self, uid: u32) -> usize {
        self.rows
            .values()
            .filter(|row| row.identity.uid == uid)
            .count()
    }

    /// When the next name expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.rows.values().filter_map(|row| row.expires).min()
    }

    /// Takes out what has expired.
    pub fn purge(&mut self, now: Instant) {
        if self.rows.values().any(|row| row.has_expired(now)) {
            self.rows.retain(|_, row| !row.has_expired(now));
        }
    }
}

impl Row {
    /// As it is told to peers.
    pub fn entry(&self, name: &str, now: Instant) -> Entry {
        Entry {
            name: name.to_owned(),
            route: self.route.clone(),
            uid: self.identity.uid,
            pid: self.identity.pid,
            expires_in: self.remaining(now).map_or(0, seconds),
            shared: self.shared,
        }
    }

    /// Time until it expires, where it does.
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        self.expires
            .map(|expires| expires.saturating_duration_since(now))
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Rounded up, because 0 means never.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1000))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(owner: u64, expires: Option<Instant>) -> Row {
        Row {
            route: Route::Handed,
            listener: None,
            owner: PeerId(owner),
            identity: Identity {
                uid: owner as u32,
                gid: 0,
                pid: 7,
            },
            expires,
            shared: false,
        }
    }

    #[test]
    fn a_name_ends_with_its_owner_or_when_it_expires() {
        let now = Instant::now();
        let soon = now + Duration::from_millis(1500);
        let mut table = Table::default();
        table.add("a".into(), row(1, None), now).unwrap();
        table.add("b".into(), row(1, Some(soon)), now).unwrap();
        table.add("c".into(), row(2, None), now).unwrap();
        assert_eq!(
            table.add("b".into(), row(2, None), now).unwrap_err().code,
            FaultCode::NameTaken
        );
        assert_eq!(table.get("b", now).unwrap().entry("b", now).expires_in, 2);
        assert_eq!(table.next_expiry(), Some(soon));
        assert!(table.get("b", soon).is_none());
        table.add("b".into(), row(2, None), soon).unwrap();
        table.remove_owner(PeerId(1));
        assert_eq!(
            table.rows(soon).map(|(name, _)| name).collect::<Vec<_>>(),
            ["b", "c"]
        );
        assert_eq!((table.len_of(2), table.len_of(1)), (2, 0));
    }
}
