//! A kind of VM whose functions are Rust closures over `double`: the example of
//! `docs/adding-a-vm.md`. It has no memory of its own, so [`Vm`]'s memory methods stay as they are.

use callframe::types::{Scalar, Type, TypeId};
use callframe::{DataModel, Template};
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Vm};
use std::{collections::HashMap, path::Path, process::ExitCode, sync::Arc, time::Duration};

struct Calculator;

type Formula = Arc<dyn Fn(&[f64]) -> f64 + Send + Sync>;

impl Vm for Calculator {
    /// Formulas by name, with the number of their arguments.
    type Object = HashMap<&'static str, (usize, Formula)>;
    type Runable = Formula;

    fn kind(&self) -> &'static str {
        "calculator"
    }

    fn model(&self) -> DataModel {
        DataModel::LP64
    }

    fn open(&self, target: &Path) -> Result<Self::Object, Fault> {
        // A real kind loads its target; this one only wants a start value, below a line `#!…`.
        let text = std::fs::read_to_string(target)
            .map_err(|error| Fault::caller(FaultCode::NoSuchTarget, error.to_string()))?;
        let value = text.lines().find(|line| !line.starts_with("#!"));
        let value = value.and_then(|line| line.trim().parse().ok());
        let start: f64 = value
            .ok_or_else(|| Fault::caller(FaultCode::NotLoadable, format!("no number: {text:?}")))?;
        let mut formulas = HashMap::<_, (usize, Formula)>::new();
        formulas.insert("hypotenuse", (2, Arc::new(|a| a[0].hypot(a[1]))));
        formulas.insert("from_start", (1, Arc::new(move |a| start + a[0])));
        formulas.insert("fails", (0, Arc::new(|_| panic!("as it was asked to"))));
        formulas.insert(
            "wait",
            (
                1,
                Arc::new(|a| {
                    std::thread::sleep(Duration::from_secs_f64(a[0]));
                    a[0]
                }),
            ),
        );
        Ok(formulas)
    }

    fn sym(&self, object: &Arc<Self::Object>, template: &Template) -> Result<Formula, Fault> {
        let frame = template.frame();
        let (count, formula) = object.get(frame.name()).ok_or_else(|| {
            let message = format!("there is no formula '{}'", frame.name());
            Fault::caller(FaultCode::NoSuchSymbol, message)
        })?;
        let double = |ty: TypeId| *frame.ty(ty) == Type::Scalar(Scalar::Double);
        let doubles = double(frame.result()) && frame.parameters().iter().all(|it| double(it.ty));
        if frame.parameters().len() != *count || !doubles {
            let message = format!("'{}' takes {count} doubles and gives one", frame.name());
            return Err(Fault::caller(FaultCode::BadPrototype, message));
        }
        Ok(Arc::clone(formula))
    }

    fn call(&self, formula: &Formula, call: &mut Call<'_>) -> Result<(), Fault> {
        let bytes = (0..).map_while(|index| call.argument(index)?.try_into().ok());
        let arguments: Vec<f64> = bytes.map(f64::from_le_bytes).collect();
        call.result()
            .copy_from_slice(&formula(&arguments).to_le_bytes());
        Ok(())
    }
}

fn main() -> ExitCode {
    cosmos_vm_core::run(Calculator)
}
