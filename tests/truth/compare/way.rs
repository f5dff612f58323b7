//! The way that a restore has taken, read from what PostgreSQL asked for.
//!
//! For each number PostgreSQL asks first for the segment of the newest timeline that has begun there
//! (`XLogFileReadAnyTLI` in `xlogrecovery.c`): that one is on the path. Where it is missing, older
//! timelines are asked, which leads into a branch that was given up.

use crate::archive::file_name;
use crate::case::Restore;
use crate::wal::Segment;

/// Where replay went, and where it left the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// The last complete segment of the path that was replayed before the first one missing.
    pub(crate) last: Option<Segment>,
    /// The segment of the path that was not there.
    pub(crate) missing: Option<Segment>,
    /// The segment whose partial file was given for it.
    pub(crate) partial: Option<Segment>,
    /// A segment that was given and is of no use: its content is of another life.
    pub(crate) foreign: Option<Segment>,
}

impl Way {
    /// The way of a restore that came up and began at a segment of this number.
    pub(crate) fn of(restore: &Restore, first: u64) -> Self {
        let mut way = Self::default();
        for number in first.. {
            let Some((segment, request)) = restore.first_asked(number) else { break };
            if !request.is_answered() {
                way.missing = Some(segment);
                way.partial = partial(restore, number);
                break;
            }
            if !is_replayed(restore, number) {
                way.foreign = Some(segment);
                break;
            }
            way.last = Some(segment);
        }
        way
    }
}

/// Whether something in a segment that was given has been replayed.
fn is_replayed(restore: &Restore, number: u64) -> bool {
    let is_followed = restore.first_asked(number + 1).is_some();
    is_followed || restore.redo_done.is_some_and(|lsn| lsn.segment() >= number)
}

/// The segment of this number that was given as a partial file.
fn partial(restore: &Restore, number: u64) -> Option<Segment> {
    let answered = restore.asked(number).find(|(_, request)| request.object.is_some());
    let (_, request) = answered?;
    Segment::parse_partial(file_name(request.object.as_deref()?))
}
