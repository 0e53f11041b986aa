//! Keepers: those at rest wait for the next program, and one more is started where none does.
//!
//! A keeper that is killed leaves its program to this process, which is a reaper of orphans, too: all
//! children but the keepers are such, and are ended at once.

use crate::keeper::{Order, Outcome, end_strays};
use crate::pins;
use crate::program::Program;
use crate::walls::Walls;
use crate::{KEEPER, keeper};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode, Role, codec};
use cosmos_vm_core::Run;
use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most keepers that wait.
const SPARE: usize = 4;

/// The keepers of a VM.
#[derive(Debug)]
pub(crate) struct Pool {
    resting: Mutex<Vec<Keeper>>,
    /// The pids of all keepers. It is locked while one is started: a child that is not listed is a
    /// stray.
    family: Mutex<HashSet<i32>>,
}

/// A keeper's process, and the way to it.
#[derive(Debug)]
struct Keeper {
    child: Child,
    socket: UnixStream,
    /// Made when it is first used: it gets ready meanwhile.
    connection: Option<Connection>,
}

impl Pool {
    /// A pool with one keeper, where one can be started: a VM is made to run something.
    pub(crate) fn new() -> Pool {
        let pool = Pool {
            resting: Mutex::default(),
            family: Mutex::default(),
        };
        // Without it only what a killed keeper leaves behind is not found here.
        let _ = nix::sys::prctl::set_child_subreaper(true);
        if let Ok(keeper) = pool.start() {
            pool.rest(keeper);
        }
        pool
    }

    /// Runs a program to its end.
    pub(crate) fn run(
        &self,
        program: &Program,
        run: Run,
        walls: &Walls,
    ) -> Result<ProgramEnd, Fault> {
        program.is_unchanged()?;
        let mut keeper = match self.resting().pop() {
            Some(keeper) => keeper,
            None => self.start()?,
        };
        let number = program.begin_run(&keeper.socket)?;
        let directory = run.directory.clone();
        let outcome = keeper.run(program, run, walls);
        let closed = program.finish_run(number);
        match outcome {
            Ok(outcome) => {
                self.rest(keeper);
                match outcome {
                    Outcome::Ended(_) if closed.is_some() => Err(closed.unwrap_or_else(lost)),
                    Outcome::Ended(end) => Ok(end),
                    Outcome::NotStarted { step, errno } => {
                        Err(keeper::refusal(program.path(), &directory, step, errno))
                    }
                    Outcome::NotConfined(why) => {
                        let message = format!("{} was not run: {why}", program.path().display());
                        Err(Fault::caller(FaultCode::BadArgument, message))
                    }
                }
            }
            Err(fault) => {
                self.end(keeper);
                Err(closed.unwrap_or(fault))
            }
        }
    }

    fn rest(&self, keeper: Keeper) {
        let mut resting = self.resting();
        if resting.len() < SPARE {
            resting.push(keeper);
        } else {
            drop(resting);
            self.end(keeper);
        }
    }

    fn start(&self) -> Result<Keeper, Fault> {
        let mut family = lock(&self.family);
        let keeper = Keeper::start()?;
        family.insert(keeper.pid());
        Ok(keeper)
    }

    /// Ends a keeper, and what it leaves behind.
    fn end(&self, keeper: Keeper) {
        let pid = keeper.pid();
        keeper.end();
        let mut family = lock(&self.family);
        family.remove(&pid);
        end_strays(&family);
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Keeper>> {
        lock(&self.resting)
    }
}

impl Keeper {
    fn start() -> Result<Keeper, Fault> {
        let failed = |error: io::Error| {
            let message = format!("a keeper for the program: {error}");
            Fault::host(FaultCode::LaunchFailed, message)
        };
        let (socket, theirs) = UnixStream::pair().map_err(failed)?;
        let own = std::env::current_exe().map_err(failed)?;
        let child = Command::new(own)
            .arg(KEEPER)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok(Keeper {
            child,
            socket,
            connection: None,
        })
    }

    fn run(&mut self, program: &Program, run: Run, walls: &Walls) -> Result<Outcome, Fault> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let socket = self.socket.try_clone().map_err(|error| {
                    Fault::host(FaultCode::System, format!("a descriptor: {error}"))
                })?;
                let fresh = Connection::connect(socket, Role::Vm)?.expect(Role::Launcher)?;
                none.insert(fresh)
            }
        };
        let script = pins::script(program)?;
        let order = Order {
            program: program.path().as_os_str().as_bytes().to_vec(),
            arguments: run.arguments,
            environment: run.environment,
            directory: run.directory,
            umask: run.umask,
            timeout: run.timeout,
            terminal: run.terminal,
            steered: run.steering.is_some(),
            untraced: run.untraced,
            closed: run.closed,
            pin: match script {
                // It was compared, and cannot change any more.
                Some(_) => None,
                None => program.pin().map(str::to_owned),
            },
            script: script.is_some(),
            walls: walls.of_programs().map(|(order, _)| order.clone()),
        };
        let descriptors = run.streams.iter().chain(&run.steering);
        let mut descriptors: Vec<_> = descriptors.map(AsFd::as_fd).collect();
        descriptors.extend(walls.of_programs().map(|(_, launcher)| launcher));
        descriptors.extend(script.as_ref().map(AsFd::as_fd));
        let body = codec::encode(&order)?;
        let request = connection.request_raw(Order::KIND, &[&body], &descriptors)?;
        // Held here, the streams would not end with the program.
        drop(descriptors);
        drop((run.streams, run.steering));
        connection
            .answer(request)?
            .reply::<Order>()
            .map_err(|fault| {
                let message = format!("the keeper of {}: {fault}", program.path().display());
                Fault::vm(FaultCode::VmDied, message)
            })
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Has it end what it runs, and itself.
    fn end(mut self) {
        drop(self.connection.take());
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        drop(self.socket);
        let _ = self.child.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lost() -> Fault {
    Fault::vm(FaultCode::VmDied, "the program's keeper is gone")
}
