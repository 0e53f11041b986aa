//! E015x: how far data reaches, and what records are made of.

use super::Code;

pub(super) fn texts(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::E0150 => (
            "an end that cannot be one",
            "`__ended_by(p)` stands on a pointer parameter and names the parameter that points behind \
             its last element: `void f(const int *__ended_by(last) first, const int *last)`. The end \
             needs no words of its own, since it is a pointer into the same data. Members of records \
             and what comes back are measured with `__counted_by(n)`.",
        ),
        _ => return None,
    })
}
