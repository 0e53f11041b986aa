//! What must hold of any bytes: shared by the fuzz target and the test that replays its corpus.

/// Reads the bytes as a prototype and as a file of them.
///
/// # Panics
/// When a promise of the language is broken: an error that points outside the text, or a frame whose
/// print reads as another.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match callframe::parse(&text) {
        Ok(frame) => {
            let printed = frame.to_string();
            match callframe::parse(&printed) {
                Ok(again) => assert_eq!(again, frame, "{printed}"),
                Err(error) => panic!("{}", error.render(&printed)),
            }
        }
        Err(error) => {
            assert!(error.span().end <= text.len());
            assert!(error.render(&text).contains('^'));
        }
    }
    for declaration in callframe::parse_file(&text) {
        assert!(text.get(declaration.span).is_some());
        if let Err(error) = declaration.outcome {
            assert!(error.span().end <= text.len());
        }
    }
}
