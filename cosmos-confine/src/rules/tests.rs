//! Both lists against each other: what is allowed, and what must never be.

use super::*;

fn permissions() -> [Permissions; 5] {
    let none = Permissions {
        pid: 7,
        network: false,
        memory_files: false,
        programs: false,
        processes: false,
        is_program: false,
    };
    let network = Permissions {
        network: true,
        ..none
    };
    let [program, forking] = [false, true].map(|processes| Permissions {
        pid: 0,
        is_program: true,
        processes,
        ..none
    });
    [none, network, Permissions::most(7), program, forking]
}

/// Of Linux 6.13 and 6.17, of which libc does not know yet.
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const FILE_SETATTR: c_long = 469;

/// What no grant allows.
const NEVER: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_modify_ldt,
    libc::SYS_personality,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_memfd_secret,
    libc::SYS_vmsplice,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_seccomp,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    libc::SYS_pkey_alloc,
    libc::SYS_pkey_free,
    libc::SYS_pkey_mprotect,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_chown,
    libc::SYS_fchown,
    libc::SYS_lchown,
    libc::SYS_fchownat,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_fchmodat2,
    SETXATTRAT,
    REMOVEXATTRAT,
    FILE_SETATTR,
    libc::SYS_mknod,
    libc::SYS_mknodat,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_setuid,
    libc::SYS_setresuid,
    libc::SYS_capset,
];

#[test]
fn what_must_be_denied_is_on_no_list() {
    for permissions in permissions() {
        let rules = allowed(&permissions).unwrap();
        for call in NEVER {
            let name = crate::listener::name(*call);
            assert!(!rules.contains_key(call), "{name} with {permissions:?}");
        }
    }
}

#[test]
fn programs_sockets_and_memory_files_are_granted_or_refused() {
    let all_lists = permissions().map(|permissions| allowed(&permissions).unwrap());
    let [none, network, all, program, forking] = all_lists;
    for call in [libc::SYS_execve, libc::SYS_fork, libc::SYS_socket] {
        assert!(!none.contains_key(&call));
        assert!(all.contains_key(&call));
    }
    assert!(!none.contains_key(&libc::SYS_memfd_create));
    assert!(network.contains_key(&libc::SYS_socket));
    assert!(!network.contains_key(&libc::SYS_execve));
    // Conditions stay where nothing grants the whole call.
    assert!(!none[&libc::SYS_kill].is_empty());
    assert!(!all[&libc::SYS_prctl].is_empty());
    assert!(all[&libc::SYS_kill].is_empty());
    // A program is executed and ends itself; it makes others where something counts them.
    assert!(program.contains_key(&libc::SYS_execve));
    assert!(program[&libc::SYS_tgkill].is_empty());
    assert!(!program.contains_key(&libc::SYS_fork));
    assert!(!program[&libc::SYS_prlimit64].is_empty());
    assert!(forking.contains_key(&libc::SYS_fork));
    assert!(!forking.contains_key(&libc::SYS_socket));
}

#[test]
fn the_first_stage_allows_all_that_the_second_may() {
    let mut first = allowed(&Permissions::most(7)).unwrap();
    first.extend(until_confined());
    let of_vms = permissions().into_iter().filter(|it| !it.is_program);
    for permissions in of_vms {
        for (call, conditions) in allowed(&permissions).unwrap() {
            let wider = &first[&call];
            // Its one condition says more in the second stage, not the same.
            if call == libc::SYS_clone {
                continue;
            }
            assert!(
                wider.is_empty() || conditions.iter().all(|rule| wider.contains(rule)),
                "{}",
                crate::listener::name(call)
            );
        }
    }
}
