//! Calls that are started and waited for later: they run side by side, and end as other calls do.

use cosmos::c::{calls, dl, started};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{World, c, eventually, in_world, in_world_for, run};
use std::ffi::{CString, c_int, c_void};
use std::process::Command;
use std::time::Duration;

const THIS: &str = "all_of_it_is_the_same_on_another_machine";

const MEET: &str = "int meet(int count, int mine)";
const AWAIT_FILE: &str = "int await_file(const char *path, int mine)";

fn meeting(world: &World) -> String {
    let path = c::library("meeting.c", world.directory());
    path.to_str().expect("UTF-8").to_owned()
}

fn int(outcome: Result<cosmos::Outcome, cosmos::Error>) -> i128 {
    match outcome.expect("a call").result {
        cosmos::Value::Int(value) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn started_calls_run_side_by_side_and_come_back_in_order() {
    in_world(|world| {
        let library = cosmos::dlopen(&meeting(world)).expect("the library");
        let meet = library.function(MEET).expect("meet");
        // Each returns only when all of them run.
        let start = |mine: i64| meet.start(vec![12.into(), mine.into()]).expect("a start");
        let together: Vec<_> = (0..12).map(start).collect();
        let results: Vec<i128> = cosmos::wait_all(together).into_iter().map(int).collect();
        assert_eq!(results, (0..12).collect::<Vec<i128>>());

        // Any of them: the ones that end first, whichever they are.
        let file = |number: i64| world.directory().join(format!("go-{number}"));
        let await_file = library.function(AWAIT_FILE).expect("await_file");
        let mut waiting: Vec<_> = (0..3)
            .map(|mine| {
                let path = file(mine).to_str().expect("UTF-8").into();
                await_file.start(vec![path, mine.into()]).expect("a start")
            })
            .collect();
        for mine in [2, 0, 1] {
            assert!(waiting.iter().all(|call| !call.is_finished()));
            std::fs::write(file(mine), "").expect("a file");
            let (_, outcome) = cosmos::wait_any(&mut waiting).expect("a call");
            assert_eq!(int(outcome), i128::from(mine));
        }
        assert!(cosmos::wait_any(&mut waiting).is_none());
    });
}

#[test]
fn started_calls_are_futures_of_any_executor() {
    in_world(|world| {
        let library = cosmos::dlopen(&meeting(world)).expect("the library");
        let meet = library.function(MEET).expect("meet");
        let executor = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("an executor of one thread");
        executor.block_on(async {
            let start = |mine: i64| meet.start(vec![3.into(), mine.into()]).expect("a start");
            let others: Vec<_> = (0..2).map(|mine| tokio::spawn(start(mine))).collect();
            // None of them keeps the one thread of the executor from going on.
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(int(start(2).await), 2);
            for (mine, other) in (0..).zip(others) {
                assert_eq!(int(other.await.expect("no panic")), mine);
            }
        });
    });
}

#[test]
fn started_calls_are_limited_cancelled_and_outlive_their_library() {
    in_world(|world| {
        let path = meeting(world);
        let open = || cosmos::dlopen(&path).expect("the library");
        let never = || vec![99.into(), 0.into()];

        let library = open();
        let meet = library.function(MEET).expect("meet");
        let late = cosmos::within(Duration::from_millis(30), || meet.start(never()));
        let late = late.expect("a start").wait().unwrap_err();
        assert_eq!(late.code(), cosmos::FaultCode::TimedOut);

        let library = open();
        let meet = library.function(MEET).expect("meet");
        let call = meet.start(never()).expect("a start");
        let ended = eventually(Duration::from_secs(20), || {
            (library.cancel().expect("open") == 1).then_some(())
        });
        assert!(ended.is_some());
        assert_eq!(
            call.wait().unwrap_err().code(),
            cosmos::FaultCode::Cancelled
        );

        let library = open();
        let go = world.directory().join("go");
        let await_file = library.function(AWAIT_FILE).expect("await_file");
        let awaited = |path: &std::path::Path| {
            let path = path.to_str().expect("UTF-8").into();
            await_file.start(vec![path, 7.into()]).expect("a start")
        };
        // The second is under way when the first has returned, for there is one thread for each.
        let begun = world.directory().join("begun");
        std::fs::write(&begun, "").expect("a file");
        let call = awaited(&go);
        assert_eq!(int(awaited(&begun).wait()), 7);
        assert!(!call.is_finished());
        // A child knows nothing of its parent's calls.
        // SAFETY: the child asks, and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let told = call.wait().map_err(|error| error.code());
            let fine = told.err() == Some(cosmos::FaultCode::Forked);
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        std::fs::write(&go, "").expect("a file");
        assert_eq!(int(call.wait()), 7);
    });
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

#[test]
fn c_programs_start_poll_and_wait() {
    in_world(|world| {
        let path = CString::new(meeting(world)).expect("no NUL");
        // SAFETY: strings, and no options.
        let (library, meet, back) = unsafe {
            let library = dl::cosmos_dlopen(path.as_ptr(), std::ptr::null());
            let function = |text: &std::ffi::CStr| dl::cosmos_dlfunc(library, text.as_ptr());
            let meet = function(c"int meet(int count, int mine)");
            let back = function(c"int calls_back(int (*function)(int value), int value)");
            (library, meet, back)
        };
        assert!(meet.is_some() && back.is_some());
        let mut count: c_int = 3;
        let mut mine: Vec<c_int> = vec![10, 11, 12];
        let mut results: Vec<c_int> = vec![0; 3];
        let mut start = |index: usize| {
            let arguments: [*mut c_void; 2] =
                [(&raw mut count).cast(), (&raw mut mine[index]).cast()];
            let result = (&raw mut results[index]).cast();
            // SAFETY: all of it lives until every call was waited for.
            unsafe { started::cosmos_call_start(meet, result, arguments.as_ptr()) }
        };
        let mut all: Vec<*mut started::cosmos_call> = vec![start(0), start(1)];
        let fd = started::cosmos_call_fd(all[0]);
        assert!(fd >= 0 && !readable(fd, 0));
        assert_eq!(started::cosmos_call_poll(all[0]), 0);
        all.push(start(2));
        assert!(readable(fd, 30_000));
        assert_eq!(started::cosmos_call_poll(all[0]), 1);
        // SAFETY: three calls.
        let any = unsafe { started::cosmos_call_wait_any(all.as_ptr(), all.len()) };
        assert!((0..3).contains(&any));
        for call in &all {
            assert_eq!(started::cosmos_call_wait(*call), 0);
            assert_eq!(
                (started::cosmos_call_wait(*call), errno()),
                (-1, libc::EBADF)
            );
            assert_eq!((started::cosmos_call_fd(*call), errno()), (-1, libc::EBADF));
        }
        assert_eq!(results, [10, 11, 12]);

        // A callback runs on the thread that makes the call.
        extern "C" fn double(value: c_int) -> c_int {
            2 * value
        }
        let mut function = double as extern "C" fn(c_int) -> c_int;
        let (mut value, mut result): (c_int, c_int) = (20, 0);
        let arguments: [*mut c_void; 2] = [(&raw mut function).cast(), (&raw mut value).cast()];
        // SAFETY: as above.
        let call = unsafe {
            started::cosmos_call_start(back, (&raw mut result).cast(), arguments.as_ptr())
        };
        assert_eq!((started::cosmos_call_wait(call), result), (0, 41));

        // What fails leaves the failure value.
        let (mut many, mut result): (c_int, c_int) = (99, 5);
        let arguments: [*mut c_void; 2] = [(&raw mut many).cast(), (&raw mut value).cast()];
        calls::cosmos_thread_timeout(30);
        // SAFETY: as above.
        let call = unsafe {
            started::cosmos_call_start(meet, (&raw mut result).cast(), arguments.as_ptr())
        };
        let ended = (started::cosmos_call_wait(call), errno(), result);
        assert_eq!(ended, (-1, libc::ETIMEDOUT, -1));
        // SAFETY: nothing is called.
        let refused = unsafe {
            let stranger: dl::cosmos_fn = Some(std::mem::transmute::<
                extern "C" fn(c_int) -> c_int,
                unsafe extern "C" fn(),
            >(double));
            started::cosmos_call_start(stranger, std::ptr::null_mut(), arguments.as_ptr())
        };
        assert_eq!((refused.is_null(), errno()), (true, libc::EINVAL));
        assert_eq!(dl::cosmos_dlclose(library), 0);
    });
}

#[test]
fn all_of_it_is_the_same_on_another_machine() {
    const PATIENCE: Duration = Duration::from_secs(110);
    in_world_for(PATIENCE, |world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        // Where VMs run is configured, and nothing else is another.
        let mut others = Command::new(std::env::current_exe().expect("this executable"));
        others.args(["--skip", THIS, "--test-threads=1", "--nocapture"]);
        let ran = run(others.env("COSMOS_HOST", THERE), PATIENCE);
        assert_eq!(ran.code(), 0, "{}\n{}", ran.stdout, ran.stderr);
        let passed = ran.stdout.lines();
        let passed = passed.filter(|line| line.starts_with("test result: ok. 4 passed"));
        assert_eq!(passed.count(), 1, "{}", ran.stdout);
    });
}

fn readable(fd: c_int, patience: c_int) -> bool {
    let mut watched = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry.
    let count = unsafe { libc::poll(&raw mut watched, 1, patience) };
    count == 1 && watched.revents & libc::POLLIN != 0
}
