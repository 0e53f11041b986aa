//! `Levels`: what this machine offers, and what each level would do here.

use crate::session::Session;
use cosmos_config::Level;
use cosmos_confine::offers::Offers;
use cosmos_rpc::{
    Fault,
    message::{confine::Offer, coordinator::Levels},
};
use std::rc::Rc;

pub(super) async fn answer(session: Rc<Session>, _: Levels) -> Result<Vec<Offer>, Fault> {
    let offers = session.coordinator.offers().await;
    let mut found: Vec<Offer> = Level::ALL
        .into_iter()
        .map(|level| of_level(level, offers))
        .collect();
    found.push(totals(offers));
    found.push(crash_reports(offers));
    Ok(found)
}

fn of_level(level: Level, offers: &Offers) -> Offer {
    let (promise, offered) = match level {
        Level::None => ("a process of its own, nothing more", Ok(())),
        Level::Limits => ("and limits of a process", Ok(())),
        Level::LandlockSeccomp => (
            "and no file, socket or process that was not granted",
            offers.walls(),
        ),
        Level::Namespaces => (
            "and nothing else visible, an empty network",
            offers.seclusion(),
        ),
    };
    Offer {
        name: level.name().to_owned(),
        available: offered.is_ok(),
        finding: offered.err().unwrap_or_else(|| promise.to_owned()),
    }
}

fn crash_reports(offers: &Offers) -> Offer {
    Offer {
        name: "crash reports".to_owned(),
        available: offers.tracing.is_ok(),
        finding: match &offers.tracing {
            Ok(()) => "the launcher looks into a VM that crashes".to_owned(),
            Err(why) => format!("no backtraces: the launcher may not trace its VM ({why})"),
        },
    }
}

fn totals(offers: &Offers) -> Offer {
    let totals = offers.totals;
    let finding = match (totals.memory, totals.processes) {
        (true, true) => "control groups bound memory and processes of a VM in all",
        (true, false) => {
            "a control group bounds memory of a VM in all, none its processes: confined VMs make no \
             processes"
        }
        (false, true) => {
            "a control group bounds processes of a VM in all, none its memory: confined VMs make no files in memory"
        }
        (false, false) => {
            "no control group can be had: limits are those of single processes, and confined VMs make no \
             processes and no files in memory"
        }
    };
    Offer {
        name: "totals".to_owned(),
        available: totals.memory && totals.processes,
        finding: finding.to_owned(),
    }
}
