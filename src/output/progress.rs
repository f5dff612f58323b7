//! Progress of scans, in one line.

use std::fmt::Write as _;

use chrono::TimeDelta;

use super::terminal::plain;
use super::words::{bytes, duration, grouped};

/// Progress of the scan of one archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanProgress {
    /// Configured name of the archive.
    pub archive: String,
    /// Number of pages listed so far, of up to 1,000 objects each.
    pub pages: u64,
    /// True if the scan has ended.
    pub has_ended: bool,
}

/// Maximum length of the line, in characters: one less than a usual terminal has, so that it never
/// wraps.
const WIDTH: usize = 79;

/// Shows the progress of scans in one line, without a line break.
#[must_use]
pub fn progress_line(scans: &[ScanProgress]) -> String {
    let pages: u64 = scans.iter().map(|scan| scan.pages).sum();
    let ended = scans.iter().filter(|scan| scan.has_ended).count();
    let scanned = match scans {
        [only] => plain(&only.archive),
        several => format!("{ended} of {} archives scanned", several.len()),
    };
    let unit = if pages == 1 { "page" } else { "pages" };
    let listed = format!(": {} {unit} of up to 1,000 objects listed…", grouped(pages));
    let left = WIDTH.saturating_sub(listed.chars().count());
    scanned.chars().take(left).chain(listed.chars()).collect()
}

/// Progress of reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadProgress {
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Estimate of all bytes that are to be read.
    pub planned_bytes: u64,
    /// Time since the first read.
    pub elapsed: TimeDelta,
}

/// Shows the progress of reads in one line, without a line break.
#[must_use]
pub fn reading_line(progress: ReadProgress) -> String {
    let ReadProgress {
        read_bytes,
        planned_bytes,
        elapsed,
    } = progress;
    // What seems to be damaged is read twice.
    let all = planned_bytes.max(read_bytes);
    let mut line = format!("{} of {} read", bytes(read_bytes), bytes(all));
    let milliseconds = u64::try_from(elapsed.num_milliseconds()).unwrap_or(0);
    let per_second = (u128::from(read_bytes) * 1000).checked_div(u128::from(milliseconds));
    if let Some(rate) = per_second.and_then(|rate| u64::try_from(rate).ok())
        && let Some(left) = (all - read_bytes).checked_div(rate)
    {
        let left = TimeDelta::seconds(i64::try_from(left).unwrap_or(i64::MAX / 1000));
        let _ = write!(line, ", {}/s, {} left", bytes(rate), duration(left));
    }
    line.push('…');
    line.chars().take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_show_their_rate_and_the_time_left() {
        let line = |read_bytes, planned_bytes, seconds| {
            reading_line(ReadProgress {
                read_bytes,
                planned_bytes,
                elapsed: TimeDelta::seconds(seconds),
            })
        };

        let half = line(1 << 30, 3 << 30, 60);
        assert_eq!(half, "1.0 GiB of 3.0 GiB read, 17.1 MiB/s, 2 minutes left…");
        assert_eq!(line(0, 1 << 20, 0), "0 bytes of 1.0 MiB read…");
        assert_eq!(
            line(2 << 20, 1 << 20, 1),
            "2.0 MiB of 2.0 MiB read, 2.0 MiB/s, 0 seconds left…"
        );
        assert!(line(u64::MAX, u64::MAX, i64::MAX / 1000).chars().count() <= WIDTH);
    }

    fn scan(archive: &str, pages: u64, has_ended: bool) -> ScanProgress {
        ScanProgress {
            archive: archive.to_owned(),
            pages,
            has_ended,
        }
    }

    #[test]
    fn one_archive_is_named() {
        let one = progress_line(&[scan("production", 1, false)]);
        let many = progress_line(&[scan("production", 12_345, false)]);

        assert_eq!(one, "production: 1 page of up to 1,000 objects listed…");
        assert_eq!(
            many,
            "production: 12,345 pages of up to 1,000 objects listed…"
        );
    }

    #[test]
    fn several_archives_are_summed() {
        let line = progress_line(&[scan("a", 3, true), scan("b", 4, false)]);

        assert_eq!(
            line,
            "1 of 2 archives scanned: 7 pages of up to 1,000 objects listed…"
        );
    }

    #[test]
    fn a_name_neither_wraps_nor_steers_the_terminal() {
        let line = progress_line(&[scan(&format!("\u{1b}[2J\n{}", "x".repeat(200)), 7, false)]);

        assert_eq!(line.chars().count(), WIDTH);
        assert!(
            line.starts_with("\u{fffd}[2J\u{fffd}xxx") && line.ends_with("listed…"),
            "{line}"
        );
    }
}
