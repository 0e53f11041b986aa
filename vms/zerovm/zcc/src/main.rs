//! The command `zcc`.

use clap::CommandFactory;
use std::process::ExitCode;
use zcc::Arguments;

fn main() -> ExitCode {
    let arguments = match Arguments::from_command_line(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    if let Some(directory) = &arguments.pages {
        return cosmos_pages::write(Arguments::command(), directory);
    }
    match zcc::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zcc: {error}");
            ExitCode::FAILURE
        }
    }
}
