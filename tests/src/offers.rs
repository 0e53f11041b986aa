//! What this machine offers, so that a test can leave out what it does not.

use crate::World;
use cosmos_rpc::message::confine::Levels;
use cosmos_rpc::rendezvous::{Rendezvous, connect_coordinator};
use std::time::Duration;

impl World {
    /// Whether this machine offers a level or a facility, by the name that `cosmos doctor` has for it;
    /// says why where it does not.
    ///
    /// # Panics
    ///
    /// When the daemons do not answer, or do not tell of such a thing.
    pub fn offers(&self, name: &str) -> bool {
        let rendezvous = Rendezvous {
            directory: self.sockets(),
            libexec: crate::built(),
            start: true,
            patience: Duration::from_secs(20),
        };
        let mut cosmosd = connect_coordinator(&rendezvous).expect("cosmosd");
        let (offers, _) = cosmosd.call(&Levels, &[]).expect("what it offers");
        let offer = offers.into_iter().find(|offer| offer.name == name);
        let offer = offer.unwrap_or_else(|| panic!("nothing is told of {name}"));
        if !offer.available {
            println!("skipped at {name}: {}", offer.finding);
        }
        offer.available
    }
}
