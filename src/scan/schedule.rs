//! When archives are scanned.

use std::future::Future;
use std::pin::Pin;

use chrono::TimeZone;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Starts jobs at the times of a cron expression.
pub struct Schedule(JobScheduler);

/// The scheduler does not take the job.
#[derive(Debug, thiserror::Error)]
#[error("the schedule cannot be started")]
pub struct ScheduleError(#[from] JobSchedulerError);

impl Schedule {
    /// A schedule without jobs, not started.
    ///
    /// # Errors
    /// When the scheduler cannot be made.
    pub async fn new() -> Result<Self, ScheduleError> {
        Ok(Self(JobScheduler::new().await?))
    }

    /// Adds a job: a cron expression of six fields, seconds first, in a time zone.
    ///
    /// The job is started at every tick, whether or not the one before has ended.
    ///
    /// # Errors
    /// When the expression is none.
    pub async fn add<Z, F>(
        &self,
        expression: &str,
        time_zone: Z,
        job: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<(), ScheduleError>
    where
        Z: TimeZone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let job = Job::new_async_tz(expression, time_zone, move |_, _| {
            Box::pin(job()) as Pin<Box<dyn Future<Output = ()> + Send>>
        })?;
        self.0.add(job).await?;
        Ok(())
    }

    /// Begins to start jobs.
    ///
    /// # Errors
    /// When the scheduler cannot be started.
    pub async fn start(&self) -> Result<(), ScheduleError> {
        Ok(self.0.start().await?)
    }
}
