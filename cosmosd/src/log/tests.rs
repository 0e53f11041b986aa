use super::*;
use proptest::prelude::*;

fn texts(page: &LogPage) -> Vec<String> {
    let text = |line: &LogLine| String::from_utf8_lossy(&line.text).into_owned();
    page.lines.iter().map(text).collect()
}

#[test]
fn lines_are_told_once() {
    let log = Log::new(0);
    log.write(b"one\ntw");
    let first = log.page(0, 0, true);
    assert_eq!(texts(&first), ["one"]);
    log.write(b"o\nthree");
    let second = log.page(first.log, first.next, true);
    assert_eq!(texts(&second), ["two"]);
    let third = log.page(first.log, second.next, false);
    assert_eq!(texts(&third), ["three"]);
    assert!(third.lines[0].cut);
    assert_eq!(third.next, log.end());
    assert!(texts(&log.page(first.log, third.next, false)).is_empty());
}

#[test]
fn a_position_of_another_log_means_nothing() {
    let log = Log::new(0);
    log.write(b"one\n");
    assert_eq!(texts(&log.page(0, 4, true)), ["one"]);
    let number = log.page(0, 0, true).log;
    assert!(log.page(number, u64::MAX, true).lines.is_empty());
}

#[test]
fn notes_stand_apart() {
    let log = Log::new(0);
    log.write(b"half");
    log.note("it ended");
    let page = log.page(0, 0, true);
    assert_eq!(texts(&page), ["half", "it ended"]);
    assert!(page.lines[0].cut);
    assert_eq!(page.lines[1].by, Writer::Coordinator);
    assert_eq!(log.tail(0, 100), b"half");
    assert_eq!(log.tail(2, 100), b"lf");
}

#[test]
fn the_last_lines() {
    let log = Log::new(MOST as u64);
    for number in 0..10_000 {
        log.write(format!("{number}\n").as_bytes());
    }
    let page = log.last(3, true);
    assert_eq!(texts(&page), ["9997", "9998", "9999"]);
    assert_eq!(page.next, log.end());
    assert_eq!(log.last(LINES * 2, true).lines.len(), LINES);
    assert!(log.last(0, true).lines.is_empty());
}

#[test]
fn what_is_gone_is_counted() {
    let log = Log::new(0);
    let line = [b'x'; 99];
    for _ in 0..1000 {
        log.write(&line);
        log.write(b"\n");
    }
    let page = log.page(log.page(0, 0, true).log, 0, true);
    let kept: usize = page.lines.iter().map(|line| line.text.len() + 1).sum();
    assert_eq!(page.lost + kept as u64, 100_000);
    assert!(page.lost > 0 && kept <= FEWEST, "{} {kept}", page.lost);
}

#[test]
fn a_flood_of_newlines_fits_a_message() {
    let log = Log::new(u64::MAX);
    log.write(&vec![b'\n'; MOST * 2]);
    let page = log.page(0, 0, false);
    assert_eq!(page.lines.len(), LINES);
    let encoded = cosmos_rpc::codec::encode(&page).expect("it fits");
    assert!(encoded.len() < cosmos_rpc::frame::CONTROL_BODY as usize);
    log.write(&vec![b'x'; MOST]);
    let encoded = cosmos_rpc::codec::encode(&log.page(0, 0, false)).expect("it fits");
    assert!(encoded.len() < cosmos_rpc::frame::CONTROL_BODY as usize);
}

proptest! {
    /// Pages, one after the other, have all that is kept, whatever is written and however it is split.
    #[test]
    fn pages_have_all_of_it(
        written in prop::collection::vec((any::<bool>(), 1..6000usize, 1..200usize), 0..30),
        whole in any::<bool>(),
    ) {
        let bytes = |length: usize, line: usize| -> Vec<u8> {
            (1..=length).map(|place| if place % line == 0 { b'\n' } else { b'x' }).collect()
        };
        let written: Vec<_> = written
            .into_iter()
            .map(|(is_note, length, line)| (is_note, bytes(length, line)))
            .collect();
        let log = Log::new(0);
        let mut all = 0;
        for (is_note, bytes) in &written {
            match is_note {
                true => log.note(&String::from_utf8_lossy(bytes)),
                false => log.write(bytes),
            }
            prop_assert!(log.kept.borrow().bytes <= FEWEST);
            prop_assert!(log.kept.borrow().pieces.len() <= PIECES);
            prop_assert!(log.end() >= all);
            all = log.end();
        }
        let number = log.page(0, 0, whole).log;
        let mut position = 0;
        loop {
            let page = log.page(number, position, whole);
            if page.lines.is_empty() {
                prop_assert!(page.next >= position);
                break;
            }
            prop_assert!(page.next > position);
            position = page.next;
        }
        prop_assert!(whole || position == all || log.kept.borrow().bytes == 0);
        // What is left is the beginning of one line.
        let rest = log.tail(position, usize::MAX);
        prop_assert!(!rest.contains(&b'\n'));
    }
}
