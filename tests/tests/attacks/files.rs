//! Files: beyond the grants nothing is read, written, made, removed or changed, and a descriptor that
//! was passed gives no more than it is.

use crate::stage::{at_each_level, secret, text, with_grants};
use cosmos::{FaultCode, Value};
use cosmos_tests::in_world;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_file_outside_the_grants_cannot_be_read() {
    in_world(|world| {
        let secret = secret(world);
        at_each_level(world, |stage| {
            for path in [
                text(&secret),
                "/etc/passwd".into(),
                "/proc/self/maps".into(),
            ] {
                stage.out_of_reach("int open_to_read(const char *path)", &[path]);
            }
            for path in [text(world.directory()), "/".into(), "/root".into()] {
                // The empty root of a VM that sees nothing else is no secret.
                if stage.level == "namespaces" && path == "/".into() {
                    continue;
                }
                stage.out_of_reach("int list_directory(const char *path)", &[path]);
            }
        });
    });
}

#[test]
fn a_file_outside_the_grants_cannot_be_written_made_or_removed() {
    in_world(|world| {
        let secret = secret(world);
        at_each_level(world, |stage| {
            stage.out_of_reach("int open_to_write(const char *path)", &[text(&secret)]);
            let fresh = world.directory().join("fresh");
            stage.out_of_reach("int open_to_write(const char *path)", &[text(&fresh)]);
            stage.out_of_reach("int make_directory(const char *path)", &[text(&fresh)]);
            stage.out_of_reach("int remove_file(const char *path)", &[text(&secret)]);
            assert!(secret.exists() && !fresh.exists());
        });
    });
}

#[test]
fn what_was_granted_to_be_read_cannot_be_written_and_what_to_be_written_can() {
    in_world(|world| {
        let (read, write) = (world.directory().join("ro"), world.directory().join("rw"));
        std::fs::create_dir(&read).unwrap();
        std::fs::create_dir(&write).unwrap();
        std::fs::write(read.join("file"), "x").unwrap();
        with_grants(
            world,
            |options| options.read(&read).write(&write),
            |stage| {
                let attempt = |prototype: &str, path| stage.attempt(prototype, &[path]).unwrap();
                let file = text(&read.join("file"));
                assert_eq!(
                    attempt("int open_to_read(const char *path)", file.clone()),
                    0
                );
                let denied = attempt("int open_to_write(const char *path)", file.clone());
                assert!(denied == libc::EACCES.into() || denied == libc::EROFS.into());
                let removed = attempt("int remove_file(const char *path)", file);
                assert!(removed == libc::EACCES.into() || removed == libc::EROFS.into());
                let made = text(&write.join(stage.level));
                assert_eq!(
                    attempt("int open_to_write(const char *path)", made.clone()),
                    0
                );
                assert_eq!(attempt("int remove_file(const char *path)", made), 0);
            },
        );
        assert!(read.join("file").exists());
    });
}

#[test]
fn owner_mode_times_and_attributes_stay_even_where_writing_was_granted() {
    in_world(|world| {
        let directory = world.directory().join("rw");
        std::fs::create_dir(&directory).unwrap();
        let file = directory.join("file");
        std::fs::write(&file, "x").unwrap();
        let before = std::fs::metadata(&file).unwrap();
        with_grants(
            world,
            |options| options.write(&directory),
            |stage| {
                let path = [text(&file)];
                let eperm = libc::EPERM;
                stage.refused(
                    "int change_mode(const char *path)",
                    &path,
                    eperm,
                    Some("chmod"),
                );
                stage.refused(
                    "int change_owner(const char *path)",
                    &path,
                    eperm,
                    Some("chown"),
                );
                let call = Some("utimensat");
                stage.refused("int change_times(const char *path)", &path, eperm, call);
                let call = Some("setxattr");
                stage.refused("int set_attribute(const char *path)", &path, eperm, call);
                let device = [text(&directory.join("device"))];
                let call = stage.attempt("int make_device(const char *path)", &device);
                assert_eq!(call.unwrap(), eperm.into());
                assert!(!directory.join("device").exists());
            },
        );
        let after = std::fs::metadata(&file).unwrap();
        assert_eq!(after.permissions().mode(), before.permissions().mode());
        assert_eq!(after.modified().unwrap(), before.modified().unwrap());
    });
}

