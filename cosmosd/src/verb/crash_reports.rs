//! `CrashList`, `CrashRead`, `CrashRemove`: the reports that are kept, for clients that cannot look into
//! the directory. Whom cosmosd serves may read that anyway: it is of the same uid, or root.

use crate::session::Session;
use cosmos_rpc::{
    Fault,
    message::coordinator::{CrashList, CrashRead, CrashRemove},
};
use std::rc::Rc;

pub(super) async fn list(session: Rc<Session>, _: CrashList) -> Result<Vec<String>, Fault> {
    let ids = session.coordinator.configured().keeper.ids().await?;
    Ok(ids.iter().map(ToString::to_string).collect())
}

pub(super) async fn read(session: Rc<Session>, request: CrashRead) -> Result<String, Fault> {
    session
        .coordinator
        .configured()
        .keeper
        .text(&request.id)
        .await
}

pub(super) async fn remove(session: Rc<Session>, request: CrashRemove) -> Result<(), Fault> {
    session
        .coordinator
        .configured()
        .keeper
        .remove(&request.id)
        .await
}
