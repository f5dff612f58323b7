//! Tests of the stack itself: Barman and the bucket show everything that it makes.

use serde_json::Value;
use test_support::{Stack, StackSettings};

#[test]
fn the_parts_make_an_archive_with_every_kind_of_event() {
    let mut stack = Stack::start(StackSettings {
        segment_size_mb: 1,
        time_zone: "Asia/Kolkata".to_owned(),
        ..StackSettings::default()
    });

    stack.make_wal(2);
    stack.backup(&["--gzip", "--name=before-the-failover"]);
    stack.kill_backup();
    stack.promote();

    let list = stack.backup_list();
    let [done, killed] = backups(&list) else {
        panic!("two backups were begun: {list}")
    };
    assert_eq!(
        (&done["status"], &killed["status"]),
        (&"DONE".into(), &"STARTED".into())
    );
    assert_eq!(done["xlog_segment_size"], 1 << 20);
    assert!(
        done["end_time_iso"].as_str().unwrap().ends_with("+05:30"),
        "{done}"
    );
    let keys: Vec<String> = stack
        .listing()
        .into_iter()
        .map(|object| object.key)
        .collect();
    for end in [
        "/data.tar.gz",
        "/00000002.history.gz",
        ".partial.gz",
        ".00000028.backup.gz",
    ] {
        assert_eq!(
            keys.iter().filter(|key| key.ends_with(end)).count(),
            1,
            "{end} in {keys:#?}"
        );
    }
    let uploads = stack.uploads();
    assert_eq!(uploads.len(), 1);
    assert!(uploads[0].part_sizes.iter().sum::<u64>() > 0);
}

fn backups(list: &Value) -> &[Value] {
    list["backups_list"]
        .as_array()
        .expect("Barman prints a list")
}
