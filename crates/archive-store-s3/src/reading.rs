//! Reading of one object: whole if it is small, otherwise in ranges.
//!
//! The SDK retries a request until the head of the answer has arrived. A body that breaks off, stalls
//! or is too short is the concern of this file. Both kinds of attempts count together.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use archive_store::{ErrorKind, ErrorScope, ObjectVersion, Operation, StorageError};
use aws_sdk_s3::Config;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;

use super::answers::{self, BodyError};
use super::client::Connection;
use super::fault::{Call, Fault};
use super::ranges::{self, RangeProblem};
use super::store::{S3Store, marked, with_cause};
use super::{errors, versions};

/// Pause after the body of an object broke off for the first time; doubled each time after that.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause after the body of an object broke off.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Reader of one object.
pub(super) struct ObjectReader<'a> {
    store: &'a S3Store,
    connection: &'a Connection,
    call: Call<'a>,
    attempts: Attempts,
}

/// Range of an object, as far as it has arrived.
struct RangeReading<'a> {
    object: &'a ObjectVersion,
    range: Range<u64>,
    bytes: Vec<u8>,
}

/// Attempts at one object: those of the SDK and those of this file together.
struct Attempts {
    made: Arc<AtomicU32>,
    most: u32,
    /// Pause before the next attempt of this file.
    pause: Duration,
}

/// Failure of one attempt.
enum ReadError {
    /// Failure that another attempt would not change, or that the SDK has retried.
    Final(StorageError),
    /// Body that broke off or stalled.
    Broken(StorageError),
}

impl<'a> ObjectReader<'a> {
    /// Creates a reader, which has made no request yet.
    pub(super) fn new(store: &'a S3Store, connection: &'a Connection, key: &'a str) -> Self {
        let attempts = Attempts {
            made: Arc::default(),
            most: store.settings().max_attempts,
            pause: SHORTEST_PAUSE,
        };
        let call = Call {
            operation: Operation::GetObject,
            key,
        };
        Self {
            store,
            connection,
            call,
            attempts,
        }
    }

    /// Reads the whole object.
    ///
    /// # Errors
    /// As [`archive_store::ObjectStore::get_small`].
    pub(super) async fn read_small(mut self, max_bytes: u64) -> Result<Vec<u8>, StorageError> {
        loop {
            match self.read_whole(max_bytes).await {
                Ok(bytes) => return Ok(bytes),
                Err(ReadError::Broken(_)) if self.attempts.left() > 0 => {
                    self.attempts.pause().await;
                }
                Err(ReadError::Final(error) | ReadError::Broken(error)) => return Err(error),
            }
        }
    }

    async fn read_whole(&self, max_bytes: u64) -> Result<Vec<u8>, ReadError> {
        let output = self.get(self.request(), None).await?;
        let mut bytes = Vec::new();
        let body = answers::body(output, max_bytes, &mut bytes);
        self.in_time(body, || too_large(self.call.key, max_bytes))
            .await?;
        Ok(bytes)
    }

    /// Reads a range of one version of the object, which [`ObjectVersion::check_range`] permits.
    ///
    /// What arrived of a body that broke off is kept, and only the rest is asked for again.
    ///
    /// # Errors
    /// As [`archive_store::ObjectStore::read_range`].
    pub(super) async fn read_range(
        mut self,
        object: &ObjectVersion,
        range: Range<u64>,
    ) -> Result<Vec<u8>, StorageError> {
        let mut reading = RangeReading {
            object,
            range,
            bytes: Vec::new(),
        };
        loop {
            let result = self.read_more(&mut reading).await;
            // A body that does not end may have brought everything.
            if !matches!(result, Err(ReadError::Final(_))) && reading.is_complete() {
                return Ok(reading.bytes);
            }
            match result {
                Ok(()) | Err(ReadError::Broken(_)) if self.attempts.left() > 0 => {
                    self.attempts.pause().await;
                }
                Ok(()) => return Err(self.ends_early(&reading)),
                Err(ReadError::Final(error) | ReadError::Broken(error)) => return Err(error),
            }
        }
    }

