//! `Which`: the kinds considered for a target, and the rules that refused each.

use crate::{
    matching::{self, Weighed},
    session::Session,
};
use cosmos_rpc::{
    Fault,
    message::coordinator::{Placement, Which},
};
use std::rc::Rc;

pub(super) async fn answer(session: Rc<Session>, request: Which) -> Result<Placement, Fault> {
    let coordinator = &session.coordinator;
    let requirements = coordinator.requirements(request.target).await?;
    let weighed = matching::weigh(&requirements, &coordinator.profiles, &coordinator.host);
    Ok(Placement {
        path: requirements.path.to_string_lossy().into_owned(),
        requirements: requirements.rows(),
        candidates: weighed.iter().map(Weighed::candidate).collect(),
    })
}
