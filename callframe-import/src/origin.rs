//! Which file a place of preprocessed text comes from, by the markers that the preprocessor leaves:
//! `# 5 "/usr/include/zlib.h" 1 3 4`, where 1 says that the file is entered and 2 that it is come
//! back to.

/// Where the lines of a text come from.
pub(crate) struct Origins<'t> {
    /// By the byte after a marker: the file and the number of the next line.
    places: Vec<Place<'t>>,
    text: &'t str,
}

struct Place<'t> {
    start: usize,
    file: &'t str,
    line: usize,
    header: &'t str,
}

impl<'t> Origins<'t> {
    /// Reads the markers of a text.
    pub(crate) fn of(text: &'t str) -> Origins<'t> {
        let mut places = vec![Place {
            start: 0,
            file: "",
            line: 1,
            header: "",
        }];
        let mut inside = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            start += line.len();
            if let Some((number, file, flags)) = marker(line) {
                follow(&mut inside, file, flags);
                let header = inside.iter().rev().find(|file| !is_part(file));
                places.push(Place {
                    start,
                    file,
                    line: number,
                    header: header.unwrap_or(&file),
                });
            }
        }
        Origins { places, text }
    }

    /// The file and line of the byte at `offset`.
    pub(crate) fn place(&self, offset: usize) -> (&'t str, usize) {
        let Some(place) = self.at(offset) else {
            return ("", 1);
        };
        let between = self.text.get(place.start..offset).unwrap_or_default();
        let lines = between.bytes().filter(|byte| *byte == b'\n').count();
        (place.file, place.line.saturating_add(lines))
    }

    /// The header that the byte at `offset` belongs to: its file or, for one of glibc's `bits`, the
    /// one that includes it.
    pub(crate) fn header(&self, offset: usize) -> &'t str {
        self.at(offset).map_or("", |place| place.header)
    }

    fn at(&self, offset: usize) -> Option<&Place<'t>> {
        let after = self.places.partition_point(|place| place.start <= offset);
        self.places.get(after.checked_sub(1)?)
    }

    /// The files in the order in which they are entered first.
    pub(crate) fn files(&self) -> impl Iterator<Item = &'t str> + '_ {
        self.places.iter().map(|place| place.file)
    }
}

/// Keeps the files that include each other, the innermost last.
fn follow<'t>(inside: &mut Vec<&'t str>, file: &'t str, flags: &str) {
    let has = |flag: &str| flags.split_whitespace().any(|one| one == flag);
    if has("2") {
        while inside.len() > 1 && inside.last() != Some(&file) {
            inside.pop();
        }
    } else if !has("1") {
        inside.pop();
    }
    if inside.last() != Some(&file) {
        inside.push(file);
    }
}

/// Whether glibc keeps a part of its headers there, which nobody includes by name.
fn is_part(file: &str) -> bool {
    let directory = file.rsplit_once('/').map(|(directory, _)| directory);
    directory.is_some_and(|directory| directory.ends_with("/bits"))
}

/// The line number, the file and the flags of `# 5 "zlib.h" 1`.
fn marker(line: &str) -> Option<(usize, &str, &str)> {
    let rest = line.strip_prefix('#')?;
    let rest = rest.strip_prefix("line").unwrap_or(rest).trim_start();
    let (number, rest) = rest.split_once(' ')?;
    let (file, flags) = rest.trim_start().strip_prefix('"')?.rsplit_once('"')?;
    Some((number.parse().ok()?, file, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_markers() {
        let text = "int a;\n# 7 \"/usr/include/x.h\" 1 3\nint b;\n\nint c;\n#line 2 \"y.h\"\nint d;\n# x\n";
        let origins = Origins::of(text);
        let place = |name: &str| origins.place(text.find(name).unwrap());
        assert_eq!(place("int a"), ("", 1));
        assert_eq!(place("int b"), ("/usr/include/x.h", 7));
        assert_eq!(place("int c"), ("/usr/include/x.h", 9));
        assert_eq!(place("int d"), ("y.h", 2));
        assert_eq!(origins.place(usize::MAX), ("y.h", 2));
        assert_eq!(
            origins.files().collect::<Vec<_>>(),
            ["", "/usr/include/x.h", "y.h"]
        );
    }

    #[test]
    fn parts_belong_to_the_header_that_includes_them() {
        let text = "# 1 \"z.h\" 1\nint a;\n# 1 \"/usr/include/u.h\" 1 3\nint b;\n\
            # 1 \"/usr/include/x/bits/v.h\" 1 3\nint c;\n# 2 \"/usr/include/u.h\" 2 3\nint d;\n\
            # 3 \"z.h\" 2\nint e;\n# 1 \"/usr/include/x/bits/w.h\" 1\nint f;\n";
        let origins = Origins::of(text);
        let header = |name: &str| origins.header(text.find(name).unwrap());
        let headers = ["int a", "int b", "int c", "int d", "int e", "int f"].map(header);
        let unistd = "/usr/include/u.h";
        assert_eq!(headers, ["z.h", unistd, unistd, unistd, "z.h", "z.h"]);
    }
}
