//! What is looked up on this machine for a target: the file it is, what it needs, what a VM must read
//! for it.

use super::Coordinator;
use crate::{
    aside,
    confinement::Confinement,
    files,
    launch::{self, Readable},
    matching::{self, Host, Use},
    profile::Profile,
    requirements::{Format, Requirements},
    search::{self, Directories},
};
use cosmos_config::{Config, Level};
use cosmos_confine::offers::Offers;
use cosmos_rpc::{
    Fault, FaultCode,
    message::{coordinator::TargetName, launch::Walls},
};
use std::path::Path;

impl Coordinator {
    /// What this machine offers to confine VMs with, as a launcher finds it; looked up once.
    pub async fn offers(&self) -> &Offers {
        let launcher = self.config.libexec_directory.join(launch::LAUNCHER);
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
        target: Option<Requirements>,
        profile: &Profile,
        confinement: &Confinement,
    ) -> Result<Readable, Fault> {
        if !confinement.has_walls() {
            return Ok(Readable::default());
        }
        let search_path = self.config.search_path.value.clone();
        let program = (confinement.level >= Level::Namespaces).then(|| profile.executable.clone());
        let is_run = confinement.walls == Walls::Programs;
        aside::run(move || {
            let directories = Directories::of_this_machine(&search_path);
            let mut readable = files::for_target(target.as_ref(), &directories);
            // One that is among libraries: to be run it is named itself.
            let hidden = target.filter(|target| is_run && !readable.contains(&target.path));
            if let Some(target) = hidden {
                readable.extend(files::for_program(&target.path, &directories));
            }
            Readable {
                target: readable,
                program: program
                    .map(|program| files::for_program(&program, &directories))
                    .unwrap_or_default(),
            }
        })
        .await
    }

    /// What a target is, read where it was found first, and preferably where a VM can run it. The
    /// files are read by another thread: they may be on a slow disk.
    ///
    /// # Errors
    ///
    /// That it was not found or cannot be read.
    pub async fn requirements(
        &self,
        target: TargetName,
        wanted: Use,
    ) -> Result<Requirements, Fault> {
        let (profiles, host) = (self.profiles.clone(), self.host.clone());
        let search_path = self.config.search_path.value.clone();
        let reading = aside::run(move || {
            let directories = Directories::of_this_machine(&search_path);
            read(&target, &directories, &profiles, &host, wanted)
        });
        reading.await?
    }
}

fn read(
    target: &TargetName,
    directories: &Directories,
    profiles: &[Profile],
    host: &Host,
    wanted: Use,
) -> Result<Requirements, Fault> {
    let mut first = None;
    for path in search::candidates(target, directories)? {
        let read = Requirements::read(&path).map_err(Fault::from);
        let fits = |requirements: &Requirements| {
            let weighed = matching::weigh(requirements, profiles, host, wanted);
            weighed.iter().any(|candidate| candidate.refused.is_empty())
        };
        match read {
            Ok(requirements) if fits(&requirements) => return Ok(requirements),
            read => first = first.or(Some(read)),
        }
    }
    first.unwrap_or_else(|| {
        Err(Fault::caller(
            FaultCode::NoSuchTarget,
            format!("there is no {}", target.name),
        ))
    })
}

/// The symbol versions that the C library here defines.
pub(super) fn libc_versions(config: &Config) -> Vec<String> {
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
