//! Random prototypes that are valid by construction: each is read, printed and read again.

use std::sync::Arc;

use callframe::{DataModel, Template, parse};
use proptest::prelude::*;

/// Choices, one byte each; when they run out, always the first alternative.
struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Choices<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or(0)) % limit
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn maybe(&mut self, text: &'static str) -> &'static str {
        self.of(&["", text])
    }
}

const INTEGERS: &[&str] = &[
    "int",
    "unsigned",
    "long unsigned int",
    "long",
    "long long",
    "unsigned long long int",
    "short",
    "size_t",
    "ssize_t",
    "uint8_t",
    "int64_t",
    "uint32_t",
    "wchar_t",
    "time_t",
    "off_t",
    "_Bool",
    "char",
    "signed char",
    "unsigned char",
    "uintptr_t",
    "enum color",
    "uLong",
    "const int",
    "pid_t",
];
const NUMBERS: &[&str] = &[
    "double",
    "float",
    "long double",
    "double complex",
    "_Complex float",
    "long double _Complex",
];

/// Members that are functions.
const CALLBACK_MEMBER: &str = "int (*NAME)(void *__opaque cookie, const char *__sized_by(size) text, int size) __or_const(1);";
const TABLE_MEMBER: &str =
    "struct { void (*first)(int n); long (*second)(const char *text); } NAME;";

/// A prototype under construction.
struct Text<'a> {
    choices: Choices<'a>,
    records: String,
    /// Names of records that may be copied freely, of those that go in only, and how to write them.
    plain: Vec<String>,
    with_pointers: Vec<String>,
    parameters: Vec<String>,
    /// How many those texts declare.
    declared: usize,
    integers: Vec<String>,
    lengths: Vec<String>,
    buffers: Vec<String>,
    handles: Vec<String>,
}

fn prototype(bytes: &[u8]) -> String {
    let mut text = Text {
        choices: Choices {
            bytes: bytes.iter(),
        },
        records: "enum color { RED, GREEN = 4, BLUE };\n".to_owned(),
        plain: vec![
            "struct tm".to_owned(),
            "div_t".to_owned(),
            "struct timespec".to_owned(),
        ],
        with_pointers: Vec::new(),
        parameters: Vec::new(),
        declared: 0,
        integers: Vec::new(),
        lengths: Vec::new(),
        buffers: Vec::new(),
        handles: Vec::new(),
    };
    for index in 0..text.choices.below(4) {
        text.record(index);
    }
    for index in 0..text.choices.below(7) {
        text.parameter(index);
    }
    text.function()
}