    /// Asks for what is missing of a range, and keeps what arrives.
    async fn read_more(&self, reading: &mut RangeReading<'_>) -> Result<(), ReadError> {
        let missing = reading.prepare();
        let request = self
            .request()
            .range(ranges::header(&missing))
            .set_if_match(versions::condition(reading.object));
        let output = self.get(request, Some(reading.object)).await?;
        let answered = ranges::answered(&output, reading.object, &missing)
            .map_err(|problem| ReadError::Final(self.range_error(&problem)))?;
        let bytes = &mut reading.bytes;
        let room = answered.end.saturating_sub(answered.start);
        bytes.reserve_exact(usize::try_from(room).unwrap_or_default());
        let most = (bytes.len() as u64).saturating_add(room);
        let body = answers::body(output, most, bytes);
        self.in_time(body, || {
            self.contradiction("has more bytes than its `Content-Range` says")
        })
        .await
    }

    fn request(&self) -> GetObjectFluentBuilder {
        self.connection
            .client
            .get_object()
            .bucket(&self.store.settings().bucket)
            .key(self.call.key)
    }

    /// Sends a request, with as many attempts as are left.
    async fn get(
        &self,
        request: GetObjectFluentBuilder,
        version: Option<&ObjectVersion>,
    ) -> Result<GetObjectOutput, ReadError> {
        let retries = RetryConfig::standard().with_max_attempts(self.attempts.left().max(1));
        let mark = marked(self.call.operation);
        let made = Arc::clone(&self.attempts.made);
        let sent = request
            .customize()
            .config_override(Config::builder().retry_config(retries))
            // Called once per attempt.
            .mutate_request(move |request| {
                made.fetch_add(1, Ordering::Relaxed);
                mark(request);
            })
            .send()
            .await;
        sent.map_err(|error| {
            // A range within the version is beyond the end of another one.
            let has_other_size = version
                .zip(errors::object_size(&error))
                .is_some_and(|(version, size)| version.size != size);
            ReadError::Final(if has_other_size {
                self.explain(&Fault::Replaced)
            } else {
                self.store.failed(self.connection, self.call, &error)
            })
        })
    }

    /// Waits for the end of a body, but not for ever.
    async fn in_time(
        &self,
        body: impl Future<Output = Result<(), BodyError>>,
        too_large: impl FnOnce() -> StorageError,
    ) -> Result<(), ReadError> {
        match tokio::time::timeout(self.store.settings().request_timeout, body).await {
            Err(_) => Err(ReadError::Broken(self.explain(&Fault::Timeout))),
            Ok(Err(BodyError::TooLarge)) => Err(ReadError::Final(too_large())),
            Ok(Err(BodyError::Broken(error))) => {
                let explained = self.explain(&errors::body_fault(&error));
                let cause = errors::render_chain(&error);
                Err(ReadError::Broken(with_cause(explained, cause)))
            }
            Ok(Ok(())) => Ok(()),
        }
    }

    fn range_error(&self, problem: &RangeProblem) -> StorageError {
        match problem {
            RangeProblem::Replaced => self.explain(&Fault::Replaced),
            RangeProblem::WholeObject => self.explain(&Fault::WholeObject),
            RangeProblem::Senseless(why) => self.contradiction(&why.0),
        }
    }

    fn ends_early(&self, reading: &RangeReading<'_>) -> StorageError {
        let Range { start, end } = reading.range;
        self.contradiction(&format!(
            "ends too early: of the bytes {start} to {}, only {} arrived",
            end.saturating_sub(1),
            reading.bytes.len()
        ))
    }

    fn explain(&self, fault: &Fault) -> StorageError {
        self.store.target(self.connection).explain(self.call, fault)
    }

    fn contradiction(&self, complaint: &str) -> StorageError {
        let target = self.store.target(self.connection);
        target.contradiction(self.call, complaint)
    }
}

impl RangeReading<'_> {
    /// Prepares the next request, and returns what it has to ask for.
    fn prepare(&mut self) -> Range<u64> {
        // Without a tag, the object may have been replaced since, unnoticed.
        if self.object.etag.is_none() {
            self.bytes.clear();
        }
        self.range.start.saturating_add(self.bytes.len() as u64)..self.range.end
    }

    fn is_complete(&self) -> bool {
        self.bytes.len() as u64 == self.range.end.saturating_sub(self.range.start)
    }
}

impl Attempts {
    fn left(&self) -> u32 {
        self.most.saturating_sub(self.made.load(Ordering::Relaxed))
    }

    /// Waits before the next attempt.
    async fn pause(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

fn too_large(key: &str, max_bytes: u64) -> StorageError {
    let text = format!("`{key}` is larger than the {max_bytes} bytes that it may have");
    StorageError::new(ErrorKind::Protocol, ErrorScope::TooLargeObject, text)
}
