//! What the child has to do, made ready before the fork: after it nothing is allocated and nothing
//! can be malformed any more.

use cosmos_confine::namespaces::View;
use cosmos_rpc::message::launch::{Bounds, Start, Walls};
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::CString;
use std::path::PathBuf;

/// Open files a VM may have where [`Start`] does not say; the daemons have more.
pub const OPEN_FILES: u64 = 512;
/// Variables of the dynamic linker and of libraries that load code: never handed to a VM.
const FORBIDDEN_VARIABLES: [&str; 3] = ["GLIBC_TUNABLES", "GCONV_PATH", "OPENSSL_CONF"];

/// A checked [`Start`].
#[derive(Debug)]
pub struct Plan {
    /// Absolute path of the program.
    pub program: CString,
    /// Its arguments, the program's name first.
    pub arguments: Vec<CString>,
    /// Its whole environment as `NAME=value`.
    pub environment: Vec<CString>,
    /// `(RLIMIT_* number, soft and hard limit)`; always holds RLIMIT_CORE and RLIMIT_NOFILE.
    pub limits: Vec<(u32, u64)>,
    /// What is bounded otherwise.
    pub bounds: Bounds,
    /// Around what there are walls.
    pub walls: Walls,
    /// All that it shall see, in namespaces of its own.
    pub view: Option<View>,
    /// Whether the network is the machine's even then.
    pub network: bool,
    /// Whether it is looked into when a signal kills it.
    pub traced: bool,
    /// Where the registry listens.
    pub registry: PathBuf,
    /// What it may write while nobody else counts.
    pub output_bytes: Option<u64>,
}

impl Plan {
    /// Checks what cosmosd asked for.
    ///
    /// # Errors
    /// A path that is not absolute, NUL bytes, and variables that would load code into the VM
    /// before it is confined.
    pub fn new(start: &Start) -> Result<Plan, Fault> {
        if !start.program.starts_with('/') {
            return Err(refused(format!(
                "the program of a VM must be an absolute path, not '{}'",
                start.program
            )));
        }
        let mut arguments = vec![text(&start.program)?];
        for argument in &start.arguments {
            arguments.push(text(argument)?);
        }
        let mut environment = Vec::with_capacity(start.environment.len());
        for (name, value) in &start.environment {
            environment.push(variable(name, value)?);
        }
        Ok(Plan {
            program: text(&start.program)?,
            arguments,
            environment,
            limits: limits(&start.limits),
            bounds: start.bounds.clone(),
            walls: start.walls,
            view: start.view.as_ref().map(|view| View {
                read: view.read.iter().map(PathBuf::from).collect(),
                write: view.write.iter().map(PathBuf::from).collect(),
                processes: view.processes,
            }),
            network: start.view.as_ref().is_some_and(|view| view.network),
            traced: start.traced,
            registry: PathBuf::from(&start.registry),
            output_bytes: start.output_bytes,
        })
    }
}

fn variable(name: &str, value: &str) -> Result<CString, Fault> {
    if name.is_empty() || name.contains('=') {
        return Err(refused(format!("'{name}' is no name of a variable")));
    }
    if name.starts_with("LD_") || FORBIDDEN_VARIABLES.contains(&name) {
        return Err(refused(format!(
            "the variable {name} would load code into the VM; search paths are arguments"
        )));
    }
    text(&format!("{name}={value}"))
}

/// The limits asked for, and those every VM has: no core dumps, and fewer open files than the
/// daemons.
fn limits(asked: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let mut limits = vec![(libc::RLIMIT_CORE, 0), (libc::RLIMIT_NOFILE, OPEN_FILES)];
    for &(resource, value) in asked {
        match limits.iter_mut().find(|(known, _)| *known == resource) {
            Some(known) => {
                known.1 = if resource == libc::RLIMIT_CORE {
                    0
                } else {
                    value
                }
            }
            None => limits.push((resource, value)),
        }
    }
    limits
}

fn text(string: &str) -> Result<CString, Fault> {
    CString::new(string).map_err(|_| refused(format!("a NUL byte in {string:?}")))
}

fn refused(message: String) -> Fault {
    Fault::peer(FaultCode::BadArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Start {
        Start {
            program: "/bin/true".into(),
            arguments: vec!["--control".into(), "3".into()],
            environment: vec![("LANG".into(), "C".into())],
            limits: vec![],
            bounds: Bounds::default(),
            walls: Walls::None,
            view: None,
            traced: true,
            registry: "/nonexistent".into(),
            output_bytes: None,
        }
    }

    #[test]
    fn the_program_comes_first_among_its_arguments() {
        let plan = Plan::new(&start()).unwrap();
        assert_eq!(plan.arguments[0], plan.program);
        assert_eq!(plan.arguments.len(), 3);
        assert_eq!(plan.environment, [c"LANG=C".to_owned()]);
    }

    #[test]
    fn a_relative_program_is_refused() {
        let plan = Plan::new(&Start {
            program: "true".into(),
            ..start()
        });
        assert_eq!(plan.unwrap_err().code, FaultCode::BadArgument);
    }

    #[test]
    fn variables_that_load_code_are_refused() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "GLIBC_TUNABLES",
            "GCONV_PATH",
            "",
            "A=B",
        ] {
            let environment = vec![(name.to_owned(), "x".to_owned())];
            let plan = Plan::new(&Start {
                environment,
                ..start()
            });
            assert_eq!(plan.unwrap_err().code, FaultCode::BadArgument, "{name}");
        }
    }

    #[test]
    fn a_nul_byte_is_refused() {
        let plan = Plan::new(&Start {
            arguments: vec!["a\0b".into()],
            ..start()
        });
        assert_eq!(plan.unwrap_err().code, FaultCode::BadArgument);
    }

    #[test]
    fn core_dumps_stay_off_and_open_files_bounded_whatever_is_asked() {
        let asked = vec![(libc::RLIMIT_CORE, 1 << 20), (libc::RLIMIT_CPU, 7)];
        let plan = Plan::new(&Start {
            limits: asked,
            ..start()
        })
        .unwrap();
        assert!(plan.limits.contains(&(libc::RLIMIT_CORE, 0)));
        assert!(plan.limits.contains(&(libc::RLIMIT_NOFILE, OPEN_FILES)));
        assert!(plan.limits.contains(&(libc::RLIMIT_CPU, 7)));
    }
}
