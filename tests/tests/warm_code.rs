//! The code of a short call lies side by side, in the programs' library and in the VM for C libraries: a pause leaves
//! each page of it to be found again (`cosmos-rpc/warm-code.ld`).

use cosmos_tests::built;
use object::{Object, ObjectSection, ObjectSymbol};

/// What each file calls from the moment a message is there until it sleeps, and is in no other function.
const WARM: [(&str, &[&str]); 2] = [
    (
        "libcosmos.so",
        &[
            "callframe_native..thunk..Entered$GT$5enter17h",
            "ring6waiter15Waiter$LT$A$GT$6asleep17h",
            "ring8handover8HandOver4wake17h",
        ],
    ),
    (
        "cosmos-hostfn",
        &[
            "Channel$LT$V$GT$$GT$12answer_calls17h",
            "ring6waiter15Waiter$LT$A$GT$6asleep17h",
        ],
    ),
];

#[test]
fn the_code_of_a_call_lies_together() {
    for (file, functions) in WARM {
        let bytes = std::fs::read(built().join(file)).expect("it is built");
        let file_object = object::File::parse(&*bytes).expect("an ELF file");
        let section = file_object.section_by_name(".text.warm");
        let section = section.unwrap_or_else(|| panic!("{file} was linked without warm-code.ld"));
        for wanted in functions {
            let symbols = file_object.symbols();
            let found: Vec<_> = symbols
                .filter(|it| {
                    it.is_definition() && it.name().is_ok_and(|name| name.contains(wanted))
                })
                .collect();
            assert!(!found.is_empty(), "{file} has no {wanted}");
            for symbol in found {
                assert_eq!(
                    symbol.section_index(),
                    Some(section.index()),
                    "{:?} of {file} lies elsewhere",
                    symbol.name()
                );
            }
        }
    }
}
