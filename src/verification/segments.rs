//! Reading of one WAL file as a whole.

use archive_contents::codec::{self, CodecFault, DecodeError, DecodeLimits, Reaction, RestoreKind};
use archive_contents::wal::{
    SegmentContext, SegmentSurvey, SurveyedSegment, WalChain, WalDamage, WalFault, WalRecord,
    WalkedSegment,
};
use archive_store::{ObjectStore, StorageError};
use barman_archive::barman::Compression;
use barman_archive::postgres::Lsn;
use std::ops::ControlFlow;

use super::directory::WalObject;
use super::server_job::ServerJob;
use super::stream::{self, Digest, PieceReader};
use crate::evidence::{Effect, FaultKind, SegmentFault};

/// Result of reading a WAL file.
#[derive(Debug)]
pub(super) struct ReadSegment {
    /// Sum over the bytes that were read.
    pub(super) digest: Digest,
    /// State at the end, if the walk came there.
    pub(super) walked: Option<WalkedSegment>,
    /// Fault, if there is one.
    pub(super) fault: Option<SegmentFault>,
    /// True if the fault may be harmless for a restore.
    pub(super) is_harmless: bool,
    /// First record, if the WAL of another cluster ends before the segment.
    pub(super) starts_anew: Option<Lsn>,
    /// First position of the segment.
    pub(super) begin: Lsn,
}

/// Result of decoding and walking.
struct Surveyed {
    decoded: Result<(), DecodeError>,
    surveyed: SurveyedSegment,
}

/// Reads a WAL file, and walks over it from the end of the one before, if that is known.
///
/// # Errors
/// Fails if the object cannot be read, is gone, or was replaced.
pub(super) async fn read_segment<S: ObjectStore + 'static>(
    job: &ServerJob<'_, S>,
    object: &WalObject,
    context: SegmentContext,
    chain: Option<WalChain>,
) -> Result<ReadSegment, StorageError> {
    let begin = begin_of(&context);
    let compression = object.compression;
    let survey =
        move |reader: &mut PieceReader| survey(reader, compression, context, chain, &mut |_| ());
    let consumed = stream::consume(job, &object.version, survey).await?;
    let mut read = ReadSegment {
        digest: consumed.digest,
        walked: None,
        fault: None,
        is_harmless: false,
        starts_anew: None,
        begin,
    };
    match consumed.result {
        Ok(surveyed) => read.judge(surveyed, compression),
        Err(fault) => {
            read.fault = Some(fault_of_damage(WalDamage {
                fault,
                ends_at: begin,
                sound_from: None,
            }));
        }
    }
    Ok(read)
}

/// Decodes an object and walks over it to its end, whatever is wrong with it.
fn survey(
    reader: &mut PieceReader,
    compression: Option<Compression>,
    context: SegmentContext,
    chain: Option<WalChain>,
    observe: &mut impl FnMut(WalRecord<'_>),
) -> Result<Surveyed, WalFault> {
    let limits = DecodeLimits::of_plain_bytes(u64::from(context.size.bytes()));
    let mut survey = SegmentSurvey::begin(context, chain)?;
    let mut feed = |piece: &[u8]| {
        survey.feed(piece, observe);
        ControlFlow::Continue(())
    };
    let decoded = codec::decode(compression, &mut *reader, limits, &mut feed);
    if !matches!(decoded, Err(DecodeError::Read(_))) {
        reader.drain();
    }
    Ok(Surveyed {
        decoded: decoded.map(|_| ()),
        surveyed: survey.finish(),
    })
}

/// First position of a segment.
pub(super) fn begin_of(context: &SegmentContext) -> Lsn {
    let number = context.name.number(context.size).unwrap_or_default();
    context.size.begin_of(number)
}

impl ReadSegment {
    /// Effect of a segment of which replay reads nothing.
    pub(super) const fn ends_before(&self) -> Effect {
        Effect::EndsReplay {
            ends_at: self.begin,
            sound_from: None,
        }
    }

    fn judge(&mut self, surveyed: Surveyed, compression: Option<Compression>) {
        let Surveyed { decoded, surveyed } = surveyed;
        let codec_fault = match decoded {
            Ok(()) => None,
            Err(DecodeError::Fault(fault)) => Some(fault),
            Err(DecodeError::TooMuchMemory) => {
                self.fault = Some(unreadable(FaultKind::TooMuchMemory));
                return;
            }
            Err(DecodeError::Unsupported | DecodeError::Read(_)) => {
                self.fault = Some(unreadable(FaultKind::UnknownFormat));
                return;
            }
        };
        if let Some(fault) = codec_fault {
            let reaction = codec::reaction(fault, compression, RestoreKind::Wal);
            self.fault = Some(fault_of_codec(fault, reaction, self.ends_before()));
            self.is_harmless = surveyed.damage.is_none()
                && matches!(fault, CodecFault::Trailing(_))
                && reaction != Reaction::Refuses;
            if self.is_harmless {
                self.walked = surveyed.walked;
            }
            return;
        }
        self.fault = surveyed.damage.map(fault_of_damage);
        self.walked = surveyed.walked;
    }
}

fn unreadable(kind: FaultKind) -> SegmentFault {
    SegmentFault::new(kind, Effect::Unknown)
}

fn fault_of_codec(fault: CodecFault, reaction: Reaction, ends_before: Effect) -> SegmentFault {
    let kind = FaultKind::of_codec(fault);
    let effect = match (fault, reaction) {
        (CodecFault::TooLong { .. }, _) | (_, Reaction::RestoresPart) => Effect::WrongSize,
        (CodecFault::Trailing(_), Reaction::RestoresAll | Reaction::Depends) => Effect::Unknown,
        // The restore does not get the segment.
        (_, Reaction::Refuses | Reaction::RestoresAll | Reaction::Depends) => ends_before,
    };
    SegmentFault::new(kind, effect)
}

fn fault_of_damage(damage: WalDamage) -> SegmentFault {
    let kind = FaultKind::of_wal(damage.fault);
    let effect = if kind == FaultKind::Length {
        Effect::WrongSize
    } else if kind.is_unreadable() {
        Effect::Unknown
    } else {
        Effect::EndsReplay {
            ends_at: damage.ends_at,
            sound_from: damage.sound_from,
        }
    };
    SegmentFault::new(kind, effect)
}
