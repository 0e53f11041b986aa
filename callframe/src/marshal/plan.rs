//! How the values of each type move between the caller's and the callee's layout, compiled once.
//!
//! A plan is a list of steps for one element. Adjacent bytes that need no conversion merge into one
//! copy, so an array of them is one copy as a whole. Padding is in no step: what happens to lie in
//! the caller's padding never reaches the VM.

use self::compile::Compiler;
use super::resident::Resident;
use crate::expression::{Expression, Operation};
use crate::template::{LayoutError, Template};
use crate::types::{Extent, Filled, Ownership, RecordId, Type, TypeId};

mod compile;

/// Moves one element.
#[derive(Debug)]
pub(super) struct Plan {
    pub caller_size: u64,
    pub callee_size: u64,
    pub steps: Vec<Step>,
    /// One copy moves it whole, so arrays of it too.
    pub bulk: bool,
    /// Same size and same place of everything on both ends.
    pub identical: bool,
    /// Something in it has to be looked at before it is believed.
    pub checked: bool,
    /// It holds pointers or descriptors.
    pub references: bool,
}

/// Offsets are in bytes from the start of the element (of one repetition, inside `Repeat`).
#[derive(Debug)]
pub(super) enum Step {
    Copy {
        caller: usize,
        callee: usize,
        length: usize,
    },
    /// `_Bool`, which holds nothing but 0 and 1.
    Bool {
        caller: usize,
        callee: usize,
    },
    Integer {
        caller: usize,
        callee: usize,
        caller_size: usize,
        callee_size: usize,
        signed: bool,
    },
    Descriptor {
        caller: usize,
        callee: usize,
    },
    Pointer {
        caller: usize,
        callee: usize,
        ty: TypeId,
        /// The record it is a member of, and where that begins in the callee's layout.
        record: Option<(RecordId, usize)>,
    },
    Repeat {
        count: usize,
        caller: usize,
        callee: usize,
        caller_stride: usize,
        callee_stride: usize,
        steps: Vec<Step>,
    },
    /// A union with a tag: the steps of the member that is there. Comes after the other members of
    /// its record, so that the tag is known.
    Union {
        caller: usize,
        callee: usize,
        tag: Tag,
        cases: Vec<Case>,
    },
}

/// Where the tag of a union lies, in the callee's layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub at: usize,
    pub size: usize,
    pub signed: bool,
}

/// A member of a union with a tag.
#[derive(Debug)]
pub(super) struct Case {
    /// For which values of the tag it is there; none: for all others.
    pub values: Vec<i128>,
    /// Offsets are from the start of the union.
    pub steps: Vec<Step>,
}

/// The plans of a frame, by type.
#[derive(Debug)]
pub(super) struct Plans {
    plans: Vec<Option<Plan>>,
    /// By parameter: how the object travels that it leads to.
    residents: Vec<Option<Resident>>,
    /// By parameter: whether some expression asks for what it leads to.
    pub watched: Vec<bool>,
    /// Whether decoding needs to know what the arguments were.
    pub expressions: bool,
}

impl Plans {
    /// The plans between two models.
    ///
    /// # Errors
    /// [`LayoutError::Differs`] where a type cannot be converted.
    pub fn between(caller: &Template, callee: &Template) -> Result<Plans, LayoutError> {
        let (plans, problem) = Plans::compile(caller, callee);
        problem.map_or(Ok(plans), Err)
    }

    /// The plans within one model, between which everything is alike.
    pub fn within(template: &Template) -> Plans {
        Plans::compile(template, template).0
    }

    fn compile(caller: &Template, callee: &Template) -> (Plans, Option<LayoutError>) {
        let frame = caller.frame();
        let mut compiler = Compiler {
            caller,
            callee,
            pending: Vec::new(),
            problem: None,
        };
        let mut plans: Vec<Option<Plan>> = Vec::new();
        plans.resize_with(frame.types.len(), || None);
        for parameter in frame.parameters() {
            compiler
                .pending
                .push((parameter.ty, format!("parameter '{}'", parameter.name)));
        }
        compiler.pending.push((frame.result(), "result".to_owned()));
        while let Some((id, place)) = compiler.pending.pop() {
            let index = id.0 as usize;
            if plans[index].is_none() {
                plans[index] = Some(compiler.plan(id, &place));
            }
        }
        // Types without a plan belong to callbacks, whose expressions speak of their own calls.
        let reached: Vec<&Type> = frame
            .types
            .iter()
            .zip(&plans)
            .filter_map(|(ty, plan)| plan.is_some().then_some(ty))
            .collect();
        let mut plans = Plans {
            residents: Vec::new(),
            watched: watched(caller, &reached),
            expressions: has_expressions(caller, &reached),
            plans,
        };
        let residents = frame
            .parameters()
            .iter()
            .map(|parameter| match frame.ty(parameter.ty) {
                Type::Pointer(pointer) => Resident::of(caller, callee, &plans, pointer),
                _ => None,
            });
        plans.residents = residents.collect();
        (plans, compiler.problem)
    }

    /// How the object travels that parameter `index` leads to, where it does.
    pub fn resident(&self, index: u32) -> Option<&Resident> {
        self.residents.get(index as usize)?.as_ref()
    }

    /// Whether some parameter leads to such an object.
    pub fn has_residents(&self) -> bool {
        self.residents.iter().any(Option::is_some)
    }