impl Text<'_> {
    fn scalar(&mut self) -> &'static str {
        match self.choices.below(4) {
            0 => self.choices.of(NUMBERS),
            _ => self.choices.of(INTEGERS),
        }
    }

    fn record(&mut self, index: usize) {
        let mut members = "int n; ".to_owned();
        let mut pointers = false;
        for member in 0..self.choices.below(5) {
            let scalar = self.scalar();
            let plain = self.plain[self.choices.below(self.plain.len())].clone();
            members += &match self.choices.below(11) {
                0 | 1 => format!("{scalar} m{member}; "),
                2 => format!(
                    "{scalar} m{member}[{}], k{member}; ",
                    1 + self.choices.below(9)
                ),
                3 => format!("{plain} m{member}; "),
                4 => format!("struct {{ {scalar} a; char b[2][3]; }} m{member}, k{member}[2]; "),
                5 => {
                    let name = match self.choices.below(2) {
                        0 => String::new(),
                        _ => format!("m{member}"),
                    };
                    format!("union {{ {scalar} a{member}; int b{member}; }} {name}; ")
                }
                6 => format!("int __fd m{member}; "),
                7 => format!("FILE *__handle m{member}; "),
                8 => {
                    pointers = true;
                    format!(
                        "union {{ {scalar} a __case(0); const char *__in b __case(1, -2); \
                         double c; }} m{member} __switch(n); "
                    )
                }
                9 => {
                    pointers = true;
                    let text = self.choices.of(&[CALLBACK_MEMBER, TABLE_MEMBER]);
                    text.replace("NAME", &format!("m{member}")) + " "
                }
                _ => {
                    pointers = true;
                    format!("const {scalar} *__counted_by(n * 2) m{member}; ")
                }
            };
        }
        let (definition, name) = match self.choices.below(2) {
            0 => (
                format!("struct r{index} {{ {members}}};"),
                format!("struct r{index}"),
            ),
            _ => (
                format!("typedef struct {{ {members}}} r{index};"),
                format!("r{index}"),
            ),
        };
        self.records += &format!("{definition}\n");
        if pointers {
            self.with_pointers.push(name);
        } else {
            self.plain.push(name);
        }
    }

    /// A list of records that goes in or comes back, with texts.
    fn list(&mut self) -> String {
        let name = format!("node{}", self.parameters.len());
        let text = self.choices.of(&[
            "char *__in __null_terminated text; ",
            "unsigned n; double *__in __counted_by(n) numbers; ",
            "",
        ]);
        let back = self.choices.maybe("struct NAME *__in before; ");
        let back = back.replace("NAME", &name);
        self.records += &format!("struct {name} {{ {text}{back}struct {name} *__in next; }};\n");
        format!("struct {name}")
    }

    /// A function that is called back, as the parameter `name`.
    fn callback(&mut self, name: &str) -> String {
        let scalar = self.scalar().trim_start_matches("const ");
        let plain = self.plain[self.choices.below(self.plain.len())].clone();
        let outer = self.integers.last().cloned();
        let size = match self.choices.below(3) {
            0 => outer.unwrap_or("8".to_owned()),
            1 => "count".to_owned(),
            _ => "2 * (count + 1)".to_owned(),
        };
        let data = match self.choices.below(7) {
            0 => format!("const void *__sized_by({size}) data"),
            1 => format!("char *__out __sized_by({size}) __filled(return) data"),
            2 => format!("{plain} *__inout __counted_by({size}) data"),
            3 => "char *__null_terminated *__in __counted_by(count) data".to_owned(),
            4 => format!(
                "const struct {} *data",
                self.list().trim_start_matches("struct ")
            ),
            5 => format!("{plain} data, {scalar} value"),
            _ => "FILE *__handle data, int __fd fd".to_owned(),
        };
        let result = self.choices.of(&["int", "long", "unsigned", "ssize_t"]);
        let constants = match self.choices.below(3) {
            0 => "__or_const(0, -1)",
            _ => "",
        };
        let scope = match (self.handles.last(), self.choices.below(2)) {
            (Some(handle), 1) => format!("__scope({handle})"),
            _ => String::new(),
        };
        format!("{result} (*{name})(void *__opaque cookie, int count, {data}) {scope} {constants}")
    }

    /// An expression over what is known before the call.
    fn expression(&mut self, depth: usize) -> String {
        let choice = self.choices.below(if depth == 0 { 4 } else { 9 });
        let leaf = |texts: &[String], index: usize| texts.get(index % texts.len().max(1)).cloned();
        match choice {
            0 => leaf(&self.integers, depth).unwrap_or("7".to_owned()),
            1 => leaf(&self.lengths, depth).map_or("0x10".to_owned(), |name| format!("*{name}")),
            2 => self
                .choices
                .of(&["1", "64ul", "'a'", "BLUE", "07"])
                .to_owned(),
            3 => format!(
                "sizeof({})",
                self.choices.of(&[
                    "long",
                    "char",
                    "void *",
                    "int[3]",
                    "double",
                    "struct tm",
                    "div_t[2]"
                ])
            ),
            4 => format!("({})", self.expression(depth - 1)),
            5 => format!(
                "{} + {}",
                self.expression(depth - 1),
                self.expression(depth - 1)
            ),
            6 => format!(
                "({}) * ({})",
                self.expression(depth - 1),
                self.expression(depth - 1)
            ),
            7 => format!("{} / 3", self.expression(depth - 1)),
            _ => format!("999999999 - ({} - 1 - -3)", self.expression(depth - 1)),
        }
    }

    fn parameter(&mut self, index: usize) {
        let name = format!("p{index}");
        let scalar = self.scalar().trim_start_matches("const ");
        let size = self.expression(2);
        let plain = self.plain[self.choices.below(self.plain.len())].clone();
        let direction = self
            .choices
            .of(&["__in", "__out", "__inout", "[[cosmos::out]]", ""]);
        self.declared += 1;
        let text = match self.choices.below(22) {
            0 | 1 => {
                self.integers.push(name.clone());
                format!("size_t {name}")
            }
            2 => {
                self.lengths.push(name.clone());
                format!("unsigned long *{} {name}", self.choices.maybe("__inout"))
            }
            3 => format!("{scalar} {}", self.choices.of(&["", &name])),
            4 => format!("const char *restrict {}", self.choices.of(&["", &name])),
            5 => {
                self.buffers.push(name.clone());
                format!("char *{direction} __sized_by({size}) {name}")
            }
            6 => format!("{scalar} {name}[static {size}]"),
            7 => format!("{scalar} {direction} {name}[{size}]"),
            8 => format!(
                "{scalar} (*{direction} {name})[{}]",
                1 + self.choices.below(5)
            ),
            9 => format!("{plain} *{direction} {name}"),
            10 => format!("{plain} {name}"),
            11 => match self.with_pointers.last() {
                Some(record) => format!("const {record} *{name} __counted_by(2)"),
                None => format!("int __fd {name}"),
            },
            12 => {
                self.handles.push(name.clone());
                format!(
                    "const FILE *{} {name}",
                    self.choices.maybe("__handle __consume")
                )
            }
            13 => format!("sqlite3 *__closed_by(sqlite3_close) *__out {name}"),
            14 => format!(
                "char *__owned(free) {} *__out {name}",
                self.choices.maybe("__sized_by(3)")
            ),
            15 => format!("const char *__null_terminated *__in __null_terminated {name}"),
            16 => {
                self.declared += 1;
                format!("{scalar} *{direction} __ended_by({name}_end) {name}, {scalar} *{name}_end")
            }
            17 => format!("char *{direction} __sized_by({size}) __terminated_by('\\n') {name}"),
            18 => self.callback(&name),
            19 => format!("const {} *{name}", self.list()),
            20 => format!("{} *__owned(free) *__out {name}", self.list()),
            _ => format!("const char *__null_terminated *__in __counted_by({size}) {name}"),
        };
        self.parameters.push(text);
    }

    fn scalar_promoted(&mut self) -> &'static str {
        self.choices
            .of(&["int", "long", "double", "size_t", "long double", "uint32_t"])
    }

    /// What follows the parameters, and the word that types it.
    fn variadic(&mut self) -> (String, String) {
        if self.parameters.is_empty() {
            return (String::new(), String::new());
        }
        let count = self.declared;
        match self.choices.below(8) {
            0 => (
                ", const char *format, ...".to_owned(),
                format!("__printf({}, {})", count + 1, count + 2),
            ),
            1 => (
                ", const char *format, ...".to_owned(),
                format!(
                    "__attribute__((format(printf, {}, {})))",
                    count + 1,
                    count + 2
                ),
            ),
            2 => (", ...".to_owned(), "__sentinel".to_owned()),
            3 => {
                let (first, last) = (self.scalar_promoted(), self.scalar_promoted());
                self.records += &format!(
                    "union f_variadic {{ {first} number __case(1, -2) __case_range(5, 0x10); \
                     const char *text __case(3); {last} other; FILE *stream __case_range(20, 20); }};\n"
                );
                (", int tag, ...".to_owned(), "__variadic_by(tag)".to_owned())
            }
            4 => (
                ", double last, const char *".to_owned(),
                format!("__variadic({count})"),
            ),
            _ => (String::new(), String::new()),
        }
    }

    fn function(&mut self) -> String {
        let plain = self.plain[self.choices.below(self.plain.len())].clone();
        let after = self.expression(1);
        let mut integer = false;
        let result = match self.choices.below(9) {
            0 => "void ".to_owned(),
            1 => {
                integer = true;
                format!("{} ", self.choices.of(INTEGERS))
            }
            2 => format!("{} ", self.choices.of(NUMBERS)),
            3 => format!(
                "char *__owned(free) {} ",
                self.choices.maybe("__terminated_by('\\n')")
            ),
            4 => format!("void *__borrowed __sized_by({after}) "),
            5 => format!("{plain} *{} ", self.choices.of(&["__static", "__borrowed"])),
            6 => match self.buffers.last() {
                Some(buffer) => format!("char *__alias({buffer}) "),
                None => format!("{plain} "),
            },
            7 => match self.handles.last() {
                Some(handle) => format!("const char *__borrowed_from({handle}) "),
                None => "FILE *__closed_by(fclose) ".to_owned(),
            },
            _ => "int (".to_owned(),
        };
        let close = if result.ends_with('(') { ")" } else { "" };
        let parameters = match self.parameters.is_empty() {
            true => "void".to_owned(),
            false => self.parameters.join(", "),
        };
        let success = match integer {
            true => {
                self.choices
                    .of(&["", "__success(return == 0)", "__success(1 < (return != 3))"])
            }
            false => self.choices.of(&["", "__success(2 > 1)"]),
        };
        let fail = if integer {
            self.choices.of(&["", "__fail(0)", "__fail(NULL)"])
        } else {
            ""
        };
        let (further, variadic) = self.variadic();
        let others = self
            .choices
            .of(&["", "__noerrno __idempotent", "[[cosmos::nocallback]]"]);
        let timeout = self.choices.of(&["", "__timeout(1500)"]);
        format!(
            "{}{result}f{close}({parameters}{further}) {success} {fail} {others} {variadic} {timeout};",
            self.records
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_the_same_frame(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let text = prototype(&bytes);
        let frame = parse(&text).map_err(|error| TestCaseError::fail(error.render(&text)))?;
        let printed = frame.to_string();
        let again = parse(&printed).map_err(|error| TestCaseError::fail(error.render(&printed)))?;
        prop_assert_eq!(&again, &frame, "{}\n{}", text, printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn what_is_read_has_a_layout(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let text = prototype(&bytes);
        let frame = parse(&text).map_err(|error| TestCaseError::fail(error.render(&text)))?;
        let frame = Arc::new(frame);
        for model in [DataModel::LP64, DataModel::ILP32] {
            if let Err(error) = Template::of(&frame, model) {
                return Err(TestCaseError::fail(format!("{text}\n{error}")));
            }
        }
    }
}
