//! Random functions with random values, between every two data models: the function sees what the
//! program passed, and the program gets what the function left, as C would have it.

use super::arena::Arena;
use super::build::Build;
use super::model::{Choices, Value, any_pointer, any_type, any_value, read, write};
use super::vm::Machine;
use super::{Link, pointer};
use crate::marshal::MAXIMUM_BODY;
use crate::types::{Direction, Extent, Scalar, Type, TypeId};
use crate::{CallFrame, DataModel, Template};
use proptest::prelude::*;
use std::sync::Arc;

const MODELS: [DataModel; 3] = [DataModel::LP64, DataModel::X32, DataModel::ILP32];

/// A random frame. Parameter 0 is a count, which pointers may use.
pub(super) fn any_frame(choices: &mut Choices) -> Arc<CallFrame> {
    let mut build = Build::new();
    let count = build.scalar(Scalar::UnsignedInt);
    build.parameter("n", count);
    for name in ["p", "q", "r", "s"].iter().take(choices.below(5) as usize) {
        let target = any_type(&mut build, choices, 3);
        let directions = [
            None,
            Some(Direction::In),
            Some(Direction::Out),
            Some(Direction::InOut),
        ];
        let ty = match choices.one(&directions) {
            None => target,
            Some(direction) => any_pointer(&mut build, choices, target, *direction, 0),
        };
        build.parameter(name, ty);
    }
    let result = match choices.below(4) {
        0 => build.void(),
        _ => any_type(&mut build, choices, 3),
    };
    build.finish("f", result)
}

/// What a pointer parameter leads to, in the program and as a value.
struct Target {
    parameter: usize,
    ty: TypeId,
    direction: Direction,
    address: u64,
    values: Vec<Value>,
    before: Vec<u8>,
}

struct Case {
    link: Link,
    arguments: Vec<Vec<u8>>,
    scalars: Vec<(usize, TypeId, Value)>,
    targets: Vec<Target>,
    arena: Arena,
}

/// A frame with argument values in a program's memory.
fn case(choices: &mut Choices, caller: DataModel, callee: DataModel) -> Case {
    let frame = any_frame(choices);
    let link = Link::new(&frame, caller, callee);
    let templates = [link.caller.caller_template(), link.caller.callee_template()];
    let mut arena = Arena::new();
    let mut arguments = Vec::new();
    let (mut scalars, mut targets) = (Vec::new(), Vec::new());
    let count = choices.below(4);
    for (index, parameter) in frame.parameters().iter().enumerate() {
        if let Type::Pointer(pointer) = frame.ty(parameter.ty) {
            let length = match pointer.extent {
                Extent::Single => 1,
                _ => count,
            };
            let null = choices.below(8) == 0;
            let target = target(
                templates,
                choices,
                &mut arena,
                (index, pointer.target),
                length,
            );
            let target = Target {
                direction: pointer.direction,
                ..target
            };
            let address = if null { 0 } else { target.address };
            let size = caller.pointer.size as usize;
            arguments.push(address.to_le_bytes()[..size].to_vec());
            targets.extend((!null).then_some(target));
        } else {
            let value = match index {
                0 => Value::Integer(i128::from(count)),
                _ => any_value(templates, parameter.ty, choices),
            };
            let mut bytes = vec![0xcc; templates[0].size_align(parameter.ty).size as usize];
            write(templates[0], parameter.ty, &value, &mut bytes);
            arguments.push(bytes);
            scalars.push((index, parameter.ty, value));
        }
    }
    Case {
        link,
        arguments,
        scalars,
        targets,
        arena,
    }
}

fn target(
    templates: [&Template; 2],
    choices: &mut Choices,
    arena: &mut Arena,
    (parameter, ty): (usize, TypeId),
    length: u64,
) -> Target {
    let values: Vec<Value> = (0..length)
        .map(|_| any_value(templates, ty, choices))
        .collect();
    let stride = templates[0].size_align(ty).size as usize;
    // 0xcc is the program's padding, which nothing may touch.
    let mut before = vec![0xcc; stride * values.len()];
    for (index, value) in values.iter().enumerate() {
        write(templates[0], ty, value, &mut before[index * stride..]);
    }
    let address = arena.writable(&before);
    Target {
        parameter,
        ty,
        direction: Direction::In,
        address,
        values,
        before,
    }
}

