//! Processes of the same user that want what is another client's, or cosmosd's.

use cosmos_tests::{Ran, World, built, in_world, run};
use std::process::Command;
use std::time::Duration;

fn intrude(world: &World, verb: &str, name: &str) -> Ran {
    let mut command = Command::new(built().join("examples/intruder"));
    command.arg(world.sockets()).args([verb, name]);
    run(&mut command, Duration::from_secs(30))
}

#[test]
fn a_vm_belongs_to_the_client_that_opened_it() {
    in_world(|world| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library.function("double cos(double x)").expect("cos");
        for name in [format!("vm/{}", library.vm()), "vm/hostfn-999".to_owned()] {
            let ran = intrude(world, "connect", &name);
            assert!(
                !ran.succeeded().contains("got it"),
                "{name}: {}",
                ran.stdout
            );
            println!("{name}: {}", ran.stdout.trim());
        }
        assert!(cos.call(&[0.0.into()]).is_ok());
    });
}

#[test]
fn names_of_cosmosd_are_cosmosds() {
    in_world(|world| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        for name in ["cosmosd", "cosmos-other", "vm/hostfn-77"] {
            let ran = intrude(world, "register", name);
            let said = ran.succeeded();
            assert!(
                said.starts_with("NotPermitted") || said.starts_with("NameTaken"),
                "{name}: {said}"
            );
        }
        assert!(
            intrude(world, "register", "mine/own")
                .succeeded()
                .contains("got it")
        );
        assert!(library.function("double cos(double x)").is_ok());
    });
}

/// A shared VM serves several clients, each with tables of its own, and outlives each of them.
#[test]
fn a_shared_vm_is_shared_by_its_name() {
    in_world(|world| {
        let options = cosmos::Options::new().shared("common");
        let first = cosmos::dlopen_with("libm.so.6", &options).expect("libm");
        let pid = "int getpid(void)";
        let own = cosmos::dlopen_with("libc.so.6", &options).expect("libc");
        let here = own
            .function(pid)
            .expect("getpid")
            .call(&[])
            .expect("a call")
            .result;
        assert_eq!(first.vm(), own.vm());
        let alone = cosmos::dlopen("libc.so.6").expect("libc");
        let there = alone
            .function(pid)
            .expect("getpid")
            .call(&[])
            .expect("a call")
            .result;
        assert_ne!(here, there, "a private VM is another process");
        assert!(world.processes_named("cosmos-hostfn").len() >= 2);
    });
}
