//! A VM that does what tests tell it: it serves no functions, and it dies on command.
//!
//! Started as `puppet [--play PART] --control 3 [--private]`. Each client sends one byte:
//!
//! | byte | what the VM does |
//! |---|---|
//! | `i` | answers with its pid, parent, session, umask, limits, environment and descriptors |
//! | `e` | exits with status 3 |
//! | `s` | kills itself by SIGSEGV |
//! | `w` | writes two mebibytes to standard error, then answers `w` |
//! | `g` | sends garbage on its control socket |
//!
//! The part it plays at its start: `silent` never gets ready, `mute` shakes no hands, `dies` writes
//! a line and exits with status 7, `stubborn` ignores the end of its control socket.

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::launch::{Accept, Clients, Ready};
use cosmos_rpc::{Fault, Role};
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |option: &str| {
        let mut words = words.iter().skip_while(|word| *word != option).skip(1);
        words.next().cloned().unwrap_or_default()
    };
    let part = after("--play");
    if part == "dies" {
        eprintln!("puppet: no strings attached");
        std::process::exit(7);
    }
    if part == "mute" {
        forever();
    }
    let control: i32 = after("--control").parse().expect("--control FD");
    // SAFETY: the launcher put the control socket there for this process alone.
    let control = UnixStream::from(unsafe { OwnedFd::from_raw_fd(control) });
    let private = words.iter().any(|word| word == "--private");
    if let Err(fault) = serve(control, &part, private) {
        eprintln!("puppet: {fault}");
    }
    if part == "stubborn" {
        forever();
    }
}

fn serve(control: UnixStream, part: &str, private: bool) -> Result<(), Fault> {
    // Writes go through a second connection object on the same socket: the reader blocks.
    let writer = control.try_clone().expect("a copy of the control socket");
    let mut control = Connection::connect(control, Role::Vm)?.expect(Role::Coordinator)?;
    if part == "silent" {
        forever();
    }
    control.notify(&Ready, &[])?;
    let writer = Arc::new(Mutex::new(writer));
    while let Some(frame) = control.receive()? {
        frame.message::<Accept>()?;
        for client in frame.descriptors {
            let (client, writer) = (UnixStream::from(client), writer.clone());
            std::thread::spawn(move || {
                play(client, &writer);
                if private {
                    std::process::exit(0);
                }
            });
        }
    }
    Ok(())
}

fn play(mut client: UnixStream, control: &Mutex<UnixStream>) {
    tell(control, 1);
    let mut byte = [0];
    while matches!(client.read(&mut byte), Ok(1)) {
        let answer = match byte[0] {
            b'i' => about_me(),
            b'e' => std::process::exit(3),
            b's' => {
                // The first one meets the runtime's handler, which takes it for a stray.
                loop {
                    let own = nix::unistd::getpid();
                    nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGSEGV).expect("kill");
                }
            }
            b'w' => {
                let line = vec![b'x'; 1 << 20];
                std::io::stderr().write_all(&line).expect("standard error");
                std::io::stderr().write_all(&line).expect("standard error");
                "w".to_owned()
            }
            _ => {
                let mut control = control.lock().expect("the control socket");
                control.write_all(&[0xff; 64]).expect("the control socket");
                "g".to_owned()
            }
        };
        if client.write_all(format!("{answer}\n").as_bytes()).is_err() {
            break;
        }
    }
    tell(control, 0);
}

/// Tells cosmosd how many clients there are; tests connect one at a time.
fn tell(control: &Mutex<UnixStream>, count: u32) {
    let frame = cosmos_rpc::codec::encode(&Clients { count }).expect("a message");
    let header = cosmos_rpc::frame::Header {
        length: u32::try_from(frame.len()).expect("a short message"),
        kind: <Clients as cosmos_rpc::message::Message>::KIND,
        descriptors: 0,
        id: 0,
    };
    let bytes = [&header.encode()[..], &frame].concat();
    // cosmosd may be gone.
    let _ = control
        .lock()
        .expect("the control socket")
        .write_all(&bytes);
}

fn about_me() -> String {
    use nix::sys::resource::{Resource, getrlimit};
    let limit = |resource| getrlimit(resource).expect("a limit").0;
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("/proc").flatten();
    let mut descriptors: Vec<i32> = descriptors
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    descriptors.sort_unstable();
    let mut variables: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    variables.sort();
    format!(
        "pid={} parent={} open_files={} core={} descriptors={} variables={}",
        std::process::id(),
        std::os::unix::process::parent_id(),
        limit(Resource::RLIMIT_NOFILE),
        limit(Resource::RLIMIT_CORE),
        descriptors.len(),
        variables.join(",")
    )
}

fn forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
