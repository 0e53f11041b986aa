use super::{LayoutError, SizeAlign64, Template};
use crate::expression::Operation;
use crate::marshal::tests::build::*;
use crate::types::*;
use crate::{CallFrame, DataModel};
use std::sync::Arc;

const MODELS: [DataModel; 3] = [DataModel::LP64, DataModel::X32, DataModel::ILP32];

/// Sizes, alignments and offsets of a record under LP64, x32 and ILP32.
fn layouts(make: impl Fn(&mut Build) -> TypeId) -> [(SizeAlign64, Vec<u64>); 3] {
    MODELS.map(|model| {
        let mut build = Build::new();
        let record = make(&mut build);
        build.parameter("r", record);
        let void = build.void();
        let template = Template::of(&build.finish("f", void), model).unwrap();
        let Type::Record(id) = template.frame().ty(record) else {
            panic!("a record")
        };
        let offsets = (0..)
            .map_while(|index| template.field_offset(*id, index))
            .collect();
        (template.size_align(record), offsets)
    })
}

fn layout(size: u64, align: u64, offsets: &[u64]) -> (SizeAlign64, Vec<u64>) {
    (SizeAlign64 { size, align }, offsets.to_vec())
}

#[test]
fn records_are_laid_out_as_the_abis_say() {
    // sizeof and offsetof of gcc for x86-64, -mx32 and -m32.
    let mixed = layouts(|build| {
        let char = build.scalar(Scalar::Char);
        let double = build.scalar(Scalar::Double);
        let long = build.scalar(Scalar::Long);
        build.record(
            "mixed",
            &[("c", char), ("d", double), ("l", long), ("e", char)],
        )
    });
    assert_eq!(mixed[0], layout(32, 8, &[0, 8, 16, 24]));
    assert_eq!(mixed[1], layout(24, 8, &[0, 8, 16, 20]));
    assert_eq!(mixed[2], layout(20, 4, &[0, 4, 12, 16]));

    let extended = layouts(|build| {
        let char = build.scalar(Scalar::Char);
        let long_double = build.scalar(Scalar::LongDouble);
        let long_long = build.scalar(Scalar::LongLong);
        build.record(
            "extended",
            &[("c", char), ("x", long_double), ("n", long_long)],
        )
    });
    assert_eq!(extended[0], layout(48, 16, &[0, 16, 32]));
    assert_eq!(extended[2], layout(24, 4, &[0, 4, 16]));

    let tm = layouts(|build| build.tm());
    let ints: Vec<u64> = (0..9).map(|index| index * 4).collect();
    assert_eq!(tm[0], layout(56, 8, &[&ints[..], &[40, 48]].concat()));
    assert_eq!(tm[1], layout(44, 4, &[&ints[..], &[36, 40]].concat()));
    assert_eq!(tm[2], layout(44, 4, &[&ints[..], &[36, 40]].concat()));
}

#[test]
fn arrays_unions_and_nesting() {
    let nested = layouts(|build| {
        let short = build.scalar(Scalar::Short);
        let int = build.scalar(Scalar::Int);
        let long = build.scalar(Scalar::Long);
        let three = build.ty(Type::Array {
            element: short,
            length: 3,
        });
        let union = build.union("u", &[("three", three), ("i", int)]);
        let inner = build.record("inner", &[("u", union), ("l", long)]);
        let two = build.ty(Type::Array {
            element: inner,
            length: 2,
        });
        build.record("outer", &[("s", short), ("two", two), ("last", short)])
    });
    // The union has 6 bytes, padded to 8; inner 16 or 12.
    assert_eq!(nested[0], layout(48, 8, &[0, 8, 40]));
    assert_eq!(nested[2], layout(32, 4, &[0, 4, 28]));
}

#[test]
fn slots_are_aligned_and_counted() {
    let mut build = Build::new();
    let char = build.scalar(Scalar::Char);
    let extended = build.scalar(Scalar::LongDouble);
    let text = build.string();
    build
        .parameter("c", char)
        .parameter("x", extended)
        .parameter("s", text);
    let void = build.void();
    let frame = build.finish("f", void);
    let offsets = |model| {
        let template = Template::of(&frame, model).unwrap();
        let offsets: Vec<u64> = template
            .arguments()
            .iter()
            .map(|slot| slot.offset)
            .collect();
        (offsets, template.arguments_size())
    };
    assert_eq!(offsets(DataModel::LP64), (vec![0, 16, 32], 48));
    assert_eq!(offsets(DataModel::ILP32), (vec![0, 8, 24], 32));
}

