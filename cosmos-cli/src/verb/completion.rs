//! `cosmos completion bash|zsh|fish`.

use crate::arguments::{Arguments, Completion};
use crate::report::Verdict;
use clap::CommandFactory;

/// Prints the completion script.
pub fn run(arguments: &Completion) -> Verdict {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "cosmos",
        &mut script,
    );
    super::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
