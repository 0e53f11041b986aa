//! The words that are not free for names, and guesses at what a wrong word was meant to be.

const KEYWORDS: &[&str] = &[
    "_Alignas",
    "_Atomic",
    "_BitInt",
    "_Bool",
    "_Complex",
    "_Decimal128",
    "_Decimal32",
    "_Decimal64",
    "_Float128",
    "_Float128x",
    "_Float16",
    "_Float32",
    "_Float32x",
    "_Float64",
    "_Float64x",
    "_Generic",
    "_Imaginary",
    "_Noreturn",
    "_Static_assert",
    "_Thread_local",
    "__asm",
    "__asm__",
    "__attribute",
    "__attribute__",
    "__complex",
    "__complex__",
    "__const",
    "__const__",
    "__extension__",
    "__float128",
    "__inline",
    "__inline__",
    "__int128",
    "__restrict",
    "__restrict__",
    "__signed",
    "__signed__",
    "__typeof",
    "__typeof__",
    "__volatile",
    "__volatile__",
    "alignas",
    "auto",
    "bool",
    "break",
    "case",
    "char",
    "complex",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "struct",
    "switch",
    "thread_local",
    "typedef",
    "typeof",
    "union",
    "unsigned",
    "void",
    "volatile",
    "while",
];

/// Whether C, or this language, reserves the word.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

/// Longest word that others are compared with, which takes the product of their lengths.
const LONGEST_WORD: usize = 128;

/// Up to three of `candidates` that `word` may be a misspelling of, the nearest first.
pub(crate) fn near<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Vec<&'c str> {
    if word.len() > LONGEST_WORD {
        return Vec::new();
    }
    let lower = word.to_ascii_lowercase();
    let limit = (word.len() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &str)> = candidates
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= limit)
        .filter(|candidate| shares_an_end(&lower, candidate))
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase());
            (distance, candidate)
        })
        .filter(|&(distance, candidate)| distance <= limit && candidate != word)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(3);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether the first or the last letters agree: comparing words is slow, and few slips change both.
fn shares_an_end(lower: &str, candidate: &str) -> bool {
    let same = |one: Option<&u8>, other: Option<&u8>| match (one, other) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => false,
    };
    let (lower, candidate) = (lower.as_bytes(), candidate.as_bytes());
    same(lower.first(), candidate.first()) || same(lower.last(), candidate.last())
}

/// `a`, `b` or `c`.
pub(crate) fn either(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
        assert!(is_keyword("_Complex") && is_keyword("while") && !is_keyword("buf"));
    }

    #[test]
    fn near_words_are_found() {
        assert_eq!(
            near("unit32_t", ["uint32_t", "int32_t", "FILE"].into_iter()),
            ["uint32_t", "int32_t"]
        );
        assert_eq!(near("file", ["FILE"].into_iter()), ["FILE"]);
        assert!(near("gadget", ["FILE", "size_t"].into_iter()).is_empty());
        let long = "x".repeat(60_000);
        assert!(near(&long, [&*long.replacen('x', "y", 1)].into_iter()).is_empty());
        assert_eq!(either(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