    /// The plan of a type that is reachable from the parameters or the result.
    pub fn of(&self, id: TypeId) -> &Plan {
        static NOTHING: Plan = Plan {
            caller_size: 0,
            callee_size: 0,
            steps: Vec::new(),
            bulk: true,
            identical: true,
            checked: false,
            references: false,
        };
        self.plans
            .get(id.0 as usize)
            .and_then(Option::as_ref)
            .unwrap_or(&NOTHING)
    }
}

impl Plan {
    fn new(caller_size: u64, callee_size: u64, steps: Vec<Step>) -> Plan {
        let bulk = caller_size == callee_size
            && matches!(steps[..], [Step::Copy { caller: 0, callee: 0, length }]
                if length as u64 == caller_size);
        let identical = caller_size == callee_size && steps.iter().all(Step::identical);
        let checked = steps.iter().any(Step::checked);
        let references = steps.iter().any(Step::references);
        Plan {
            caller_size,
            callee_size,
            steps,
            bulk,
            identical,
            checked,
            references,
        }
    }

    /// Bytes the caller has for what is `callee` bytes in the callee; `None` inside an element that
    /// lies differently there.
    pub fn caller_bytes(&self, callee: u64) -> Option<u64> {
        if self.identical || self.callee_size == 0 {
            return Some(callee);
        }
        if !callee.is_multiple_of(self.callee_size) {
            return None;
        }
        (callee / self.callee_size).checked_mul(self.caller_size)
    }

    /// The other way round.
    pub fn callee_bytes(&self, caller: u64) -> Option<u64> {
        if self.identical || self.caller_size == 0 {
            return Some(caller);
        }
        if !caller.is_multiple_of(self.caller_size) {
            return None;
        }
        (caller / self.caller_size).checked_mul(self.callee_size)
    }
}

impl Step {
    fn identical(&self) -> bool {
        match self {
            Step::Copy { caller, callee, .. }
            | Step::Bool { caller, callee }
            | Step::Descriptor { caller, callee } => caller == callee,
            Step::Integer { .. } => false,
            Step::Pointer { caller, callee, .. } => caller == callee,
            Step::Union {
                caller,
                callee,
                cases,
                ..
            } => caller == callee && cases.iter().flat_map(|it| &it.steps).all(Step::identical),
            Step::Repeat {
                caller,
                callee,
                caller_stride,
                callee_stride,
                steps,
                ..
            } => {
                caller == callee
                    && caller_stride == callee_stride
                    && steps.iter().all(Step::identical)
            }
        }
    }

    fn checked(&self) -> bool {
        match self {
            Step::Copy { .. } | Step::Bool { .. } => false,
            Step::Integer { .. } | Step::Descriptor { .. } | Step::Pointer { .. } => true,
            Step::Repeat { steps, .. } => steps.iter().any(Step::checked),
            Step::Union { cases, .. } => cases.iter().flat_map(|it| &it.steps).any(Step::checked),
        }
    }

    fn references(&self) -> bool {
        match self {
            Step::Copy { .. } | Step::Bool { .. } | Step::Integer { .. } => false,
            Step::Descriptor { .. } | Step::Pointer { .. } => true,
            Step::Repeat { steps, .. } => steps.iter().any(Step::references),
            Step::Union { cases, .. } => {
                cases.iter().flat_map(|it| &it.steps).any(Step::references)
            }
        }
    }
}

/// The steps of the member that is there for the tag's value; none where no member is.
pub(super) fn chosen(cases: &[Case], tag: i128) -> &[Step] {
    let found = cases
        .iter()
        .find(|case| case.values.contains(&tag))
        .or_else(|| cases.iter().find(|case| case.values.is_empty()));
    found.map_or(&[], |case| &case.steps)
}

fn watched(template: &Template, reached: &[&Type]) -> Vec<bool> {
    let mut watched = vec![false; template.frame().parameters().len()];
    for expression in expressions(template, reached) {
        for operation in &expression.operations {
            if let Operation::Pointee(index) = operation
                && let Some(parameter) = watched.get_mut(*index as usize)
            {
                *parameter = true;
            }
        }
    }
    watched
}

fn has_expressions(template: &Template, reached: &[&Type]) -> bool {
    let borrows = |ty: &Type| {
        matches!(ty, Type::Pointer(pointer)
            if matches!(pointer.ownership, Ownership::BorrowedFrom(_)))
    };
    expressions(template, reached).next().is_some() || reached.iter().any(|ty| borrows(ty))
}

fn expressions<'a>(
    template: &'a Template,
    reached: &[&'a Type],
) -> impl Iterator<Item = &'a Expression> {
    let frame = template.frame();
    let of_pointers = reached.iter().filter_map(|ty| match ty {
        Type::Pointer(pointer) => Some(pointer),
        _ => None,
    });
    let of_pointers = of_pointers.flat_map(|pointer| {
        let extent = match &pointer.extent {
            Extent::Counted(expression) | Extent::Sized(expression) => Some(expression),
            _ => None,
        };
        let filled = match &pointer.filled {
            Some(Filled::Amount(amount)) => Some(amount),
            _ => None,
        };
        extent.into_iter().chain(filled)
    });
    of_pointers.chain(&frame.contract().success)
}
