//! Requirements against profiles: named rules, each of which explains itself.

use crate::{
    profile::{FormatName, Profile},
    requirements::{Elf, Format, Requirements},
};
use cosmos_rpc::{Fault, FaultCode, message::coordinator::Candidate};
use std::path::Path;

/// What this machine offers beyond the profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// The symbol versions its C library defines; empty: not known, nothing is refused for them.
    pub libc_versions: Vec<String>,
}

/// A kind of VM weighed for a target.
#[derive(Clone, Debug)]
pub struct Weighed<'p> {
    /// The kind.
    pub profile: &'p Profile,
    /// What refused it; empty: it can run the target.
    pub refused: Vec<Refusal>,
}

/// A rule's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub rule: &'static str,
    /// Why, in words.
    pub reason: String,
    code: FaultCode,
}

/// What a target is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// To be opened, for its functions.
    Open,
    /// To be run, as a program.
    Run,
}

/// Weighs every kind; those that can run the target first, otherwise in the order of profiles.
pub fn weigh<'p>(
    requirements: &Requirements,
    profiles: &'p [Profile],
    host: &Host,
    wanted: Use,
) -> Vec<Weighed<'p>> {
    let mut weighed: Vec<Weighed<'p>> = profiles
        .iter()
        .map(|profile| {
            let refused = RULES.iter().filter_map(|rule| {
                let reason = (rule.refuse)(&Question {
                    requirements,
                    profile,
                    host,
                    wanted,
                })?;
                Some(Refusal {
                    rule: rule.name,
                    reason,
                    code: rule.code,
                })
            });
            Weighed {
                profile,
                refused: refused.collect(),
            }
        })
        .collect();
    weighed.sort_by_key(|candidate| !candidate.refused.is_empty());
    weighed
}

/// The kind to run the target in, without weighing those behind it.
///
/// # Errors
///
/// As [`choose`].
pub fn chosen<'p>(
    requirements: &Requirements,
    profiles: &'p [Profile],
    host: &Host,
    wanted: Use,
) -> Result<&'p Profile, Fault> {
    let runs = |profile: &&Profile| {
        let question = Question {
            requirements,
            profile,
            host,
            wanted,
        };
        RULES.iter().all(|rule| (rule.refuse)(&question).is_none())
    };
    match profiles.iter().find(runs) {
        Some(profile) => Ok(profile),
        None => choose(requirements, &weigh(requirements, profiles, host, wanted)),
    }
}

/// The kind to run the target in.
///
/// # Errors
///
/// `NotLoadable`, `WrongArchitecture` or `LaunchFailed`: what the target is, what was needed and
/// which kinds there are.
pub fn choose<'p>(
    requirements: &Requirements,
    weighed: &[Weighed<'p>],
) -> Result<&'p Profile, Fault> {
    if let Some(chosen) = weighed
        .iter()
        .find(|candidate| candidate.refused.is_empty())
    {
        return Ok(chosen.profile);
    }
    let runs_format = |candidate: &&Weighed<'_>| {
        candidate
            .refused
            .iter()
            .all(|refusal| refusal.rule != FORMAT_RULE)
    };
    let path = requirements.path.display();
    let Some(near) = weighed
        .iter()
        .filter(runs_format)
        .min_by_key(|candidate| candidate.refused.len())
    else {
        let is = requirements.format.describe();
        let advice = requirements.format.advice();
        let advice = advice
            .map(|advice| format!("; {advice}"))
            .unwrap_or_default();
        let kinds = list(weighed, |profile| {
            format!("{} ({})", profile.kind, profile.runs)
        });
        return Err(Fault::caller(
            FaultCode::NotLoadable,
            format!("{path} is no target for a VM: {is}{advice}. VMs here: {kinds}"),
        ));
    };
    let reasons: Vec<&str> = near
        .refused
        .iter()
        .map(|refusal| refusal.reason.as_str())
        .collect();
    let code = near
        .refused
        .first()
        .map_or(FaultCode::NotLoadable, |refusal| refusal.code);
    let kinds = list(weighed, |profile| {
        format!(
            "{} ({}, {}-bit)",
            profile.kind, profile.machine, profile.class
        )
    });
    let message = format!(
        "no VM here can run {path}: {}. VMs here: {kinds}",
        reasons.join("; ")
    );
    Err(match code {
        FaultCode::LaunchFailed => Fault::host(code, message),
        _ => Fault::caller(code, message),
    })
}

impl Weighed<'_> {
    /// As the answer to `Which` has it.
    pub fn candidate(&self) -> Candidate {
        let refused = self.refused.iter();
        Candidate {
            kind: self.profile.kind.clone(),
            host: self.profile.host.clone(),
            refused: refused
                .map(|refusal| format!("{}: {}", refusal.rule, refusal.reason))
                .collect(),
        }
    }
}

/// What a rule answers.
struct Question<'q> {
    requirements: &'q Requirements,
    profile: &'q Profile,
    host: &'q Host,
    wanted: Use,
}

