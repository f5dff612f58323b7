//! Way that a restore has taken, read from PostgreSQL's requests.
//!
//! For each number, PostgreSQL first asks for the segment of the newest timeline that has started
//! there (`XLogFileReadAnyTLI` in `xlogrecovery.c`): that one is on the path. If it is missing,
//! PostgreSQL asks for older timelines, which leads into an abandoned branch.

use crate::truth::archive::file_name;
use crate::truth::case::Restore;
use crate::truth::wal::Segment;

/// Course of a replay, and the point at which it left the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// Last complete segment of the path that was replayed before the first missing one.
    pub(crate) last: Option<Segment>,
    /// Missing segment of the path.
    pub(crate) missing: Option<Segment>,
    /// Segment whose partial file was returned instead.
    pub(crate) partial: Option<Segment>,
    /// Segment that was returned but is useless: its content is of another life.
    pub(crate) foreign: Option<Segment>,
}

impl Way {
    /// Way of a restore that came up and started at a segment of this number.
    pub(crate) fn of(restore: &Restore, first: u64) -> Self {
        let mut way = Self::default();
        for number in first.. {
            let Some((segment, request)) = restore.first_asked(number) else {
                break;
            };
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

/// Returns whether something in a returned segment has been replayed.
fn is_replayed(restore: &Restore, number: u64) -> bool {
    let is_followed = restore.first_asked(number + 1).is_some();
    is_followed || restore.redo_done.is_some_and(|lsn| lsn.segment() >= number)
}

/// Segment of this number that was returned as a partial file.
fn partial(restore: &Restore, number: u64) -> Option<Segment> {
    let answered = restore
        .asked(number)
        .find(|(_, request)| request.object.is_some());
    let (_, request) = answered?;
    Segment::parse_partial(file_name(request.object.as_deref()?))
}
