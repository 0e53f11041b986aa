//! Limits: each ends what goes beyond it, by its name, and nobody else notices.

use crate::stage::{Stage, of_libraries, of_programs, text, with_grants};
use cosmos::{FaultCode, Options, Value};
use cosmos_tests::{World, in_world};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The VM ended, the error says for which limit, and the VM stays ended. Of a program the end may be its
/// own, and says for which limit.
fn ended_for(stage: &Stage<'_>, prototype: &str, values: &[cosmos::Value], limit: &str) {
    if stage.is_program() {
        match stage.run(prototype, values) {
            Ok(captured) => {
                let told = captured.ended.limit.map(|limit| limit.to_string());
                assert_eq!(told.as_deref(), Some(limit), "{captured:?}");
            }
            Err(error) => {
                assert_eq!(error.code(), FaultCode::VmDied, "{error}");
                assert!(error.to_string().contains(limit), "{limit}: {error}");
            }
        }
        return;
    }
    let error = stage.attempt(prototype, values).expect_err(prototype);
    assert_eq!(error.code(), FaultCode::VmDied, "{error}");
    assert!(error.to_string().contains(limit), "{limit}: {error}");
    let again = stage.attempt("int add(int left, int right)", &[1.into(), 2.into()]);
    assert_eq!(again.expect_err("it is gone").errno(), libc::EOWNERDEAD);
}

fn totals_are_counted(world: &World) -> bool {
    world.offers("totals")
}

#[test]
fn a_memory_bomb_gets_no_more_than_its_limit() {
    in_world(|world: &World| {
        with_grants(
            world,
            |options| options.limit("memory_bytes", 256 << 20),
            |stage| {
                let bomb = stage.attempt("int take_memory(void)", &[]);
                match bomb {
                    // The address space ended first.
                    Ok(errno) => assert_eq!(errno, libc::ENOMEM.into()),
                    Err(error) => {
                        assert!(error.to_string().contains("limits.memory_bytes"), "{error}");
                    }
                }
            },
        );
    });
}

#[test]
fn files_in_memory_count_as_memory() {
    in_world(|world| {
        if !totals_are_counted(world) {
            println!("skipped: no control group");
            return;
        }
        with_grants(
            world,
            |options| options.limit("memory_bytes", 256 << 20),
            |stage| {
                let take = "int take_memory_files(void)";
                ended_for(stage, take, &[], "limits.memory_bytes = 268435456");
            },
        );
    });
}

#[test]
fn descriptors_run_out_for_the_vm_alone() {
    in_world(|world| {
        with_grants(
            world,
            |options| options.limit("open_files", 64),
            |stage| {
                let taken = stage.attempt("int take_descriptors(void)", &[]);
                assert_eq!(taken.unwrap(), libc::EMFILE.into());
            },
        );
    });
}

#[test]
fn the_disk_is_not_filled() {
    in_world(|world| {
        let directory = world.directory().join("rw");
        std::fs::create_dir(&directory).unwrap();
        let file = directory.join("file");
        with_grants(
            world,
            |options| options.write(&directory).limit("file_bytes", 1 << 20),
            |stage| {
                let fill = "int fill(const char *path)";
                ended_for(stage, fill, &[text(&file)], "limits.file_bytes = 1048576");
                assert!(std::fs::metadata(&file).unwrap().len() <= 1 << 20);
            },
        );
    });
}

#[test]
fn output_without_end_ends_the_vm() {
    in_world(|world| {
        of_libraries(
            world,
            |options| options.limit("output_bytes", 1 << 20),
            |stage| {
                let fill = "int fill_output(void)";
                ended_for(stage, fill, &[], "limits.output_bytes = 1048576");
            },
        );
    });
}

