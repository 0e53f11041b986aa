//! What `make install` puts beside the programs: units that systemd takes, manual pages, completions.

use cosmos_tests::{Prefix, in_world, run};
use std::fs;
use std::process::Command;
use std::time::Duration;

#[test]
fn systemd_takes_the_units_and_each_program_has_its_pages() {
    in_world(|world| {
        let prefix = Prefix::installed(world);
        for program in ["cosmos", "cosmosd", "cosmosdb"] {
            let page = fs::read_to_string(prefix.file(&format!("share/man/man1/{program}.1")));
            let page = page.expect("a page");
            assert!(page.contains(".SH OPTIONS"), "{program}: {page}");
            assert!(!page.contains("pages"), "{program} shows what is hidden");
            for completion in [
                format!("share/bash-completion/completions/{program}"),
                format!("share/zsh/site-functions/_{program}"),
                format!("share/fish/vendor_completions.d/{program}.fish"),
            ] {
                let script = fs::read_to_string(prefix.file(&completion)).expect("a script");
                assert!(
                    script.contains("--help") || script.contains("help"),
                    "{completion}"
                );
            }
        }
        assert!(prefix.file("bin/cosmosd").exists(), "ssh finds no cosmosd");
        let units = ["cosmosdb.socket", "cosmosdb.service", "cosmosd.service"]
            .map(|unit| prefix.file(&format!("lib/systemd/user/{unit}")));
        for unit in &units {
            let text = fs::read_to_string(unit).expect("a unit");
            assert!(!text.contains('@'), "{}: {text}", unit.display());
        }
        let mut verify = Command::new("systemd-analyze");
        verify.args(["--user", "--man=no", "verify"]).args(&units);
        verify.env("XDG_RUNTIME_DIR", world.directory());
        if Command::new("systemd-analyze")
            .arg("--version")
            .output()
            .is_err()
        {
            println!("skipped: there is no systemd-analyze here");
            return;
        }
        let ran = run(&mut verify, Duration::from_secs(50));
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for unit in &units {
            let unit = unit.to_str().expect("UTF-8");
            // Older ones ignore what only newer ones know.
            let known = |line: &&str| !line.contains("'DelegateSubgroup'");
            let about = said.lines().filter(|line| line.contains(unit));
            let about: Vec<&str> = about.filter(known).collect();
            assert!(about.is_empty(), "{about:?}");
        }
    });
}
