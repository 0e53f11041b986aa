//! A real hostfn process beside the same libraries in this one.

#![allow(dead_code)] // each test binary uses its part

#[path = "../../../../cosmos-vm-core/tests/harness/mod.rs"]
pub mod harness;

use cosmos_rpc::blocking::Connection;
use harness::{Failure, Function, Started};
use libloading::os::unix::Library;
use std::path::{Path, PathBuf};

/// Calls `$function` of the VM with the addresses of the values, giving `(result, errno)`.
#[allow(unused_macros)] // each test binary uses its part
macro_rules! remote {
    ($world:expr, $function:expr, $($argument:expr),*) => {
        // SAFETY: the arguments are variables of the parameters' types.
        unsafe { $world.call(&$function, &[$($crate::common::harness::at(&$argument)),*]) }
    };
}

/// Calls a function of this process with errno set, giving `(result, errno)`.
#[allow(unused_macros)] // each test binary uses its part
macro_rules! local {
    ($function:ident($($argument:expr),*)) => {
        // SAFETY: the arguments are what the function takes.
        $crate::common::with_errno(|| unsafe { $function($($argument),*) })
    };
}

/// Declares a variable that is the function of this name in this process.
#[allow(unused_macros)] // each test binary uses its part
macro_rules! here {
    ($library:expr, fn $name:ident($($argument:ty),*) -> $result:ty) => {
        let $name: unsafe extern "C" fn($($argument),*) -> $result =
            // SAFETY: the type is the one of the C header.
            unsafe { $crate::common::direct($library, stringify!($name)) };
    };
}

/// A private hostfn VM and its client.
pub struct World {
    pub vm: Started,
    pub client: Connection,
}

impl World {
    pub fn new() -> World {
        let program = Path::new(env!("CARGO_BIN_EXE_cosmos-hostfn"));
        let mut vm = Started::new(program, &["--private"]);
        let client = vm.client();
        World { vm, client }
    }

    /// A function by its prototype, in a library of this name (`libz.so.1`).
    pub fn function(&mut self, library: &str, prototype: &str) -> Function {
        let object = harness::open(&mut self.client, &located(library)).unwrap();
        harness::sym(&mut self.client, object, prototype)
            .unwrap_or_else(|fault| panic!("{prototype}: {fault}"))
    }

    /// Why a function is refused.
    pub fn refused(&mut self, library: &str, prototype: &str) -> cosmos_rpc::Fault {
        let object = harness::open(&mut self.client, &located(library)).unwrap();
        let request = cosmos_rpc::message::vm::Sym {
            model: callframe::DataModel::LP64,
            object,
            prototype: prototype.to_owned(),
        };
        self.client.call(&request, &[]).unwrap_err()
    }

    /// Calls, errno being [`ERRNO`] before.
    ///
    /// # Safety
    /// As [`Function::call`].
    pub unsafe fn call<R>(&mut self, function: &Function, arguments: &[u64]) -> (R, i32) {
        // SAFETY: the caller's promise.
        unsafe { self.try_call(function, arguments) }.unwrap_or_else(|failure| {
            panic!("{}: {failure:?}", function.caller.frame().name());
        })
    }

    /// As [`World::call`], for calls that may fail.
    ///
    /// # Safety
    /// As [`Function::call`].
    pub unsafe fn try_call<R>(
        &mut self,
        function: &Function,
        arguments: &[u64],
    ) -> Result<(R, i32), Failure> {
        // SAFETY: the caller's promise.
        unsafe { function.call(&mut self.client, arguments, ERRNO) }
    }
}

/// What errno is before every call: no function sets it to this.
pub const ERRNO: i32 = 4077;

/// Runs `body` with errno set, and gives what it left.
pub fn with_errno<R>(body: impl FnOnce() -> R) -> (R, i32) {
    // SAFETY: errno of this thread.
    unsafe { *libc::__errno_location() = ERRNO };
    let result = body();
    // SAFETY: as above.
    (result, unsafe { *libc::__errno_location() })
}

/// A symbol of a library in this process, as a function pointer of type `F`.
///
/// # Safety
/// `F` is a function pointer type of the symbol's signature.
pub unsafe fn direct<F: Copy>(library: &str, name: &str) -> F {
    // SAFETY: these are the system's own libraries.
    let loaded = unsafe { Library::new(library) }.unwrap();
    // SAFETY: the caller's promise.
    let symbol = *unsafe { loaded.get::<F>(name) }.unwrap();
    std::mem::forget(loaded);
    symbol
}

/// Compiles a C file beside these tests into a shared library in `directory`; gives its path.
pub fn compiled(source: &str, directory: &Path) -> String {
    let library = directory.join(source).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(source);
    let mut compiler = std::process::Command::new("gcc");
    compiler.args([
        "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o",
    ]);
    let status = compiler.arg(&library).arg(source).status().unwrap();
    assert!(status.success());
    library.into_os_string().into_string().unwrap()
}

/// Absolute path of a library: where this process has it after loading it by name, unless it is a
/// path already.
pub fn located(library: &str) -> PathBuf {
    if library.starts_with('/') {
        return library.into();
    }
    // SAFETY: these are the system's own libraries.
    std::mem::forget(unsafe { Library::new(library) }.unwrap());
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])))
        .find(|path| {
            path.file_name().is_some_and(|name| name == library) || resolves(path, library)
        });
    path.unwrap_or_else(|| panic!("{library} is not in /proc/self/maps"))
}

/// Whether `path` is what a link of the name `library` beside it leads to.
fn resolves(path: &Path, library: &str) -> bool {
    let link = path.with_file_name(library);
    std::fs::canonicalize(link).is_ok_and(|target| target == path)
}

/// The bytes of a value, padding included where `T` has none.
pub fn bytes<T>(value: &T) -> &[u8] {
    // SAFETY: the tests use it on types without padding, or on zeroed ones.
    unsafe { std::slice::from_raw_parts((value as *const T).cast(), size_of::<T>()) }
}