/// A rule: `refuse` says why not, or nothing.
struct Rule {
    name: &'static str,
    code: FaultCode,
    refuse: fn(&Question<'_>) -> Option<String>,
}

const FORMAT_RULE: &str = "format";

/// The rules, in the order in which they are shown.
const RULES: &[Rule] = &[
    Rule {
        name: FORMAT_RULE,
        code: FaultCode::NotLoadable,
        refuse: format,
    },
    Rule {
        name: "programs",
        code: FaultCode::NotLoadable,
        refuse: programs,
    },
    Rule {
        name: "interpreter",
        code: FaultCode::NotLoadable,
        refuse: interpreter,
    },
    Rule {
        name: "class",
        code: FaultCode::WrongArchitecture,
        refuse: class,
    },
    Rule {
        name: "machine",
        code: FaultCode::WrongArchitecture,
        refuse: machine,
    },
    Rule {
        name: "data-model",
        code: FaultCode::WrongArchitecture,
        refuse: data_model,
    },
    Rule {
        name: "os-abi",
        code: FaultCode::WrongArchitecture,
        refuse: os_abi,
    },
    Rule {
        name: "isa-level",
        code: FaultCode::WrongArchitecture,
        refuse: isa_level,
    },
    Rule {
        name: "libc",
        code: FaultCode::NotLoadable,
        refuse: libc,
    },
    Rule {
        name: "installed",
        code: FaultCode::LaunchFailed,
        refuse: installed,
    },
];

fn format(question: &Question<'_>) -> Option<String> {
    let profile = question.profile;
    let format = FormatName::of(question.requirements);
    if format.is_some_and(|format| profile.formats.contains(&format)) {
        return None;
    }
    let formats: Vec<&str> = profile
        .formats
        .iter()
        .map(|format| format.plural())
        .collect();
    let advice = question.requirements.format.advice();
    Some(format!(
        "{} loads {}; this is {}{}",
        profile.kind,
        formats.join(", "),
        question.requirements.format.describe(),
        advice
            .map(|advice| format!(" ({advice})"))
            .unwrap_or_default()
    ))
}

fn programs(question: &Question<'_>) -> Option<String> {
    let profile = question.profile;
    let refused = question.wanted == Use::Run && !profile.programs;
    refused.then(|| format!("{} runs functions, not programs", profile.kind))
}

fn interpreter(question: &Question<'_>) -> Option<String> {
    let profile = question.profile;
    let Format::Script { interpreter, .. } = &question.requirements.format else {
        return None;
    };
    let named = question.requirements.format.interpreter_name()?;
    if !profile.interpreters.is_empty() {
        let known = profile.interpreters.iter().any(|known| known == named);
        return (!known).then(|| {
            let known = profile.interpreters.join(", ");
            format!(
                "it is for {named}, {} runs what is for {known}",
                profile.kind
            )
        });
    }
    let is_there = Path::new(interpreter).is_absolute() && Path::new(interpreter).exists();
    (profile.programs && !is_there).then(|| format!("there is no interpreter {interpreter}"))
}

fn class(question: &Question<'_>) -> Option<String> {
    let (elf, profile) = (elf(question)?, question.profile);
    (elf.class != profile.class).then(|| {
        format!(
            "the target is {}-bit, {} {}-bit",
            elf.class, profile.kind, profile.class
        )
    })
}

fn machine(question: &Question<'_>) -> Option<String> {
    let (elf, profile) = (elf(question)?, question.profile);
    let name = elf.machine_name();
    if name != profile.machine {
        return Some(format!(
            "the target needs {name}, {} runs on {}",
            profile.kind, profile.machine
        ));
    }
    elf.is_big_endian
        .then(|| format!("the target is big-endian, {} is not", profile.kind))
}

fn data_model(question: &Question<'_>) -> Option<String> {
    let (elf, profile) = (elf(question)?, question.profile);
    let model = elf.data_model();
    (model != profile.data_model).then(|| {
        format!(
            "the target's data model is {model}, {}'s {}",
            profile.kind, profile.data_model
        )
    })
}

fn os_abi(question: &Question<'_>) -> Option<String> {
    let (elf, profile) = (elf(question)?, question.profile);
    let name = elf.os_abi_name();
    (!profile.os_abi.contains(&name)).then(|| {
        format!(
            "the target is for the OS ABI {name}, {} for {}",
            profile.kind,
            profile.os_abi.join(", ")
        )
    })
}

fn isa_level(question: &Question<'_>) -> Option<String> {
    let (elf, profile) = (elf(question)?, question.profile);
    let comparable = elf.machine_name() == profile.machine && elf.isa_level > profile.isa_level;
    comparable.then(|| {
        format!(
            "the target needs a CPU of level {}, this one has {}",
            elf.isa_level, profile.isa_level
        )
    })
}

/// A library built against a newer C library cannot be loaded; `dlopen` would say so by the symbol.
fn libc(question: &Question<'_>) -> Option<String> {
    let defined = &question.host.libc_versions;
    let (_, needed) = elf(question)?
        .versions
        .iter()
        .find(|(library, _)| library == "libc.so.6")?;
    if defined.is_empty() || elf(question)?.machine_name() != question.profile.machine {
        return None;
    }
    let missing: Vec<&str> = needed
        .iter()
        .filter(|version| version.starts_with("GLIBC_") && !defined.contains(version))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "the target needs {}, which the C library here lacks",
            missing.join(", ")
        )
    })
}

fn installed(question: &Question<'_>) -> Option<String> {
    let executable = &question.profile.executable;
    (!executable.is_file()).then(|| {
        format!(
            "{} is not installed: there is no {}",
            question.profile.kind,
            executable.display()
        )
    })
}

fn elf<'q>(question: &Question<'q>) -> Option<&'q Elf> {
    match &question.requirements.format {
        Format::Elf(elf) => Some(elf),
        _ => None,
    }
}

fn list(weighed: &[Weighed<'_>], show: impl Fn(&Profile) -> String) -> String {
    let shown: Vec<String> = weighed
        .iter()
        .map(|candidate| show(candidate.profile))
        .collect();
    if shown.is_empty() {
        "none".to_owned()
    } else {
        shown.join(", ")
    }
}
