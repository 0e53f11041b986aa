//! `cosmos crash`: what is kept of VMs that crashed. Here the files are read and no daemon is asked; on
//! another machine its cosmosd reads them.

use crate::arguments::{Crash, CrashLs, CrashRm, CrashShow, CrashVerb};
use crate::report::{Problem, Report as Told, Verdict};
use comfy_table::{Table, presets};
use cosmos::{Host, queries};
use cosmos_config::Config;
use cosmos_crash::{Archive, CrashError, Id, Report, text};
use serde_json::json;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Does what the command line asks for.
pub fn run(arguments: &Crash) -> Verdict {
    let config = super::config::load()?;
    let reports = Reports::of(super::chosen(&arguments.place, &config), &config)?;
    match &arguments.verb {
        CrashVerb::Ls(ls) => list(&reports, ls),
        CrashVerb::Show(show) => self::show(&reports, show),
        CrashVerb::Rm(remove) => self::remove(&reports, remove),
    }
}

/// Where reports are.
enum Reports {
    /// Nothing ever crashed here.
    None,
    Here(Archive),
    There(Host),
}

impl Reports {
    fn of(host: Host, config: &Config) -> Result<Reports, Problem> {
        if host != Host::Local {
            return Ok(Reports::There(host));
        }
        match Archive::open(&config.crash_directory) {
            Ok(archive) => Ok(Reports::Here(archive)),
            Err(CrashError::System { error, .. }) if error.kind() == ErrorKind::NotFound => {
                Ok(Reports::None)
            }
            Err(error) => Err(problem(error)),
        }
    }

    fn list(&self) -> Result<Vec<Report>, Problem> {
        match self {
            Reports::None => Ok(Vec::new()),
            Reports::Here(archive) => archive.list().map_err(problem),
            Reports::There(host) => {
                let ids = queries::crash_ids_of(host)?;
                let ids = ids.iter().filter_map(|id| id.parse::<Id>().ok());
                // One that went meanwhile, or is none, is passed over.
                let mut reports: Vec<Report> = ids.filter_map(|id| self.read(&id).ok()).collect();
                reports.sort_by_key(|report| std::cmp::Reverse(report.when));
                Ok(reports)
            }
        }
    }

    fn read(&self, id: &Id) -> Result<Report, Problem> {
        match self {
            Reports::None => Err(problem(CrashError::NoSuchReport(id.to_string()))),
            Reports::Here(archive) => archive.read(id).map_err(problem),
            Reports::There(host) => {
                let text = queries::crash_report_of(host, id.as_str())?;
                let report = Report::from_json(text.as_bytes(), id).map_err(|why| {
                    Problem::cosmos(Told::new(format!("{host} sent no report {id}: {why}")))
                })?;
                Ok(Report {
                    host: host.to_string(),
                    ..report
                })
            }
        }
    }

    fn remove(&self, id: &Id) -> Result<(), Problem> {
        match self {
            Reports::None => Err(problem(CrashError::NoSuchReport(id.to_string()))),
            Reports::Here(archive) => archive.remove(id).map_err(problem),
            Reports::There(host) => Ok(queries::remove_crash_report_of(host, id.as_str())?),
        }
    }
}

fn list(reports: &Reports, arguments: &CrashLs) -> Verdict {
    let reports = reports.list()?;
    if arguments.json {
        super::print_json(&json!(reports))?;
    } else {
        super::print(&table(&reports, SystemTime::now()))?;
    }
    Ok(0)
}

fn show(reports: &Reports, arguments: &CrashShow) -> Verdict {
    let id = arguments.id.as_deref();
    let id = id.map(str::parse::<Id>).transpose().map_err(problem)?;
    let report = match &id {
        Some(id) => reports.read(id)?,
        None => {
            let newest = reports.list()?.into_iter().next();
            newest.ok_or_else(|| Problem::failed(Told::new("there are no crash reports")))?
        }
    };
    if arguments.json {
        super::print_json(&json!(report))?;
    } else {
        super::print(&text::whole(&report))?;
    }
    Ok(0)
}

fn remove(reports: &Reports, arguments: &CrashRm) -> Verdict {
    let ids: Vec<Id> = arguments
        .ids
        .iter()
        .map(|id| id.parse())
        .collect::<Result<_, _>>()
        .map_err(problem)?;
    for id in ids {
        reports.remove(&id)?;
    }
    Ok(0)
}

fn problem(error: CrashError) -> Problem {
    match error {
        CrashError::BadId(_) => Problem::usage(Told::new(error.to_string())),
        _ => Problem::failed(Told::new(error.to_string())),
    }
}

fn table(reports: &[Report], now: SystemTime) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["ID", "AGO", "VM", "SIGNAL", "AT", "CALL"]);
    for report in reports {
        let innermost = report.remains.frames.iter();
        let innermost = innermost
            .filter(|frame| !frame.function.is_empty())
            .map(|frame| plain(&frame.function))
            .next();
        let call = report.calls.first().map(|call| plain(&call.call));
        table.add_row([
            report.id.clone(),
            ago(report.when, now),
            plain(&report.vm),
            text::signal(report.remains.signal),
            innermost.unwrap_or_else(|| "-".to_owned()),
            call.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

/// Foreign text in a cell.
fn plain(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter.is_control() {
        true => '\u{fffd}',
        false => letter,
    });
    shown.take(60).collect()
}

fn ago(when: u64, now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH + Duration::from_secs(when));
    match since.map_or(0, |since| since.as_secs()) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_like_this() {
        let report = Report {
            id: "c-3f9a0c12".to_owned(),
            when: 1000,
            vm: "hostfn-3".to_owned(),
            remains: cosmos_rpc::message::crash::Remains {
                signal: 11,
                frames: vec![cosmos_rpc::message::crash::Frame {
                    function: "png_read_row".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            },
            ..Report::default()
        };
        let now = UNIX_EPOCH + Duration::from_secs(1090);
        insta::assert_snapshot!(table(&[report], now));
        insta::assert_snapshot!("empty", table(&[], now));
    }
}