#[test]
fn a_passed_descriptor_gives_no_more_than_it_is() {
    in_world(|world| {
        let secret = secret(world);
        at_each_level(world, |stage| {
            let file = File::open(&secret).unwrap();
            let number = [Value::Descriptor(file.as_raw_fd())];
            let attempt = |prototype: &str| stage.attempt(prototype, &number).unwrap();
            assert_eq!(
                attempt("int write_to(int __fd descriptor)"),
                libc::EBADF.into()
            );
            let anew = attempt("int reopen_to_write(int __fd descriptor)");
            assert!(
                anew == libc::EACCES.into() || anew == libc::ENOENT.into(),
                "{anew}"
            );
            assert_eq!(
                attempt("int open_beside(int __fd descriptor)"),
                libc::ENOTDIR.into()
            );
            stage.refused(
                "int change_mode_of_descriptor(int __fd descriptor)",
                &number,
                libc::EPERM,
                Some("fchmod"),
            );
        });
        assert_eq!(std::fs::read(&secret).unwrap(), b"nobody's business");
    });
}

#[test]
fn files_in_memory_are_not_made_where_nothing_counts_them() {
    in_world(|world| {
        at_each_level(world, |stage| {
            let call = Some("memfd_create");
            stage.refused("int reopen_memory(void)", &[], libc::EPERM, call);
        });
    });
}

/// A file in memory has no path that Landlock could judge; its seal is what holds.
#[test]
fn a_sealed_file_in_memory_that_was_passed_for_reading_is_not_written() {
    in_world(|world| {
        at_each_level(world, |stage| {
            let memory = sealed("nobody's business");
            let number = [Value::Descriptor(memory.as_raw_fd())];
            let attempt = |prototype: &str| stage.attempt(prototype, &number).unwrap();
            assert_eq!(
                attempt("int write_to(int __fd descriptor)"),
                libc::EPERM.into()
            );
            let anew = attempt("int reopen_and_write(int __fd descriptor)");
            assert!(
                [libc::EPERM, libc::ENOENT]
                    .iter()
                    .any(|errno| anew == i128::from(*errno)),
                "{anew}"
            );
        });
    });
}

/// Without a seal it is not passed at all.
#[test]
fn a_file_in_memory_without_a_seal_is_not_passed_for_reading() {
    in_world(|world| {
        at_each_level(world, |stage| {
            let memory = memory("anybody's");
            let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
            let reader = File::open(path).unwrap();
            let number = [Value::Descriptor(reader.as_raw_fd())];
            let attempt = stage.attempt("int reopen_and_write(int __fd descriptor)", &number);
            let error = attempt.expect_err("it could be written");
            assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
            assert!(error.to_string().contains("F_SEAL_FUTURE_WRITE"), "{error}");
            assert_eq!(std::io::read_to_string(reader).unwrap(), "anybody's");
        });
    });
}

/// A FIFO has a path, so Landlock judges who opens it anew.
#[test]
fn a_fifo_that_was_passed_for_reading_is_not_opened_for_writing() {
    in_world(|world| {
        let path = world.directory().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        at_each_level(world, |stage| {
            use std::os::unix::fs::OpenOptionsExt;
            let mut options = File::options();
            let fifo = options
                .read(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&path);
            let fifo = fifo.unwrap();
            let number = [Value::Descriptor(fifo.as_raw_fd())];
            for prototype in [
                "int reopen_to_write(int __fd descriptor)",
                "int reopen_and_write(int __fd descriptor)",
            ] {
                let anew = stage.attempt(prototype, &number).unwrap();
                assert!(
                    anew == libc::EACCES.into() || anew == libc::ENOENT.into(),
                    "{prototype}: {anew}"
                );
            }
        });
    });
}

fn memory(text: &str) -> File {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::io::Write;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut memory = File::from(memfd_create(c"memory", flags).unwrap());
    memory.write_all(text.as_bytes()).unwrap();
    memory
}

fn sealed(text: &str) -> File {
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    let memory = memory(text);
    let seals = SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_FUTURE_WRITE;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    memory
}
