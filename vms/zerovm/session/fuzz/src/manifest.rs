//! Reads bytes as a manifest. One that is refused has a code and a reason of one line; the channels
//! of one that is not become handles and an image in the guest's memory, or are refused likewise.

use zerovm_session::Error;
use zerovm_session::channel::{MAX_CHANNELS, check_same, order};
use zerovm_session::layout::{PAGE, STACK};
use zerovm_session::manifest::{ChannelLine, Manifest, Source};
use zerovm_session::user_manifest::{Entry, image};

const ENFILE: i32 = 23;
const EFAULT: i32 = 14;
const EIO: i32 = 5;

pub fn run(input: &[u8]) {
    match Manifest::parse(input) {
        Ok(manifest) => check(manifest),
        Err(error) => {
            refused(&error, &[EIO, EFAULT]);
            assert_eq!(error.code() == EIO, input.is_empty());
        }
    }
}

fn refused(error: &Error, codes: &[i32]) {
    assert!(codes.contains(&error.code()), "{error}");
    assert!(!error.to_string().is_empty());
}

fn check(manifest: Manifest) {
    for channel in &manifest.channels {
        assert!(channel.limits.iter().all(|limit| *limit >= 0));
        assert!((1..=16).contains(&channel.sources.len()));
        for source in &channel.sources {
            if let Source::File(path) = source {
                assert!(path.is_absolute());
            }
        }
    }
    let count = manifest.channels.len();
    match order(manifest.channels) {
        Ok(channels) => {
            assert!((3..MAX_CHANNELS).contains(&count) && channels.len() == count);
            assert_eq!(check_same(&channels, &channels), Ok(()));
            lay_out(&channels);
        }
        Err(error) => refused(&error, &[EFAULT, ENFILE]),
    }
}

fn lay_out(channels: &[ChannelLine]) {
    let entry = |channel: &ChannelLine| (channel.limits, channel.alias.clone());
    let owned: Vec<_> = channels.iter().map(entry).collect();
    let entries: Vec<Entry<'_>> = owned
        .iter()
        .map(|(limits, alias)| Entry {
            limits: *limits,
            size: 0,
            access: 0,
            alias,
        })
        .collect();
    let image = image(&entries, 0x50000, STACK);
    assert_eq!(image.address + image.bytes.len() as u64, STACK);
    assert!(image.region <= image.address && image.region.is_multiple_of(PAGE));
    assert!(image.heap_end <= image.region);
}
