//! Reads a new jobs.toml beside the main loop, one reading after the other: a share that hangs delays no due job; and takes
//! it on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::alive;
use super::shell::{Shell, Stop};
use super::start::{Loaded, Loader, Refused};
use crate::model::{Event, Reply, Settings, format_duration};

/// How long reading may take before the log speaks of it. It is waited for: what it reads may still come.
const READING_LONG: Duration = Duration::from_secs(10);

/// A wish for a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// By SIGHUP.
    Signal,
    /// By a request.
    Request {
        /// Its number.
        id: u64,
        /// Who asks.
        by: String,
    },
}

impl Wish {
    fn by(&self) -> &str {
        match self {
            Self::Signal => "signal SIGHUP",
            Self::Request { by, .. } => by,
        }
    }
}

type Reading = JoinHandle<Result<Loaded, Refused>>;

/// The reading under way, and what is read after it.
pub(super) struct Reloads {
    loader: Loader,
    reading: Option<(Wish, Reading)>,
    waiting: VecDeque<Wish>,
}

impl Reloads {
    pub(super) fn new(loader: Loader) -> Self {
        Self {
            loader,
            reading: None,
            waiting: VecDeque::new(),
        }
    }

    /// Reads for this wish, in its turn: what was edited before it was uttered is read.
    pub(super) fn read(&mut self, wish: Wish) {
        self.waiting.push_back(wish);
        self.begin();
    }

    /// Waits for the end of a reading: for whom, and the configuration or why it is refused.
    pub(super) async fn next(&mut self) -> (Wish, Result<Loaded, String>) {
        let Some((_, reading)) = &mut self.reading else {
            return std::future::pending().await;
        };
        let read = reading.await;
        let (wish, _) = self.reading.take().expect("it was just waited for");
        self.begin();
        let read = match read {
            Ok(read) => read.map_err(|refused| refused.to_string()),
            Err(panic) => Err(format!("could not read it: {panic}")),
        };
        (wish, read)
    }

    fn begin(&mut self) {
        if self.reading.is_some() {
            return;
        }
        let Some(wish) = self.waiting.pop_front() else {
            return;
        };
        let (loader, by) = (self.loader.clone(), wish.by().to_owned());
        let (ended, has_ended) = tokio::sync::oneshot::channel::<()>();
        let reading = tokio::task::spawn_blocking(move || {
            let _ended = ended;
            loader.load(&by)
        });
        tokio::spawn(async move {
            if tokio::time::timeout(READING_LONG, has_ended).await.is_err() {
                warn!(
                    "jobs.toml is being read for {} now, and the configuration before stays in force; is a share gone?",
                    format_duration(READING_LONG)
                );
            }
        });
        self.reading = Some((wish, reading));
    }
}

impl Shell {
    /// SIGHUP came: whoever sent it hears from systemd when jobs.toml is in force.
    pub(super) fn reload_by_signal(&mut self) {
        alive::reloading();
        self.reloads.read(Wish::Signal);
    }

    /// jobs.toml was read. Whoever wished for that is answered once it is stored and in force.
    pub(super) async fn was_read(
        &mut self,
        wish: Wish,
        read: Result<Loaded, String>,
        batch: &mut Vec<Event>,
    ) -> anyhow::Result<()> {
        self.reload_asked = match wish {
            Wish::Request { id, .. } => Some(id),
            Wish::Signal => None,
        };
        let taken_on = match read {
            Ok(loaded) => self.take_on(loaded, batch).await?,
            Err(problems) => Err(problems),
        };
        self.reload_asked = None;
        match wish {
            Wish::Request { id, .. } => {
                if let Some(asker) = self.performer.replies.remove(&id) {
                    let _ = asker.send(match taken_on {
                        Ok((digest, warnings)) => Reply::Done(json!({
                            "reloaded": true,
                            "settings": digest,
                            "warnings": warnings,
                        })),
                        Err(problems) => Reply::Refused(problems),
                    });
                }
            }
            Wish::Signal => {
                if let Err(problems) = taken_on {
                    error!("jobs.toml was not reloaded, the configuration before stays in force:\n{problems}");
                }
                alive::ready();
            }
        }
        Ok(())
    }

    /// Takes on the whole new configuration: it is stored and in force when this returns. Its digest, and what people
    /// should know of it.
    async fn take_on(
        &mut self,
        loaded: Loaded,
        batch: &mut Vec<Event>,
    ) -> anyhow::Result<Result<(String, Vec<String>), String>> {
        let Loaded { mut settings, accepted } = loaded;
        // A job that goes on was given the secrets of the configuration before.
        let redactor = settings.redactor.after(&self.engine.settings().redactor);
        Arc::make_mut(&mut settings).redactor = redactor;
        let mut warnings = self.engine.left_behind(&settings);
        let listens = |settings: &Settings| settings.web.as_ref().map(|web| web.listen);
        if listens(&settings) != listens(&self.performer.settings.borrow()) {
            warnings.push("`listen` in [web] has changed; that takes effect at the next restart".to_owned());
        }
        for warning in &warnings {
            warn!("{warning}");
        }
        let digest = settings.digest.clone();
        batch.push(Event::Reloaded { settings, accepted });
        self.is_taking_on = true;
        self.decide(batch).await?;
        if self.stop == Stop::Dropped {
            return Ok(Err("freshd was told to stop before it could be stored".to_owned()));
        }
        info!(settings = digest, "jobs.toml reloaded");
        Ok(Ok((digest, warnings)))
    }
}
