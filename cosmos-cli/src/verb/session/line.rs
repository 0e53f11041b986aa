//! The lines of a session.
//!
//! ```text
//! line  = [ '#' comment | declaration ';' | '$' NAME | [ NAME '=' ] FUNCTION word* ]
//! word  = '"' text with C escapes '"' | ''' character constant ''' | letters, '{' … '}' in one
//! ```
//!
//! A backslash at its end continues a line.

use crate::literal::is_name;

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing.
    Blank,
    /// To know a prototype.
    Declaration(String),
    /// To see what is kept.
    Show(String),
    /// To call a function.
    Call {
        /// Under what name the result is kept.
        result: Option<String>,
        /// The function's name.
        function: String,
        /// Its arguments.
        words: Vec<String>,
    },
}

/// Reads a line; a sentence where it is none.
pub fn read(text: &str) -> Result<Line, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(Line::Blank);
    }
    if let Some(declaration) = text.strip_suffix(';') {
        return Ok(Line::Declaration(declaration.to_owned()));
    }
    let mut words = words(text)?;
    let result = match words.get(1).map(String::as_str) {
        Some("=") => {
            let name = words.remove(0);
            words.remove(0);
            if !is_name(&name) {
                return Err(format!("{name:?} is no name to keep something under"));
            }
            Some(name)
        }
        _ => None,
    };
    if words.is_empty() {
        return Err("no function is named".to_owned());
    }
    let function = words.remove(0);
    match function.strip_prefix('$') {
        Some(name) if words.is_empty() && result.is_none() => Ok(Line::Show(name.to_owned())),
        _ if callframe::bare_name(&function).is_none() => Err(format!(
            "{function:?} is no function's name; a line that declares one ends in ';'"
        )),
        _ => Ok(Line::Call {
            result,
            function,
            words,
        }),
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = word(rest)?;
        let (word, after) = rest.split_at(length);
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

/// Bytes of the word that a text begins with.
fn word(text: &str) -> Result<usize, String> {
    let mut braces = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), _) if letter == mark => quote = None,
            (Some(_), _) => {}
            // Elsewhere it is an apostrophe.
            (None, '\'') if at == 0 || braces > 0 => quote = Some('\''),
            (None, '"') => quote = Some('"'),
            (None, '{') => braces += 1,
            (None, '}') => braces = braces.saturating_sub(1),
            (None, _) if letter.is_whitespace() && braces == 0 => return Ok(at),
            (None, _) => {}
        }
    }
    match (quote, braces) {
        (Some(mark), _) => Err(format!("a {mark} is not closed")),
        (None, 0) => Ok(text.len()),
        (None, _) => Err("a { is not closed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(result: Option<&str>, words: &[&str]) -> Line {
        Line::Call {
            result: result.map(str::to_owned),
            function: words[0].to_owned(),
            words: words[1..].iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn words_end_at_space_outside_of_quotes_and_braces() {
        let cases: [(&str, &[&str]); 5] = [
            ("puts hello", &["puts", "hello"]),
            (
                r#"puts "two \" words"  x"#,
                &["puts", r#""two \" words""#, "x"],
            ),
            (
                "f {1, {.a = ' ', .b = \"}\"}} -1",
                &["f", "{1, {.a = ' ', .b = \"}\"}}", "-1"],
            ),
            ("f ' ' don't", &["f", "' '", "don't"]),
            (
                "f $z{.next_out = _, .avail_out = 9} 0",
                &["f", "$z{.next_out = _, .avail_out = 9}", "0"],
            ),
        ];
        for (text, words) in cases {
            assert_eq!(read(text), Ok(call(None, words)), "{text}");
        }
    }

    #[test]
    fn a_line_is_one_of_four_things() {
        assert_eq!(read("  "), Ok(Line::Blank));
        assert_eq!(read("# puts hello"), Ok(Line::Blank));
        assert_eq!(
            read("int puts(const char *s);"),
            Ok(Line::Declaration("int puts(const char *s)".to_owned()))
        );
        assert_eq!(read("$file"), Ok(Line::Show("file".to_owned())));
        assert_eq!(
            read("file = gzopen a.gz r"),
            Ok(call(Some("file"), &["gzopen", "a.gz", "r"]))
        );
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for (text, word) in [
            ("puts \"open", "not closed"),
            ("f {1", "not closed"),
            ("3 = f", "no name"),
            ("x =", "no function"),
            ("int puts(const char *s)", "ends in ';'"),
            ("x = $y", "no function"),
        ] {
            let refusal = read(text).expect_err(text);
            assert!(refusal.contains(word), "{text}: {refusal}");
        }
    }
}
