//! Start of jobs when they are due.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// Cron expression for every second, in every time zone.
///
/// The scheduler takes the offset of a time zone for constant and would be an hour off after summer
/// time begins or ends. So it only ticks, and each tick decides what is due.
const EVERY_SECOND: &str = "* * * * * *";

/// Time without a tick after which the job is scheduled anew.
///
/// The scheduler waits until the clock shows the planned time, however far a clock was set back
/// meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Timer that ticks every second while it runs.
pub struct Ticker {
    scheduler: JobScheduler,
    tick: Arc<dyn Fn() + Send + Sync>,
    last_tick: Arc<Mutex<Instant>>,
}

/// Failure to start the scheduler.
#[derive(Debug, thiserror::Error)]
#[error("the schedule cannot be started")]
pub struct ScheduleError(#[from] JobSchedulerError);

impl Ticker {
    /// Creates a timer that calls `tick` every second while it [runs](Self::run). `tick` must not
    /// block.
    ///
    /// # Errors
    /// Fails if the scheduler cannot be started.
    pub async fn start(tick: impl Fn() + Send + Sync + 'static) -> Result<Self, ScheduleError> {
        let scheduler = JobScheduler::new().await?;
        scheduler.start().await?;
        let last_tick = Arc::new(Mutex::new(Instant::now()));
        Ok(Self {
            scheduler,
            tick: Arc::new(tick),
            last_tick,
        })
    }

    /// Keeps ticking until `stop` is cancelled, whatever happens to the clock.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep_ticking()).await;
    }

    async fn keep_ticking(&self) {
        let mut job = self.plan().await;
        loop {
            tokio::time::sleep(LONGEST_PAUSE).await;
            let last = *self
                .last_tick
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() < LONGEST_PAUSE {
                continue;
            }
            warn!(
                target: "scan",
                "The clock was set back, or the scheduler has stopped: the schedule is restarted"
            );
            if let Some(job) = job {
                drop(self.scheduler.remove(&job.guid()).await);
            }
            job = self.plan().await;
        }
    }

    async fn plan(&self) -> Option<Job> {
        let (tick, last_tick) = (Arc::clone(&self.tick), Arc::clone(&self.last_tick));
        let job = Job::new(EVERY_SECOND, move |_, _| {
            *last_tick.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            tick();
        });
        let planned = async {
            let job = job?;
            self.scheduler.add(job.clone()).await?;
            Ok::<_, JobSchedulerError>(job)
        };
        match planned.await {
            Ok(job) => Some(job),
            Err(error) => {
                error!(target: "scan", %error, "The schedule cannot be restarted");
                None
            }
        }
    }
}
