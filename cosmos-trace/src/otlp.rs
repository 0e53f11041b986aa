//! Traces as OTLP has them in JSON (`ExportTraceServiceRequest`): for OpenTelemetry's collector and viewers.

use crate::line::Line;
use serde_json::{Value, json};

/// `SPAN_KIND_INTERNAL` and `STATUS_CODE_ERROR`.
const INTERNAL: u8 = 1;
const FAILED: u8 = 2;

/// All steps, those of each process as a resource of their own.
pub fn otlp(lines: &[Line]) -> Value {
    let mut resources: Vec<(Resource<'_>, Vec<Value>)> = Vec::new();
    for line in lines {
        let resource = Resource::of(line);
        match resources.iter_mut().find(|(known, _)| *known == resource) {
            Some((_, spans)) => spans.push(span(line)),
            None => resources.push((resource, vec![span(line)])),
        }
    }
    let resources = resources.into_iter().map(|(resource, spans)| {
        json!({
            "resource": {"attributes": resource.attributes()},
            "scopeSpans": [{"scope": {"name": "cosmos"}, "spans": spans}],
        })
    });
    json!({"resourceSpans": resources.collect::<Vec<_>>()})
}

/// A process.
#[derive(PartialEq)]
struct Resource<'l> {
    process: &'l str,
    vm: &'l str,
    host: &'l str,
    pid: i32,
}

impl<'l> Resource<'l> {
    fn of(line: &'l Line) -> Resource<'l> {
        Resource {
            process: &line.process,
            vm: &line.vm,
            host: &line.host,
            pid: line.pid,
        }
    }

    fn attributes(&self) -> Vec<Value> {
        let service = match self.process {
            "client" => "cosmos client",
            "vm" => "cosmos VM",
            process => process,
        };
        let mut attributes = vec![text("service.name", service)];
        if self.pid != 0 {
            let value = json!({"intValue": self.pid.to_string()});
            attributes.push(json!({"key": "process.pid", "value": value}));
        }
        for (key, value) in [("service.instance.id", self.vm), ("host.name", self.host)] {
            if !value.is_empty() {
                attributes.push(text(key, value));
            }
        }
        attributes
    }
}

fn span(line: &Line) -> Value {
    let mut span = json!({
        "traceId": line.trace,
        "spanId": line.span,
        "parentSpanId": line.parent,
        "name": line.name,
        "kind": INTERNAL,
        "startTimeUnixNano": line.begin.to_string(),
        "endTimeUnixNano": line.begin.saturating_add(line.took).to_string(),
    });
    if !line.what.is_empty() {
        span["attributes"] = json!([text("cosmos.what", &line.what)]);
    }
    if !line.fault.is_empty() {
        span["status"] = json!({"code": FAILED, "message": line.fault});
    }
    span
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}
