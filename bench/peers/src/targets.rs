//! What the rows come to beside their targets.

use crate::crowd::Crowd;
use crate::far::Placement;
use crate::measure::{Payload, Row};
use crate::peers::Outcome;
use cosmos_tests::targets::Target;

/// Those that wait in shared memory, and those that go through the kernel.
const SHARED: [&str; 1] = ["iceoryx2"];
const THROUGH_KERNEL: [&str; 5] = ["tarpc", "tonic", "capnp-rpc", "zbus", "ipc-channel"];

/// Says each figure whose rows were measured.
pub fn say(rows: &[Row], crowds: &[Crowd]) -> Outcome {
    let least_gain = |placement: Placement, peers: &[&str]| {
        let scalar = |row: &&Row| row.placement == placement && row.payload == Payload::Scalar;
        let scalars = || rows.iter().filter(scalar);
        let ours = scalars().find(|row| row.system == "cosmos")?;
        scalars()
            .filter(|row| peers.contains(&row.system))
            .map(|row| row.times.median / ours.times.median)
            .min_by(f64::total_cmp)
    };
    let all = [&SHARED[..], &THROUGH_KERNEL].concat();
    let gains = [
        (
            Target::at_least(
                "scalar call, two cores, beside iceoryx2",
                4.0,
                "times as fast",
            ),
            least_gain(Placement::TwoCores, &SHARED),
        ),
        (
            Target::at_least(
                "scalar call, two cores, beside the others",
                100.0,
                "times as fast",
            ),
            least_gain(Placement::TwoCores, &THROUGH_KERNEL),
        ),
        (
            Target::at_least(
                "scalar call, one core, beside every peer",
                1.0,
                "times as fast",
            ),
            least_gain(Placement::OneCore, &all),
        ),
    ];
    for (target, gain) in gains {
        if let Some(gain) = gain {
            target.reached(gain)?;
        }
    }
    neighbour(rows)?;
    for (clients, total, share) in [
        (4, "4 clients", "4 clients, the one served least"),
        (10, "10 clients", "10 clients, the one served least"),
    ] {
        let of = |system: &str| {
            let mut found = crowds.iter().filter(|crowd| crowd.what == "processes");
            found.find(|crowd| crowd.clients == clients && crowd.system == system)
        };
        if let (Some(ours), Some(futex)) = (of("cosmos"), of("futex on shared memory")) {
            let times = ours.total / futex.total;
            Target::at_least(total, 5.0, "x the futex's calls").reached(times)?;
            Target::at_least(share, 0.5, "of an equal share").reached(ours.least)?;
        }
    }
    Ok(())
}

fn neighbour(rows: &[Row]) -> Outcome {
    let tail = |system: &str| {
        let mut found = rows.iter().filter(|row| row.payload == Payload::Scalar);
        found
            .find(|row| row.placement == Placement::BusyNeighbour && row.system == system)
            .map(|row| row.times.p99)
    };
    if let (Some(ours), Some(futex)) = (tail("cosmos"), tail("futex on shared memory")) {
        Target::at_most("beside a busy neighbour, p99", 1.1, "x the futex's p99")
            .reached(ours / futex)?;
    }
    Ok(())
}