/// `before` with `values` written over it.
fn expected(template: &Template, target: &Target, values: &[Value]) -> Vec<u8> {
    let stride = template.size_align(target.ty).size as usize;
    let mut bytes = target.before.clone();
    for (index, value) in values.iter().enumerate() {
        write(template, target.ty, value, &mut bytes[index * stride..]);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_carry_what_c_would(seed in any::<u64>(), caller in 0..3usize, callee in 0..3usize) {
        let mut choices = Choices(seed);
        let Case { link, arguments, scalars, targets, mut arena } =
            case(&mut choices, MODELS[caller], MODELS[callee]);
        let program = link.caller.caller_template().clone();
        let machine = link.caller.callee_template().clone();
        let frame = Arc::clone(program.frame());
        let both = [&program, &machine];
        let answer = match frame.ty(frame.result()) {
            Type::Void => None,
            _ => Some(any_value(both, frame.result(), &mut choices)),
        };
        let fresh: Vec<Vec<Value>> = targets
            .iter()
            .map(|target| target.values.iter().map(|_| any_value(both, target.ty, &mut choices)).collect())
            .collect();

        let call = link.call(&mut arena, &mut Machine::default(), &arguments, |function| {
            for (index, ty, value) in &scalars {
                assert_eq!(&read(&machine, *ty, function.argument(*index)), value);
            }
            for (target, fresh) in targets.iter().zip(&fresh) {
                let stride = machine.size_align(target.ty).size as usize;
                for (index, (sent, new)) in target.values.iter().zip(fresh).enumerate() {
                    let at = function.target(target.parameter) + index * stride;
                    let seen = function.read(at..at + stride);
                    match target.direction {
                        Direction::Out => assert_eq!(seen, vec![0; stride]),
                        _ => assert_eq!(&read(&machine, target.ty, &seen), sent),
                    }
                    // A const target is changed too: that must not reach the program.
                    let mut bytes = seen;
                    write(&machine, target.ty, new, &mut bytes);
                    function.write(at, &bytes);
                }
            }
            if let Some(answer) = &answer {
                let mut bytes = vec![0x99; machine.result().size as usize];
                write(&machine, frame.result(), answer, &mut bytes);
                *function.result = bytes;
            }
        }).unwrap();

        for (target, fresh) in targets.iter().zip(&fresh) {
            let after = arena.bytes(target.address, target.before.len());
            let wanted = match target.direction {
                Direction::In => target.before.clone(),
                _ => expected(&program, target, fresh),
            };
            prop_assert_eq!(after, wanted);
        }
        if let Some(answer) = &answer {
            prop_assert_eq!(&read(&program, frame.result(), &call.result), answer);
        }
    }

    #[test]
    fn broken_requests_are_refused_or_understood(seed in any::<u64>(), callee in 0..3usize) {
        let mut choices = Choices(seed);
        let mut case = case(&mut choices, DataModel::LP64, MODELS[callee]);
        let addresses: Vec<u64> = case.arguments.iter().map(|bytes| case.arena.constant(bytes)).collect();
        let mut request = Vec::new();
        case.link.caller.encode(&mut case.arena, &addresses, 0, &mut request, &mut Vec::new()).unwrap();
        damage(&mut request, &mut choices);
        // Whatever it makes of it, the image stays within its bounds.
        if let Ok(mut image) = case.link.callee.decode(&request, &mut Machine::default()) {
            image.relocate(0x4000_0000);
            prop_assert!(image.bytes().len() as u64 <= MAXIMUM_BODY);
        }
    }

    #[test]
    fn broken_replies_change_nothing(seed in any::<u64>(), callee in 0..3usize) {
        let mut choices = Choices(seed);
        let mut case = case(&mut choices, DataModel::LP64, MODELS[callee]);
        let addresses: Vec<u64> = case.arguments.iter().map(|bytes| case.arena.constant(bytes)).collect();
        let size = case.link.caller.caller_template().result().size as usize;
        let result = case.arena.writable(&vec![0xee; size]);
        let mut request = Vec::new();
        let pending = case.link.caller
            .encode(&mut case.arena, &addresses, 0, &mut request, &mut Vec::new())
            .unwrap();
        let mut reply = case.link.serve(&mut Machine::default(), &request, |_| {}).unwrap();
        damage(&mut reply, &mut choices);
        let before = case.arena.snapshot();
        // The arena panics at a write outside of what the program declared writable.
        if case.link.caller.decode(&mut case.arena, &pending, &reply, &[], result).is_err() {
            prop_assert_eq!(case.arena.snapshot(), before);
        }
    }

    #[test]
    fn noise_is_no_call(seed in any::<u64>(), noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let link = Link::native(&any_frame(&mut Choices(seed)));
        let _ = link.callee.decode(&noise, &mut Machine::default());
        let mut arena = Arena::new();
        let none = crate::marshal::Pending::default();
        let _ = link.caller.decode(&mut arena, &none, &noise, &[3, 4], 0);
    }
}

/// Changes a body: cuts it, grows it, sets a word to something hostile, swaps words.
fn damage(body: &mut Vec<u8>, choices: &mut Choices) {
    for _ in 0..1 + choices.below(3) {
        let length = body.len().max(8) as u64;
        body.resize(length as usize, 0);
        let at = choices.below(length / 4 - 1) as usize * 4;
        let hostile = [
            0,
            1,
            2,
            15,
            16,
            255,
            1 << 31,
            u64::from(u32::MAX),
            1 << 32,
            1 << 63,
            u64::MAX,
        ];
        match choices.below(5) {
            0 => body.truncate(choices.below(length) as usize),
            1 => body.extend(vec![choices.next() as u8; choices.below(40) as usize]),
            2 => body[at] ^= 1 << choices.below(8),
            _ => {
                let word = choices.one(&hostile).to_le_bytes();
                let end = (at + 8).min(body.len());
                body[at..end].copy_from_slice(&word[..end - at]);
            }
        }
    }
}

#[test]
fn a_call_of_all_null_pointers() {
    // Kept apart from chance: NULL for every pointer, between models of different pointer sizes.
    let mut build = Build::new();
    let target = build.scalar(Scalar::Long);
    for name in ["p", "q", "r"] {
        let ty = build.pointer(target, Direction::InOut, Extent::Single, |_| {});
        build.parameter(name, ty);
    }
    let void = build.void();
    let frame = build.finish("f", void);
    for callee in MODELS {
        let link = Link::new(&frame, DataModel::LP64, callee);
        let arguments = [pointer(0), pointer(0), pointer(0)];
        link.call(
            &mut Arena::new(),
            &mut Machine::default(),
            &arguments,
            |function| {
                assert!((0..3).all(|index| function.number(index) == 0));
            },
        )
        .unwrap();
    }
}
