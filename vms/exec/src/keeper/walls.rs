//! The walls of a program, made ready before its process is there: raising them allocates nothing.

use cosmos_confine::Error;
use cosmos_confine::files::{self, Files};
use cosmos_confine::filter::{self, Filter};
use cosmos_confine::rules::Permissions;
use cosmos_rpc::message::confine::Confine;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// What a program gives up: files, signals and abstract sockets by the ruleset, system calls by the
/// filter.
#[derive(Debug)]
pub(super) struct Walls {
    order: Confine,
    pub(super) ruleset: OwnedFd,
    pub(super) filter: Filter,
}

impl Walls {
    /// Those of an order; `known` where they are the same. What is granted is what is there when they
    /// are made, so a program that changed since is made others.
    pub(super) fn of(order: &Confine, known: Option<Walls>) -> Result<Walls, Error> {
        match known.filter(|known| known.order == *order) {
            Some(known) => Ok(known),
            None => Walls::make(order),
        }
    }

    fn make(order: &Confine) -> Result<Walls, Error> {
        let paths = |list: &[String]| list.iter().map(PathBuf::from).collect();
        let ruleset = files::prepare(&Files {
            target: paths(&order.target),
            read: paths(&order.grants.read),
            write: paths(&order.grants.write),
            network: order.grants.network,
            programs: order.grants.programs,
            runs_target: true,
        })?;
        let filter = filter::only(&Permissions {
            // Nobody knows it yet.
            pid: 0,
            network: order.grants.network,
            memory_files: order.memory_files,
            programs: order.grants.programs,
            processes: order.processes,
            is_program: true,
        })?;
        Ok(Walls {
            order: order.clone(),
            ruleset,
            filter,
        })
    }
}
