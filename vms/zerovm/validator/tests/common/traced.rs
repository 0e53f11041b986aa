//! A process that is a sandbox and nothing else, and executes one instruction at a time.

use libc::{c_int, c_long, c_void, pid_t, user_fpregs_struct, user_regs_struct};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr::null_mut;

/// Where the sandbox starts, and what is kept free on both sides.
pub const BASE: u64 = 0x440a_0000_0000;
pub const GUARD: u64 = 40 << 30;
/// Where in the sandbox the text starts, and the most that it may have.
pub const TEXT: u64 = 0x20000;
const TEXT_SIZE: usize = 0x10000;
const SPACE: u64 = 1 << 32;

/// Where the stub is: far from the sandbox, and from the addresses of 32 bits.
const STUB: u64 = 0x1000_0000_0000;
/// `int3; syscall; int3`
const STUB_CODE: [u8; 4] = [0xcc, 0x0f, 0x05, 0xcc];
const STUB_HEADERS: u64 = 120;

pub struct Sandbox {
    child: Child,
    /// Where this process sees the sandbox's text.
    text: *mut u8,
    floating_point: user_fpregs_struct,
    /// For system calls in the child.
    registers: user_regs_struct,
}

/// What ended a step.
#[derive(Debug)]
pub enum Stop {
    Stepped,
    /// Memory that is not there, or not for that.
    Fault(u64),
    /// A general protection fault, which has no address.
    Protection,
    /// Another signal.
    Other,
    Ended,
}

/// Whether a program may write the base of a segment: the processor and the kernel have to allow it.
pub fn may_move_bases() -> bool {
    const FSGSBASE: u64 = 1 << 1;
    // SAFETY: only asks.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & FSGSBASE != 0 }
}

impl Sandbox {
    /// Has to be used on the thread that started it.
    pub fn start() -> Self {
        // SAFETY: a new descriptor; it stays open in the child, which has to map it.
        let memory = unsafe { libc::memfd_create(c"text".as_ptr(), 0) };
        assert!(memory >= 0);
        // SAFETY: the descriptor is ours, and the mapping a new one.
        let text = unsafe {
            assert_eq!(libc::ftruncate(memory, TEXT_SIZE as i64), 0);
            libc::mmap(
                null_mut(),
                TEXT_SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                memory,
                0,
            )
        };
        assert_ne!(text, libc::MAP_FAILED);
        let child = start_stub();
        // SAFETY: numbers, for which zero is a value.
        let registers = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let floating_point = unsafe { std::mem::zeroed() };
        let mut sandbox = Self {
            child,
            text: text.cast(),
            floating_point,
            registers,
        };
        assert!(matches!(sandbox.wait(), Stop::Stepped), "the stub starts");
        sandbox.registers = sandbox.registers();
        sandbox.floating_point = get(sandbox.pid(), libc::PTRACE_GETFPREGS);
        sandbox.map(memory);
        // SAFETY: ours, and mapped where it is needed.
        unsafe { libc::close(memory) };
        sandbox
    }

    /// Makes this the text, followed by HLT.
    pub fn place(&mut self, text: &[u8]) {
        assert!(text.len() <= TEXT_SIZE);
        // SAFETY: the mapping has that size, and the child, which shares it, is stopped.
        let all = unsafe { std::slice::from_raw_parts_mut(self.text, TEXT_SIZE) };
        all.fill(0xf4);
        all[..text.len()].copy_from_slice(text);
    }

    /// Sets all registers.
    pub fn reset(&mut self, registers: &user_regs_struct) {
        let mut all = self.registers;
        let segments = all;
        all.clone_from(registers);
        (all.cs, all.ss, all.ds, all.es) = (segments.cs, segments.ss, segments.ds, segments.es);
        (all.fs, all.gs) = (segments.fs, segments.gs);
        all.orig_rax = u64::MAX;
        set(self.pid(), libc::PTRACE_SETREGS, &all);
        set(self.pid(), libc::PTRACE_SETFPREGS, &self.floating_point);
    }

    pub fn registers(&self) -> user_regs_struct {
        get(self.pid(), libc::PTRACE_GETREGS)
    }

    /// Executes one instruction, or one round of a string instruction that repeats.
    pub fn step(&mut self) -> Stop {
        trace(self.pid(), libc::PTRACE_SINGLESTEP, null_mut());
        self.wait()
    }

    fn pid(&self) -> pid_t {
        self.child.id() as pid_t
    }

