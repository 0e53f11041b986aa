//! The numbers in the text format of Prometheus.

use super::{CODES, Totals, code_name};
use crate::{coordinator::Coordinator, registry::Link, verb::resident, vm::State};
use cosmos_rpc::tally::{self, Counts};
use prometheus::{
    Encoder, TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};
use std::collections::BTreeMap;

/// Every number, as it is now.
pub(super) fn text(coordinator: &Coordinator, link: &Link) -> String {
    let now = Now::of(coordinator);
    let totals = coordinator.metrics.totals.borrow();
    let families = [
        own(coordinator, link, &totals),
        of_vms(&now, &totals),
        reported(&now, &totals),
    ];
    let mut text = Vec::new();
    // A family without rows is left out: the encoder takes none.
    let families: Vec<_> = families
        .into_iter()
        .flatten()
        .filter(|family| !family.get_metric().is_empty())
        .collect();
    match TextEncoder::new().encode(&families, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("# {error}\n"),
    }
}

/// What is read off the VMs at one time.
#[derive(Default)]
struct Now {
    states: BTreeMap<(String, &'static str), u64>,
    resident: BTreeMap<String, u64>,
    counts: BTreeMap<String, Counts>,
    names: u64,
}

impl Now {
    fn of(coordinator: &Coordinator) -> Now {
        let mut now = Now::default();
        for kind in coordinator.metrics.totals.borrow().kinds.keys() {
            for state in [State::Starting, State::Ready, State::Poisoned] {
                now.states.insert((kind.clone(), state.name()), 0);
            }
            now.resident.insert(kind.clone(), 0);
        }
        for vm in coordinator.vms() {
            let (state, pid) = {
                let life = vm.life.borrow();
                (life.state, life.pid)
            };
            if state < State::Gone {
                *now.states
                    .entry((vm.kind.clone(), state.name()))
                    .or_default() += 1;
                *now.resident.entry(vm.kind.clone()).or_default() += resident(pid);
                now.names += 1;
            }
            let counts = now.counts.entry(vm.kind.clone()).or_default();
            *counts = counts.plus(&vm.ledger.read());
        }
        now
    }
}

/// Of this daemon.
fn own(coordinator: &Coordinator, link: &Link, totals: &Totals) -> Vec<MetricFamily> {
    let by = |label: &str, rows: &BTreeMap<&'static str, u64>| {
        let rows = rows.iter();
        rows.map(|(value, count)| counter(&[(label, value)], *count))
            .collect()
    };
    let is_up = u64::from(*link == Link::Up);
    let process = i32::try_from(std::process::id()).unwrap_or(0);
    vec![
        family(
            "cosmos_opens_total",
            "VMs that were asked for, by what became of that.",
            MetricType::COUNTER,
            by("result", &totals.opens),
        ),
        family(
            "cosmos_clients_total",
            "Clients that came, to cosmosd or to a VM.",
            MetricType::COUNTER,
            vec![counter(&[], totals.clients)],
        ),
        family(
            "cosmos_clients_refused_total",
            "Clients that were turned away, by why.",
            MetricType::COUNTER,
            by("cause", &totals.refused),
        ),
        family(
            "cosmos_clients",
            "Clients that are connected to cosmosd.",
            MetricType::GAUGE,
            vec![gauge(&[], coordinator.sessions() as u64)],
        ),
        family(
            "cosmos_registry_up",
            "Whether cosmosd is connected to the registry.",
            MetricType::GAUGE,
            vec![gauge(&[], is_up)],
        ),
        family(
            "cosmos_daemon_resident_bytes",
            "Memory of cosmosd itself.",
            MetricType::GAUGE,
            vec![gauge(&[], resident(process))],
        ),
    ]
}

