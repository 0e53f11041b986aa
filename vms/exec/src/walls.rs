//! What the programs of this VM are confined to, where they are.
//!
//! The VM and its keepers run no code but their own, and are confined only as their launcher did it:
//! without capabilities, and without signals to others. Each program gets its walls from its keeper, in
//! its own process and right before it is executed; what it is refused from then on the kernel tells
//! the launcher.

use cosmos_rpc::message::confine::{Confine, Grants};
use cosmos_rpc::{Fault, FaultCode};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

/// What cosmosd ordered; empty as long as it ordered nothing.
#[derive(Debug, Default)]
pub(crate) struct Walls(OnceLock<(Confine, OwnedFd)>);

impl Walls {
    /// Takes the order, once, with the way to the launcher.
    pub(crate) fn take(&self, order: &Confine, launcher: OwnedFd) -> Result<(), Fault> {
        let taken = self.0.set((order.clone(), launcher));
        taken.map_err(|_| Fault::peer(FaultCode::Protocol, "the VM has its walls already"))
    }

    /// What each program gives up, and where the listener of its filter goes.
    pub(crate) fn of_programs(&self) -> Option<(&Confine, BorrowedFd<'_>)> {
        let (order, launcher) = self.0.get()?;
        Some((order, launcher.as_fd()))
    }

    /// Refuses a program that could not be executed behind these walls, as long as somebody can be told.
    pub(crate) fn admit(&self, program: &Path) -> Result<(), Fault> {
        let Some((order, _)) = self.of_programs() else {
            return Ok(());
        };
        let Grants { read, write, .. } = &order.grants;
        let granted = order.grants.programs && [read, write].into_iter().any(|it| has(it, program));
        // By its own name: that a directory of libraries may be read makes no programs of them.
        let is_target = order.target.iter().any(|path| Path::new(path) == program);
        if is_target || granted {
            return Ok(());
        }
        let message = format!(
            "this VM may not run {}: open it without naming a VM, or grant programs and the file to be \
             read",
            program.display()
        );
        Err(Fault::caller(FaultCode::NotPermitted, message))
    }
}

fn has(granted: &[String], path: &Path) -> bool {
    granted.iter().any(|granted| path.starts_with(granted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn walls(programs: bool) -> Walls {
        let walls = Walls::default();
        let order = Confine {
            target: vec!["/usr/lib".into(), "/usr/bin/cat".into()],
            grants: Grants {
                read: vec!["/opt".into()],
                programs,
                ..Grants::default()
            },
            memory_files: false,
            processes: false,
        };
        let launcher = || OwnedFd::from(File::open("/dev/null").expect("a descriptor"));
        walls.take(&order, launcher()).expect("its first order");
        assert!(walls.take(&order, launcher()).is_err());
        walls
    }

    #[test]
    fn programs_of_other_grants_are_refused_by_name() {
        let refused = |walls: &Walls, path| walls.admit(Path::new(path)).err();
        let target_alone = walls(false);
        assert!(refused(&target_alone, "/usr/bin/cat").is_none());
        for path in ["/usr/bin/ls", "/usr/lib/ld.so", "/opt/x"] {
            let fault = refused(&target_alone, path).expect(path);
            assert_eq!(fault.code, FaultCode::NotPermitted);
            assert!(fault.message.contains(path), "{fault}");
        }
        let granted = walls(true);
        assert!(refused(&granted, "/opt/x").is_none());
        assert!(refused(&granted, "/usr/bin/ls").is_some());
        assert!(refused(&Walls::default(), "/usr/bin/ls").is_none());
    }
}
