//! Headers of this machine, and one written for the purpose.

use callframe_import::{Header, ImportError, Survey, Verdict, listing};

const HEADER: &str = r#"
#ifndef SAMPLE_H
#define SAMPLE_H
#include <stddef.h>
#include <stdio.h>
#include "sample_part.h"
#define READS(p, n) __attribute__((access(read_only, p, n)))
#define WRITES(p, n) __attribute__((access(write_only, p, n)))

typedef struct sample sample;
struct point { int x, y; };
enum { SAMPLES = 3 };

extern sample *sample_new(const char *name) __attribute__((malloc, malloc(sample_free, 1)));
extern void sample_free(sample *one) __attribute__((nonnull(1)));
extern int sample_read(sample *one, void *buffer, size_t size) WRITES(2, 3);
extern int sample_write(sample *one, const void *buffer, size_t size) READS(2, 3);
extern char *sample_name(sample *one) __attribute__((malloc(free)));
extern void sample_move(struct point *by, double factor);
extern void sample_log(FILE *to, sample *one);
extern int sample_get(sample *one, char *text);
extern const char *sample_text(const sample *one);
extern char *sample_text_again(const sample *one), sample_letter(int index);
extern int sample_count;
static inline int sample_twice(int n) { return 2 * n; }
int __sample_private(void);
#endif
"#;

#[test]
fn a_header_is_sorted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sample.h");
    std::fs::write(&path, HEADER).unwrap();
    let part = "int part_of_it(int n);\n#ifdef MORE\nint more_of_it(int n);\n#endif\n";
    std::fs::write(directory.path().join("sample_part.h"), part).unwrap();
    let survey = |define: &[&str]| {
        let header = Header {
            name: path.to_str().unwrap().to_owned(),
            include: Vec::new(),
            define: define.iter().map(|name| (*name).to_owned()).collect(),
        };
        Survey::of(&header.preprocess().unwrap(), &header.name, |_| None)
    };
    let text = listing::text(&survey(&[]), "sample.h", true);
    let place = format!("{}/", directory.path().display());
    insta::assert_snapshot!(text.replace(&place, ""));
    assert_eq!(
        survey(&["MORE=1"]).functions.len(),
        survey(&[]).functions.len() + 1
    );

    // What was listed is a file of prototypes.
    let callable = survey(&[])
        .functions
        .iter()
        .filter(|one| one.is_callable())
        .count();
    let read = callframe::parse_file(&text);
    assert_eq!(read.len(), callable, "{read:?}");
    assert!(read.iter().all(|one| one.outcome.is_ok()), "{read:?}");
}

#[test]
fn what_a_pack_says_counts() {
    let text = "# 1 \"header.h\"\nint f(char *p);\nint g(char *p);\nint h(int n);\n";
    let said = callframe::parse("int f(char *__out __sized_by(8) p)").unwrap();
    let survey = Survey::of(text, "header.h", |name| {
        (name == "f").then(|| Ok(said.clone()))
    });
    assert_eq!(survey.counts(), (1, 1, 1));
    assert!(matches!(&survey.functions[0].verdict, Verdict::Pack(frame) if *frame == said));
    let summary = listing::summary(&survey, "header.h");
    assert_eq!(
        summary,
        "/* header.h: 3 functions, 2 of them (66 %) can be called: 1 as declared, 1 by the pack.\n   \
         Refused: E0103 1. */\n"
    );
}

/// GTK and curl mark the constants that they give up so.
#[test]
fn constants_have_attributes() {
    let text = "# 1 \"header.h\"\n\
                enum mode { OLD __attribute__((deprecated)), NEW __attribute__((__unused__)) = 4 };\n\
                int set(enum mode mode);\n";
    let survey = Survey::of(text, "header.h", |_| None);
    assert_eq!((survey.counts(), survey.types.len()), ((1, 0, 0), 0));
    assert_eq!(callframe::constants(text).get("NEW"), Some(4));
}

/// An array is declared as a pointer to one element is.
#[test]
fn a_pointer_beside_a_number_is_asked_about() {
    let text = "# 1 \"header.h\"\nint sum(const int *values, unsigned long count);\n\
                void move(int *by, double factor);\nvoid again(int *by, int flags);\n\
                int said(int *value, int size);\n\
                struct thing *get(struct thing *from, int n);\n";
    let frame = callframe::parse("int said(int *__single value, int size)").unwrap();
    let survey = Survey::of(text, "header.h", |name| {
        (name == "said").then(|| Ok(frame.clone()))
    });
    let text = listing::text(&survey, "header.h", true);
    let asked: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("one element"))
        .collect();
    assert_eq!(
        asked,
        [
            "/* 'values' leads to one element, unless __counted_by(count) or __sized_by(count) says more. */"
        ]
    );
}

/// glibc's headers with all their attributes.
#[test]
fn headers_of_the_c_library_are_read() {
    let ready = |name: &str, functions: &[&str]| {
        let header = Header {
            name: name.to_owned(),
            ..Header::default()
        };
        let survey = Survey::of(&header.preprocess().unwrap(), name, |_| None);
        assert!(survey.functions.len() >= functions.len(), "{name}");
        for function in functions {
            let found = survey
                .functions
                .iter()
                .find(|found| found.name == *function);
            match found.map(|found| &found.verdict) {
                Some(Verdict::Ready(_)) => {}
                other => panic!("{name}: {function}: {other:?}"),
            }
        }
    };
    ready("math.h", &["cos", "frexp", "nan", "lgamma_r"]);
    ready(
        "unistd.h",
        &["read", "write", "gethostname", "getpid", "readlink"],
    );
    ready("stdlib.h", &["abs", "atoi", "div", "setenv"]);
    ready("stdio.h", &["fopen", "fclose", "fputs", "fflush", "remove"]);
    ready("time.h", &["time", "mktime", "nanosleep"]);
}

#[test]
fn what_is_no_header_says_why() {
    let refused = |name: &str| {
        let header = Header {
            name: name.to_owned(),
            ..Header::default()
        };
        header.preprocess().unwrap_err()
    };
    assert!(matches!(refused(""), ImportError::BadName(_)));
    assert!(matches!(
        refused("x.h>\nint f(void);"),
        ImportError::BadName(_)
    ));
    let error = refused("no/such/header.h");
    assert!(matches!(error, ImportError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("no/such/header.h"), "{error}");
}