#[test]
fn a_message_beyond_its_limit_is_refused_and_the_vm_goes_on() {
    in_world(|_| {
        let wide = cosmos::dlopen("libz.so.1").expect("zlib");
        let options = Options::new().limit("message_bytes", 5000);
        let narrow = cosmos::dlopen_with("libz.so.1", &options).expect("zlib");
        let crc = "unsigned long crc32(unsigned long crc,
            const unsigned char *__sized_by(len) buf, unsigned len)";
        let call = |library: &cosmos::Library, count: u32| {
            let bytes = Value::Bytes(vec![0; count as usize]);
            library
                .function(crc)
                .expect("crc32")
                .call(&[0.into(), bytes, count.into()])
        };
        assert!(call(&wide, 20_000).is_ok());
        assert!(call(&narrow, 4000).is_ok());
        let error = call(&narrow, 20_000).expect_err("it is too large");
        assert_eq!(error.code(), FaultCode::TooLarge, "{error}");
        let key = "limits.message_bytes = 5000";
        assert!(error.to_string().contains(key), "{error}");
        assert!(call(&narrow, 4000).is_ok());
    });
}

/// A call back that calls again, and so on, as long as it is let.
#[test]
fn calls_within_calls_go_as_deep_as_their_limit_and_the_vm_goes_on() {
    in_world(|_| {
        const SEARCH: &str = "const void *__alias(base) bsearch(
            const void *__sized_by(size) key, const void *__sized_by(nmemb * size) base,
            size_t nmemb, size_t size,
            int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";
        fn search(
            function: &Arc<cosmos::Function>,
            depth: &Arc<AtomicU64>,
        ) -> Result<(), cosmos::Error> {
            let (again, deeper) = (Arc::clone(function), Arc::clone(depth));
            let failed = Arc::new(Mutex::new(None));
            let told = Arc::clone(&failed);
            let compare = cosmos::callback(move |_: &[Value]| {
                deeper.fetch_add(1, Ordering::Relaxed);
                *told.lock().expect("nobody panics") = search(&again, &deeper).err();
                Value::Int(0)
            });
            let bytes = || Value::Bytes(vec![1]);
            function.call(&[bytes(), bytes(), 1.into(), 1.into(), compare])?;
            let failed = failed.lock().expect("nobody panics").take();
            failed.map_or(Ok(()), Err)
        }
        let options = Options::new().limit("call_depth", 3);
        let library = cosmos::dlopen_with("libc.so.6", &options).expect("the C library");
        let function = Arc::new(library.function(SEARCH).expect("bsearch"));
        for _ in 0..2 {
            let depth = Arc::default();
            let error = search(&function, &depth).expect_err("it is too deep");
            assert_eq!(error.code(), FaultCode::LimitReached, "{error}");
            assert!(error.to_string().contains("limits.call_depth"), "{error}");
            assert_eq!(depth.load(Ordering::Relaxed), 3);
        }
    });
}

#[test]
fn processor_time_runs_out() {
    in_world(|world| {
        with_grants(
            world,
            |options| options.limit("cpu_seconds", 1),
            |stage| ended_for(stage, "int burn(void)", &[], "limits.cpu_seconds = 1"),
        );
    });
}

#[test]
fn time_runs_out_for_a_vm_that_sleeps() {
    in_world(|world| {
        with_grants(
            world,
            |options| options.limit("wall_seconds", 2),
            |stage| ended_for(stage, "int burn(void)", &[], "limits.wall_seconds = 2"),
        );
    });
}

#[test]
fn a_flood_of_crashes_leaves_no_core_file() {
    in_world(|world| {
        let before = core_files(world);
        let nothing = |options: Options| options;
        of_programs(world, nothing, |stage| {
            let captured = stage.run("int dump_core(void)", &[]).expect("its end");
            assert_eq!(captured.ended.signal, libc::SIGABRT, "{captured:?}");
        });
        of_libraries(world, nothing, |stage| {
            let error = stage.attempt("int dump_core(void)", &[]).unwrap_err();
            assert_eq!(error.code(), FaultCode::VmDied, "{error}");
            assert_eq!(error.signal(), Some(libc::SIGABRT), "{error}");
        });
        assert_eq!(core_files(world), before);
    });
}

/// In the places where a core file could be written.
fn core_files(world: &World) -> Vec<String> {
    let places = ["/".into(), "/tmp".into(), world.directory().to_owned()];
    let entries = places
        .iter()
        .flat_map(std::fs::read_dir)
        .flatten()
        .flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut cores: Vec<String> = names.filter(|name| name.starts_with("core")).collect();
    cores.sort();
    cores
}
