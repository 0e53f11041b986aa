//! Random records, laid out by gcc and by [`Template`]: sizes, alignments and offsets are equal.
//!
//! Whatever the language accepts must lie in memory as the platform's compiler has it. The records
//! come from a fixed seed; one C file prints what gcc makes of all of them. Skipped where there is
//! no gcc, and where the machine's model is not LP64.

use callframe::types::{RecordId, Type};
use callframe::{DataModel, Template, parse};
use std::fmt::Write;
use std::process::Command;
use std::sync::Arc;

const RECORDS: usize = 300;

const SCALARS: &[&str] = &[
    "_Bool",
    "char",
    "signed char",
    "unsigned char",
    "char unsigned",
    "short",
    "short int unsigned",
    "unsigned short",
    "int",
    "signed",
    "unsigned",
    "int unsigned",
    "long",
    "long unsigned int",
    "unsigned long long",
    "long long int signed",
    "long int long",
    "float",
    "double",
    "long double",
    "double long",
    "float _Complex",
    "_Complex double",
    "long _Complex double",
    "int8_t",
    "uint8_t",
    "int16_t",
    "uint16_t",
    "int32_t",
    "uint32_t",
    "int64_t",
    "uint64_t",
    "size_t",
    "ssize_t",
    "ptrdiff_t",
    "intptr_t",
    "uintptr_t",
    "wchar_t",
    "time_t",
    "off_t",
    "pid_t",
    "mode_t",
    "uid_t",
    "socklen_t",
    "const int",
    "volatile double",
    "int const volatile",
    "enum small",
    "enum large",
    "struct timespec",
    "struct tm",
    "div_t",
    "ldiv_t",
    "lldiv_t",
    "small_t",
    "large_t",
    "row_t",
    "struct stat",
];

const PROLOGUE: &str = "enum small { RED, GREEN }; enum large { LOW = -5, HIGH = 0x7fffffff };\n\
    typedef enum small small_t; typedef long double large_t; typedef short row_t[3];\n";

/// A stream of numbers from a seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// The text of record `index`, which may contain those before it, and its members' names.
fn record(numbers: &mut Numbers, index: usize) -> (String, Vec<String>) {
    let keyword = keyword(index);
    let mut text = format!("{keyword} r{index} {{ ");
    let mut names = Vec::new();
    // Unions that hold pointers are refused, whatever they lie in.
    let pointers = !is_part(index) && keyword == "struct";
    for member in 0..1 + numbers.below(7) {
        let name = format!("m{member}");
        let scalar = SCALARS[numbers.below(SCALARS.len())];
        let length = 1 + numbers.below(5);
        let earlier = index.checked_sub(1).map(|last| numbers.below(last + 1));
        let declaration = match (numbers.below(10), earlier) {
            (0, _) => format!("{scalar} {name}[{length}]"),
            (1, _) => format!("{scalar} {name}[2][{length}]"),
            (2, _) if pointers => format!("const {scalar} *__SINGLE {name}"),
            (3, _) if pointers => format!("const {scalar} *const __SINGLE {name}[{length}]"),
            (4 | 5, Some(earlier)) if is_part(earlier) => {
                format!("{} r{earlier} {name}", self::keyword(earlier))
            }
            (6, Some(earlier)) if is_part(earlier) => {
                format!("{} r{earlier} {name}[{length}]", self::keyword(earlier))
            }
            (7, _) => format!("struct {{ char a; {scalar} b; char c; }} {name}"),
            (8, _) => format!("union {{ char a[{length}]; {scalar} b; }} {name}"),
            _ => format!("{scalar} {name}"),
        };
        text += &declaration;
        text += "; ";
        names.push(name);
    }
    text += "};";
    (text, names)
}

fn keyword(index: usize) -> &'static str {
    if index % 6 == 5 { "union" } else { "struct" }
}

/// Only the first ones lie in others, so that sizes stay small.
fn is_part(index: usize) -> bool {
    index < 40
}

#[test]
fn records_lie_as_gcc_lays_them_out() {
    if DataModel::native() != Some(DataModel::LP64)
        || Command::new("gcc").arg("-v").output().is_err()
    {
        return;
    }
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let records: Vec<_> = (0..RECORDS)
        .map(|index| record(&mut numbers, index))
        .collect();
    let theirs = by_gcc(&records);
    let mut refused = 0;
    for (index, (_, names)) in records.iter().enumerate() {
        let text: String = records[..=index]
            .iter()
            .enumerate()
            .filter(|(earlier, _)| *earlier == index || is_part(*earlier))
            .map(|(_, (text, _))| text.replace("__SINGLE", "__single") + "\n")
            .collect();
        let prototype = format!("{PROLOGUE}{text}void f({} r{index} *p);", keyword(index));
        let frame = match parse(&prototype) {
            Ok(frame) => Arc::new(frame),
            Err(error) => {
                println!("{}", error.render(&prototype));
                refused += 1;
                continue;
            }
        };
        match Template::of(&frame, DataModel::LP64) {
            Ok(template) => assert_eq!(ours(&template, names.len()), theirs[index], "{prototype}"),
            Err(error) => {
                println!("{error}: {}", records[index].0);
                refused += 1;
            }
        }
    }
    assert!(refused < RECORDS / 4, "{refused} of {RECORDS} are refused");
}

/// Size, alignment, then the offset of each member.
fn ours(template: &Template, members: usize) -> Vec<u64> {
    let frame = template.frame();
    let Type::Pointer(pointer) = frame.ty(frame.parameters()[0].ty) else {
        panic!("no pointer");
    };
    let Type::Record(id): &Type = frame.ty(pointer.target) else {
        panic!("no record");
    };
    let id: RecordId = *id;
    let layout = template.size_align(pointer.target);
    let mut numbers = vec![layout.size, layout.align];
    numbers.extend((0..members).map(|field| template.field_offset(id, field).unwrap()));
    numbers
}

fn by_gcc(records: &[(String, Vec<String>)]) -> Vec<Vec<u64>> {
    let mut source =
        "#define _GNU_SOURCE\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n\
        #include <stdlib.h>\n#include <time.h>\n#include <wchar.h>\n#include <sys/types.h>\n\
        #include <sys/stat.h>\n#include <sys/socket.h>\n#define __SINGLE\n"
            .to_owned();
    source += PROLOGUE;
    let mut body = String::new();
    for (index, (text, names)) in records.iter().enumerate() {
        writeln!(source, "{text}").unwrap();
        let name = format!("{} r{index}", keyword(index));
        write!(
            body,
            "printf(\"%zu %zu\", sizeof({name}), _Alignof({name}));"
        )
        .unwrap();
        for member in names {
            write!(body, "printf(\" %zu\", offsetof({name}, {member}));").unwrap();
        }
        writeln!(body, "puts(\"\");").unwrap();
    }
    write!(source, "int main(void) {{ {body} return 0; }}").unwrap();
    let directory = std::env::temp_dir().join(format!("callframe-compiled-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (file, program) = (directory.join("layout.c"), directory.join("layout"));
    std::fs::write(&file, source).unwrap();
    let made = Command::new("gcc")
        .arg("-w")
        .arg("-o")
        .arg(&program)
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let output = Command::new(&program).output().unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            line.split(' ')
                .map(|number| number.parse().unwrap())
                .collect()
        })
        .collect()
}
