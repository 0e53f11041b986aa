//! What of a manifest is accepted, and which message wins.

use super::*;
use proptest::prelude::*;

const GOOD: &str = "\
This line is a comment
======================
Version = 20130611
Program = /bin/guest.nexe
Memory = 0x4000000, 1
Timeout = 10\r
Node = 7
Job = /run/job
Channel = /dev/null, /dev/stdin, 0, 0, 8, 010, 0, 0
Channel = /a;/b, /dev/stdout, 0, 1, 0, 0, 9, 9
Unknown = 5
channel = lower case is not known
";

fn state(text: &str) -> String {
    match Manifest::parse(text.as_bytes()) {
        Ok(manifest) => panic!("{text} is accepted: {manifest:?}"),
        Err(error) => {
            assert_eq!(error.code(), libc::EFAULT, "{error}");
            error.to_string()
        }
    }
}

fn without(key: &str) -> String {
    let lines = GOOD.lines().filter(|line| !line.starts_with(key));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_good_manifest_is_read() {
    let manifest = Manifest::parse(GOOD.as_bytes()).expect("good");
    assert_eq!(manifest.program, PathBuf::from("/bin/guest.nexe"));
    assert_eq!((manifest.memory, manifest.memory_etag), (0x4000000, true));
    assert_eq!((manifest.timeout, manifest.node), (10, 7));
    assert_eq!(manifest.job, Some(PathBuf::from("/run/job")));
    assert_eq!(manifest.channels.len(), 2);
    assert_eq!(manifest.channels[0].limits, [8, 8, 0, 0]);
    assert_eq!(manifest.channels[1].sources.len(), 2);
    assert!(manifest.channels[1].etag);
}

#[test]
fn nothing_is_an_error_of_its_own() {
    assert_eq!(Manifest::parse(b""), Err(Error::ManifestEmpty));
    assert_eq!(Error::ManifestEmpty.code(), libc::EIO);
}

#[test]
fn keywords_are_counted_from_the_last_to_the_first() {
    assert_eq!(state("nothing"), "Timeout not specified");
    assert_eq!(state(&without("Memory")), "Memory not specified");
    assert_eq!(state(&without("Version")), "Version not specified");
    let twice = format!("{GOOD}Node = 1\nTimeout = 3\n");
    assert_eq!(state(&twice), "duplicate Node keyword");
    assert!(Manifest::parse(without("Channel").as_bytes()).is_ok());
}

#[test]
fn a_value_with_an_equals_sign_makes_its_line_vanish() {
    let text = GOOD.replace("/bin/guest.nexe", "/bin/a=b.nexe");
    assert_eq!(state(&text), "Program not specified");
}

#[test]
fn messages_name_the_line() {
    let cases = [
        ("Version = 20130611", "Version = 20130612"),
        ("Memory = 0x4000000, 1", "Memory = 0x4000000"),
        ("Memory = 0x4000000, 1", "Memory = 0x4000000, 2"),
        ("Memory = 0x4000000, 1", "Memory = much, 1"),
        ("Timeout = 10", "Timeout = ten"),
        ("Node = 7", "Node = seven"),
        ("Node = 7", "NameServer = udp:127.0.1:54321"),
        ("Node = 7", "NameServer = udp:127.0.0.1"),
        ("Node = 7", "NameServer = somewhere"),
        ("0, 0, 8, 010, 0, 0", "0, 2, 8, 8, 0, 0"),
        ("0, 0, 8, 010, 0, 0", "0, 0, 8, -1, 0, 0"),
        ("0, 0, 8, 010, 0, 0", "0, 0, 8, 8, 0"),
        ("0, 0, 8, 010, 0, 0", "0, 0, 8, 8, 0, 0, 0"),
        ("/dev/null", "dev/null"),
        ("/dev/null", "tcp:127.0.1:5"),
        ("/dev/null", "/dev:null"),
    ];
    let states: Vec<String> = cases
        .iter()
        .map(|(from, to)| {
            assert!(GOOD.contains(from), "{from}");
            format!("{to}: {}", state(&GOOD.replace(from, to)))
        })
        .collect();
    insta::assert_snapshot!(states.join("\n"));
}

#[test]
fn a_job_fits_a_sockets_address() {
    let job = |length| GOOD.replace("/run/job", &"j".repeat(length));
    assert!(Manifest::parse(job(108).as_bytes()).is_ok());
    assert_eq!(state(&job(109)), "MANIFEST 8: too long Job path");
}

#[test]
fn thirty_two_bits_of_a_timeout_are_kept() {
    let text = GOOD.replace("Timeout = 10", "Timeout = 0x100000003");
    assert_eq!(Manifest::parse(text.as_bytes()).expect("good").timeout, 3);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(text in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Manifest::parse(&text);
    }

    #[test]
    fn mutations_of_a_good_one_are_judged(
        at in 0..GOOD.len(),
        with in any::<u8>(),
        cut in 0..GOOD.len(),
    ) {
        let mut text = GOOD.as_bytes().to_vec();
        text[at] = with;
        let _ = Manifest::parse(&text);
        let _ = Manifest::parse(&text[..cut]);
    }
}
