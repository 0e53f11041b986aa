//! The command line.

use clap::Parser;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// The socket registry of cosmos_vm: names to sockets, handed out as descriptors.
///
/// Prints `ready` on standard output when it serves, or one line saying why it does not. SIGHUP
/// replaces it by a new process of the same program without losing a connection; SIGTERM ends it.
///
/// Example: cosmosdb --detach
#[derive(Clone, Debug, Parser)]
#[command(name = "cosmosdb", version)]
pub struct Options {
    /// Go into the background, in a session of its own; implies --end-when-idle.
    #[arg(long)]
    pub detach: bool,
    /// End after `idle_seconds` without any connection.
    #[arg(long)]
    pub end_when_idle: bool,
    /// Read this configuration file instead of the system's, the user's and the environment.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the socket, whatever the configuration says.
    #[arg(long, value_name = "DIRECTORY")]
    pub socket_directory: Option<PathBuf>,
    /// Rights of other uids; without it they have none.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Inherited connection of the supervisor, which may dump the table and order a hand-over.
    #[arg(long, value_name = "FD")]
    pub supervisor: Option<RawFd>,
    /// Inherited connection to the registry to succeed.
    #[arg(long, value_name = "FD")]
    pub take_over: Option<RawFd>,
    /// Write the manual page and the completions into a directory: what `make install` does.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    pub pages: Option<PathBuf>,
}

impl Options {
    /// With what they imply, and absolute paths: a daemon's working directory is another.
    pub fn resolved(mut self) -> Options {
        self.end_when_idle |= self.detach;
        for path in [
            &mut self.config,
            &mut self.socket_directory,
            &mut self.rules,
        ] {
            if let Some(given) = path
                && let Ok(absolute) = std::path::absolute(&*given)
            {
                *given = absolute;
            }
        }
        self
    }
}
