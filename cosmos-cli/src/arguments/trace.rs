//! The arguments of `cosmos trace`.

use clap::Args;
use std::path::PathBuf;

/// Show what requests were made of, and what each step cost, in whichever process.
///
/// A program that was started with COSMOS_TRACE=FILE adds its steps to that file, and those that cosmosd,
/// cosmos-launch and VMs took for it. Each trace is shown as a tree, with when a step began and how long
/// it took, in milliseconds. What a VM says of its own steps is its word.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    $ COSMOS_TRACE=/tmp/trace cosmos call libm.so.6 'double cos(double x)' 0\n  \
    $ cosmos trace /tmp/trace")]
pub struct Trace {
    /// Only the traces whose id begins like this.
    #[arg(long, value_name = "ID", default_value = "")]
    pub id: String,
    /// Print them as OTLP in JSON, which OpenTelemetry's collector and viewers of traces take.
    #[arg(long)]
    pub json: bool,
    /// The files [default: the one that the setting `trace` names].
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
