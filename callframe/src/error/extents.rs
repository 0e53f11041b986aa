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
        Code::E0151 => (
            "a union whose members nothing tells apart",
            "The members of a union share their bytes, and only the program knows which one is there. \
             Numbers travel as those bytes. Pointers must be followed, so the prototype says how to \
             tell: `__switch(tag)` on the union names the integer member beside it, `__case(value)` on \
             each member of the union says for which values of the tag it is there. A pointer that is \
             a mere value of the program's travels as bytes with `__opaque`.",
        ),
        Code::E0152 => (
            "words that do not choose a member of a union",
            "`__switch(tag)` stands on a member that is a union and names an integer member beside it. \
             `__case(value, ..)` stands on the members of the union; no value may stand on two of them, \
             and one member may have none: it is there for all other values. Where no member is there \
             for the tag's value, nothing of the union travels.",
        ),
        Code::E0153 => (
            "a member of no record",
            "`__field(p->m, words)` says for this function alone what a record's own text cannot say, \
             because other functions use the record in another way: that readv fills what \
             `iov->iov_base` leads to, for example. It begins with a parameter that leads to a record \
             whose members travel, and goes on with members, one in the other. A handle's record is \
             never looked into.",
        ),
        Code::E0154 => (
            "a question that cannot be asked here",
            "`__sized_by(f(h, n))` lets the VM ask another function of the library how large it is what \
             the call returned, as sqlite3_column_bytes tells of sqlite3_column_blob. It is asked once \
             the call has returned, with parameters of the call, and returns an int, or the integer that \
             its own declaration before the prototype says. What goes in must be measured before the \
             call, and what is filled by what the function itself answers.",
        ),
        _ => return None,
    })
}
