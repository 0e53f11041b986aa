//! What only the far machine knows. A program that means another machine leaves it out, and the far
//! relay fills it in: the directory that relative paths start from and programs run in, which is where
//! its own session began (with ssh, the home directory); the PATH that programs are searched for in
//! and run with.

use cosmos_program::{find, search_path};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::coordinator::{Purpose, TargetName, VmOpen, Which};
use cosmos_rpc::message::vm::Exec;
use cosmos_rpc::{Fault, FaultCode, codec};
use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const PATH: &[u8] = b"PATH=";

/// Where this machine's sessions begin.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) directory: PathBuf,
    pub(crate) path: OsString,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_this_process() -> Surroundings {
        Surroundings {
            directory: env::current_dir().unwrap_or_else(|_| "/".into()),
            path: search_path(),
        }
    }

    /// The body of a request of this kind with what it left out. One that is none stays as it is: who
    /// gets it will say so.
    ///
    /// # Errors
    ///
    /// `NoSuchTarget` and `NotLoadable` for a program that PATH does not have.
    pub(crate) fn fill(&self, kind: u16, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let filled = match kind {
            VmOpen::KIND => codec::decode::<VmOpen>(&body)
                .ok()
                .map(|request| self.open(request)),
            Which::KIND => codec::decode::<Which>(&body)
                .ok()
                .map(|request| self.which(request)),
            Exec::KIND => codec::decode::<Exec>(&body)
                .ok()
                .map(|request| self.run(request)),
            _ => None,
        };
        filled.unwrap_or(Ok(body))
    }

    fn open(&self, mut request: VmOpen) -> Result<Vec<u8>, Fault> {
        match &mut request.purpose {
            Purpose::Target(target) => self.begin_at(target),
            Purpose::Program(target) => {
                if !target.name.contains('/') {
                    target.name = self.find(&target.name)?;
                }
                self.begin_at(target);
            }
            Purpose::Kind(_) | Purpose::Running(_) => {}
        }
        codec::encode(&request)
    }

    fn which(&self, mut request: Which) -> Result<Vec<u8>, Fault> {
        self.begin_at(&mut request.target);
        codec::encode(&request)
    }

    fn begin_at(&self, target: &mut TargetName) {
        if target.directory.is_empty() {
            target.directory = self.directory.to_string_lossy().into_owned();
        }
    }

    fn run(&self, mut request: Exec) -> Result<Vec<u8>, Fault> {
        let own = self.directory.as_os_str().as_bytes();
        if request.directory.is_empty() {
            request.directory = own.to_vec();
        } else if !request.directory.starts_with(b"/") {
            request.directory = [own, b"/", &request.directory].concat();
        }
        if !request
            .environment
            .iter()
            .any(|text| text.starts_with(PATH))
        {
            let text = [PATH, self.path.as_bytes()].concat();
            request.environment.push(text);
        }
        codec::encode(&request)
    }

    fn find(&self, name: &str) -> Result<String, Fault> {
        let path = find(name.as_ref(), &self.path, &self.directory).map_err(|fault| Fault {
            message: format!("{} there", fault.message),
            ..fault
        })?;
        path.into_os_string().into_string().map_err(|path| {
            let path = path.to_string_lossy().escape_debug().to_string();
            let message = format!("{path} is no text that messages carry");
            Fault::caller(FaultCode::BadArgument, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmos_rpc::message::vm::ObjectToken;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_left_out_is_filled_in_and_nothing_else() {
        let bin = tempfile::tempdir().expect("a directory");
        let program = bin.path().join("program");
        fs::write(&program, "").expect("a file");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode");
        fs::write(bin.path().join("data"), "").expect("a file");
        let here = Surroundings {
            directory: "/home/far".into(),
            path: bin.path().into(),
        };
        let named = |name: &str, directory: &str| TargetName {
            name: name.into(),
            directory: directory.into(),
        };
        let opened = |purpose| {
            let request = VmOpen {
                purpose,
                shared_name: String::new(),
                fresh: false,
                connect: true,
                settings: Vec::new(),
                grants: Default::default(),
            };
            let body = codec::encode(&request).expect("a body");
            let filled = here.fill(VmOpen::KIND, body)?;
            codec::decode::<VmOpen>(&filled).map(|request| request.purpose)
        };
        assert_eq!(
            opened(Purpose::Program(named("program", ""))),
            Ok(Purpose::Program(named(
                program.to_str().expect("text"),
                "/home/far"
            )))
        );
        assert_eq!(
            opened(Purpose::Target(named("libz.so.1", "/tmp"))),
            Ok(Purpose::Target(named("libz.so.1", "/tmp")))
        );
        let code = |name| {
            opened(Purpose::Program(named(name, "")))
                .expect_err("none")
                .code
        };
        assert_eq!(code("missing"), FaultCode::NoSuchTarget);
        assert_eq!(code(""), FaultCode::NoSuchTarget);
        assert_eq!(code("data"), FaultCode::NotLoadable);
        assert_eq!(here.fill(VmOpen::KIND, vec![1, 2]), Ok(vec![1, 2]));

        let ran = |directory: &[u8], environment: &[&[u8]]| {
            let request = Exec {
                object: ObjectToken(1),
                arguments: Vec::new(),
                environment: environment.iter().map(|text| text.to_vec()).collect(),
                directory: directory.to_vec(),
                umask: 0,
                timeout: 0,
                terminal: None,
                steered: true,
                has_manifest: false,
                wants_report: false,
                untraced: false,
                closed: [false; 3],
            };
            let body = codec::encode(&request).expect("a body");
            let filled = here.fill(Exec::KIND, body).expect("filled");
            let run: Exec = codec::decode(&filled).expect("a request");
            (run.directory, run.environment)
        };
        let (directory, environment) = ran(b"", &[]);
        assert_eq!(directory, b"/home/far");
        assert_eq!(
            environment,
            [[PATH, bin.path().as_os_str().as_bytes()].concat()]
        );
        let (directory, environment) = ran(b"/", &[b"PATH=/x"]);
        assert_eq!(directory, b"/");
        assert_eq!(environment, [b"PATH=/x"]);
    }
}
