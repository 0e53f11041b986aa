//! cosmosd, the coordinator: matches targets with kinds of VMs, launches VMs and supervises them.
//!
//! | room | purpose |
//! |---|---|
//! | [`requirements`] | what a target is and needs, read from the file |
//! | [`search`] | from the name a client gives to files |
//! | [`profile`] | what each kind of VM runs |
//! | [`matching`] | requirements against profiles: named rules that explain themselves |
//! | [`configured`], [`reload`] | the configuration and what follows from it, read again at SIGHUP |
//! | [`confinement`] | limits and isolation level of a VM, from the configuration |
//! | [`identity`] | which process a client is |
//! | [`vm`] | a VM as cosmosd knows it: its states and what is true in each |
//! | [`supervise`] | one task a VM: launch it, pass clients on, see it end |
//! | [`coordinator`] | the table of VMs and what all rooms share |
//! | [`numbers`] | numbers of VMs, none twice |
//! | [`pool`] | VMs that are started before they are asked for |
//! | [`spare`] | the launcher that is there before its VM |
//! | `adopt` | VMs that outlived a cosmosd |
//! | [`crash`] | reports of VMs that crashed |
//! | [`stderr`], [`log`], [`logs`] | what VMs write, and for how long it is kept |
//! | [`metrics`] | what is counted, for Prometheus |
//! | [`follow`] | the steps of requests that are followed |
//! | [`restart`] | shared VMs that crash |
//! | [`session`] | one client's connection |
//! | [`verb`] | what each request does, a file each |
//! | [`aside`] | work that may wait, on threads |
//! | [`tightened`] | the configuration for requests that are alike |
//! | [`known`] | what was looked up of targets, for the next time |
//! | [`registry`] | the connection to cosmosdb, made again whenever it is lost |
//! | [`daemon`] | start, signals, the end |
//!
//! # Promises
//!
//! 1. One thread runs everything but reading target files and looking for cosmosdb; nothing a peer does or leaves undone
//!    stops it: every wait for a peer has a deadline or can be abandoned.
//! 2. cosmosd never forks. It spawns the launcher, holds its pidfd before anything could reap it,
//!    and reaps each exactly once: there are no zombies.
//! 3. A VM that belongs to a client is reached by that client alone and ends with its connection.
//! 4. What a VM says (on its control socket, on its standard error) is bounded and trusted in
//!    nothing that concerns anybody else.
//! 5. VMs outlive a cosmosd that is killed, and the next one has them again.
//! 6. A configuration with a mistake changes nothing.
//! 7. Names of VMs outlive a restart of cosmosdb: they are registered again.

mod adopt;
pub mod aside;
pub mod configured;
pub mod confinement;
pub mod coordinator;
pub mod crash;
pub mod daemon;
pub mod files;
pub mod follow;
pub mod identity;
pub mod known;
pub mod launch;
mod lend;
pub mod log;
pub mod logs;
pub mod matching;
pub mod metrics;
pub mod numbers;
pub mod pool;
pub mod profile;
pub mod registry;
pub mod reload;
pub mod requirements;
pub mod restart;
pub mod search;
pub mod session;
pub mod spare;
pub mod stderr;
pub mod supervise;
pub mod tightened;
pub mod verb;
pub mod vm;

pub use daemon::main;
