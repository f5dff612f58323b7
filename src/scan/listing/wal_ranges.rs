//! Ranges of keys that a rescan lists.

use std::collections::BTreeSet;

use archive_listing::{KeyRange, end_of};
use barman_archive::postgres::WalDir;

use super::wal_plan::Group;

/// Returns ranges with everything except for `wals/` of some servers: of each of these one up to
/// there, and one for all other directories between two of them.
///
/// Directories are in order, and keys with their slash.
pub(super) fn ranges_without_wal(
    root: &str,
    directories: &[String],
    skipping: &BTreeSet<String>,
) -> Vec<KeyRange> {
    let is_skipping = |directory: &String| skipping.contains(directory);
    let groups = directories.chunk_by(|left, right| !is_skipping(left) && !is_skipping(right));
    let mut before: Option<&String> = None;
    let mut ranges = Vec::new();
    for group in groups {
        let Some((first, last)) = group.first().zip(group.last()) else {
            continue;
        };
        ranges.push(if is_skipping(first) {
            // The empty key that stands for `wals/` is in it.
            let until = Some(format!("{first}wals/"));
            KeyRange {
                prefix: first.clone(),
                after: None,
                until,
            }
        } else {
            let after = before.map(|before| end_of(before));
            KeyRange {
                prefix: root.to_owned(),
                after,
                until: Some(end_of(last)),
            }
        });
        before = Some(last);
    }
    ranges
}

/// Returns ranges that hold the chosen WAL directories of a server, and none of the others.
///
/// `server_prefix` is the prefix of the server's keys.
pub(super) fn ranges_of(
    server_prefix: &str,
    present: &BTreeSet<WalDir>,
    chosen: &BTreeSet<WalDir>,
) -> Vec<KeyRange> {
    let wals = format!("{server_prefix}wals/");
    let mut before: Option<String> = None;
    let mut ranges = Vec::new();
    for group in Group::divide(present, chosen) {
        let until = group
            .wal_dirs
            .last()
            .map(|wal_dir| end_of(&format!("{wals}{wal_dir}/")));
        if group.is_chosen {
            let after = before.take();
            ranges.push(KeyRange {
                prefix: wals.clone(),
                after,
                until: until.clone(),
            });
        }
        before = until;
    }
    ranges
}

/// Extends the last range to the end of the server's directory. The last WAL directories are
/// always listed again.
pub(super) fn to_the_end(server_prefix: &str, mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    let after = ranges.pop().and_then(|last| last.after);
    // A range without a start begins with the first WAL directory, which is where `wals/` begins.
    let after = after.unwrap_or_else(|| format!("{server_prefix}wals/"));
    ranges.push(KeyRange {
        prefix: server_prefix.to_owned(),
        after: Some(after),
        until: None,
    });
    ranges
}

#[cfg(test)]
mod tests {
    use barman_archive::postgres::TimelineId;

    use super::*;

    fn wal_dir(timeline: u32, high: u32) -> WalDir {
        WalDir {
            timeline: TimelineId(timeline),
            high,
        }
    }

    fn wal_dirs(names: &[(u32, u32)]) -> BTreeSet<WalDir> {
        names
            .iter()
            .map(|(timeline, number)| wal_dir(*timeline, *number))
            .collect()
    }

    #[test]
    fn servers_that_are_not_skipped_are_listed_together() {
        let directories = ["p/a/", "p/b/", "p/c/", "p/d/"].map(str::to_owned);

        let ranges = ranges_without_wal("p/", &directories, &["p/c/".to_owned()].into());

        let shown: Vec<_> = ranges
            .into_iter()
            .map(|range| (range.prefix, range.after, range.until))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        let expected = [
            ("p/".to_owned(), None, Some(end_of("p/b/"))),
            ("p/c/".to_owned(), None, text("p/c/wals/")),
            ("p/".to_owned(), Some(end_of("p/c/")), Some(end_of("p/d/"))),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn ranges_begin_where_the_wal_dir_before_ends() {
        let present = wal_dirs(&[(1, 0), (1, 1), (1, 2), (1, 3)]);

        let some = ranges_of("s/", &present, &wal_dirs(&[(1, 0), (1, 3)]));
        let shown: Vec<_> = some
            .iter()
            .map(|range| (range.after.clone(), range.until.clone()))
            .collect();

        let end = |number| Some(end_of(&format!("s/wals/{}/", wal_dir(1, number))));
        assert_eq!(shown, [(None, end(0)), (end(2), end(3))]);
        let last = to_the_end("s/", some).pop().unwrap();
        assert_eq!(
            (last.prefix.as_str(), last.after, last.until),
            ("s/", end(2), None)
        );
    }
}