/// Of VMs, as cosmosd and the kernel know.
fn of_vms(now: &Now, totals: &Totals) -> Vec<MetricFamily> {
    let states = now.states.iter();
    let states =
        states.map(|((kind, state), count)| gauge(&[("kind", kind), ("state", state)], *count));
    let memory = now.resident.iter();
    let memory = memory.map(|(kind, bytes)| gauge(&[("kind", kind)], *bytes));
    let kinds = || totals.kinds.iter();
    let starts = kinds().map(|(kind, of)| counter(&[("kind", kind)], of.starts));
    let denials = kinds().map(|(kind, of)| counter(&[("kind", kind)], of.denials));
    let ends = kinds().flat_map(|(kind, of)| {
        let ends = of.ends.iter();
        ends.map(|(cause, count)| counter(&[("kind", kind), ("cause", cause)], *count))
    });
    vec![
        family(
            "cosmos_vms",
            "VMs that have not ended, by state.",
            MetricType::GAUGE,
            states.collect(),
        ),
        family(
            "cosmos_vms_named",
            "Names of VMs in the registry.",
            MetricType::GAUGE,
            vec![gauge(&[], now.names)],
        ),
        family(
            "cosmos_vm_resident_bytes",
            "Memory of VMs; of programs that they run, nothing.",
            MetricType::GAUGE,
            memory.collect(),
        ),
        family(
            "cosmos_vm_starts_total",
            "VMs that were started, or taken over.",
            MetricType::COUNTER,
            starts.collect(),
        ),
        family(
            "cosmos_vm_ends_total",
            "VMs that have ended, by why.",
            MetricType::COUNTER,
            ends.collect(),
        ),
        family(
            "cosmos_vm_denied_calls_total",
            "System calls that VMs were refused that have ended.",
            MetricType::COUNTER,
            denials.collect(),
        ),
    ]
}

/// What VMs say.
fn reported(now: &Now, totals: &Totals) -> Vec<MetricFamily> {
    const REQUESTS: [&str; tally::REQUESTS] = ["open", "sym", "exec", "close", "other"];
    let mut calls = Vec::new();
    let mut requests = Vec::new();
    let mut errors = Vec::new();
    let none = Counts::default();
    for (kind, of_kind) in &totals.kinds {
        let running = now.counts.get(kind).unwrap_or(&none);
        let counts = of_kind.counts.plus(running);
        calls.push(durations(kind, &counts));
        for (verb, count) in REQUESTS.iter().zip(counts.requests) {
            requests.push(counter(&[("kind", kind), ("request", verb)], count));
        }
        for (code, count) in CODES
            .iter()
            .filter_map(|code| Some((code, counts.failures.get(*code as usize)?)))
        {
            if *count > 0 {
                errors.push(counter(
                    &[("kind", kind), ("cause", code_name(*code))],
                    *count,
                ));
            }
        }
    }
    vec![
        family(
            "cosmos_vm_reported_call_seconds",
            "Calls and how long they took in the VM, by the VM's word.",
            MetricType::HISTOGRAM,
            calls,
        ),
        family(
            "cosmos_vm_reported_requests_total",
            "Requests that are no calls, by the VM's word.",
            MetricType::COUNTER,
            requests,
        ),
        family(
            "cosmos_vm_reported_errors_total",
            "Requests and calls that failed, by cause, by the VM's word.",
            MetricType::COUNTER,
            errors,
        ),
    ]
}

fn durations(kind: &str, counts: &Counts) -> Metric {
    let mut histogram = Histogram::default();
    let mut sum = 0u64;
    let mut buckets = Vec::new();
    for (class, count) in counts.classes.iter().enumerate() {
        sum = sum.saturating_add(*count);
        if let Some(bound) = tally::bound(class) {
            let mut bucket = Bucket::default();
            bucket.set_cumulative_count(sum);
            bucket.set_upper_bound(bound.as_secs_f64());
            buckets.push(bucket);
        }
    }
    histogram.set_bucket(buckets);
    histogram.set_sample_count(sum);
    histogram.set_sample_sum(counts.nanoseconds as f64 / 1e9);
    let mut metric = Metric::from_label(labels(&[("kind", kind)]));
    metric.set_histogram(histogram);
    metric
}

fn family(name: &str, help: &str, kind: MetricType, rows: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(rows);
    family
}

fn counter(pairs: &[(&str, &str)], value: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = Metric::from_label(labels(pairs));
    metric.set_counter(counter);
    metric
}

fn gauge(pairs: &[(&str, &str)], value: u64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    let mut metric = Metric::from_label(labels(pairs));
    metric.set_gauge(gauge);
    metric
}

fn labels(pairs: &[(&str, &str)]) -> Vec<LabelPair> {
    let label = |(name, value): &(&str, &str)| {
        let mut label = LabelPair::default();
        label.set_name((*name).to_owned());
        label.set_value((*value).to_owned());
        label
    };
    pairs.iter().map(label).collect()
}
