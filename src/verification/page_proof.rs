//! Judgement of the failing pages of a backup by its WAL.

use std::ops::ControlFlow;

use archive_contents::backup::{
    BackupContext, BackupJudge, CheckedBackup, JudgedBackup, WalCoverage,
};
use archive_contents::codec::{self, DecodeLimits};
use archive_contents::wal::{SegmentContext, SegmentWalk, WalChain, WalkedSegment};
use archive_store::ObjectStore;
use barman_archive::barman::Compression;
use barman_archive::postgres::{SegmentName, WalDir};

use super::directory::ListedWalDir;
use super::server_job::{JobFailure, ServerJob};
use super::stream::{self, PieceReader};
use crate::assess::BackupTarget;
use crate::evidence::WalFile;

/// Judge after a segment, with the state at the segment's end; `None` if WAL ends there.
struct SeenSegment {
    judge: BackupJudge,
    walked: Option<WalkedSegment>,
}

impl<S: ObjectStore + 'static> ServerJob<'_, S> {
    /// Judges what fails in a backup by all WAL that makes it consistent. `None` if its
    /// `backup.info` does not say where that is, or the budget does not allow to read it.
    pub(super) async fn judge(
        &self,
        backup: &BackupTarget,
        checked: &CheckedBackup,
        context: &BackupContext,
    ) -> Result<Option<JudgedBackup>, JobFailure> {
        let (Some(mut judge), Some(begin)) = (BackupJudge::new(checked, context), backup.begin)
        else {
            return Ok(None);
        };
        let end_timeline = backup
            .info
            .end_wal()
            .map_or(begin.timeline, |name| name.timeline);
        let mut chain = None;
        let mut listed = ListedWalDir::default();
        let mut listed_dir = None;
        for number in begin.number..=backup.last_needed {
            let Some(timeline) = self.targets.owner(end_timeline, number) else {
                return Ok(Some(judge.finish(WalCoverage::Broken)));
            };
            let name = SegmentName::from_number(timeline, number, self.targets.segment_size);
            let wal_dir = WalDir::from(name);
            if listed_dir != Some(wal_dir) {
                listed = self.list_wal_dir(wal_dir).await?;
                listed_dir = Some(wal_dir);
            }
            let object = listed.files.get(&WalFile::whole(name.low));
            let Some(object) = object.filter(|object| object.is_read_at_once) else {
                return Ok(Some(judge.finish(WalCoverage::Broken)));
            };
            if self.grant(object.version.size).await?.is_some() {
                return Ok(None);
            }
            let segment = self.context(name, false);
            let compression = object.compression;
            let look =
                move |reader: &mut PieceReader| look_at(reader, compression, segment, chain, judge);
            let consumed = stream::consume(self, &object.version, look).await;
            let seen = match consumed {
                Ok(consumed) => consumed.result,
                Err(error) if self.fault_of_object(&error).is_some() => {
                    // What the judge has seen went with the read: WAL that is not whole proves nothing.
                    let judge = BackupJudge::new(checked, context);
                    return Ok(judge.map(|judge| judge.finish(WalCoverage::Broken)));
                }
                Err(error) => return Err(JobFailure::Store(error)),
            };
            judge = seen.judge;
            let Some(walked) = seen.walked else {
                return Ok(Some(judge.finish(WalCoverage::Broken)));
            };
            chain = Some(walked.chain);
        }
        Ok(Some(judge.finish(WalCoverage::Whole)))
    }
}

/// Shows the records of a segment to a judge, up to the first fault.
fn look_at(
    reader: &mut PieceReader,
    compression: Option<Compression>,
    context: SegmentContext,
    chain: Option<WalChain>,
    mut judge: BackupJudge,
) -> SeenSegment {
    let limits = DecodeLimits::of_plain_bytes(u64::from(context.size.bytes()));
    let Ok(mut walk) = SegmentWalk::begin(context, chain) else {
        return SeenSegment {
            judge,
            walked: None,
        };
    };
    let mut fault = None;
    let mut feed = |piece: &[u8]| match walk.feed(piece, &mut |record| judge.observe(record)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(found) => {
            fault = Some(found);
            ControlFlow::Break(())
        }
    };
    let decoded = codec::decode(compression, &mut *reader, limits, &mut feed);
    let is_whole = decoded.is_ok() && fault.is_none();
    let walked = walk.finish().ok().filter(|_| is_whole);
    SeenSegment { judge, walked }
}
