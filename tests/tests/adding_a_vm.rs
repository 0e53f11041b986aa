//! The kind of VM that `docs/adding-a-vm.md` adds, used through the whole stack.

use cosmos::{FaultCode, Options, Value, Vm};
use cosmos_tests::{built, in_world, run};
use std::process::Command;
use std::time::Duration;

/// Cargo builds examples with the tests of their own package only.
fn calculator() -> std::path::PathBuf {
    let path = built().join("examples/calculator");
    if !path.exists() {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command
            .args([
                "build",
                "--locked",
                "-p",
                "cosmos-vm-core",
                "--example",
                "calculator",
            ])
            .current_dir(cosmos_tests::repository());
        run(&mut command, Duration::from_secs(300)).succeeded();
    }
    path
}

#[test]
fn a_new_kind_of_vm_is_an_executable_and_a_profile() {
    let calculator = calculator();
    in_world(|world| {
        let profiles = world.directory().join("profiles");
        std::fs::create_dir(&profiles).expect("a directory");
        let profile = format!(
            "kind = \"calculator\"\nexecutable = \"{}\"\nruns = \"formulas over double\"\n\
             formats = [\"script\"]\ninterpreters = [\"calculator\"]\nclass = \"native\"\nmachine = \"native\"\n\
             data_model = \"LP64\"\nos_abi = [\"sysv\"]\n",
            calculator.display()
        );
        std::fs::write(profiles.join("calculator.toml"), profile).expect("the profile");
        let configuration = std::env::var("XDG_CONFIG_HOME").expect("set by the harness");
        let configuration = std::path::Path::new(&configuration).join("cosmos");
        std::fs::create_dir_all(&configuration).expect("a directory");
        let text = format!("profiles = [\"{}\"]\n", profiles.display());
        std::fs::write(configuration.join("cosmos.toml"), text).expect("the configuration");
        let target = world.directory().join("forty");
        std::fs::write(&target, "#!calculator\n40\n").expect("the target");
        let target = target.to_str().expect("UTF-8");

        let vm = Vm::open("calculator", &Options::new()).expect("the new kind");
        assert!(vm.name().starts_with("calculator"), "{}", vm.name());
        let opened = cosmos::dlopen_with(target, &Options::new().vm(&vm)).expect("its target");
        let from_start = opened
            .function("double from_start(double x)")
            .expect("a formula");
        let sum = from_start.call(&[2.0.into()]).expect("a call");
        assert_eq!(sum.result, Value::Float(42.0));
        let refused = opened
            .function("int from_start(int x)")
            .expect_err("it takes doubles");
        assert_eq!(refused.code(), FaultCode::BadPrototype);
        let missing = opened
            .function("double tangent(double x)")
            .expect_err("no such formula");
        assert_eq!(missing.code(), FaultCode::NoSuchSymbol);
        // A panic in the VM is a fault of that request alone.
        let fails = opened.function("double fails(void)").expect("a formula");
        assert!(fails.call(&[]).is_err());
        let sum = from_start.call(&[3.0.into()]).expect("a call");
        assert_eq!(sum.result, Value::Float(43.0));

        // By its format alone, without a name of a kind.
        let matched = world.call(&[target, "double from_start(double x)", "2"]);
        assert_eq!(matched.succeeded(), "42\n");

        let shown = world.run_cosmos(&["ls"]);
        assert!(shown.succeeded().contains("calculator"), "{shown:?}");
        let weighed = world.run_cosmos(&["which", "libm.so.6", "--explain"]);
        assert!(weighed.succeeded().contains("calculator"), "{weighed:?}");
    });
}
