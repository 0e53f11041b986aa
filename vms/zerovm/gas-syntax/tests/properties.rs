//! Whatever the text, it is parsed or refused; and what is printed is what was parsed.

use gas_syntax::{Kind, parse};
use proptest::prelude::*;

/// Pieces that assembly is made of, and some that it is not.
fn fragments() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[ -~\n]{0,8}",
        Just("movl".to_owned()),
        Just(" lock ".to_owned()),
        Just("%eax".to_owned()),
        Just("8(%rsp,%rcx,4)".to_owned()),
        Just("$sym+4".to_owned()),
        Just(", ".to_owned()),
        Just("\n".to_owned()),
        Just(".long ".to_owned()),
        Just("label:".to_owned()),
        Just("*%rax".to_owned()),
        Just("%st(1)".to_owned()),
        Just("%fs:".to_owned()),
        Just("/*".to_owned()),
        Just("\"é\"".to_owned()),
        Just("'".to_owned()),
        Just("# 4 \"f.c\" 1\n".to_owned()),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in fragments()) {
        let lines = text.lines().count().max(1) as u32;
        match parse(&text) {
            Ok(statements) => {
                for statement in statements {
                    prop_assert!(statement.line <= lines + 1);
                    let Kind::Instruction(instruction) = statement.kind else { continue };
                    let printed = instruction.to_string();
                    let again = parse(&printed).expect("what was printed is parsed");
                    prop_assert_eq!(&again[0].kind, &Kind::Instruction(instruction), "{}", printed);
                }
            }
            Err(error) => prop_assert!(error.line <= lines + 1),
        }
    }

    #[test]
    fn any_characters_are_parsed_or_refused(text in any::<String>()) {
        _ = parse(&text);
    }
}
