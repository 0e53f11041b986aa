//! What is looked up on this machine for a target: the file it is, what it needs, what a VM must read
//! for it.

use super::Coordinator;
use crate::{
    aside,
    confinement::Confinement,
    files,
    known::Looked,
    launch::{self, Readable},
    matching::{self, Host, Use},
    profile::Profile,
    requirements::{Format, Requirements},
    search::{self, Directories},
};
use cosmos_config::{Config, Level, Stamp};
use cosmos_confine::offers::Offers;
use cosmos_rpc::{
    Fault, FaultCode,
    message::{coordinator::TargetName, launch::Walls},
};
use std::{path::Path, sync::Arc};

impl Coordinator {
    /// What this machine offers to confine VMs with, as a launcher finds it; looked up once.
    pub async fn offers(&self) -> &Offers {
        let launcher = self
            .configured()
            .config
            .libexec_directory
            .join(launch::LAUNCHER);
        let looking = || aside::run(move || launch::offers(&launcher));
        let found = async { looking().await.unwrap_or_else(|_| Offers::from_text("")) };
        self.offers.get_or_init(|| found).await
    }

    /// What a VM must be able to read for a target, or for any; with its own program, where it sees
    /// nothing else.
    ///
    /// # Errors
    ///
    /// Where there is no thread to look.
    pub async fn readable(
        &self,
        target: Option<Looked>,
        profile: &Profile,
        confinement: &Confinement,
    ) -> Result<Readable, Fault> {
        if !confinement.has_walls() {
            return Ok(Readable::default());
        }
        if let Some(readable) = at_hand(target.as_ref(), confinement) {
            return Ok(readable);
        }
        let search_path = self.configured().config.search_path.value.clone();
        let program = (confinement.level >= Level::Namespaces).then(|| profile.executable.clone());
        let is_run = confinement.walls == Walls::Programs;
        aside::run(move || {
            let (target, directories) = match target {
                Some(looked) => (Some(looked.requirements), looked.directories),
                None => (None, Arc::new(Directories::of_this_machine(&search_path))),
            };
            let mut readable = files::for_target(target.as_ref(), &directories);
            // One that is among libraries: to be run it is named itself.
            let hidden = target.filter(|target| is_run && !readable.contains(&target.path));
            if let Some(target) = hidden {
                readable.extend(files::for_program(&target.path, &directories));
            }
            Readable {
                target: readable,
                identities: Vec::new(),
                program: program
                    .map(|program| files::for_program(&program, &directories))
                    .unwrap_or_default(),
            }
        })
        .await
    }

    /// What a target is, read where it was found first, and preferably where a VM can run it. Files that
    /// are not known are read by another thread: they may be on a slow disk.
    ///
    /// # Errors
    ///
    /// That it was not found or cannot be read.
    pub async fn look_up(&self, target: TargetName, wanted: Use) -> Result<Looked, Fault> {
        let configured = self.configured();
        if let Some(known) = configured.known.find(&target, wanted) {
            return Ok(known);
        }
        let (profiles, host) = (configured.profiles.clone(), configured.host.clone());
        let search_path = configured.config.search_path.value.clone();
        let name = target.clone();
        let reading = aside::run(move || {
            let directories = Arc::new(Directories::of_this_machine(&search_path));
            let (requirements, stamp) = read(&name, &directories, &profiles, &host, wanted)?;
            let looked = Looked {
                is_installed: directories.have_installed(&requirements.path),
                requirements,
                directories,
            };
            Ok::<_, Fault>((looked, stamp))
        });
        let (looked, stamp) = reading.await??;
        configured.known.note(&target, wanted, &looked, stamp);
        Ok(looked)
    }
}

/// What must be readable for an installed library, as functions of it are called: no file has to be read
/// to say that.
fn at_hand(target: Option<&Looked>, confinement: &Confinement) -> Option<Readable> {
    let looked = target?;
    let is_opened = confinement.walls == Walls::Vm && confinement.level < Level::Namespaces;
    let is_installed = looked.is_installed && looked.directories.are_the_machines_own();
    (is_opened && is_installed).then(|| Readable {
        target: looked.directories.installed().to_vec(),
        identities: looked.directories.identities().to_vec(),
        program: Vec::new(),
    })
}

/// What a target is, and the stamp that its file had before it was read.
fn read(
    target: &TargetName,
    directories: &Directories,
    profiles: &[Profile],
    host: &Host,
    wanted: Use,
) -> Result<(Requirements, Option<Stamp>), Fault> {
    let mut first = None;
    for path in search::candidates(target, directories)? {
        let stamp = Stamp::of(&path).filter(Stamp::is_settled);
        let read = Requirements::read(&path).map_err(Fault::from);
        let fits = |requirements: &Requirements| {
            let weighed = matching::weigh(requirements, profiles, host, wanted);
            weighed.iter().any(|candidate| candidate.refused.is_empty())
        };
        match read {
            Ok(requirements) if fits(&requirements) => return Ok((requirements, stamp)),
            read => first = first.or(Some(read)),
        }
    }
    let first = first.unwrap_or_else(|| {
        Err(Fault::caller(
            FaultCode::NoSuchTarget,
            format!("there is no {}", target.name),
        ))
    });
    // One that nothing runs here is read again the next time.
    Ok((first?, None))
}

/// The symbol versions that the C library here defines.
pub(crate) fn libc_versions(config: &Config) -> Vec<String> {
    let directories = Directories::of_this_machine(&config.search_path);
    let found = directories.iter().find_map(|directory| {
        let requirements = Requirements::read(&directory.join(Path::new("libc.so.6"))).ok()?;
        match requirements.format {
            Format::Elf(elf) if elf.class == usize::BITS as u8 => Some(elf.defined_versions),
            _ => None,
        }
    });
    found.unwrap_or_default()
}
