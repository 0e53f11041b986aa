//! A target that was opened: what it is, that it has not changed since, and its runs.

use cosmos_rpc::{Fault, FaultCode};
use nix::unistd::{AccessFlags, access};
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A program.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    identity: Identity,
    /// The SHA-256 that it must have to be run.
    pin: Option<String>,
    runs: Mutex<Runs>,
}

/// What tells a file from what it was: the inode, and when it changed, which nobody can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Debug, Default)]
struct Runs {
    last: u64,
    /// The sockets of the keepers that are at work.
    sockets: HashMap<u64, UnixStream>,
    /// Nothing runs any more.
    is_closed: bool,
}

impl Program {
    /// Looks at the file at `path`: whether it can be executed, and which it is.
    pub(crate) fn open(path: &Path) -> Result<Program, Fault> {
        let identity = Identity::of(path)?;
        access(path, AccessFlags::X_OK).map_err(|_| {
            let message = format!(
                "{0} is not executable (`chmod +x {0}` makes it so)",
                path.display()
            );
            Fault::caller(FaultCode::NotLoadable, message)
        })?;
        Ok(Program {
            path: path.to_owned(),
            identity,
            pin: None,
            runs: Mutex::default(),
        })
    }

    /// The same, to be run with these contents alone.
    pub(crate) fn pinned_to(self, digest: String) -> Program {
        Program {
            pin: Some(digest),
            ..self
        }
    }

    /// The SHA-256 that it must have to be run.
    pub(crate) fn pin(&self) -> Option<&str> {
        self.pin.as_deref()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to go on with another file than the one that was opened.
    pub(crate) fn is_unchanged(&self) -> Result<(), Fault> {
        if Identity::of(&self.path)? == self.identity {
            return Ok(());
        }
        let message = format!("{} has changed since it was opened", self.path.display());
        Err(Fault::caller(FaultCode::NotLoadable, message))
    }

    /// Notes a run, by the socket of its keeper.
    ///
    /// # Errors
    /// When the program was closed meanwhile, or there are no descriptors left.
    pub(crate) fn begin_run(&self, keeper: &UnixStream) -> Result<u64, Fault> {
        let socket = keeper.try_clone().map_err(|error| {
            let message = format!("a descriptor for the run: {error}");
            Fault::host(FaultCode::System, message)
        })?;
        let mut runs = self.runs();
        if runs.is_closed {
            return Err(self.closed());
        }
        runs.last += 1;
        let number = runs.last;
        runs.sockets.insert(number, socket);
        Ok(number)
    }

    /// A run is over; what is said of one that was ended by [`Program::end_runs`].
    pub(crate) fn finish_run(&self, number: u64) -> Option<Fault> {
        let mut runs = self.runs();
        runs.sockets.remove(&number);
        runs.is_closed.then(|| self.closed())
    }

    /// Ends what runs, and lets nothing begin.
    pub(crate) fn end_runs(&self) {
        let mut runs = self.runs();
        runs.is_closed = true;
        for socket in runs.sockets.values() {
            // A keeper that is gone already is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn closed(&self) -> Fault {
        let message = format!("{} was closed", self.path.display());
        Fault::caller(FaultCode::Cancelled, message)
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    fn of(path: &Path) -> Result<Identity, Fault> {
        let metadata = path.metadata().map_err(|error| missing(path, &error))?;
        if !metadata.is_file() {
            let message = format!("{} is no regular file", path.display());
            return Err(Fault::caller(FaultCode::NotLoadable, message));
        }
        Ok(Identity::from(&metadata))
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Identity {
        Identity {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn missing(path: &Path, error: &io::Error) -> Fault {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            let message = format!("there is no program {shown}");
            Fault::caller(FaultCode::NoSuchTarget, message)
        }
        _ => Fault::caller(FaultCode::NotLoadable, format!("{shown}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn written(directory: &Path, name: &str, mode: u32) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, "#!/bin/sh\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        path
    }

    #[test]
    fn what_cannot_be_executed_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let code = |path: &Path| Program::open(path).expect_err("refused").code;
        assert_eq!(
            code(&directory.path().join("missing")),
            FaultCode::NoSuchTarget
        );
        assert_eq!(code(directory.path()), FaultCode::NotLoadable);
        let plain = written(directory.path(), "plain", 0o644);
        assert_eq!(code(&plain), FaultCode::NotLoadable);
        assert_eq!(code(&plain.join("below")), FaultCode::NoSuchTarget);
        assert!(Program::open(&written(directory.path(), "program", 0o755)).is_ok());
    }

    #[test]
    fn another_file_of_the_name_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = written(directory.path(), "program", 0o755);
        let program = Program::open(&path).expect("a program");
        program.is_unchanged().expect("the same");
        let other = written(directory.path(), "other", 0o755);
        fs::rename(other, &path).expect("renamed");
        assert_eq!(
            program.is_unchanged().expect_err("another").code,
            FaultCode::NotLoadable
        );
    }

    #[test]
    fn another_text_with_the_times_and_the_size_of_the_old_one_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = written(directory.path(), "program", 0o755);
        let program = Program::open(&path).expect("a program");
        let before = fs::metadata(&path).expect("its times");
        // The clock of the file system has steps of some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::write(&path, "#!/bin/ls\n").expect("written");
        let times = fs::FileTimes::new().set_modified(before.modified().expect("its time"));
        let file = fs::File::options().write(true).open(&path).expect("opened");
        file.set_times(times).expect("set back");
        let after = fs::metadata(&path).expect("its times");
        assert_eq!((after.mtime(), after.len()), (before.mtime(), before.len()));
        assert!(program.is_unchanged().is_err());
    }

    #[test]
    fn closing_ends_the_runs_and_lets_none_begin() {
        let program = Program::open(Path::new("/bin/sh")).expect("a shell");
        let (vm, keeper) = UnixStream::pair().expect("a pair");
        let run = program.begin_run(&vm).expect("it begins");
        program.end_runs();
        let mut end = [0];
        let read = io::Read::read(&mut &keeper, &mut end).expect("the end");
        assert_eq!(read, 0);
        assert_eq!(
            program.finish_run(run).expect("closed").code,
            FaultCode::Cancelled
        );
        assert!(program.begin_run(&vm).is_err());
    }
}
