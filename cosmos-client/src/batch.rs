//! Many calls, made together.
//!
//! Calls that follow each other, of functions of one library that take and return a few numbers, travel
//! in few messages; see [`call::together`](crate::call::together). The others are made at their place.

use crate::call::together::{Ended, Run, Steps, invoke_all};
use crate::dynamic::{self, Prepared};
use crate::error::Error;
use crate::function::Function;
use crate::shelf::Shelf;
use crate::started::{self, Started};
use crate::value::{Outcome, Value};
use std::cell::RefCell;
use std::sync::Arc;

/// Calls that are made together: of one function or of several, of one library or of several, in one VM
/// or in several.
///
/// ```no_run
/// # fn main() -> Result<(), cosmos::Error> {
/// let library = cosmos::dlopen("libm.so.6")?;
/// let (cos, pow) = (
///     library.function("double cos(double x)")?,
///     library.function("double pow(double x, double y)")?,
/// );
/// let mut batch = cosmos::Batch::new();
/// for x in 0..1000 {
///     batch.add(&cos, [f64::from(x).into()]);
/// }
/// batch.add(&pow, [2.0.into(), 0.5.into()]);
/// let outcomes = batch.run();
/// assert_eq!(outcomes.len(), 1001);
/// # Ok(())
/// # }
/// ```
///
/// Each call has an end of its own, and one that fails leaves the others alone. Where a VM dies, every
/// call of a message that was under way fails, for nobody knows how far it came; none is made twice. A
/// time limit holds for a message. No call may need what another one of the batch returns.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    calls: Vec<(Function, Vec<Value>)>,
}

impl Batch {
    /// One without calls.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a call with these values, after those that there are.
    pub fn add(&mut self, function: &Function, arguments: impl Into<Vec<Value>>) -> &mut Batch {
        self.calls.push((function.clone(), arguments.into()));
        self
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there is no call.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Makes the calls on this thread, in their order, and waits for all; how each ended, in the same
    /// order, as [`Function::call`] gives it.
    pub fn run(self) -> Vec<Result<Outcome, Error>> {
        let mut outcomes = Vec::with_capacity(self.calls.len());
        make(&self.calls, |outcome| outcomes.push(outcome));
        outcomes
    }

    /// Starts the calls, each VM's in their order on a thread of their own, so that those of several VMs
    /// run side by side. The calls, in the order in which they were added, can be waited for: for each,
    /// for [all](crate::wait_all) or for [any](crate::wait_any), or awaited.
    ///
    /// A call is told as ended when its message has come back, which may be before others are made.
    ///
    /// # Errors
    /// When there is no thread to make calls; those of some VMs may be made all the same.
    pub fn start(self) -> Result<Vec<Started>, Error> {
        let groups = started::by_vm(
            self.calls
                .iter()
                .map(|(function, _)| &**function.resolved()),
        );
        let mut calls: Vec<_> = self.calls.into_iter().map(Some).collect();
        let mut all = Vec::new();
        for places in groups {
            let own = places
                .iter()
                .filter_map(|place| calls.get_mut(*place)?.take());
            let own: Vec<_> = own.collect();
            let started = started::begin_many(own.len(), move |tell| make(&own, tell))?;
            all.extend(places.into_iter().zip(started));
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, call)| Started(call)).collect())
    }
}

/// Makes the calls in order; `tell` is told how each ended, in the same order.
fn make(calls: &[(Function, Vec<Value>)], mut tell: impl FnMut(Result<Outcome, Error>)) {
    let mut left = calls;
    while let Some(((function, arguments), rest)) = left.split_first() {
        let of_numbers = |call: &&(Function, Vec<Value>)| call.0.resolved().quick().is_some();
        let count = left.iter().take_while(of_numbers).count();
        match left.split_at_checked(count) {
            Some((numbers, after)) if count > 1 => {
                make_together(numbers, &mut tell);
                left = after;
            }
            _ => {
                tell(dynamic::call(function.resolved(), arguments));
                left = rest;
            }
        }
    }
}

/// Makes calls of functions of a few numbers.
fn make_together(calls: &[(Function, Vec<Value>)], tell: &mut impl FnMut(Result<Outcome, Error>)) {
    let shelf = Shelf::default();
    let mut runs: Vec<Run> = Vec::new();
    let mut prepared = Vec::new();
    let mut refused = Vec::new();
    for (place, (function, arguments)) in calls.iter().enumerate() {
        let resolved = function.resolved();
        match Prepared::new(resolved, arguments, &shelf) {
            Ok(call) => prepared.push((place, Some(call))),
            Err(error) => {
                refused.push((place, error.in_function(function.name())));
                continue;
            }
        }
        match runs.last_mut() {
            Some(run) if Arc::ptr_eq(&run.function, resolved) => run.calls += 1,
            _ => runs.push(Run {
                function: Arc::clone(resolved),
                calls: 1,
            }),
        }
    }
    let telling = Telling {
        refused: refused.into_iter().peekable(),
        tell,
    };
    let steps = Calls {
        prepared: RefCell::new(prepared),
        telling: RefCell::new(telling),
    };
    // SAFETY: what `Prepared` promises of its addresses.
    unsafe { invoke_all(&runs, &steps, 0) };
    steps.telling.into_inner().tell_refused_before(calls.len());
}

/// Calls that are laid, and who is told how they end.
struct Calls<'a, Tell> {
    prepared: RefCell<Vec<(usize, Option<Prepared<'a>>)>>,
    telling: RefCell<Telling<Tell>>,
}

struct Telling<Tell> {
    /// Calls that could not be laid, by their places among all.
    refused: std::iter::Peekable<std::vec::IntoIter<(usize, Error)>>,
    tell: Tell,
}

impl<Tell: FnMut(Result<Outcome, Error>)> Telling<Tell> {
    fn tell_refused_before(&mut self, place: usize) {
        while let Some((_, error)) = self.refused.next_if(|(refused, _)| *refused < place) {
            (self.tell)(Err(error));
        }
    }
}

impl<Tell: FnMut(Result<Outcome, Error>)> Steps for Calls<'_, Tell> {
    fn argument(&self, call: usize, parameter: usize) -> *const u8 {
        let prepared = self.prepared.borrow();
        let call = prepared.get(call).and_then(|(_, call)| call.as_ref());
        let address = call.and_then(|call| call.addresses().get(parameter));
        std::ptr::with_exposed_provenance(address.map_or(0, |address| *address as usize))
    }

    fn result(&self, call: usize) -> u64 {
        let prepared = self.prepared.borrow();
        let call = prepared.get(call).and_then(|(_, call)| call.as_ref());
        call.map_or(0, Prepared::result)
    }

    fn ended(&self, call: usize, how: Ended) {
        let taken = match self.prepared.borrow_mut().get_mut(call) {
            Some((place, call)) => call.take().map(|call| (*place, call)),
            None => None,
        };
        if let Some((place, call)) = taken {
            let mut telling = self.telling.borrow_mut();
            telling.tell_refused_before(place);
            let outcome = how.and_then(|outcome| call.finish(outcome, Vec::new()));
            (telling.tell)(outcome);
        }
    }
}
