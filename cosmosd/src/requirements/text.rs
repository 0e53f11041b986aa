//! Files that are no ELF: scripts, linker scripts, other text, anything.

use super::Format;

/// Longest `#!` line, as the kernel reads it.
const SHEBANG: usize = 256;
/// First bytes shown of a file nobody knows.
const SHOWN: usize = 8;

/// What a file is by its first bytes, of which there is at least one.
pub(super) fn format(head: &[u8]) -> Format {
    if let Some(line) = head.strip_prefix(b"#!") {
        return shebang(line);
    }
    let Some(text) = text(head) else {
        return Format::Unknown(head.iter().take(SHOWN).copied().collect());
    };
    if is_linker_script(text) {
        return Format::LinkerScript {
            inputs: linker_inputs(text),
        };
    }
    Format::Text
}

/// Bytes of somebody else made fit for a terminal and a line: no control characters.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|character| {
            let hidden = character.is_control() || is_directional(character);
            let escaped = hidden.then(|| character.escape_unicode());
            escaped
                .into_iter()
                .flatten()
                .chain((!hidden).then_some(character))
        })
        .collect()
}

/// Characters that reorder what a terminal shows.
fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shebang(line: &[u8]) -> Format {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    let line = printable(line.get(..SHEBANG).unwrap_or(line).trim_ascii());
    let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
    Format::Script {
        interpreter: interpreter.to_owned(),
        argument: argument.trim().to_owned(),
    }
}

/// The bytes as text, where they are: UTF-8 (up to a character the end cuts) without control
/// characters other than white space.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_plain = |character: char| !character.is_control() || character.is_ascii_whitespace();
    (!text.is_empty() && text.chars().all(is_plain)).then_some(text)
}

fn is_linker_script(text: &str) -> bool {
    text.starts_with("/* GNU ld script")
        || ["OUTPUT_FORMAT", "GROUP", "INPUT"].iter().any(|command| {
            text.lines().any(|line| {
                line.trim_start()
                    .strip_prefix(command)
                    .is_some_and(|rest| rest.trim_start().starts_with('('))
            })
        })
}

/// The shared objects a linker script names, in its order.
fn linker_inputs(text: &str) -> Vec<String> {
    text.split(|character: char| character.is_whitespace() || matches!(character, '(' | ')' | ','))
        .filter(|word| word.contains(".so"))
        .map(|word| printable(word.as_bytes()))
        .take(16)
        .collect()
}
