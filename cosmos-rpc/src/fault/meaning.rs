//! What each code means, for people: a title, and what to do about it.
//!
//! A code is known by the name it has here, which errors that are printed as JSON have, and by that of its constant in
//! C: `TooLarge`, `COSMOS_ERROR_TOO_LARGE`.

use super::FaultCode;

/// A code, its name, what it means, and what follows.
type Meaning = (FaultCode, &'static str, &'static str, &'static str);

impl FaultCode {
    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = FaultCode> {
        MEANINGS.iter().map(|(code, ..)| *code)
    }

    /// The code of this name, in any of its spellings.
    pub fn named(name: &str) -> Option<FaultCode> {
        let upper = name.trim().to_ascii_uppercase();
        let letters = upper.strip_prefix("COSMOS_ERROR_").unwrap_or(&upper);
        let letters = letters.replace('_', "");
        FaultCode::all().find(|code| code.name().eq_ignore_ascii_case(&letters))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.meaning().map_or("", |(_, name, ..)| name)
    }

    /// The name of its constant in C.
    pub fn constant(self) -> String {
        let mut constant = "COSMOS_ERROR".to_owned();
        for letter in self.name().chars() {
            if letter.is_ascii_uppercase() {
                constant.push('_');
            }
            constant.push(letter.to_ascii_uppercase());
        }
        constant
    }

    /// What it means, in half a sentence.
    pub fn title(self) -> &'static str {
        self.meaning().map_or("", |(_, _, title, _)| title)
    }

    /// What is behind it, and what to do.
    pub fn explanation(self) -> &'static str {
        self.meaning().map_or("", |(.., text)| text)
    }

    fn meaning(self) -> Option<&'static Meaning> {
        MEANINGS.get(self as usize)
    }
}

