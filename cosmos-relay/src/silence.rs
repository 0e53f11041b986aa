//! How long the other machine may say nothing until it is given up.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Seconds, where nobody says otherwise.
pub const SILENCE: u64 = 60;
/// Less would be the end of machines that are busy.
const BOUNDS: RangeInclusive<u64> = 4..=3600;

/// So many seconds, or the nearest that is possible.
pub(crate) fn silence(seconds: u64) -> Duration {
    Duration::from_secs(seconds.clamp(*BOUNDS.start(), *BOUNDS.end()))
}
