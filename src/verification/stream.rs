//! Objects as streams: pieces are fetched by an async task and consumed off the async threads.

use std::io::{self, Read};
use std::ops::Range;
use std::time::Duration;

use archive_store::{
    ErrorKind, ErrorScope, ObjectChecksums, ObjectStore, ObjectVersion, StorageError,
};
use tokio::sync::mpsc;

use super::background;
use super::server_job::ServerJob;

/// Size of the pieces that are fetched, in bytes. Three of them are in memory at most: one that is
/// consumed, one that waits, and one that arrives.
pub(super) const PIECE_BYTES: u64 = 2 << 20;

/// Number of times that a piece is asked for, beyond the store's own attempts: a large object is not
/// read anew because of one outage.
const TRIES: u32 = 6;

/// Pause after the first of them; doubled each time after that.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Sums over the bytes of an object that were consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    bytes: u64,
    crc32c: u32,
    /// `None` unless it was asked for.
    crc32: Option<u32>,
}

impl Digest {
    /// Compares the sums with those that the store has of an object of this size; `None` if there is
    /// nothing to compare.
    pub(super) fn compare(&self, size: u64, stated: ObjectChecksums) -> Option<bool> {
        if self.bytes != size {
            return None;
        }
        let crc32c = stated.crc32c.map(|stated| stated == self.crc32c);
        let crc32 = stated
            .crc32
            .zip(self.crc32)
            .map(|(stated, found)| stated == found);
        match (crc32c, crc32) {
            (None, None) => None,
            (crc32c, crc32) => Some(crc32c.unwrap_or(true) && crc32.unwrap_or(true)),
        }
    }
}

/// Object that is read piece by piece, on a thread that may block.
pub(super) struct PieceReader {
    pieces: mpsc::Receiver<Result<Vec<u8>, ()>>,
    piece: Vec<u8>,
    at: usize,
    digest: Digest,
    crc32: Option<flate2::Crc>,
}

/// Result of consuming an object.
pub(super) struct Consumed<T> {
    /// What the consumer returned.
    pub(super) result: T,
    /// Sum over what it consumed.
    pub(super) digest: Digest,
}

impl PieceReader {
    /// Consumes the rest, so that the sum is one over the whole object.
    pub(super) fn drain(&mut self) {
        // A failure shows in the digest, which is then shorter.
        let _ = io::copy(self, &mut io::sink());
    }

    /// Sums up as CRC-32 as well, if that is needed. To be called before the first read.
    pub(super) fn sum_also_crc32(&mut self, is_needed: bool) {
        self.crc32 = is_needed.then(flate2::Crc::new);
    }

    fn next_piece(&mut self) -> io::Result<bool> {
        match self.pieces.blocking_recv() {
            Some(Ok(piece)) => {
                self.digest.bytes += piece.len() as u64;
                self.digest.crc32c = crc32c::crc32c_append(self.digest.crc32c, &piece);
                if let Some(crc32) = &mut self.crc32 {
                    crc32.update(&piece);
                    self.digest.crc32 = Some(crc32.sum());
                }
                self.piece = piece;
                self.at = 0;
                Ok(true)
            }
            Some(Err(())) => Err(io::Error::other("a piece cannot be fetched")),
            None => Ok(false),
        }
    }
}

impl Read for PieceReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            if !self.next_piece()? {
                return Ok(0);
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(bytes.len());
        let (Some(from), Some(to)) = (rest.get(..taken), bytes.get_mut(..taken)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        self.at += taken;
        Ok(taken)
    }
}

/// Reads one version of an object, and hands it to a consumer on a thread that may block and that everything
/// else goes before.
///
/// # Errors
/// Fails if a piece cannot be fetched, whatever the consumer has returned by then.
pub(super) async fn consume<S, T>(
    job: &ServerJob<'_, S>,
    object: &ObjectVersion,
    use_pieces: impl FnOnce(&mut PieceReader) -> T + Send + 'static,
) -> Result<Consumed<T>, StorageError>
where
    S: ObjectStore + 'static,
    T: Send + 'static,
{
    let (sender, pieces) = mpsc::channel(1);
    let task = background::start(move || {
        let mut reader = PieceReader {
            pieces,
            piece: Vec::new(),
            at: 0,
            digest: Digest::default(),
            crc32: None,
        };
        let result = use_pieces(&mut reader);
        Consumed {
            result,
            digest: reader.digest,
        }
    });
    let fetched = fetch(job, object, &sender).await;
    drop(sender);
    let consumed = task
        .await
        .map_err(|_| StorageError::internal("an object could not be read to its end"))?;
    fetched.map(|()| consumed)
}

/// Fetches pieces until the consumer wants no more.
async fn fetch<S: ObjectStore + 'static>(
    job: &ServerJob<'_, S>,
    object: &ObjectVersion,
    sender: &mpsc::Sender<Result<Vec<u8>, ()>>,
) -> Result<(), StorageError> {
    let mut at = 0;
    while at < object.size {
        let end = at.saturating_add(PIECE_BYTES).min(object.size);
        let Ok(permit) = sender.reserve().await else {
            return Ok(());
        };
        job.calm().await;
        match fetch_patiently(job.store.as_ref(), object, at..end).await {
            Ok(piece) => {
                job.statistics.read(piece.len() as u64);
                permit.send(Ok(piece));
            }
            Err(error) => {
                permit.send(Err(()));
                return Err(error);
            }
        }
        at = end;
    }
    Ok(())
}

/// Fetches a piece, and again after a pause if the store cannot be reached or does not answer as it
/// should: a body that ends early is the network's fault until it ends so again and again.
async fn fetch_patiently(
    store: &impl ObjectStore,
    object: &ObjectVersion,
    range: Range<u64>,
) -> Result<Vec<u8>, StorageError> {
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    loop {
        let error = match store.read_range(object, range.clone()).await {
            Ok(piece) => return Ok(piece),
            Err(error) => error,
        };
        let may_pass = match error.kind() {
            ErrorKind::Network
            | ErrorKind::Timeout
            | ErrorKind::Throttled
            | ErrorKind::Protocol => error.scope() == ErrorScope::Scan,
            ErrorKind::Auth | ErrorKind::NotFound | ErrorKind::Internal => false,
        };
        if !may_pass || tries == TRIES {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        tries += 1;
        pause *= 2;
    }
}