/// By number.
const MEANINGS: &[Meaning] = {
    use FaultCode::*;
    &[
        (
            NoSuchName,
            "NoSuchName",
            "no such name is registered",
            "The registry, cosmosdb, has no VM or service of that name. A VM that has ended has \
             given its name back; `cosmos ls` shows what there is.",
        ),
        (
            NameTaken,
            "NameTaken",
            "the name is registered already",
            "Another VM or service has that name. Choose another one, or open the one that is \
             there by it.",
        ),
        (
            NotPermitted,
            "NotPermitted",
            "no right to this",
            "The VM, the file or the socket directory belongs to somebody else, or the \
             configuration does not grant it. The message says which; for files that a library \
             needs see the grants of `cosmos call --help`.",
        ),
        (
            LimitReached,
            "LimitReached",
            "a configured limit was reached",
            "The message names the limit. `cosmos limits` shows what of a VM's limits is used; \
             `cosmos config show` where each was set.",
        ),
        (
            NoSuchTarget,
            "NoSuchTarget",
            "no such file, library or program",
            "Nothing of that name is where libraries or programs are looked for. Give a path with \
             a `/` in it, or ask `cosmos which NAME`.",
        ),
        (
            NotLoadable,
            "NotLoadable",
            "the target has no format that a VM runs",
            "`cosmos which TARGET --explain` shows what the target is and why each kind of VM \
             refused it.",
        ),
        (
            WrongArchitecture,
            "WrongArchitecture",
            "the target is for another machine",
            "The message says for which, and which there are here. A build of it for this machine \
             is needed, or a host that has one (`--host`).",
        ),
        (
            LaunchFailed,
            "LaunchFailed",
            "a VM could not be started",
            "The message says at which step. `cosmos doctor` looks at what starting one needs; \
             `cosmos logs` shows what the VM wrote.",
        ),
        (
            NoSuchSymbol,
            "NoSuchSymbol",
            "the library does not define the function",
            "Names that are nearly it are offered. Functions that are compiled into their \
             callers, and those of other libraries, are not in it.",
        ),
        (
            BadPrototype,
            "BadPrototype",
            "the prototype was refused",
            "The message has a number of its own, such as E0103: `cosmos explain E0103`.",
        ),
        (
            TemplateMismatch,
            "TemplateMismatch",
            "program and VM laid the call out differently",
            "Both read the same prototype and came to different layouts, so that the function \
             cannot be called. It is a mistake of this project's: please report the prototype.",
        ),
        (
            BadArgument,
            "BadArgument",
            "an argument cannot be carried",
            "Its count, type, range or size is not what the prototype says; the message names the \
             parameter.",
        ),
        (
            StaleHandle,
            "StaleHandle",
            "a handle of something that is gone, or of another VM",
            "The object was closed, its VM has ended, or the handle was given out by another VM. \
             Nothing was called.",
        ),
        (
            VmDied,
            "VmDied",
            "the VM ended",
            "The library crashed or ended its process; the message says how, and with which \
             report (`cosmos crash show`). Functions of that VM stay dead; open the library again \
             for a new one.",
        ),
        (
            TimedOut,
            "TimedOut",
            "the deadline passed",
            "A private VM was ended for it, in a shared one the function goes on. The time is \
             that of the prototype (`__timeout`), the library, or the configuration \
             (`timeout_ms`).",
        ),
        (
            Protocol,
            "Protocol",
            "bytes that the protocol does not allow",
            "A process sent what none of this project sends. A VM in which code was taken over \
             may; else it is a mistake of this project's.",
        ),
        (
            Version,
            "Version",
            "another version of the protocol",
            "Program and daemons are of different releases. `cosmos stop` ends the daemons that \
             run; the next call starts those that are installed.",
        ),
        (
            TooLarge,
            "TooLarge",
            "a message or a buffer exceeds the limit",
            "The message says which: `limits.message_bytes` for what a call carries. Large \
             buffers can be carried in memory that both have (`cosmos_alloc`).",
        ),
        (
            Disconnected,
            "Disconnected",
            "a connection ended",
            "The process at the other end is gone, or closed it; the message says which one.",
        ),
        (
            Unsupported,
            "Unsupported",
            "this kind of VM, or this release, does not do it",
            "The message says what. Another kind of VM may: `cosmos which TARGET --explain`.",
        ),
        (
            System,
            "System",
            "a system call failed",
            "The message names it and what it was for.",
        ),
        (
            Configuration,
            "Configuration",
            "the configuration is wrong",
            "The message names the key, and the file or the variable where it stands. `cosmos \
             config check` reads all of it.",
        ),
        (
            Forked,
            "Forked",
            "this process is a fork",
            "What its parent had open is not the child's. Open the library again in the child.",
        ),
        (
            CallbackFailed,
            "CallbackFailed",
            "a function of the program's own failed",
            "The library called a function that the program had passed, and that could not be \
             called, did not come back, or gave an answer that cannot be carried; the message \
             says why. The call that it was called from failed with it.",
        ),
        (
            Cancelled,
            "Cancelled",
            "another thread ended the call",
            "By `cosmos_cancel` or `Library::cancel`. A private VM was ended for it.",
        ),
        (
            ProgramDied,
            "ProgramDied",
            "the program that was called crashed",
            "Its VM goes on, and the next call starts the program again.",
        ),
        (
            Unreachable,
            "Unreachable",
            "another machine cannot be reached",
            "It cannot be connected to, or has no cosmosd; the message holds what ssh said.",
        ),
        (
            TooManyFiles,
            "TooManyFiles",
            "a process has no room for more open files",
            "The message says which process. The call that needed one fails and nothing else \
             does; `ulimit -n`, or for a VM `limits.open_files`, is the limit.",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn each_code_stands_at_its_number() {
        for (number, (code, name, title, text)) in MEANINGS.iter().enumerate() {
            assert_eq!(*code as usize, number, "{name}");
            assert_eq!(format!("{code:?}"), *name);
            assert!(!title.is_empty() && text.ends_with('.'), "{name}");
        }
        let next = codec::encode(&(MEANINGS.len() as u32)).unwrap();
        assert!(
            codec::decode::<FaultCode>(&next).is_err(),
            "a code without a meaning"
        );
    }

    #[test]
    fn a_code_is_found_by_its_names() {
        for code in FaultCode::all() {
            assert_eq!(FaultCode::named(code.name()), Some(code));
            assert_eq!(FaultCode::named(&code.constant()), Some(code));
        }
        assert_eq!(
            FaultCode::TooManyFiles.constant(),
            "COSMOS_ERROR_TOO_MANY_FILES"
        );
        assert_eq!(FaultCode::named(" too_large "), Some(FaultCode::TooLarge));
        for name in ["", "E", "Large", "COSMOS_ERROR_", "COSMOS_OK"] {
            assert_eq!(FaultCode::named(name), None, "{name}");
        }
    }
}
