//! Copies that belong to an object: what its functions returned, until it is closed.
//!
//! In C such a result stays until the object is closed or changed, by calls that only its
//! documentation names: `sqlite3_column_text` until the next `sqlite3_step`, however many other
//! columns are looked at meanwhile. No prototype tells which calls those are, so a copy stays until
//! the same *question*, the same function with the same arguments, is asked of the object again.
//!
//! What an object keeps is bounded: [`MOST_ANSWERS`] and [`MOST_BYTES`]; the oldest answers go
//! first, never the newest.

use crate::memory::Block;
use std::collections::{HashMap, VecDeque};

/// Most answers kept of one object.
const MOST_ANSWERS: usize = 1024;
/// Most bytes kept of one object, unless the newest answer alone has more.
const MOST_BYTES: usize = 64 << 20;

/// A function and the arguments of a call of it, as one number.
pub(crate) type Question = u64;

/// A copy that a call made, and its size.
pub(crate) type Copied = (Block, usize);

/// Copies by object: its value in the program.
#[derive(Debug, Default)]
pub(super) struct ByObject {
    objects: HashMap<u64, VecDeque<Answer>>,
}

#[derive(Debug)]
struct Answer {
    question: Question,
    bytes: usize,
    blocks: Vec<Block>,
}

impl ByObject {
    /// Keeps the copies of an answer; gives those that go for it.
    pub fn answer(&mut self, object: u64, question: Question, copies: Vec<Copied>) -> Vec<Block> {
        let answers = self.objects.entry(object).or_default();
        let mut gone = Vec::new();
        if let Some(place) = answers.iter().position(|known| known.question == question) {
            gone.extend(answers.remove(place));
        }
        if !copies.is_empty() {
            answers.push_back(Answer {
                question,
                bytes: copies.iter().map(|(_, size)| size).sum(),
                blocks: copies.into_iter().map(|(block, _)| block).collect(),
            });
        }
        let mut bytes: usize = answers.iter().map(|answer| answer.bytes).sum();
        while answers.len() > 1 && (answers.len() > MOST_ANSWERS || bytes > MOST_BYTES) {
            let Some(oldest) = answers.pop_front() else {
                break;
            };
            bytes -= oldest.bytes;
            gone.push(oldest);
        }
        if answers.is_empty() {
            self.objects.remove(&object);
        }
        gone.into_iter().flat_map(|answer| answer.blocks).collect()
    }

    /// Lets go of all that is kept of an object.
    pub fn close(&mut self, object: u64) -> Vec<Block> {
        let answers = self.objects.remove(&object).unwrap_or_default();
        answers
            .into_iter()
            .flat_map(|answer| answer.blocks)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(bytes: &[u8]) -> Vec<Copied> {
        vec![(Block::copy(bytes).unwrap(), bytes.len())]
    }

    #[test]
    fn an_answer_stays_until_the_question_is_asked_again() {
        let mut kept = ByObject::default();
        assert!(kept.answer(1, 10, copied(b"first column")).is_empty());
        assert!(kept.answer(1, 11, copied(b"second column")).is_empty());
        assert!(kept.answer(2, 10, copied(b"another row")).is_empty());
        assert_eq!(kept.answer(1, 10, copied(b"next")).len(), 1);
        assert_eq!(kept.answer(1, 11, Vec::new()).len(), 1, "NULL now");
        assert_eq!(kept.close(1).len(), 1);
        assert_eq!(kept.close(2).len(), 1);
        assert!(kept.close(2).is_empty());
    }

    #[test]
    fn the_oldest_answers_go_first_and_never_the_newest() {
        let mut kept = ByObject::default();
        for question in 0..MOST_ANSWERS as u64 {
            assert!(kept.answer(1, question, copied(b"x")).is_empty());
        }
        assert_eq!(kept.answer(1, u64::MAX, copied(b"x")).len(), 1);
        let large = vec![(Block::copy(b"").unwrap(), MOST_BYTES + 1)];
        assert_eq!(kept.answer(1, u64::MAX - 1, large).len(), MOST_ANSWERS);
        assert_eq!(kept.close(1).len(), 1);
    }
}
