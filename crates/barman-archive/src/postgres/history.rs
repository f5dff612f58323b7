//! Timeline history files.

use super::{Lsn, TimelineId};

/// History of one timeline: the timelines that it came through.
///
/// `PostgreSQL` manual, chapter 26.3.6 "Timelines"; read as `readTimeLineHistory` in `timeline.c`
/// does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineHistory {
    timeline: TimelineId,
    /// Ancestors in the order of the file: oldest first, the direct parent last.
    ancestors: Vec<Ancestor>,
}

/// Timeline that another one came through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Timeline that was left.
    pub timeline: TimelineId,
    /// Position at which it was left: its WAL from here on belongs to another history.
    pub switched_at: Lsn,
    /// Reason in `PostgreSQL`'s words. May be empty.
    pub reason: String,
}

/// Interval of WAL positions that a history gives to one timeline: a `TimeLineHistoryEntry`.
///
/// Switch points need not ascend: after a recovery to a point before an earlier switch, an interval
/// can end before it starts. Such an interval is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineInterval {
    /// Timeline that owns the interval.
    pub timeline: TimelineId,
    /// First position; `None` for the oldest timeline.
    pub begins_at: Option<Lsn>,
    /// First position after the interval; `None` for the timeline that the history belongs to.
    pub ends_at: Option<Lsn>,
}

/// Defect of a history file with which `PostgreSQL` refuses to start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// A line that does not start with a timeline and a WAL position.
    #[error("line {number} is not a timeline and a WAL position")]
    Line {
        /// Number of the line, from 1.
        number: usize,
    },
    /// A line with a timeline that is not above the one before it, or not below the file's own.
    #[error("line {number} names timeline {timeline} out of order")]
    Order {
        /// Number of the line, from 1.
        number: usize,
        /// Timeline that the line names.
        timeline: TimelineId,
    },
}

/// Maximum length of a line, in bytes: the rest is read as the next line (`fgets` with a buffer of
/// `MAXPGPATH`).
const LONGEST_LINE: usize = 1023;

impl TimelineHistory {
    /// History of a timeline without ancestors: that of timeline 1, and of every timeline whose
    /// history file is missing (`readTimeLineHistory`: "assume no parents").
    #[must_use]
    pub const fn without_ancestors(timeline: TimelineId) -> Self {
        Self {
            timeline,
            ancestors: Vec::new(),
        }
    }

    /// History of a timeline that came through these ancestors, oldest first.
    #[must_use]
    pub const fn of_ancestors(timeline: TimelineId, ancestors: Vec<Ancestor>) -> Self {
        Self {
            timeline,
            ancestors,
        }
    }

    /// Reads the history file of a timeline, already decompressed.
    ///
    /// An empty file yields a history without ancestors.
    ///
    /// # Errors
    /// Returns an error if `PostgreSQL` would fail with "syntax error in history file" or "invalid data in history
    /// file".
    pub fn parse(timeline: TimelineId, content: &[u8]) -> Result<Self, HistoryError> {
        let mut ancestors: Vec<Ancestor> = Vec::new();
        let lines = content.split(|byte| *byte == b'\n');
        for (number, line) in (1..).zip(lines) {
            for piece in line.chunks(LONGEST_LINE) {
                let Some(text) = statement(piece) else {
                    continue;
                };
                let Some(ancestor) = Ancestor::parse(text) else {
                    return Err(HistoryError::Line { number });
                };
                let is_above_the_last = match ancestors.last() {
                    Some(last) => last.timeline < ancestor.timeline,
                    None => true,
                };
                if !is_above_the_last || ancestor.timeline >= timeline {
                    return Err(HistoryError::Order {
                        number,
                        timeline: ancestor.timeline,
                    });
                }
                ancestors.push(ancestor);
            }
        }
        Ok(Self {
            timeline,
            ancestors,
        })
    }

    /// Timeline that the history belongs to.
    #[must_use]
    pub const fn timeline(&self) -> TimelineId {
        self.timeline
    }

    /// Timelines that the history came through, oldest first, the direct parent last.
    #[must_use]
    pub fn ancestors(&self) -> &[Ancestor] {
        &self.ancestors
    }

    /// Position at which the history left an ancestor; `None` if it never was on that timeline.
    #[must_use]
    pub fn left(&self, ancestor: TimelineId) -> Option<Lsn> {
        let entry = self
            .ancestors
            .iter()
            .find(|entry| entry.timeline == ancestor)?;
        Some(entry.switched_at)
    }

    /// Intervals of the timeline and its ancestors, newest first: `expectedTLEs`.
    #[must_use]
    pub fn intervals(&self) -> Vec<TimelineInterval> {
        let mut intervals = Vec::with_capacity(self.ancestors.len() + 1);
        let mut begins_at = None;
        for ancestor in &self.ancestors {
            let ends_at = position(ancestor.switched_at);
            intervals.push(TimelineInterval {
                timeline: ancestor.timeline,
                begins_at,
                ends_at,
            });
            begins_at = ends_at;
        }
        intervals.push(TimelineInterval {
            timeline: self.timeline,
            begins_at,
            ends_at: None,
        });
        intervals.reverse();
        intervals
    }
}

/// Returns a position; `None` for 0, which `PostgreSQL` treats as none (`InvalidXLogRecPtr`).
fn position(lsn: Lsn) -> Option<Lsn> {
    (lsn.0 != 0).then_some(lsn)
}

