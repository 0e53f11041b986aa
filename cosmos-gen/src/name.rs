//! From a SONAME to the names of what is generated.

/// `libz` of `libz.so.1`: the prefix of names in C, and the module in Rust.
pub(crate) fn prefix(soname: &str) -> String {
    let stem = soname.split(".so").next().unwrap_or(soname);
    let mut name: String = stem
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.insert_str(0, "lib");
    }
    name
}

/// `Libz` of `libz.so.1`: the struct in Rust.
pub(crate) fn type_name(soname: &str) -> String {
    let prefix = prefix(soname);
    let words = prefix.split('_').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_soname() {
        assert_eq!(
            (prefix("libz.so.1"), type_name("libz.so.1")),
            ("libz".into(), "Libz".into())
        );
        assert_eq!(prefix("libstdc++.so.6"), "libstdc__");
        assert_eq!(type_name("libpng16-tools.so"), "Libpng16Tools");
        assert_eq!(prefix("7z.so"), "lib7z");
    }
}
