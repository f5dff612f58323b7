//! Tests that the comparison can fail: it finds each wrong statement about hand-written restores.

use serde_json::json;

use super::*;
use crate::truth::archive::file_name;
use crate::truth::case::{Request, StoredObject};
use crate::truth::wal::{Lsn, SEGMENT_SIZE};

const SYSTEM: u64 = 7_000_000_000_000_000_001;
const ID: &str = "20260101T030000";

const FIRST: &str = "000000010000000000000004";
const SECOND: &str = "000000010000000000000005";
const PARENT: &str = "000000010000000000000006";
const CHILD: &str = "000000020000000000000006";
const LAST: &str = "000000020000000000000007";
const BEYOND: &str = "000000020000000000000008";

/// Restore that came up on timeline 2 after these requests, each with the object that was returned.
fn restore(target: Target, requests: &[(&str, Option<&str>)]) -> Restore {
    let request = |&(name, object): &(&str, Option<&str>)| Request {
        name: name.to_owned(),
        object: object.map(str::to_owned),
    };
    let last = requests
        .iter()
        .rev()
        .find_map(|(name, object)| object.and(Segment::parse(name)));
    let end = last.map(|segment| Lsn(segment.number * SEGMENT_SIZE + 40));
    Restore {
        backup: ID.to_owned(),
        target,
        came_up: true,
        was_consistent: true,
        complaint: None,
        timeline: Some(2),
        redo_done: end,
        requests: requests.iter().map(request).collect(),
    }
}

fn refused(target: Target) -> Restore {
    let complaint = Some("could not locate required checkpoint record".to_owned());
    let restore = restore(target, &[]);
    let (timeline, redo_done) = (None, None);
    Restore {
        came_up: false,
        was_consistent: false,
        complaint,
        timeline,
        redo_done,
        ..restore
    }
}

/// Requests of a restore of a whole path.
fn whole() -> [(&'static str, Option<&'static str>); 5] {
    [
        (FIRST, Some(FIRST)),
        (SECOND, Some("000000010000000000000005.gz")),
        (CHILD, Some(CHILD)),
        (LAST, Some(LAST)),
        (BEYOND, None),
    ]
}

/// Archive of these WAL files and a backup that starts with the first segment.
fn case(names: &[&str], restores: Vec<Restore>) -> Case {
    let object = |name: &&str| StoredObject {
        key: format!("wals/{}/{name}", &name[..16]),
        size: SEGMENT_SIZE,
        system: Segment::parse(file_name(name)).map(|_| SYSTEM),
        ..StoredObject::default()
    };
    let segment = |name: &str| Segment::parse(name).unwrap();
    let (first, last) = (segment(FIRST), segment(FIRST));
    let backup = TakenBackup {
        id: ID.to_owned(),
        system: SYSTEM,
        first,
        last,
    };
    let objects = names.iter().map(object).collect();
    Case {
        objects,
        backups: vec![backup],
        restores,
        ..Case::default()
    }
}

/// Report on a backup, with one entry of `follow`.
fn said(target: &str, last: Option<&str>, missing: Option<&str>, partial: Option<&str>) -> Value {
    let works = last.is_some() || partial.is_some();
    json!({
        "recovery": { "current_timeline": 2, "gaps": [] },
        "backups": [{
            "id": ID,
            "verdict": if missing.is_none() && works { "recoverable" } else { "consistent" },
            "restorable": true,
            "default_target_works": missing.is_none(),
            "follow": [{
                "target": target,
                "timeline": 2,
                "works": works,
                "last_wal": last,
                "first_missing": missing,
                "then_partial": partial,
                "complete": missing.is_none() && works,
            }],
        }],
    })
}

/// Report with another value in one place.
fn but(mut said: Value, place: &str, value: Value) -> Value {
    *said.pointer_mut(place).unwrap() = value;
    said
}

fn assert_one(found: &[String], words: &str) {
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(words), "{found:#?}");
}

fn to_second(requests: &[(&str, Option<&str>)]) -> Vec<Restore> {
    vec![restore(Target::Timeline(2), requests)]
}

