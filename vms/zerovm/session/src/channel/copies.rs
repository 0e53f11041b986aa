//! One source of a channel or several: copies that are written alike and have to read alike.

use super::Answer;
use crate::report::Totals;

/// What is asked of a source at once.
const CHUNK: usize = 0x10000;

/// A source on the host.
pub trait Device {
    /// Reads at an offset; sources without positions pass over it. Less than the buffer holds is
    /// the end, or all that can be had at once.
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<usize, DeviceError>;
    /// Writes at an offset, and all of the buffer unless there is no more room.
    fn write(&mut self, buffer: &[u8], offset: u64) -> Result<usize, DeviceError>;
}

/// Why a source did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceError {
    /// It is broken: the session fails.
    Failed(i32),
    /// A signal came that ends the session.
    Interrupted,
}

/// What an operation did before it ended or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes that were moved.
    pub count: usize,
    /// What stopped it.
    pub error: Option<DeviceError>,
}

impl Outcome {
    /// What the guest is told, or why the session ends.
    pub fn answer(self) -> Result<Answer, DeviceError> {
        self.error.map_or(Ok(self.count as Answer), Err)
    }
}

/// The sources of a channel.
#[derive(Debug)]
pub struct Copies<D> {
    // None: it gave other bytes than the others, and is not asked any more.
    pub(super) sources: Vec<Option<D>>,
    // The bytes of the sources after the first.
    others: Vec<Vec<u8>>,
}

impl<D: Device> Copies<D> {
    pub(super) fn new(sources: Vec<D>) -> Self {
        Self {
            others: vec![Vec::new(); sources.len().saturating_sub(1)],
            sources: sources.into_iter().map(Some).collect(),
        }
    }

    /// Those that are still asked.
    pub fn sources(&self) -> impl Iterator<Item = &D> {
        self.sources.iter().flatten()
    }

    /// Reads until the buffer is full or the end is reached, which is one operation more.
    pub(super) fn read(&mut self, buffer: &mut [u8], offset: u64, totals: &mut Totals) -> Outcome {
        let mut count = 0;
        for chunk in 0.. {
            let end = buffer.len().min(count + CHUNK);
            let piece = &mut buffer[count..end];
            if piece.is_empty() && chunk > 0 {
                break;
            }
            match self.read_chunk(piece, offset + count as u64, totals) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) => {
                    return Outcome {
                        count,
                        error: Some(error),
                    };
                }
            }
        }
        Outcome { count, error: None }
    }

    pub(super) fn write(&mut self, buffer: &[u8], offset: u64, totals: &mut Totals) -> Outcome {
        let mut least = buffer.len();
        for source in self.sources.iter_mut().flatten() {
            match source.write(buffer, offset) {
                Ok(count) => {
                    totals.puts += 1;
                    totals.put_bytes += count as u64;
                    least = least.min(count);
                }
                Err(error) => {
                    return Outcome {
                        count: 0,
                        error: Some(error),
                    };
                }
            }
        }
        Outcome {
            count: least,
            error: None,
        }
    }

    fn read_chunk(
        &mut self,
        buffer: &mut [u8],
        offset: u64,
        totals: &mut Totals,
    ) -> Result<usize, DeviceError> {
        if let [Some(source)] = self.sources.as_mut_slice() {
            let count = source.read(buffer, offset)?;
            count_get(totals, count);
            return Ok(count);
        }
        self.read_alike(buffer, offset, totals)
    }

    /// Asks every copy; two have to agree, and who does not agree with them is asked no more.
    fn read_alike(
        &mut self,
        buffer: &mut [u8],
        offset: u64,
        totals: &mut Totals,
    ) -> Result<usize, DeviceError> {
        let mut answers: Vec<(usize, Vec<u8>)> = Vec::with_capacity(self.sources.len());
        for (index, source) in self.sources.iter_mut().enumerate() {
            let Some(device) = source else { continue };
            let mut bytes = self
                .others
                .get_mut(index)
                .map(std::mem::take)
                .unwrap_or_default();
            bytes.resize(buffer.len(), 0);
            match device.read(&mut bytes, offset) {
                Ok(count) => {
                    count_get(totals, count);
                    bytes.truncate(count);
                    answers.push((index, bytes));
                }
                Err(DeviceError::Interrupted) => return Err(DeviceError::Interrupted),
                Err(DeviceError::Failed(_)) => *source = None,
            }
        }
        let agreed = answers.iter().enumerate().find_map(|(place, (_, bytes))| {
            let mut later = answers[place + 1..].iter();
            later
                .any(|(_, other)| other == bytes)
                .then(|| bytes.clone())
        });
        let agreed = agreed.ok_or(DeviceError::Failed(libc::EIO))?;
        buffer[..agreed.len()].copy_from_slice(&agreed);
        for (index, bytes) in answers {
            if bytes != agreed {
                self.sources[index] = None;
            } else if let Some(kept) = self.others.get_mut(index) {
                *kept = bytes;
            }
        }
        Ok(agreed.len())
    }
}

fn count_get(totals: &mut Totals, count: usize) {
    totals.gets += 1;
    totals.get_bytes += count as u64;
}
