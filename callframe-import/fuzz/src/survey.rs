//! What must hold of any bytes taken for a preprocessed header: shared by the fuzz target and the
//! test that replays its corpus.

use callframe_import::{Survey, Verdict, listing};

/// Surveys the bytes, writes the listing, and reads that again.
///
/// # Panics
/// When a promise is broken: a function twice, or a listing whose declarations are not those that
/// can be called.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let survey = Survey::of(&text, "header.h", |_| None);
    let (ready, pack, refused) = survey.counts();
    assert_eq!(ready + pack + refused, survey.functions.len());
    let listed = listing::text(&survey, "header.h", true);
    let read = callframe::parse_file(&listed);
    let mut names = std::collections::HashSet::new();
    for found in &survey.functions {
        assert!(names.insert(&found.name), "{} is there twice", found.name);
        if let Verdict::Ready(frame) = &found.verdict {
            let one = callframe::parse(&frame.to_string());
            assert_eq!(one.as_ref(), Ok(frame));
            let is_it = |name: &Option<String>| name.as_deref() == Some(frame.name());
            assert!(read.iter().any(|other| is_it(&other.name)), "{listed}");
        }
    }
}
