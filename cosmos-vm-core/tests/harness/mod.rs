//! Starts a real VM process and drives it as cosmosd and a client do.

#![allow(dead_code)] // each test binary uses its part

use callframe::marshal::{
    Caller, CallerBytes, CallerMemory, Given, Keep, MarshalError, MemoryError, Outcome,
};
use callframe::{CallFrame, DataModel};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::frame::Header;
use cosmos_rpc::handshake::{self, Hello};
use cosmos_rpc::message::launch::{Accept, Clients, Ready};
use cosmos_rpc::message::registry::Identity;
use cosmos_rpc::message::vm::{Attach, CALL, ObjectToken, Open, Sym};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, Frame, Limits, Role, codec};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A VM process, with cosmosd's end of its control socket.
pub struct Started {
    process: Running,
    pub control: Connection,
}

/// cosmosd's end of a control socket, on which frames are put without waiting for the VM to answer any.
pub struct Raw(UnixStream);

impl Raw {
    /// The end that is kept, having shaken hands already, and the VM's.
    pub fn greeting() -> (Raw, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut raw = Raw(ours);
        let hello = Hello::new(Role::Coordinator, &Limits::CONTROL).encode();
        raw.put(handshake::KIND, &hello, &[]);
        (raw, theirs)
    }

    /// Puts a notice there.
    pub fn say<M: Message>(&mut self, message: &M, descriptors: &[BorrowedFd<'_>]) {
        self.put(M::KIND, &codec::encode(message).unwrap(), descriptors);
    }

    /// Puts a frame there; a VM that has ended already does not hear it.
    pub fn put(&mut self, kind: u16, body: &[u8], descriptors: &[BorrowedFd<'_>]) {
        let header = Header {
            length: u32::try_from(body.len()).unwrap(),
            kind,
            descriptors: u16::try_from(descriptors.len()).unwrap(),
            id: 0,
        };
        let header = header.encode();
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        let _ = descriptor::send(self.0.as_fd(), &parts, descriptors, Wait::Yes);
    }

    /// What the VM says on it, from its handshake to its end.
    pub fn heard(self) -> Vec<Frame> {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut control = Connection::accept(self.0, Role::Coordinator).unwrap();
        control.set_timeout(Some(PATIENCE));
        std::iter::from_fn(|| control.receive().unwrap_or(None)).collect()
    }
}

/// Whom an Accept is about.
pub fn client() -> Accept {
    Accept {
        client: Identity {
            uid: 0,
            gid: 0,
            pid: 0,
        },
    }
}

/// A VM's process; it is killed in the end.
pub struct Running(Child);

impl Running {
    /// Starts `program` with its control socket as descriptor 3; with one to its launcher as descriptor 4,
    /// where it is to be confined.
    pub fn new(
        program: &Path,
        arguments: &[&str],
        control: UnixStream,
        confining: Option<UnixStream>,
    ) -> Running {
        // By way of standard input and output: a descriptor made inheritable in this process could be
        // inherited by what other test threads start.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >&2", "sh"])
            .arg(program)
            .args(["--control", "3"])
            .args(confining.iter().flat_map(|_| ["--confine", "4"]))
            .args(arguments)
            .stdin(Stdio::from(OwnedFd::from(control)));
        if let Some(confining) = confining {
            command.stdout(Stdio::from(OwnedFd::from(confining)));
        }
        Running(command.spawn().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for the process to end.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the VM does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it runs still, a little later.
    pub fn runs(&mut self) -> bool {
        std::thread::sleep(Duration::from_millis(50));
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Started {
    /// Starts `program` with its control socket as descriptor 3 and waits until it serves.
    pub fn new(program: &Path, arguments: &[&str]) -> Started {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = Running::new(program, arguments, theirs, None);
        let mut control = Connection::accept(ours, Role::Coordinator).unwrap();
        control.set_timeout(Some(PATIENCE));
        let ready = control.receive().unwrap().unwrap();
        ready.message::<Ready>().unwrap();
        Started { process, control }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Hands the VM a client, not yet speaking.
    pub fn stream(&mut self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.control.notify(&client(), &[theirs.as_fd()]).unwrap();
        ours
    }

    /// Hands the VM a client.
    pub fn client(&mut self) -> Connection {
        let mut connection = Connection::connect(self.stream(), Role::Client).unwrap();
        connection.set_timeout(Some(PATIENCE));
        connection
    }

    /// The next count of clients that the VM tells.
    pub fn clients(&mut self) -> u32 {
        let frame = self.control.receive().unwrap().unwrap();
        frame.message::<Clients>().unwrap().count
    }

    /// Waits for the process to end.
    pub fn ended(&mut self) -> ExitStatus {
        self.process.ended()
    }

    /// Whether it runs still, a little later.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }
}

/// One more channel of the client of `main`.
pub fn attach(main: &mut Connection) -> Connection {
    let (ours, theirs) = UnixStream::pair().unwrap();
    main.call(&Attach, &[theirs.as_fd()]).unwrap();
    drop(theirs);
    let mut channel = Connection::connect(ours, Role::Client).unwrap();
    channel.set_timeout(Some(PATIENCE));
    channel
}

pub fn open(connection: &mut Connection, target: &Path) -> Result<ObjectToken, Fault> {
    let target = target.to_str().unwrap().to_owned();
    Ok(connection.call(&Open { target }, &[])?.0)
}

/// A function of the VM, as the client has it.
#[derive(Clone)]
pub struct Function {
    pub caller: Arc<Caller>,
    pub runable: u64,
}

pub fn sym(
    connection: &mut Connection,
    object: ObjectToken,
    prototype: &str,
) -> Result<Function, Fault> {
    let request = Sym {
        model: DataModel::LP64,
        object,
        prototype: prototype.to_owned(),
    };
    let (resolved, _) = connection.call(&request, &[])?;
    let frame: Arc<CallFrame> = Arc::new(callframe::parse(prototype).unwrap());
    let native = DataModel::native().unwrap();
    let caller = Caller::new(frame, native, resolved.model).unwrap();
    assert_eq!(caller.callee_template().encode(), resolved.template);
    Ok(Function {
        caller: Arc::new(caller),
        runable: resolved.runable,
    })
}

/// Why a call gave nothing.
#[derive(Debug)]
pub enum Failure {
    /// The VM or the connection to it.
    Fault(Fault),
    /// An argument, or a reply that was refused.
    Marshal(MarshalError),
}

impl Function {
    /// Calls with the values at these addresses. Gives the result and errno.
    ///
    /// # Safety
    /// The addresses lead to values of the parameters' types, whose pointers are valid; `R` is
    /// the result type, or `()`.
    pub unsafe fn call<R>(
        &self,
        connection: &mut Connection,
        arguments: &[u64],
        errno: i32,
    ) -> Result<(R, i32), Failure> {
        let mut memory = Own;
        let (mut body, mut attached) = (Vec::new(), Vec::new());
        let pending = self
            .caller
            .encode(&mut memory, arguments, errno, &mut body, &mut attached)
            .map_err(Failure::Marshal)?;
        // SAFETY: encoding took descriptors that are open in this process.
        let attached: Vec<BorrowedFd<'_>> = attached
            .iter()
            .map(|&fd| unsafe { BorrowedFd::borrow_raw(fd) })
            .collect();
        let id = self.runable.to_le_bytes();
        let frame = connection
            .call_raw(CALL, &[&id, &body], &attached)
            .map_err(Failure::Fault)?;
        if let Some(fault) = frame.fault() {
            return Err(Failure::Fault(fault));
        }
        assert_eq!(frame.kind, CALL | REPLY);
        let numbers: Vec<i32> = frame.descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let mut result = MaybeUninit::<R>::uninit();
        let place = if size_of::<R>() == 0 {
            0
        } else {
            result.as_mut_ptr() as u64
        };
        let Outcome { errno, .. } = self
            .caller
            .decode(&mut memory, &pending, &frame.body, &numbers, place)
            .map_err(Failure::Marshal)?;
        for descriptor in frame.descriptors {
            let _ = descriptor.into_raw_fd();
        }
        // SAFETY: decoding wrote the result, which is an `R`.
        Ok((unsafe { result.assume_init() }, errno))
    }
}

/// The address of a value, for [`Function::call`].
pub fn at<T>(value: &T) -> u64 {
    (value as *const T).expose_provenance() as u64
}

/// This process's own memory. What is kept is never freed.
pub struct Own;

/// It, for calls made by hand.
pub fn own() -> Own {
    Own
}

const TOKEN: u64 = 0x5a00_0000_0000_0000;

impl CallerBytes for Own {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let source: *const u8 = std::ptr::with_exposed_provenance(address as usize);
        // SAFETY: the promise of `Function::call`.
        unsafe { source.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let place: *mut u8 = std::ptr::with_exposed_provenance_mut(address as usize);
        // SAFETY: the promise of `Function::call`.
        unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        let wanted = &terminator.to_le_bytes()[..unit];
        let mut element = vec![0; unit];
        for index in 0..limit {
            self.read(address + index * unit as u64, &mut element)?;
            if element == wanted {
                return Ok(index + 1);
            }
        }
        Err(MemoryError::Unterminated(limit))
    }
}

impl CallerMemory for Own {
    fn keep(&mut self, bytes: &[u8], _keep: Keep) -> Result<u64, MemoryError> {
        let mut copy = vec![0u128; bytes.len().div_ceil(16).max(1)];
        let place = copy.as_mut_ptr().expose_provenance() as u64;
        copy.leak();
        self.write(place, bytes)?;
        Ok(place)
    }

    fn handle_token(&self, wire: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Ok(wire ^ TOKEN)
    }

    fn handle_wire(&self, token: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        Ok(token ^ TOKEN)
    }

    /// The number of a function is what a test passes as its address.
    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        Ok(given.address)
    }

    fn descriptor(&mut self, fd: i32) -> Option<i32> {
        // SAFETY: F_GETFD takes no pointer.
        (unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0).then_some(fd)
    }
}
