//! Buffers beside which nothing is to be written.

/// A buffer between two that are nobody's.
#[derive(Debug)]
pub struct Fenced(Vec<u8>);

impl Fenced {
    const FENCE: usize = 4096;

    /// So many bytes.
    pub fn of(size: usize) -> Fenced {
        Fenced(vec![0x5a; size + 2 * Fenced::FENCE])
    }

    /// Where they begin.
    pub fn start(&mut self) -> *mut u8 {
        self.0[Fenced::FENCE..].as_mut_ptr()
    }

    /// Those bytes.
    pub fn inner(&self) -> &[u8] {
        &self.0[Fenced::FENCE..self.0.len() - Fenced::FENCE]
    }

    /// Nothing was written beside them.
    ///
    /// # Panics
    /// Where something was.
    pub fn stands(&self) {
        let (before, rest) = self.0.split_at(Fenced::FENCE);
        let behind = &rest[rest.len() - Fenced::FENCE..];
        let all = before.iter().chain(behind);
        assert!(all.into_iter().all(|byte| *byte == 0x5a), "written beside");
    }
}
