//! Reading of the parts of a base backup as a whole.

use std::ops::ControlFlow;

use archive_contents::backup::{BackupCheck, BackupContext, CheckedBackup};
use archive_contents::codec::{
    self, CodecFault, DecodeError, DecodeLimits, Decoded, Reaction, RestoreKind,
};
use archive_store::{ErrorScope, ObjectChecksums, ObjectStore, ObjectVersion};
use barman_archive::barman::{Compression, DataObject};

use super::backups::BackupPart;
use super::server_job::{JobFailure, ServerJob};
use super::stream::{self, Digest, PieceReader};
use crate::assess::BackupTarget;

/// Decompressed bytes that a backup may have beyond twice the size of its databases: more is a stream
/// that does not end.
const MOST_EXTRA_BYTES: u64 = 100 << 30;

/// Number of decompressed bytes that one byte can become: what gzip can do, rounded up.
const MOST_EXPANSION: u64 = 1100;

/// Result of reading all parts of a backup.
pub(super) struct ReadBackup {
    pub(super) checked: CheckedBackup,
    /// Sums over the parts, in their order.
    pub(super) digests: Vec<Digest>,
    /// Faults of compressed parts.
    pub(super) codec_faults: Vec<CodecFault>,
    /// Streams behind the first one that parts have: what a restore does with them, at worst.
    pub(super) later_streams: LaterStreamsOfParts,
    /// True if a part cannot be decompressed here.
    pub(super) is_unreadable: bool,
    /// True if a part differs from the checksum that the store has of it.
    pub(super) differs_from_store: bool,
    /// Number of parts that equal the checksum that the store has of them.
    pub(super) proven_by_store: usize,
}

/// Effect of several streams in one part, such as members of gzip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LaterStreamsOfParts {
    /// A restore reads everything.
    #[default]
    Harmless,
    /// A restore may fail.
    Doubtful,
    /// A restore does not read everything.
    Lost,
}

impl LaterStreamsOfParts {
    /// Returns the effect in a part that was decoded.
    const fn of(compression: Option<Compression>, decoded: &Decoded) -> Self {
        let Some(compression) = compression else {
            return Self::Harmless;
        };
        let behind_first = decoded.behind_first;
        let restore = RestoreKind::Base;
        match codec::reaction_to_several_streams(compression, restore, behind_first) {
            Reaction::RestoresAll => Self::Harmless,
            Reaction::Depends => Self::Doubtful,
            Reaction::RestoresPart | Reaction::Refuses => Self::Lost,
        }
    }
}

/// Result of reading one part.
struct ReadPart {
    check: BackupCheck,
    decoded: Result<Decoded, DecodeError>,
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    /// Reads all parts of a backup.
    pub(super) async fn read_parts(
        &self,
        backup: &BackupTarget,
        parts: &[BackupPart],
        context: BackupContext,
    ) -> Result<ReadBackup, JobFailure> {
        let mut check = BackupCheck::new(context);
        let mut digests = Vec::new();
        let mut codec_faults = Vec::new();
        let mut later_streams = LaterStreamsOfParts::default();
        let mut is_unreadable = false;
        let mut differs_from_store = false;
        let mut proven_by_store = 0;
        for part in parts {
            let version = ObjectVersion::of(&part.object);
            let stated = self.stated_checksums(&version).await?;
            let limits = DecodeLimits::of_plain_bytes(most_plain_bytes(backup, version.size));
            let data = part.data;
            let read = move |reader: &mut PieceReader| {
                reader.sum_also_crc32(stated.crc32.is_some());
                read_part(reader, check, data, limits)
            };
            let consumed = stream::consume(self, &version, read)
                .await
                .map_err(JobFailure::Store)?;
            check = consumed.result.check;
            match consumed.result.decoded {
                Ok(decoded) => {
                    let of_part = LaterStreamsOfParts::of(data.compression, &decoded);
                    later_streams = later_streams.max(of_part);
                }
                Err(DecodeError::Fault(fault)) => codec_faults.push(fault),
                Err(DecodeError::TooMuchMemory | DecodeError::Unsupported) => is_unreadable = true,
                Err(DecodeError::Read(_)) => {
                    return Err(JobFailure::Store(archive_store::StorageError::internal(
                        "a part of a backup was not read to its end",
                    )));
                }
            }
            match consumed.digest.compare(version.size, stated) {
                Some(true) => proven_by_store += 1,
                Some(false) => differs_from_store = true,
                None => {}
            }
            digests.push(consumed.digest);
        }
        Ok(ReadBackup {
            checked: check.finish(),
            digests,
            codec_faults,
            later_streams,
            is_unreadable,
            differs_from_store,
            proven_by_store,
        })
    }

    /// Asks for the checksums that the store has of an object; none if it does not know the question.
    async fn stated_checksums(
        &self,
        version: &ObjectVersion,
    ) -> Result<ObjectChecksums, JobFailure> {
        match self.store.checksums(version).await {
            Ok(checksums) => Ok(checksums),
            Err(error) => match error.scope() {
                // A side question: the read itself shows whether the object can be had.
                ErrorScope::RefusedCall
                | ErrorScope::Scan
                | ErrorScope::RefusedObject
                | ErrorScope::TooLargeObject => Ok(ObjectChecksums::default()),
                ErrorScope::GoneObject | ErrorScope::ReplacedObject => {
                    Err(JobFailure::Store(error))
                }
            },
        }
    }
}

/// Decodes a part and checks it, up to the first fault.
fn read_part(
    reader: &mut PieceReader,
    mut check: BackupCheck,
    data: DataObject,
    limits: DecodeLimits,
) -> ReadPart {
    check.begin_part(data.item, data.part);
    let mut feed = |piece: &[u8]| {
        check.feed(piece);
        match check.part_fault() {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    };
    let decoded = codec::decode(data.compression, reader, limits, &mut feed);
    check.end_part();
    ReadPart { check, decoded }
}

/// Most decompressed bytes of an object with this size.
fn most_plain_bytes(backup: &BackupTarget, bytes: u64) -> u64 {
    let by_databases = backup.info.cluster_size_bytes;
    let expected = match by_databases {
        Some(databases) => databases.saturating_mul(2),
        None => bytes.saturating_mul(MOST_EXPANSION),
    };
    expected.saturating_add(MOST_EXTRA_BYTES)
}
