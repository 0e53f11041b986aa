//! Lists and trees: what belongs together comes back together, goes in link by link, and never ends
//! in itself.

use super::arena::Arena;
use super::vm::{Function, Machine};
use super::{Link, pointer};
use crate::DataModel;
use crate::marshal::{Keep, MarshalError};
use std::sync::Arc;

fn link(prototype: &str, callee: DataModel) -> Link {
    let frame = Arc::new(crate::parse(prototype).unwrap());
    Link::new(&frame, DataModel::LP64, callee)
}

fn words(values: &[u64], size: usize) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes().into_iter().take(size))
        .collect()
}

const NODE: &str = "struct node { long value; char *__in __null_terminated text; \
     struct node *__in next; };";

/// What the function leaves: nodes with these values, each with a text but the last.
fn nodes(call: &mut Function<'_>, values: &[u64]) -> u64 {
    let size = usize::from(call.template.model().pointer.size);
    let mut next = 0;
    for &value in values.iter().rev() {
        let text = match next {
            0 => 0,
            _ => call.machine.allocate(format!("no. {value}\0").as_bytes()),
        };
        let node = words(&[value, text, next], size);
        next = call.machine.allocate(&node);
    }
    next
}

#[test]
fn a_list_comes_back_as_one_piece_of_memory() {
    let prototype = format!("{NODE} struct node *__owned(free_nodes) make(int n)");
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(&prototype, callee);
        let size = usize::from(callee.pointer.size);
        let (mut arena, mut machine) = (Arena::new(), Machine::default());
        let arguments = [3i32.to_le_bytes().to_vec()];
        let mut first = 0;
        let call = link.call(&mut arena, &mut machine, &arguments, |call| {
            first = nodes(call, &[7, 8, 9]);
            call.give(&first.to_le_bytes()[..size]);
        });
        let root = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
        assert_eq!(arena.kept, [(root, Keep::Owned)]);
        assert_eq!(machine.released, [("free_nodes".to_owned(), first)]);
        let mut node = root;
        for (value, text) in [(7, Some("no. 7\0")), (8, Some("no. 8\0")), (9, None)] {
            let read = |at: u64| u64::from_le_bytes(arena.bytes(at, 8).try_into().unwrap());
            assert_eq!(read(node), value);
            match text {
                Some(text) => {
                    assert_eq!(arena.bytes(read(node + 8), text.len()), text.as_bytes());
                }
                None => assert_eq!(read(node + 8), 0),
            }
            node = read(node + 16);
        }
        assert_eq!(node, 0);
    }
}

#[test]
fn a_list_behind_an_out_pointer_comes_back_whole() {
    let prototype = format!(
        "{NODE} int make(struct node *__owned(free_nodes) *__out list) __success(return == 0)"
    );
    let link = link(&prototype, DataModel::LP64);
    for result in [0i32, 1] {
        let (mut arena, mut machine) = (Arena::new(), Machine::default());
        let list = arena.writable(&[0xdd; 8]);
        link.call(&mut arena, &mut machine, &[pointer(list)], |call| {
            let first = nodes(call, &[1, 2]);
            let at = call.target(0);
            call.write(at, &first.to_le_bytes());
            call.give(&result.to_le_bytes());
        })
        .unwrap();
        let kept: Vec<u64> = arena.kept.iter().map(|(address, _)| *address).collect();
        let list = arena.bytes(list, 8);
        match result {
            0 => assert_eq!(list, kept[0].to_le_bytes()),
            _ => assert_eq!(list, [0xdd; 8]),
        }
        assert_eq!(machine.released.len(), kept.len());
    }
}

#[test]
fn a_list_of_the_vms_that_bites_its_tail_is_refused_by_name() {
    let prototype = format!("{NODE} struct node *__borrowed make(int n)");
    let link = link(&prototype, DataModel::LP64);
    for entry in [0usize, 1] {
        let arguments = [3i32.to_le_bytes().to_vec()];
        let call = link.call(
            &mut Arena::new(),
            &mut Machine::default(),
            &arguments,
            |call| {
                let first = nodes(call, &[1, 2, 3]);
                // The last node leads to the first one, or to the second.
                let last = call.machine.memory.len();
                let target = [first, call.machine.memory[last - 3].0][entry];
                call.machine.memory[0].1[16..24].copy_from_slice(&target.to_le_bytes());
                call.give(&first.to_le_bytes());
            },
        );
        let error = call.err().unwrap();
        assert!(matches!(error, MarshalError::Callee { .. }), "{error}");
        assert!(error.to_string().contains("back to itself"), "{error}");
    }
}