/// Text of a line up to a NUL; `None` for a blank line or a comment.
fn statement(line: &[u8]) -> Option<&[u8]> {
    let text = line.split(|byte| *byte == 0).next()?;
    let text = skip_spaces(text);
    let is_comment = text.starts_with(b"#");
    if is_comment || text.is_empty() {
        return None;
    }
    Some(text)
}

impl Ancestor {
    /// Reads a line as `sscanf` does with `%u\t%X/%X`, where a tab stands for any white space.
    fn parse(text: &[u8]) -> Option<Self> {
        let (timeline, text) = scan_number(text, 10)?;
        let (high, text) = scan_number(text, 16)?;
        let text = text.strip_prefix(b"/")?;
        let (low, text) = scan_number(text, 16)?;
        let position = u64::from(high) << 32 | u64::from(low);
        let reason = String::from_utf8_lossy(text);
        Some(Self {
            timeline: TimelineId(timeline),
            switched_at: Lsn(position),
            reason: reason.trim().to_owned(),
        })
    }
}

/// Reads a number as `%u` and `%X` of `sscanf` do: it may have white space and a sign in front,
/// and `0x` if it is hexadecimal.
fn scan_number(text: &[u8], radix: u32) -> Option<(u32, &[u8])> {
    let text = skip_spaces(text);
    let is_negative = text.starts_with(b"-");
    let unsigned = match text {
        [b'-' | b'+', unsigned @ ..] => unsigned,
        _ => text,
    };
    let digits = without_prefix(unsigned, radix);
    let mut number: u64 = 0;
    let mut length = 0;
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(radix) else {
            break;
        };
        number = number.saturating_mul(radix.into());
        number = number.saturating_add(digit.into());
        length += 1;
    }
    if length == 0 {
        return None;
    }
    if is_negative {
        number = number.wrapping_neg();
    }
    // Only the lower half, as in the C code.
    let number = u32::try_from(number & u64::from(u32::MAX)).ok()?;
    let rest = digits.get(length..)?;
    Some((number, rest))
}

/// Strips the `0x` of a hexadecimal number, if digits follow.
fn without_prefix(text: &[u8], radix: u32) -> &[u8] {
    let [b'0', b'x' | b'X', digits @ ..] = text else {
        return text;
    };
    let has_digits = digits.first().is_some_and(u8::is_ascii_hexdigit);
    if radix == 16 && has_digits {
        digits
    } else {
        text
    }
}

/// Skips white space at the start, as `isspace` of C defines it.
fn skip_spaces(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let [first, after @ ..] = rest {
        // Rust's ASCII white space does not include the vertical tab.
        let is_space = first.is_ascii_whitespace() || *first == 0x0B;
        if !is_space {
            break;
        }
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn a_file_without_lines_has_no_ancestors() {
        for content in [&b""[..], b"\n", b"# nothing\n"] {
            let history = TimelineHistory::parse(TimelineId(2), content);

            assert_eq!(
                history,
                Ok(TimelineHistory::without_ancestors(TimelineId(2)))
            );
        }
    }

    #[test]
    fn every_timeline_owns_what_lies_between_two_switches() {
        let file = b"1\t0/D0000A0\tx\n2\t0/120000A0\tx\n3\t0/7000068\tafter LSN 0/7000028\n";

        let history = TimelineHistory::parse(TimelineId(4), file).unwrap();

        let interval = |timeline, begins_at: Option<u64>, ends_at: Option<u64>| TimelineInterval {
            timeline: TimelineId(timeline),
            begins_at: begins_at.map(Lsn),
            ends_at: ends_at.map(Lsn),
        };
        assert_eq!(
            history.intervals(),
            [
                interval(4, Some(0x700_0068), None),
                interval(3, Some(0x1200_00A0), Some(0x700_0068)),
                interval(2, Some(0xD00_00A0), Some(0x1200_00A0)),
                interval(1, None, Some(0xD00_00A0)),
            ]
        );
    }

    #[test]
    fn numbers_are_read_as_sscanf_reads_them() {
        let read = |content: &[u8]| {
            let history = TimelineHistory::parse(TimelineId(9), content).unwrap();
            let ancestor = history.ancestors()[0].clone();
            (ancestor.timeline.0, ancestor.switched_at.0)
        };

        assert_eq!(read(b"1 0/1 spaces"), (1, 1));
        assert_eq!(read(b"1\t0x0/0xA0\tx"), (1, 0xA0));
        assert_eq!(read(b"+1\x0B0/A\x00/"), (1, 0xA));
        assert_eq!(read(b"1\t0/10\xFF"), (1, 0x10));
    }

    #[test]
    fn the_rest_of_a_line_that_is_too_long_is_read_as_the_next_one() {
        let line = format!("1\t0/1\t{:1017}2\t0/2\ty", "");

        let history = TimelineHistory::parse(TimelineId(3), line.as_bytes()).unwrap();

        assert_eq!(history.ancestors().len(), 2);
    }

    #[test]
    fn what_makes_no_sense_is_an_error_with_its_line() {
        let parse = |content: &[u8]| TimelineHistory::parse(TimelineId(3), content).unwrap_err();

        assert_eq!(parse(b"\xFF"), HistoryError::Line { number: 1 });
        assert_eq!(parse(b"1 0 /1"), HistoryError::Line { number: 1 });
        assert_eq!(parse(b"1\n0/1"), HistoryError::Line { number: 1 });
        assert_eq!(parse(b"1\tnowhere\tx"), HistoryError::Line { number: 1 });
        let order = |number, timeline| HistoryError::Order {
            number,
            timeline: TimelineId(timeline),
        };
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