/// The refusal of a frame whose only parameter `p` is what `make` makes.
fn refusal(make: impl Fn(&mut Build) -> TypeId) -> String {
    let mut build = Build::new();
    let ty = make(&mut build);
    build.parameter("p", ty);
    let void = build.void();
    Template::of(&build.finish("f", void), DataModel::LP64)
        .unwrap_err()
        .to_string()
}

/// The refusal of a frame that returns what `make` makes.
fn result_refusal(make: impl Fn(&mut Build) -> TypeId) -> String {
    let mut build = Build::new();
    let ty = make(&mut build);
    Template::of(&build.finish("f", ty), DataModel::LP64)
        .unwrap_err()
        .to_string()
}

#[test]
fn what_cannot_be_carried_is_refused_with_its_place() {
    let char = |build: &mut Build| build.scalar(Scalar::Char);
    let huge = |length: u64| {
        refusal(move |build| {
            let element = build.scalar(Scalar::Long);
            let array = build.ty(Type::Array { element, length });
            build.record("huge", &[("array", array)])
        })
    };
    let refusals = [
        ("incomplete", refusal(|build| build.incomplete("FILE"))),
        ("overflow", huge(u64::MAX / 2)),
        ("large", huge(9 << 20)),
        (
            "deep",
            refusal(|build| {
                let mut ty = build.scalar(Scalar::Int);
                for _ in 0..40 {
                    ty = build.record("r", &[("inner", ty)]);
                }
                ty
            }),
        ),
        (
            "callback scoped by no handle",
            refusal(|build| {
                let result = build.void();
                let function = build.ty(Type::Function {
                    parameters: vec![],
                    result,
                });
                build.pointer(function, Direction::In, Extent::Single, |pointer| {
                    pointer.identity = Identity::Callback(Callback {
                        scope: Some(0),
                        constants: Vec::new(),
                    });
                })
            }),
        ),
        (
            "retained",
            refusal(|build| {
                let target = char(build);
                build.pointer(target, Direction::In, Extent::Single, |pointer| {
                    pointer.ownership = Ownership::Retained(0);
                })
            }),
        ),
        (
            "owned argument",
            refusal(|build| {
                let target = char(build);
                build.pointer(target, Direction::In, Extent::Single, |pointer| {
                    pointer.ownership = Ownership::Owned("free".into());
                })
            }),
        ),
        (
            "void",
            refusal(|build| {
                let target = build.void();
                build.pointer(target, Direction::In, Extent::Single, |_| {})
            }),
        ),
        (
            "string without capacity",
            refusal(|build| {
                let target = char(build);
                build.pointer(target, Direction::Out, Extent::NullTerminated, |_| {})
            }),
        ),
        (
            "size from the result",
            refusal(|build| {
                let target = char(build);
                build.pointer(target, Direction::Out, Extent::Sized(returned()), |_| {})
            }),
        ),
        (
            "size from itself",
            refusal(|build| {
                let target = char(build);
                build.pointer(target, Direction::Out, Extent::Sized(pointee(0)), |_| {})
            }),
        ),
        (
            "alias of itself",
            refusal(|build| {
                let target = char(build);
                build.pointer(target, Direction::In, Extent::Single, |pointer| {
                    pointer.identity = Identity::Alias(0);
                })
            }),
        ),
        (
            "owned and replaced",
            refusal(|build| {
                let target = build.string();
                let owned = build.pointer(target, Direction::In, Extent::Single, |p| {
                    p.ownership = Ownership::Owned("free".into());
                });
                build.pointer(owned, Direction::InOut, Extent::Single, |_| {})
            }),
        ),
        (
            "whose",
            refusal(|build| {
                let text = build.string();
                build.pointer(text, Direction::Out, Extent::Single, |_| {})
            }),
        ),
        ("whose result", result_refusal(|build| build.string())),
        (
            "half an expression",
            refusal(|build| {
                let target = char(build);
                let half = expression(vec![Operation::Constant(1), Operation::Add]);
                build.pointer(target, Direction::In, Extent::Sized(half), |_| {})
            }),
        ),
    ];
    let lines: Vec<String> = refusals
        .iter()
        .map(|(what, refusal)| format!("{what}\n    {refusal}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn records_that_hold_pointers_to_themselves_have_a_layout() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let node = TypeId(2);
    let next = build.pointer(node, Direction::In, Extent::Single, |_| {});
    build.record("node", &[("value", int), ("next", next)]);
    let list = build.pointer(node, Direction::In, Extent::Single, |_| {});
    build.parameter("list", list);
    let template = Template::of(&build.finish("f", int), DataModel::LP64).unwrap();
    assert_eq!(
        template.size_align(node),
        SizeAlign64 { size: 16, align: 8 }
    );
}

#[test]
fn a_record_inside_itself_is_refused() {
    let mut build = Build::new();
    let id = TypeId(0);
    assert_eq!(build.record("r", &[("r", id)]), id);
    build.parameter("r", id);
    let refused = Template::of(&build.finish("f", id), DataModel::LP64);
    assert!(matches!(refused.unwrap_err(), LayoutError::TooDeep { .. }));
}

fn copy(change: impl FnOnce(&mut Build, &mut Vec<TypeId>)) -> Arc<CallFrame> {
    let mut build = Build::new();
    let void = build.void();
    let size = build.scalar(Scalar::Size);
    let to = build.pointer(void, Direction::Out, Extent::Sized(value_of(2)), |_| {});
    let from = build.pointer(void, Direction::In, Extent::Sized(value_of(2)), |_| {});
    let mut parameters = vec![to, from, size];
    change(&mut build, &mut parameters);
    for (name, ty) in ["to", "from", "n"].iter().zip(parameters) {
        build.parameter(name, ty);
    }
    build.finish("copy", void)
}

fn encoded(frame: &Arc<CallFrame>, model: DataModel) -> Vec<u8> {
    Template::of(frame, model).unwrap().encode()
}

#[test]
fn the_canonical_bytes_tell_every_difference() {
    let plain = copy(|_, _| {});
    let same = copy(|build, _| {
        // Nodes that nothing reaches leave no trace.
        build.scalar(Scalar::Double);
    });
    assert_eq!(
        encoded(&plain, DataModel::LP64),
        encoded(&same, DataModel::LP64)
    );
    let replaced = |index: usize, make: &dyn Fn(&mut Build) -> TypeId| {
        copy(|build, parameters| parameters[index] = make(build))
    };
    let void_pointer = |direction: Direction, extent: Extent| {
        replaced(1, &|build: &mut Build| {
            let void = build.void();
            build.pointer(void, direction, extent.clone(), |_| {})
        })
    };
    let others = [
        copy(|build, _| build.contract.no_errno = true),
        copy(|build, _| build.contract.no_return = true),
        copy(|build, _| build.contract.idempotent = true),
        copy(|build, _| build.contract.no_callback = true),
        copy(|build, _| build.contract.fail = Some(FailValue::Integer(0))),
        copy(|build, _| build.contract.fail = Some(FailValue::Float(0))),
        copy(|build, _| build.contract.success = Some(value_of(2))),
        void_pointer(Direction::InOut, Extent::Sized(value_of(2))),
        void_pointer(Direction::In, Extent::Counted(value_of(2))),
        void_pointer(
            Direction::In,
            Extent::Sized(expression(vec![Operation::Constant(2)])),
        ),
        replaced(2, &|build| build.scalar(Scalar::UnsignedLong)),
        replaced(1, &|build| build.string()),
        replaced(1, &|build| build.handle("h", Handle::default())),
        replaced(1, &|build| {
            build.handle(
                "h",
                Handle {
                    closed_by: Some("f".into()),
                    consumed: false,
                    ..Handle::default()
                },
            )
        }),
        replaced(1, &|build| {
            build.handle(
                "h",
                Handle {
                    closed_by: None,
                    consumed: true,
                    ..Handle::default()
                },
            )
        }),
    ];
    let mut all: Vec<Vec<u8>> = others
        .iter()
        .map(|frame| encoded(frame, DataModel::LP64))
        .collect();
    all.extend(MODELS.map(|model| encoded(&plain, model)));
    for (index, bytes) in all.iter().enumerate() {
        assert!(
            !all[..index].contains(bytes),
            "number {index} looks like an earlier one"
        );
    }
}

#[test]
fn the_canonical_bytes_of_this_version() {
    // Part of the protocol: a change needs another version number.
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let text = build.string();
    build.parameter("s", text);
    let bytes = encoded(&build.finish("atoi", int), DataModel::LP64);
    let hex: Vec<String> = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    insta::assert_snapshot!(hex.join("\n"));
}
