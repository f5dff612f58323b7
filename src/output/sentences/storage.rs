//! Sentences about stored objects.

use std::collections::BTreeSet;

use barman_archive::inventory::Sums;
use barman_archive::postgres::TimelineId;
use barman_archive::retention::RetentionPolicy;
use chrono::TimeDelta;

use crate::health::OddObjects;
use crate::output::words::{bytes, count, duration};

pub(super) fn retention_overdue(
    overdue: TimeDelta,
    obsolete: u64,
    policy: RetentionPolicy,
) -> String {
    let backups = count(obsolete, "backup");
    let verb = if obsolete == 1 { "is" } else { "are" };
    let overdue = duration(overdue);
    format!(
        "Retention is overdue by {overdue}: {backups} {verb} obsolete under `{policy}` and still \
         stored"
    )
}

pub(super) fn obsolete_wal(stored: Sums) -> String {
    let (bytes, objects) = (bytes(stored.bytes), count(stored.objects, "object"));
    format!("{bytes} of the stored WAL ({objects}) is not needed by any backup")
}

pub(super) fn stray_timeline(timelines: &BTreeSet<TimelineId>) -> String {
    let (unit, pronoun) = if timelines.len() == 1 {
        ("Timeline", "it")
    } else {
        ("Timelines", "them")
    };
    let numbers: Vec<_> = timelines.iter().map(ToString::to_string).collect();
    format!(
        "{unit} {} branched off before the newest backup of this server ended: a restored copy \
         may have created {pronoun}",
        numbers.join(", ")
    )
}

pub(super) fn foreign_wal(objects: &OddObjects) -> String {
    let problem = match objects.count {
        1 => "1 object below wals/ is not a WAL file".to_owned(),
        number => format!("{number} objects below wals/ are not WAL files"),
    };
    with_examples(problem, objects)
}

pub(super) fn misplaced_wal(objects: &OddObjects) -> String {
    let problem = match objects.count {
        1 => "1 WAL file is in a directory where no restore looks for it".to_owned(),
        number => format!("{number} WAL files are in directories where no restore looks for them"),
    };
    with_examples(problem, objects)
}

pub(super) fn wrong_size(objects: &OddObjects) -> String {
    let problem = match objects.count {
        1 => "1 segment has an impossible size".to_owned(),
        number => format!("{number} segments have an impossible size"),
    };
    with_examples(problem, objects)
}

pub(super) fn duplicate_wal(objects: &OddObjects) -> String {
    let problem = match objects.count {
        1 => "1 segment is stored a second time with another file extension".to_owned(),
        number => format!("{number} segments are stored a second time with another file extension"),
    };
    with_examples(problem, objects)
}

pub(super) fn overwritten_wal(objects: &OddObjects) -> String {
    let problem = match objects.count {
        1 => "1 segment was uploaded again, long after the one that follows it".to_owned(),
        number => {
            format!("{number} segments were uploaded again, long after those that follow them")
        }
    };
    with_examples(problem, objects)
}

fn with_examples(problem: String, objects: &OddObjects) -> String {
    let mut names = objects.names.iter();
    match (names.next(), names.next()) {
        (None, _) => problem,
        (Some(name), None) => format!("{problem}: {name}"),
        (Some(name), Some(_)) => format!("{problem}, such as {name}"),
    }
}

pub(super) fn orphaned_server(size: u64) -> String {
    format!(
        "Unexpected server: not in the configuration; uses {}",
        bytes(size)
    )
}

pub(super) fn unfinished_uploads(number: u64, size: Option<u64>, oldest: &str) -> String {
    let uploads = count(number, "multipart upload");
    let (is, uses) = if number == 1 {
        ("is", "uses")
    } else {
        ("are", "use")
    };
    let size = size
        .map(|size| format!(" and {uses} {}", bytes(size)))
        .unwrap_or_default();
    format!("{uploads} {is} unfinished{size}; the oldest started {oldest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(count: u64, names: &[&str]) -> OddObjects {
        OddObjects {
            count,
            names: names.iter().collect(),
        }
    }

    #[test]
    fn odd_objects_are_counted_and_a_few_are_named() {
        assert_eq!(
            foreign_wal(&objects(1, &["p/wals/a"])),
            "1 object below wals/ is not a WAL file: p/wals/a"
        );
        assert_eq!(
            wrong_size(&objects(3, &["a", "b"])),
            "3 segments have an impossible size, such as a"
        );
        assert_eq!(
            duplicate_wal(&objects(1, &[])),
            "1 segment is stored a second time with another file extension"
        );
    }

    #[test]
    fn uploads_of_unknown_size_are_counted() {
        assert_eq!(
            unfinished_uploads(1, None, "3 days ago"),
            "1 multipart upload is unfinished; the oldest started 3 days ago"
        );
        assert_eq!(
            unfinished_uploads(2, Some(1024), "3 days ago"),
            "2 multipart uploads are unfinished and use 1.0 KiB; the oldest started 3 days ago"
        );
    }
}
