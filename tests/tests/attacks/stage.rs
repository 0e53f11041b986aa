//! Where an attack takes place: the attacker, a VM beside it, the daemons, and this program.

use cosmos::{Captured, Error, Function, Library, Options, Program, Stream, Value};
use cosmos_tests::{World, c};
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The levels that promise to hold code that means harm.
pub const LEVELS: [&str; 2] = ["landlock+seccomp", "namespaces"];

/// Who means harm: a library, or a program made of the same code.
#[derive(Debug)]
pub enum Attacker {
    Library(Library),
    Program(Program),
}

/// One attacker at one level, and who must not notice.
pub struct Stage<'w> {
    pub world: &'w World,
    pub level: &'static str,
    pub hostile: Attacker,
    sibling: Library,
    neighbour: Function,
    daemons: Vec<i32>,
}

/// Stages the attack at each level that this machine has.
pub fn at_each_level(world: &World, attack: impl Fn(&Stage<'_>)) {
    with_grants(world, |options| options, attack);
}

/// The same, for an attacker that was granted something.
pub fn with_grants(
    world: &World,
    grants: impl Fn(Options) -> Options,
    attack: impl Fn(&Stage<'_>),
) {
    of_libraries(world, &grants, &attack);
    of_programs(world, &grants, &attack);
}

/// For an attacker that is a program.
pub fn of_programs(
    world: &World,
    grants: impl Fn(Options) -> Options,
    attack: impl Fn(&Stage<'_>),
) {
    let program = world.directory().join("hostile");
    c::compile("gcc", &["-O1", "-rdynamic"], "hostile_program.c", &program);
    let open = |options: &Options| {
        let program = Program::open(&program, options).expect("the hostile program");
        Attacker::Program(program)
    };
    staged(&LEVELS, world, grants, attack, open);
}

/// For an attacker that is a library.
pub fn of_libraries(
    world: &World,
    grants: impl Fn(Options) -> Options,
    attack: impl Fn(&Stage<'_>),
) {
    let library = c::library("hostile.c", world.directory());
    let hostile = |options: &Options| Attacker::Library(open(&library, options));
    staged(&LEVELS, world, grants, attack, hostile);
}

/// For a library in a VM that was started before anybody asked for it, at the default level: at a
/// stronger one a VM that waits sees installed libraries only. And for one in a VM that gave up then what it
/// had to, because the same was asked for twice.
pub fn of_pooled(world: &World, grants: impl Fn(Options) -> Options, attack: impl Fn(&Stage<'_>)) {
    let library = c::library("hostile.c", world.directory());
    for opens in [2, 3] {
        let hostile = |options: &Options| {
            let open = || open(&library, options);
            Attacker::Library(last_of_pooled(opens, open))
        };
        staged(&LEVELS[..1], world, &grants, &attack, hostile);
    }
}

/// The last of so many that are opened one after the other, each but the first in a VM that waited.
pub fn last_of_pooled(opens: usize, open: impl Fn() -> Library) -> Library {
    let mut last = open();
    for _ in 1..opens {
        // Its successor is started once it is open.
        let waiting = wait_for_waiting(last.isolation());
        last = open();
        let name = last.vm();
        assert!(
            waiting.iter().any(|known| known == name),
            "{name} is none of {waiting:?}"
        );
    }
    last
}

/// The names of VMs that wait at this level, once there is one.
pub fn wait_for_waiting(level: &str) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let rows = cosmos::queries::list_vms().expect("the VMs");
        let waiting = rows
            .iter()
            .filter(|row| row.state == "waiting" && row.isolation == level);
        let names: Vec<String> = waiting.map(|row| row.name.clone()).collect();
        if !names.is_empty() {
            return names;
        }
        assert!(Instant::now() < deadline, "{rows:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn staged(
    levels: &[&'static str],
    world: &World,
    grants: impl Fn(Options) -> Options,
    attack: impl Fn(&Stage<'_>),
    hostile: impl Fn(&Options) -> Attacker,
) {
    let library = c::library("hostile.c", world.directory());
    for level in levels.iter().copied() {
        if !world.offers(level) {
            continue;
        }
        let options = grants(Options::new().isolation(level).fresh(true));
        let stage = Stage::set(world, level, &library, hostile(&options));
        attack(&stage);
        stage.stands();
    }
}

impl<'w> Stage<'w> {
    fn set(world: &'w World, level: &'static str, library: &Path, hostile: Attacker) -> Stage<'w> {
        assert_eq!(hostile.isolation(), level);
        let sibling = open(library, &Options::new().isolation(level).fresh(true));
        let neighbour = sibling
            .function("int add(int left, int right)")
            .expect("add");
        let daemons = daemons(world);
        assert!(daemons.len() >= 2, "{daemons:?}");
        Stage {
            world,
            level,
            hostile,
            sibling,
            neighbour,
            daemons,
        }
    }

    /// What a function of the attacker gives.
    ///
    /// # Errors
    /// Why there was no answer.
    pub fn attempt(&self, prototype: &str, values: &[Value]) -> Result<i128, Error> {
        let program = match &self.hostile {
            Attacker::Program(program) => program,
            Attacker::Library(library) => {
                let outcome = library.function(prototype)?.call(values)?;
                match outcome.result {
                    Value::Int(number) => return Ok(number),
                    other => panic!("{prototype} gave {other:?}"),
                }
            }
        };
        let captured = run(program, prototype, values)?;
        let said = String::from_utf8_lossy(&captured.stdout).into_owned();
        assert_eq!(captured.ended.shell_code(), 0, "{prototype}: {captured:?}");
        Ok(said
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{prototype}: {captured:?}")))
    }

    /// The program's whole end, where the attacker is one.
    pub fn run(&self, prototype: &str, values: &[Value]) -> Result<Captured, Error> {
        match &self.hostile {
            Attacker::Program(program) => run(program, prototype, values),
            Attacker::Library(library) => panic!("{} is no program", library.path()),
        }
    }

    /// Whether the attacker is a program.
    pub fn is_program(&self) -> bool {
        matches!(self.hostile, Attacker::Program(_))
    }

    /// The attempt fails with this errno; `call` is the name by which the kernel told of it.
    pub fn refused(&self, prototype: &str, values: &[Value], errno: i32, call: Option<&str>) {
        let found = self.attempt(prototype, values).expect(prototype);
        // Landlock lets a program's signals go nowhere; in a pid space of its own there is nobody else.
        let by_landlock = self.is_program() && matches!(call, Some("kill" | "tgkill"));
        let errno = match errno {
            libc::EPERM if by_landlock && self.level == "namespaces" => libc::ESRCH,
            errno => errno,
        };
        assert_eq!(found, i128::from(errno), "{prototype} at {}", self.level);
        // Of what Landlock refuses nobody is told.
        if let Some(call) = call.filter(|_| !by_landlock) {
            let denials = self.hostile.denials();
            assert!(
                denials.iter().any(|(name, _)| name == call),
                "{prototype} at {}: {call} is not among {denials:?}",
                self.level
            );
        }
    }

    /// A path that leads outside of all grants: refused, or not there at all where nothing is visible.
    pub fn out_of_reach(&self, prototype: &str, values: &[Value]) {
        let found = self.attempt(prototype, values).expect(prototype);
        // Nothing can be made in the empty root either.
        let expected = match self.level {
            "namespaces" => [libc::EACCES, libc::ENOENT, libc::EROFS],
            _ => [libc::EACCES; 3],
        };
        assert!(
            expected.iter().any(|errno| found == i128::from(*errno)),
            "{prototype} at {}: {found}",
            self.level
        );
    }

    /// The pid of the VM beside the attacker, on this machine.
    pub fn sibling(&self) -> i32 {
        pid_of(self.sibling.vm())
    }

    /// Everybody else of this user: a VM beside the attacker, its launcher's and the VM's own parents,
    /// the daemons, and this program.
    pub fn others(&self) -> Vec<i32> {
        let own = i32::try_from(std::process::id()).expect("a pid");
        let launchers = self.world.processes_named("cosmos-launch");
        let mut others = vec![self.sibling(), own];
        others.extend(&self.daemons);
        others.extend(launchers.iter().map(|process| process.pid));
        others
    }

    /// Nobody noticed: the VM beside answers, the daemons are the same and start another one.
    pub fn stands(&self) {
        let sum = self.neighbour.call(&[40.into(), 2.into()]);
        assert!(
            matches!(&sum, Ok(outcome) if outcome.result == Value::Int(42)),
            "{sum:?}"
        );
        assert_eq!(daemons(self.world), self.daemons);
        let fresh = Options::new().fresh(true);
        let another = cosmos::dlopen_with("libm.so.6", &fresh).expect("another VM");
        assert!(another.function("double cos(double x)").is_ok());
    }
}

impl Attacker {
    fn isolation(&self) -> &str {
        match self {
            Attacker::Library(library) => library.isolation(),
            Attacker::Program(program) => program.isolation(),
        }
    }

    /// What it was refused.
    pub fn denials(&self) -> Vec<(String, u64)> {
        match self {
            Attacker::Library(library) => library.denials(),
            Attacker::Program(program) => program.denials(),
        }
    }

    /// Where its file is.
    pub fn path(&self) -> String {
        match self {
            Attacker::Library(library) => library.path().to_owned(),
            Attacker::Program(program) => program.path().display().to_string(),
        }
    }
}

/// Has a program try what the function of a prototype does; a descriptor is its standard input, 0.
fn run(program: &Program, prototype: &str, values: &[Value]) -> Result<Captured, Error> {
    let name = prototype
        .split('(')
        .next()
        .and_then(|it| it.split(' ').nth(1));
    let mut command = program.command();
    command
        .arg(name.expect("a prototype has a name"))
        .current_dir("/");
    for value in values {
        match value {
            Value::Int(number) => command.arg(number.to_string()),
            Value::Text(text) => command.arg(OsStr::from_bytes(text)),
            Value::Descriptor(number) => {
                // SAFETY: whoever passes it holds it open meanwhile.
                let borrowed = unsafe { BorrowedFd::borrow_raw(*number) };
                let copy = borrowed.try_clone_to_owned().expect("the descriptor");
                command.stdin(Stream::File(copy)).arg("0")
            }
            other => panic!("{prototype}: {other:?}"),
        };
    }
    command.output(&[], 1 << 16)
}

/// The pid of a VM by its name.
pub fn pid_of(vm: &str) -> i32 {
    let rows = cosmos::queries::list_vms().expect("the VMs");
    let row = rows.iter().find(|row| row.name == vm);
    row.unwrap_or_else(|| panic!("{vm} is not listed")).pid
}

/// A file outside of every grant, with these contents.
pub fn secret(world: &World) -> PathBuf {
    let path = world.directory().join("secret");
    std::fs::write(&path, "nobody's business").expect("a secret");
    path
}

/// A path as an argument.
pub fn text(path: &Path) -> Value {
    path.to_str().expect("a path of text").into()
}

fn open(library: &Path, options: &Options) -> Library {
    let path = library.to_str().expect("a path of text");
    cosmos::dlopen_with(path, options).expect("the hostile library")
}

fn daemons(world: &World) -> Vec<i32> {
    let mut found: Vec<i32> = ["cosmosdb", "cosmosd"]
        .iter()
        .flat_map(|name| world.processes_named(name))
        .map(|process| process.pid)
        .collect();
    found.sort_unstable();
    found
}
