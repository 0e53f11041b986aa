//! Cuts a text into statements' texts: comments taken away, `;` and line ends as separators.

use crate::Fault;

/// What is between two separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) line: u32,
    pub(crate) kind: PieceKind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceKind<'a> {
    /// The text of a statement, trimmed and not empty.
    Text(&'a str),
    /// `# 12 "file.c" …`: what follows comes from there.
    Origin { line: u32, file: &'a str },
    /// `#NO_APP`: what follows is the compiler's own again.
    EndOfOrigin,
}

/// Cuts `text`. A block comment ends a statement, as it does nowhere else; gcc writes none within one.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (u32, Fault)> {
    let mut cutter = Cutter {
        text,
        at: 0,
        start: 0,
        line: 1,
        found: Vec::new(),
    };
    while cutter.step()? {}
    cutter.end_statement();
    Ok(cutter.found)
}

struct Cutter<'a> {
    text: &'a str,
    at: usize,
    /// Where the statement began that is being read.
    start: usize,
    line: u32,
    found: Vec<Piece<'a>>,
}

impl<'a> Cutter<'a> {
    /// Reads on; false at the end of the text.
    fn step(&mut self) -> Result<bool, (u32, Fault)> {
        let rest = &self.text.as_bytes()[self.at..];
        match rest {
            [] => return Ok(false),
            [b'\n', ..] => {
                self.end_statement();
                self.skip(1);
                self.line += 1;
            }
            [b';', ..] => {
                self.end_statement();
                self.skip(1);
            }
            [b'#', ..] => {
                self.end_statement();
                self.comment();
            }
            [b'/', b'*', ..] => {
                self.end_statement();
                self.block_comment()?;
            }
            [b'"', ..] => self.string()?,
            [b'\'', b'\\', _, ..] => self.at += self.character(2),
            [b'\'', byte, ..] if *byte != b'\n' => self.at += self.character(1),
            _ => self.at += 1,
        }
        Ok(true)
    }

    /// The length of `'` and a character that starts so many bytes behind it, with its closing quote.
    fn character(&self, before: usize) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let mut length = before + 1;
        while rest.get(length).is_some_and(|byte| byte & 0xc0 == 0x80) {
            length += 1;
        }
        length + usize::from(rest.get(length) == Some(&b'\''))
    }

    fn end_statement(&mut self) {
        let text = self.text[self.start..self.at].trim();
        if !text.is_empty() {
            self.found.push(Piece {
                line: self.line,
                kind: PieceKind::Text(text),
            });
        }
        self.start = self.at;
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.start = self.at;
    }

    fn comment(&mut self) {
        let rest = &self.text[self.at..];
        let comment = rest.split('\n').next().unwrap_or(rest);
        let kind = if comment.trim_end() == "#NO_APP" {
            Some(PieceKind::EndOfOrigin)
        } else {
            origin(comment)
        };
        if let Some(kind) = kind {
            self.found.push(Piece {
                line: self.line,
                kind,
            });
        }
        self.skip(comment.len());
    }

    fn block_comment(&mut self) -> Result<(), (u32, Fault)> {
        let rest = &self.text[self.at..];
        let end = rest[2..].find("*/").map(|end| end + 4);
        let end = end.ok_or((self.line, Fault::Unfinished("comment")))?;
        self.line += rest[..end].bytes().filter(|&byte| byte == b'\n').count() as u32;
        self.skip(end);
        Ok(())
    }

    fn string(&mut self) -> Result<(), (u32, Fault)> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut length = 1;
        loop {
            match rest.get(length..) {
                Some([b'"', ..]) => break,
                Some([b'\\', byte, ..]) if *byte != b'\n' => length += 2,
                Some([byte, ..]) if *byte != b'\n' => length += 1,
                _ => return Err((self.line, Fault::Unfinished("string"))),
            }
        }
        self.at += length + 1;
        Ok(())
    }
}

/// `# LINE "FILE"`, which may be followed by flags.
fn origin(comment: &str) -> Option<PieceKind<'_>> {
    let rest = comment.strip_prefix("# ")?;
    let (line, rest) = rest.split_once(" \"")?;
    let (file, _) = rest.split_once('"')?;
    let line = line.parse().ok()?;
    Some(PieceKind::Origin { line, file })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(u32, &str)> {
        let pieces = pieces(text).expect("cut");
        let texts = pieces.iter().filter_map(|piece| match piece.kind {
            PieceKind::Text(text) => Some((piece.line, text)),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn separators_and_comments() {
        assert_eq!(texts("a; b # c\n\n d"), [(1, "a"), (1, "b"), (3, "d")]);
        assert_eq!(texts("a /* x\ny */ b"), [(1, "a"), (2, "b")]);
        assert_eq!(
            texts(".ascii \"#;\\\"\", ';\n';'#"),
            [(1, ".ascii \"#;\\\"\", ';"), (2, "';'")]
        );
    }

    #[test]
    fn where_inline_assembly_comes_from() {
        let found = pieces("#APP\n# 7 \"a b.c\" 1\nnop\n#NO_APP\n").expect("cut");
        let kinds: Vec<_> = found.iter().map(|piece| piece.kind).collect();
        let origin = PieceKind::Origin {
            line: 7,
            file: "a b.c",
        };
        assert_eq!(
            kinds,
            [origin, PieceKind::Text("nop"), PieceKind::EndOfOrigin]
        );
    }

    #[test]
    fn what_has_no_end() {
        assert_eq!(
            pieces("\n/* ").unwrap_err(),
            (2, Fault::Unfinished("comment"))
        );
        assert_eq!(
            pieces(".ascii \"a\n\"").unwrap_err(),
            (1, Fault::Unfinished("string"))
        );
    }
}
