//! Timeline history files.

use super::{Lsn, TimelineId};

/// Where a timeline comes from, as its history file says.
///
/// `PostgreSQL` manual, chapter 26.3.6 "Timelines"; read as `readTimeLineHistory` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineHistory {
    /// The timelines it came through, oldest first; the last one is its direct parent. Never empty.
    ancestors: Vec<Ancestor>,
}

/// One timeline that another one came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// The timeline that was left.
    pub timeline: TimelineId,
    /// Where it was left: its WAL from here on belongs to another history.
    pub switched_at: Lsn,
    /// Why, in `PostgreSQL`'s words. May be empty.
    pub reason: String,
}

/// A history file that `PostgreSQL` could not have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The file is not text.
    #[error("not UTF-8 text")]
    NotText,
    /// A line has not the form `parent<TAB>position<TAB>reason`.
    #[error("line {number} is not a timeline, a WAL position and a reason")]
    Line {
        /// Number of the line, from 1.
        number: usize,
    },
    /// A line names a timeline that is not above the one before it, or not below the file's own.
    #[error("line {number} names timeline {timeline} out of order")]
    Order {
        /// Number of the line, from 1.
        number: usize,
        /// The timeline that it names.
        timeline: TimelineId,
    },
    /// No line names a parent.
    #[error("no line names a parent timeline")]
    Empty,
}

impl TimelineHistory {
    /// Reads the history file of a timeline, already decompressed.
    ///
    /// # Errors
    /// When the file makes no sense; the parent of the timeline is then unknown.
    pub fn parse(timeline: TimelineId, content: &[u8]) -> Result<Self, HistoryError> {
        let text = std::str::from_utf8(content).map_err(|_| HistoryError::NotText)?;
        let mut ancestors: Vec<Ancestor> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let ancestor = Ancestor::parse(line).ok_or(HistoryError::Line { number })?;
            let after_last = ancestors.last().is_none_or(|last| last.timeline < ancestor.timeline);
            if !after_last || ancestor.timeline >= timeline {
                return Err(HistoryError::Order { number, timeline: ancestor.timeline });
            }
            ancestors.push(ancestor);
        }
        if ancestors.is_empty() { Err(HistoryError::Empty) } else { Ok(Self { ancestors }) }
    }

    /// The timelines that it came through, oldest first, the direct parent last.
    #[must_use]
    pub fn ancestors(&self) -> &[Ancestor] {
        &self.ancestors
    }

    /// Where the timeline's history left an ancestor; `None` if it never was on that timeline.
    #[must_use]
    pub fn left(&self, ancestor: TimelineId) -> Option<Lsn> {
        let entry = self.ancestors.iter().find(|entry| entry.timeline == ancestor)?;
        Some(entry.switched_at)
    }
}

impl Ancestor {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, '\t');
        Some(Self {
            timeline: TimelineId(fields.next()?.trim().parse().ok()?),
            switched_at: fields.next()?.trim().parse().ok()?,
            reason: fields.next().unwrap_or_default().trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_line_names_the_direct_parent() {
        let file = b"1\t0/160000A0\tno recovery target specified\n\n\
                     2\t0/1F0000F8\tat restore point \"before_mistake\"\n";

        let history = TimelineHistory::parse(TimelineId(3), file).unwrap();

        let parent = history.ancestors().last().unwrap();
        assert_eq!(parent.timeline, TimelineId(2));
        assert_eq!(parent.switched_at, Lsn(0x1F00_00F8));
        assert_eq!(parent.reason, "at restore point \"before_mistake\"");
        assert_eq!(history.left(TimelineId(1)), Some(Lsn(0x1600_00A0)));
        assert_eq!(history.left(TimelineId(3)), None);
    }

    #[test]
    fn blank_lines_and_comments_are_skipped() {
        let history = TimelineHistory::parse(TimelineId(2), b"\n# by hand\n 1\t0/1\n").unwrap();

        assert_eq!(history.ancestors().len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_an_error_with_its_line() {
        let parse = |content: &[u8]| TimelineHistory::parse(TimelineId(3), content).unwrap_err();

        assert_eq!(parse(b""), HistoryError::Empty);
        assert_eq!(parse(b"\xFF"), HistoryError::NotText);
        assert_eq!(parse(b"1 0/1 spaces"), HistoryError::Line { number: 1 });
        assert_eq!(parse(b"1\tnowhere\tx"), HistoryError::Line { number: 1 });
        let order =
            |number, timeline| HistoryError::Order { number, timeline: TimelineId(timeline) };
        assert_eq!(parse(b"2\t0/1\tx\n1\t0/2\ty"), order(2, 1));
        assert_eq!(parse(b"3\t0/1\tits own parent"), order(1, 3));
    }

    proptest! {
        #[test]
        fn a_history_survives_a_round_trip(
            switches in prop::collection::btree_map(1_u32..1000, (any::<u64>(), "[ -~]{0,30}"), 1..10),
        ) {
            let lines: Vec<_> = switches.iter()
                .map(|(timeline, (position, reason))| format!("{timeline}	{}	{reason}", Lsn(*position)))
                .collect();
            let text = lines.join("

");

            let history = TimelineHistory::parse(TimelineId(1000), text.as_bytes()).unwrap();

            let read = history.ancestors().iter()
                .map(|ancestor| (ancestor.timeline.0, (ancestor.switched_at.0, ancestor.reason.clone())));
            let written = switches.iter()
                .map(|(timeline, (position, reason))| (*timeline, (*position, reason.trim().to_owned())));
            prop_assert!(read.eq(written));
        }

        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>, timeline: u32) {
            let _ = TimelineHistory::parse(TimelineId(timeline), &content);
        }
    }
}