#[test]
fn what_is_true_differs_in_nothing() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));

    let found = differences(&whole, &said("2", Some(LAST), None, None));

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_target_of_which_nothing_is_said_is_found() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));

    let found = differences(&whole, &said("1", Some(LAST), None, None));

    assert_one(&found, "said nothing; really it comes up");
}

#[test]
fn a_target_that_works_by_words_alone_is_found() {
    let refused = case(&[FIRST, LAST], vec![refused(Target::Timeline(2))]);

    let found = differences(&refused, &said("2", Some(LAST), None, None));

    assert!(
        found[0].contains("works: true; really it does not come up: could not"),
        "{found:#?}"
    );
    assert!(
        found[1].contains("restorable: true; really some target works: false"),
        "{found:#?}"
    );
}

#[test]
fn a_target_that_works_unsaid_is_found() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));
    let said = but(
        said("2", Some(LAST), None, None),
        "/backups/0/follow/0/works",
        false.into(),
    );

    assert_one(
        &differences(&whole, &said),
        "works: false; really it comes up on timeline 2",
    );
}

#[test]
fn a_backup_that_is_called_broken_and_works_is_found() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));
    let said = but(
        said("2", Some(LAST), None, None),
        "/backups/0/verdict",
        "broken".into(),
    );

    let found = differences(&whole, &said);

    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].contains("verdict broken; really some target works: true"),
        "{found:#?}"
    );
}

#[test]
fn a_backup_that_works_before_a_wrong_size_is_restorable() {
    let size = Some(format!(
        "archive file \"{SECOND}\" has wrong size: 0 instead of 1048576"
    ));
    let ended = Restore {
        complaint: size,
        was_consistent: true,
        ..refused(Target::Timeline(2))
    };
    let case = case(&[FIRST, CHILD, LAST], vec![ended]);
    let true_words = said("2", None, Some(SECOND), None);
    let wrong_words = but(true_words.clone(), "/backups/0/restorable", false.into());

    assert_eq!(differences(&case, &true_words), Vec::<String>::new());
    assert_one(&differences(&case, &wrong_words), "restorable: false");
}

#[test]
fn a_last_segment_that_was_not_replayed_is_found() {
    let requests = [(FIRST, Some(FIRST)), (SECOND, None)];
    let stopped = case(&[FIRST, CHILD, LAST], to_second(&requests));
    let said = said("2", Some(LAST), Some(SECOND), None);

    let found = differences(&stopped, &but(said, "/recovery/gaps", gap(SECOND)));

    assert_one(&found, "last 000000020000000000000007; really");
}

#[test]
fn a_whole_path_that_is_called_cut_is_found() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));

    let found = differences(&whole, &said("2", Some(LAST), Some(BEYOND), None));

    assert!(
        found[0].contains("first missing 000000020000000000000008"),
        "{found:#?}"
    );
}

#[test]
fn what_the_parent_has_for_a_missing_segment_is_not_reached() {
    let requests = [
        (FIRST, Some(FIRST)),
        (SECOND, Some(SECOND)),
        (CHILD, None),
        (PARENT, Some(PARENT)),
        (LAST, None),
    ];
    let names = [FIRST, SECOND, PARENT, BEYOND];
    let case = case(&names, to_second(&requests));
    let true_words = but(
        said("2", Some(SECOND), Some(CHILD), None),
        "/recovery/gaps",
        gap(CHILD),
    );
    let wrong_words = but(
        true_words.clone(),
        "/backups/0/follow/0/last_wal",
        PARENT.into(),
    );

    assert_eq!(differences(&case, &true_words), Vec::<String>::new());
    assert_one(
        &differences(&case, &wrong_words),
        "last 000000010000000000000006",
    );
}

