//! The stack itself: what it makes is there, as Barman and the bucket tell.

use serde_json::Value;
use test_support::{Stack, StackSettings};

#[test]
fn the_parts_make_an_archive_with_everything_that_happens_to_one() {
    let mut stack = Stack::start(StackSettings::default());

    stack.make_wal(2);
    stack.backup(&["--gzip", "--name=before-the-failover"]);
    stack.kill_backup();
    stack.promote();

    assert_eq!(statuses(&stack.backup_list()), ["DONE", "STARTED"]);
    let keys = keys(&stack);
    assert!(ends_once(&keys, "/data.tar.gz"), "{keys:#?}");
    assert!(ends_once(&keys, "/00000002.history.gz"), "{keys:#?}");
    assert!(ends_once(&keys, ".partial.gz"), "{keys:#?}");
    assert!(
        ends_once(&keys, "/000000010000000000000002.gz"),
        "{keys:#?}"
    );
    let uploads = stack.uploads();
    assert_eq!(uploads.len(), 1);
    assert!(uploads[0].part_sizes.iter().sum::<u64>() > 0);
}

#[test]
fn segment_size_and_time_zone_are_those_chosen() {
    let stack = Stack::start(StackSettings {
        segment_size_mb: 1,
        time_zone: "Asia/Kolkata".to_owned(),
        ..StackSettings::default()
    });

    stack.make_wal(1);
    stack.backup(&["--gzip"]);

    let backup = &stack.backup_list()["backups_list"][0];
    assert_eq!(backup["xlog_segment_size"], 1 << 20);
    assert!(
        backup["end_time_iso"].as_str().unwrap().ends_with("+05:30"),
        "{backup}"
    );
}

fn statuses(list: &Value) -> Vec<&str> {
    let backups = list["backups_list"].as_array().unwrap();
    backups
        .iter()
        .map(|backup| backup["status"].as_str().unwrap())
        .collect()
}

fn keys(stack: &Stack) -> Vec<String> {
    stack
        .listing()
        .into_iter()
        .map(|object| object.key)
        .collect()
}

fn ends_once(keys: &[String], end: &str) -> bool {
    keys.iter().filter(|key| key.ends_with(end)).count() == 1
}