#[test]
fn lists_go_in_link_by_link() {
    let prototype = format!("{NODE} long sum(const struct node *list)");
    for callee in [DataModel::LP64, DataModel::ILP32] {
        let link = link(&prototype, callee);
        let size = usize::from(callee.pointer.size);
        let mut arena = Arena::new();
        let text = arena.constant(b"text\0");
        let last = arena.constant(&words(&[30, 0, 0], 8));
        let middle = arena.constant(&words(&[200, text, last], 8));
        let first = arena.constant(&words(&[1, 0, middle], 8));
        let call = link.call(
            &mut arena,
            &mut Machine::default(),
            &[pointer(first)],
            |call| {
                let word = |call: &Function<'_>, at: usize| {
                    let mut word = [0; 8];
                    word[..size].copy_from_slice(&call.read(at..at + size));
                    u64::from_le_bytes(word)
                };
                let (mut at, mut sum) = (call.number(0), 0);
                while at != 0 {
                    let node = call.inside(at);
                    sum += word(call, node);
                    let text = word(call, node + size);
                    assert_eq!(text != 0, word(call, node) == 200);
                    at = word(call, node + 2 * size);
                }
                call.give(&sum.to_le_bytes()[..size]);
            },
        );
        assert_eq!(call.unwrap().result, 231u64.to_le_bytes());
    }
}

#[test]
fn a_list_of_the_programs_that_bites_its_tail_is_refused_by_name() {
    let prototype = format!("{NODE} long sum(const struct node *list)");
    let link = link(&prototype, DataModel::LP64);
    let mut arena = Arena::new();
    let first = arena.writable(&words(&[1, 0, 0], 8));
    let second = arena.constant(&words(&[2, 0, first], 8));
    crate::marshal::CallerBytes::write(&mut arena, first + 16, &second.to_le_bytes()).unwrap();
    let call = link.call(
        &mut arena,
        &mut Machine::default(),
        &[pointer(first)],
        |_| panic!("it was carried"),
    );
    let error = call.err().unwrap();
    assert!(matches!(error, MarshalError::Argument { .. }), "{error}");
    assert!(error.to_string().contains("back to itself"), "{error}");
}

#[test]
fn a_vm_cannot_make_a_loop_or_share_what_it_returns() {
    let prototype = format!("{NODE} struct node *__owned(free_nodes) make(int n)");
    let link = link(&prototype, DataModel::LP64);
    let mut arena = Arena::new();
    let argument = arena.constant(&3i32.to_le_bytes());
    let result = arena.writable(&[0; 8]);
    let mut request = Vec::new();
    let pending = link
        .caller
        .encode(&mut arena, &[argument], 0, &mut request, &mut Vec::new())
        .unwrap();
    let reply = link
        .serve(&mut Machine::default(), &request, |call| {
            let first = nodes(call, &[1, 2, 3]);
            call.give(&first.to_le_bytes());
        })
        .unwrap();
    // References: the result; text and next of each of the three nodes, which are blocks 1, 3 and 5.
    let count = u32::from_le_bytes(reply[4..8].try_into().unwrap()) as usize;
    assert_eq!(count, 7);
    let references = reply.len() - (8 * count).next_multiple_of(16);
    for (index, lies) in [
        (0, [0u64, 2, 6]),
        (2, [1, 2, 9]),
        (4, [1, 3, 0]),
        (6, [1, 5, 6]),
    ] {
        for lie in lies {
            let mut reply = reply.clone();
            reply[references + 8 * index..references + 8 * index + 8]
                .copy_from_slice(&lie.to_le_bytes());
            let before = arena.snapshot();
            let answer = link
                .caller
                .decode(&mut arena, &pending, &reply, &[], result);
            assert!(answer.is_err(), "reference {index} is {lie}");
            assert_eq!(arena.snapshot(), before);
            assert!(arena.kept.is_empty());
        }
    }
    let answer = link
        .caller
        .decode(&mut arena, &pending, &reply, &[], result);
    assert!(answer.is_ok());
}

#[test]
fn static_trees_are_told_apart_by_where_their_pointers_lie() {
    let prototype = "struct pair { long a; long *__in b; }; \
         struct pair *__static __counted_by(1) f(void)";
    let link = link(prototype, DataModel::LP64);
    let mut arena = Arena::new();
    let call = link.call(&mut arena, &mut Machine::default(), &[], |call| {
        let target = call.machine.allocate(&words(&[5], 8));
        let pair = call.machine.allocate(&words(&[4, target], 8));
        call.give(&pair.to_le_bytes());
    });
    let pair = u64::from_le_bytes(call.unwrap().result.try_into().unwrap());
    assert_eq!(arena.kept, [(pair, Keep::Static)]);
    // The pair, what it leads to behind it, then the place of its pointer.
    let bytes = arena.bytes(pair, 16 + 8 + 8);
    assert_eq!(bytes, words(&[4, pair + 16, 5, 8], 8));
}