    fn wait(&self) -> Stop {
        let mut status = 0;
        // SAFETY: the status is ours.
        let waited = unsafe { libc::waitpid(self.pid(), &mut status, libc::__WALL) };
        assert_eq!(waited, self.pid());
        if !libc::WIFSTOPPED(status) {
            return Stop::Ended;
        }
        match libc::WSTOPSIG(status) {
            libc::SIGTRAP => Stop::Stepped,
            libc::SIGSEGV => {
                let info: libc::siginfo_t = get(self.pid(), libc::PTRACE_GETSIGINFO);
                const SI_KERNEL: c_int = 0x80;
                if info.si_code == SI_KERNEL {
                    return Stop::Protection;
                }
                // SAFETY: the signal has an address.
                Stop::Fault(unsafe { info.si_addr() } as u64)
            }
            _ => Stop::Other,
        }
    }

    /// Unmaps everything but the stub, and maps the sandbox.
    fn map(&mut self, memory: c_int) {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid())).unwrap();
        for line in maps.lines() {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let start = u64::from_str_radix(start, 16).unwrap();
            let end = u64::from_str_radix(end, 16).unwrap();
            // The stub stays; the page of old system calls is the kernel's, and cannot be read.
            if start != STUB && start < 1 << 47 {
                assert_eq!(
                    self.call(libc::SYS_munmap, [start, end - start, 0, 0, 0, 0]),
                    0,
                    "{line}"
                );
            }
        }
        let fixed = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let read_write = libc::PROT_READ | libc::PROT_WRITE;
        self.mmap(BASE - GUARD, SPACE + 2 * GUARD, libc::PROT_NONE, fixed, -1);
        self.mmap(BASE + 0x10000, SPACE - 0x10000, read_write, fixed, -1);
        let shared = libc::MAP_FIXED | libc::MAP_SHARED;
        let execute = libc::PROT_READ | libc::PROT_EXEC;
        self.mmap(BASE + TEXT, TEXT_SIZE as u64, execute, shared, memory);
        let left = std::fs::read_to_string(format!("/proc/{}/maps", self.pid())).unwrap();
        assert!(
            !left.contains("[stack]") && !left.contains("[vdso]"),
            "{left}"
        );
    }

    fn mmap(&mut self, address: u64, size: u64, protection: c_int, flags: c_int, memory: c_int) {
        let arguments = [
            address,
            size,
            protection as u64,
            flags as u64,
            memory as u64,
            0,
        ];
        assert_eq!(self.call(libc::SYS_mmap, arguments), address as i64);
    }

    /// A system call of the child.
    fn call(&mut self, number: c_long, arguments: [u64; 6]) -> i64 {
        let mut registers = self.registers;
        registers.rip = STUB + STUB_HEADERS + 1;
        registers.rax = number as u64;
        registers.orig_rax = u64::MAX;
        [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
            registers.r9,
        ] = arguments;
        set(self.pid(), libc::PTRACE_SETREGS, &registers);
        assert!(matches!(self.step(), Stop::Stepped));
        self.registers().rax as i64
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe { libc::munmap(self.text.cast(), TEXT_SIZE) };
    }
}

/// Starts the stub, traced, and stopped before its first instruction.
fn start_stub() -> Child {
    let mut file = tempfile::Builder::new().prefix("stub").tempfile().unwrap();
    file.write_all(&stub()).unwrap();
    let path = file.into_temp_path();
    set_executable(&path);
    let mut command = Command::new(&path);
    // SAFETY: only asks to be traced, by a system call.
    unsafe {
        command.pre_exec(|| {
            match libc::ptrace(
                libc::PTRACE_TRACEME,
                0,
                null_mut::<c_void>(),
                null_mut::<c_void>(),
            ) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    command.spawn().expect("a process may trace what it starts")
}

fn set_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// An ELF file of one segment that holds its headers and the stub's code.
fn stub() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [STUB + STUB_HEADERS, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    for half in [0_u16, 0, 64, 56, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let size = STUB_HEADERS + STUB_CODE.len() as u64;
    for word in [0, STUB, STUB, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(STUB_CODE);
    file
}

fn get<T>(pid: pid_t, request: libc::c_uint) -> T {
    // SAFETY: what is read are numbers, for which zero is a value.
    let mut value: T = unsafe { std::mem::zeroed() };
    trace(pid, request, (&raw mut value).cast());
    value
}

fn set<T>(pid: pid_t, request: libc::c_uint, value: &T) {
    trace(pid, request, (&raw const *value).cast_mut().cast());
}

fn trace(pid: pid_t, request: libc::c_uint, data: *mut c_void) {
    // SAFETY: the callers give each request the data that it reads or writes.
    let result = unsafe { libc::ptrace(request, pid, null_mut::<c_void>(), data) };
    assert_eq!(
        result,
        0,
        "ptrace {request}: {}",
        std::io::Error::last_os_error()
    );
}
