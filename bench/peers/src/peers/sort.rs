//! Comparing, where sorting needs it, and a sort that waits for each comparison.

use super::Outcome;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

static COMPARED: AtomicU64 = AtomicU64::new(0);

/// The function that far ends call back.
///
/// # Safety
/// Both lead to a number.
pub unsafe extern "C" fn compare(left: *const i32, right: *const i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { order(*left, *right) }
}

/// The same by value.
pub fn order(left: i32, right: i32) -> i32 {
    COMPARED.fetch_add(1, Ordering::Relaxed);
    left.cmp(&right) as i32
}

/// Counts comparisons from none.
pub fn reset() {
    COMPARED.store(0, Ordering::Relaxed);
}

/// Comparisons since.
pub fn compared() -> u64 {
    COMPARED.load(Ordering::Relaxed)
}

/// Sorts by merging, as the C library does, with comparisons that somebody else makes.
pub async fn merge_sort<F: Future<Output = Outcome<i32>>>(
    numbers: &mut Vec<i32>,
    ask: impl Fn(i32, i32) -> F,
) -> Outcome {
    let mut width = 1;
    while width < numbers.len() {
        let mut merged = Vec::with_capacity(numbers.len());
        for both in numbers.chunks(2 * width) {
            let (mut left, mut right) = both.split_at(width.min(both.len()));
            while let ([first, ..], [second, ..]) = (left, right) {
                if ask(*first, *second).await? <= 0 {
                    merged.push(*first);
                    left = &left[1..];
                } else {
                    merged.push(*second);
                    right = &right[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        *numbers = merged;
        width *= 2;
    }
    Ok(())
}