#[test]
fn a_partial_segment_that_is_given_must_be_named() {
    let partial = "000000010000000000000006.partial";
    let requests = [
        (FIRST, Some(FIRST)),
        (SECOND, Some(SECOND)),
        (CHILD, None),
        (PARENT, Some(partial)),
    ];
    let case = case(&[FIRST, SECOND, partial, LAST], to_second(&requests));
    let gap = gap(CHILD);
    let true_words = said("2", Some(SECOND), Some(CHILD), Some(PARENT));
    let wrong_words = said("2", Some(SECOND), Some(CHILD), None);

    let found = differences(&case, &but(true_words, "/recovery/gaps", gap.clone()));
    assert_eq!(found, Vec::<String>::new());
    let found = differences(&case, &but(wrong_words, "/recovery/gaps", gap));
    assert_one(&found, "then partial none; really");
}

#[test]
fn a_partial_segment_of_another_life_continues_nothing() {
    let partial = "000000010000000000000006.partial";
    let requests = [
        (FIRST, Some(FIRST)),
        (SECOND, Some(SECOND)),
        (CHILD, None),
        (PARENT, Some(partial)),
    ];
    let mut case = case(&[FIRST, SECOND, partial, LAST], to_second(&requests));
    let other = case
        .objects
        .iter_mut()
        .find(|object| object.key.ends_with(partial))
        .unwrap();
    other.system = Some(SYSTEM + 1);
    let said = |then_partial| {
        but(
            said("2", Some(SECOND), Some(CHILD), then_partial),
            "/recovery/gaps",
            gap(CHILD),
        )
    };

    assert_eq!(differences(&case, &said(None)), Vec::<String>::new());
    let found = differences(&case, &said(Some(PARENT)));
    assert_one(&found, "then partial 000000010000000000000006; really");
}

#[test]
fn a_segment_of_another_life_is_not_reached() {
    let requests = [
        (FIRST, Some(FIRST)),
        (SECOND, Some(SECOND)),
        (CHILD, Some(CHILD)),
    ];
    let mut foreign = restore(Target::Timeline(2), &requests);
    foreign.redo_done = Some(Lsn(5 * SEGMENT_SIZE + 40));
    let case = case(&[FIRST, SECOND, CHILD], vec![foreign]);

    let found = differences(&case, &said("2", Some(CHILD), None, None));

    assert!(
        found[0].contains("foreign 000000020000000000000006"),
        "{found:#?}"
    );
}

#[test]
fn a_default_that_works_by_words_alone_is_found() {
    let restores = vec![
        restore(Target::Timeline(2), &whole()),
        refused(Target::Latest),
    ];
    let case = case(&[FIRST, SECOND, CHILD, LAST], restores);
    let mut said = said("2", Some(LAST), None, None);
    let follow = said
        .pointer_mut("/backups/0/follow")
        .and_then(Value::as_array_mut)
        .unwrap();
    follow.push(json!({ "target": "latest", "timeline": 2, "works": false, "complete": false }));

    assert_one(
        &differences(&case, &said),
        "default_target_works: true; really it does not",
    );
}

#[test]
fn a_gap_in_which_something_lies_is_found() {
    let requests = [(FIRST, Some(FIRST)), (SECOND, None)];
    let stopped = case(&[FIRST, CHILD, LAST], to_second(&requests));
    let said = said("2", Some(FIRST), Some(SECOND), None);

    let found = differences(&stopped, &but(said, "/recovery/gaps", gap(CHILD)));

    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].contains("000000020000000000000006 is there"),
        "{found:#?}"
    );
    assert!(
        found[1].contains("000000010000000000000005 is in no gap"),
        "{found:#?}"
    );
}

#[test]
fn a_gap_that_no_restore_meets_is_found() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));
    let alarm = gap("000000010000000000000003");

    let found = differences(
        &whole,
        &but(said("2", Some(LAST), None, None), "/recovery/gaps", alarm),
    );

    assert_one(&found, "no restore meets it");
}

#[test]
fn obsolete_wal_that_was_read_is_found() {
    let whole = case(&[FIRST, SECOND, CHILD, LAST], to_second(&whole()));
    let mut said = said("2", Some(LAST), None, None);
    said["recovery"]["obsolete"] = gap(SECOND);

    assert_one(
        &differences(&whole, &said),
        "000000010000000000000005 is called obsolete",
    );
}

/// List of one gap of one segment.
fn gap(segment: &str) -> Value {
    json!([{ "first": segment, "last": segment, "count": 1 }])
}
