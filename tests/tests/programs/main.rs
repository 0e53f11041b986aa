//! Programs of this machine in VMs: as if they ran here, and ended with all that they started.

mod c_face;
mod command;
mod crashes;
mod descriptors;
mod functions;
mod pins;
mod robust;
mod scripts;
mod signals;
mod streams;
mod terminal;

use cosmos_tests::{Ran, World, run};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const LATE: i32 = 124;
const CANNOT_RUN: i32 = 126;
const NOT_FOUND: i32 = 127;

/// `cosmos exec` with these arguments.
fn exec(world: &World, arguments: &[&str]) -> Ran {
    run(world.cosmos().arg("exec").args(arguments), PATIENCE)
}

/// `cosmos exec` of a line for the shell.
fn shell(world: &World, options: &[&str], line: &str) -> Ran {
    let mut arguments = options.to_vec();
    arguments.extend(["--", "sh", "-c", line]);
    exec(world, &arguments)
}

/// Writes a file that can be executed; its path.
fn write_program(path: &Path, text: &str) -> String {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
    path.to_str().expect("UTF-8").to_owned()
}
