//! Which scenario runs on which servers, in turns, so that whatever else the machine does affects all of them alike.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    slice::{from_mut, from_ref},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    core::Cores,
    figures::{Figures, medians},
    limits,
    scenario::{Scenario, Size},
    server::{Form, Grown, Protocol, Server, Subject},
};

const FORMS: [Form; 4] = [
    Form::Embedded,
    Form::RawSqlite,
    Form::RawMemory,
    Form::Distributed,
];
/// The most librarians that any scenario needs at the smallest size.
const ENOUGH: usize = 6;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenarios to play.
    pub scenarios: Vec<Scenario>,
    /// Their size.
    pub size: Size,
    /// How many times each is played; the medians count.
    pub runs: usize,
    /// The cores of the servers and of the load.
    pub cores: Cores,
    /// The folder of Carrel's programs.
    pub programs: PathBuf,
    /// A folder of another commit's programs to play in the same turns, and the commit's name.
    pub against: Option<(PathBuf, String)>,
    /// The folder that keeps what takes long to make for the next run.
    pub keep: PathBuf,
    /// Play only these subjects, by name; all if empty.
    pub only: Vec<String>,
}

/// The medians of each scenario, for each subject by name.
pub type Measured = BTreeMap<Scenario, BTreeMap<String, Figures>>;

impl Plan {
    /// Plays everything. Calls `tell` with each result as soon as it is measured.
    ///
    /// # Errors
    /// If a server does not start, or something fails before a clock starts.
    pub async fn carry_out(
        &self,
        mut tell: impl FnMut(&str, &str, &Figures),
    ) -> anyhow::Result<Measured> {
        let mut runs: BTreeMap<(Scenario, String), Vec<Figures>> = BTreeMap::new();
        let mut play = async |scenario: Scenario, subjects: &[Subject], servers: &mut [Server]| {
            let played = scenario.play(servers, self.size).await?;
            for (subject, figures) in subjects.iter().zip(played) {
                let name = subject.name();
                tell(scenario.name(), &name, &figures);
                runs.entry((scenario, name)).or_default().push(figures);
            }
            anyhow::Ok(())
        };
        if self.size == Size::Tiny {
            // At this size nothing is measured, so subjects may share a server.
            for form in FORMS {
                let mut server = None;
                for scenario in &self.scenarios {
                    for subject in self.subjects(*scenario) {
                        if subject.form != form || needs_its_own(*scenario, &subject) {
                            continue;
                        }
                        let server = match &mut server {
                            Some(server) => server,
                            none => none.insert(subject.start(self.cores, ENOUGH).await?),
                        };
                        server.open(subject.protocol);
                        play(*scenario, from_ref(&subject), from_mut(server)).await?;
                    }
                }
                if let Some(server) = server {
                    server.stop().await?;
                }
            }
        }
        for scenario in &self.scenarios {
            for _ in 0..self.runs {
                let mut subjects = self.subjects(*scenario);
                if self.size == Size::Tiny {
                    subjects.retain(|subject| subject.synced && needs_its_own(*scenario, subject));
                }
                let at_once = if scenario.is_by_turns() {
                    subjects.len().max(1)
                } else {
                    1
                };
                for subjects in subjects.chunks(at_once) {
                    let mut servers = Vec::new();
                    for subject in subjects {
                        let librarians = scenario.librarians(self.size);
                        servers.push(subject.start(self.cores, librarians).await?);
                    }
                    play(*scenario, subjects, &mut servers).await?;
                    for server in servers {
                        server.stop().await?;
                    }
                }
            }
        }
        let mut measured = Measured::new();
        for ((scenario, subject), runs) in runs {
            let subjects = measured.entry(scenario).or_default();
            subjects.insert(subject, medians(&runs));
        }
        Ok(measured)
    }

    /// Measures what disk, Redis and tonic allow.
    ///
    /// # Errors
    /// If one of them can't be measured.
    pub async fn measure_limits(&self) -> anyhow::Result<BTreeMap<String, Figures>> {
        let time = match self.size {
            Size::Full => Duration::from_secs(3),
            Size::Brief => Duration::from_secs(1),
            Size::Tiny => Duration::from_millis(100),
        };
        let folder = TempDir::new()?;
        Ok(BTreeMap::from([
            (
                "disk".to_owned(),
                limits::disk::measure(folder.path(), time)?,
            ),
            (
                "Redis pub/sub".to_owned(),
                limits::redis::measure(self.cores, time).await?,
            ),
            (
                "tonic echo".to_owned(),
                limits::echo::measure(self.cores, time).await?,
            ),
        ]))
    }

    fn subjects(&self, scenario: Scenario) -> Vec<Subject> {
        let subject = |form, protocol, synced| Subject {
            form,
            protocol,
            synced,
            traced: None,
            grown: None,
            programs: self.programs.clone(),
            build: None,
        };
        let plain = |form| subject(form, Protocol::Proto, true);
        let all = self.size != Size::Brief;
        let mut subjects = match scenario {
            Scenario::RedisAway => vec![plain(Form::Distributed)],
            Scenario::Traced => [None, Some(0.01), Some(1.0)]
                .map(|traced| Subject {
                    traced,
                    ..plain(Form::Embedded)
                })
                .into(),
            Scenario::Growth => vec![
                plain(Form::Embedded),
                Subject {
                    grown: Some(Grown {
                        sessions: self.size.ended_sessions(),
                        keep: self.keep.clone(),
                    }),
                    ..plain(Form::Embedded)
                },
            ],
            Scenario::Flood => vec![
                plain(Form::Embedded),
                subject(Form::Embedded, Protocol::Proto, false),
                plain(Form::RawSqlite),
                plain(Form::RawMemory),
                plain(Form::Distributed),
            ],
            Scenario::Desk => vec![plain(Form::Embedded), plain(Form::RawSqlite)],
            _ => vec![plain(Form::Embedded)],
        };
        if scenario == Scenario::Flood && all {
            subjects.extend([
                subject(Form::Embedded, Protocol::Json, true),
                subject(Form::Embedded, Protocol::Grpc, true),
                subject(Form::Distributed, Protocol::Proto, false),
                subject(Form::RawSqlite, Protocol::Proto, false),
            ]);
        }
        if matches!(scenario, Scenario::Hall | Scenario::Idle | Scenario::Storm) {
            subjects.push(plain(Form::RawMemory));
        }
        if self.size == Size::Full
            && scenario != Scenario::Growth
            && !subjects.contains_form(Form::Distributed)
        {
            subjects.push(plain(Form::Distributed));
        }
        if let Some((programs, name)) = &self.against {
            let before = subjects
                .iter()
                .filter(|subject| {
                    matches!(subject.form, Form::Embedded | Form::Distributed) && subject.synced
                })
                .map(|subject| Subject {
                    programs: programs.clone(),
                    build: Some(name.clone()),
                    ..subject.clone()
                });
            subjects.extend(before.collect::<Vec<_>>());
        }
        if !self.only.is_empty() {
            subjects.retain(|subject| self.only.contains(&subject.name()));
        }
        subjects
    }
}

/// Returns whether a subject needs a server of its own even where nothing is measured.
fn needs_its_own(scenario: Scenario, subject: &Subject) -> bool {
    !subject.synced || subject.grown.is_some() || scenario.is_by_turns()
}

/// Tells whether one of several subjects has a form.
trait ContainsForm {
    fn contains_form(&self, form: Form) -> bool;
}

impl ContainsForm for Vec<Subject> {
    fn contains_form(&self, form: Form) -> bool {
        self.iter().any(|subject| subject.form == form)
    }
}
