//! `sym`: parse the prototype, resolve the function, prepare the call; each of them once.

use super::Answer;
use crate::Vm;
use crate::session::{Entry, Session};
use callframe::marshal::{Callee, Caller};
use callframe::types::TypeId;
use callframe::{DataModel, Template};
use cosmos_rpc::message::vm::{Resolved, Sym};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn answer<V: Vm>(session: &Session<V>, frame: &Frame) -> Result<Answer, Fault> {
    let request: Sym = frame.message()?;
    let token = request.object.0;
    let library = session.library(token)?;
    let object = session.object(token)?;
    let refused = |message: String| Fault::caller(FaultCode::BadPrototype, message);
    let parsed = callframe::parse(&request.prototype)
        .map_err(|error| refused(error.render(&request.prototype)))?;
    let template = Template::of(&Arc::new(parsed), session.vm.model())
        .map_err(|error| refused(error.to_string()))?;
    let callbacks = callbacks(&session.vm, &template, request.model)?;
    let runable = session.vm.sym(&object, &template)?;
    let encoded = template.encode();
    let callee = Callee::new(template);
    let id = session.add_runable(Entry {
        line: callee.line(),
        compact: callee.compact(),
        callee,
        callbacks,
        runable: Arc::new(runable),
        library,
        token,
    })?;
    Answer::of::<Sym>(&Resolved {
        runable: id,
        model: session.vm.model(),
        template: encoded,
    })
}

/// Goes the way of a prototype once, so that the first of a client's finds all that it needs in memory.
pub(super) fn prepare(model: DataModel) {
    let parsed = callframe::parse("unsigned long f(unsigned long size, const char *text)");
    let template = parsed
        .ok()
        .and_then(|parsed| Template::of(&Arc::new(parsed), model).ok());
    if let Some(template) = template {
        let encoded = template.encode();
        std::hint::black_box((encoded, Callee::new(template)));
    }
}

/// The marshalling of what the function may call back, in which the VM is the caller.
fn callbacks<V: Vm>(
    vm: &Arc<V>,
    template: &Template,
    client: DataModel,
) -> Result<HashMap<TypeId, Arc<Caller>>, Fault> {
    let frame = template.frame();
    let types = frame.callbacks();
    if !types.is_empty() && !vm.calls_back() {
        let message = format!("a {} VM cannot call functions of its client", vm.kind());
        return Err(Fault::caller(FaultCode::BadPrototype, message));
    }
    if !client.is_possible() {
        let message = "the client's data model is none that C can have";
        return Err(Fault::peer(FaultCode::Protocol, message));
    }
    let one = |ty: TypeId| {
        let callback = Arc::new(frame.callback(ty)?);
        Some(Caller::new(callback, vm.model(), client).map(|caller| (ty, Arc::new(caller))))
    };
    types
        .into_iter()
        .filter_map(one)
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::caller(FaultCode::BadPrototype, error.to_string()))
}
