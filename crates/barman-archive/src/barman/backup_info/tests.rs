//! Reading of `backup.info`.

use proptest::prelude::*;

use super::*;

const DONE: &str = "begin_time=2026-11-08 03:00:00.619175+00:00\n\
    begin_wal=00000002000000000000001A\n\
    cluster_size=39190217\n\
    end_time=2026-11-08 03:00:03.220312+00:00\n\
    end_wal=00000002000000000000001A\n\
    end_xlog=0/1A000100\n\
    error=None\n\
    size=None\n\
    status=DONE\n\
    systemid=7703017059624890625\n\
    tablespaces=[('fast', 16411, '/tmp/ts one')]\n\
    timeline=2\n\
    xlog_segment_size=16777216\n";

fn parse(text: &str) -> Result<BackupInfo, BackupInfoError> {
    BackupInfo::parse(text.as_bytes())
}

#[test]
fn versions_are_shown_as_postgresql_shows_them() {
    let shown = ["150018", "100000", "90624", "170002", "7", "x"].map(postgresql_version);

    let expected = [
        Some("15.18"),
        Some("10.0"),
        Some("9.6.24"),
        Some("17.2"),
        None,
        None,
    ];
    assert_eq!(shown, expected.map(|version| version.map(str::to_owned)));
}

#[test]
fn a_finished_backup_is_read() {
    let info = parse(DONE).unwrap();

    assert_eq!(info.status(), BackupStatus::Done);
    assert_eq!(
        info.ended_at().unwrap().to_rfc3339(),
        "2026-11-08T03:00:03.220312+00:00"
    );
    assert_eq!(
        info.end_wal(),
        SegmentName::parse("00000002000000000000001A")
    );
    assert_eq!(info.done().unwrap().end_lsn, Some(Lsn(0x1A00_0100)));
    assert_eq!(info.cluster_size_bytes, Some(39_190_217));
    assert_eq!(
        info.system_identifier.as_deref(),
        Some("7703017059624890625")
    );
    assert_eq!(info.tablespace_oids, [16411]);
    assert!(!info.is_snapshot && !info.has_naive_times && info.error.is_none());
}

#[test]
fn the_label_is_kept_byte_by_byte() {
    let field = r"'START WAL LOCATION: 0/2\nCHECKPOINT LOCATION: 0/3\nLABEL: caf\xe9 \'x\'\n'";
    let text = format!("{DONE}backup_label={field}\ndata_checksums=on\n");

    let info = parse(&text).unwrap();

    let label = "START WAL LOCATION: 0/2\nCHECKPOINT LOCATION: 0/3\nLABEL: caf\u{e9} 'x'\n";
    assert_eq!(info.label_text.as_deref(), Some(label));
    assert_eq!(info.label.map(|label| label.checkpoint), Some(Lsn(3)));
    assert_eq!(info.has_data_checksums, Some(true));
    let off = parse(&text.replace("sums=on", "sums=off")).unwrap();
    let other = parse(&text.replace("sums=on", "sums=inprogress-on")).unwrap();
    assert_eq!(off.has_data_checksums, Some(false));
    assert_eq!(other.has_data_checksums, None);
}

#[test]
fn an_incremental_backup_names_its_parent_and_children() {
    let chain =
        "parent_backup_id=20261107T030000\nchildren_backup_ids=20261109T030000,20261110T030000\n";

    let info = parse(&format!("{DONE}{chain}")).unwrap();

    assert_eq!(info.parent_id.as_deref(), Some("20261107T030000"));
    assert_eq!(info.children_ids, ["20261109T030000", "20261110T030000"]);
    assert_eq!(parse(DONE).unwrap().parent_id, None);
}

#[test]
fn an_empty_file_means_a_backup_not_begun() {
    let info = parse("").unwrap();

    assert_eq!(info.status(), UnfinishedStatus::Empty.into());
    assert_eq!(info.began_at(), None);
    assert_eq!(info.segment_size, SegmentSize::DEFAULT);
}

#[test]
fn unknown_keys_comments_and_blank_lines_are_skipped() {
    let info = parse("\n # a comment without a sign\nstatus = FAILED\nnew_key=a=b\n").unwrap();

    assert_eq!(info.status(), UnfinishedStatus::Failed.into());
}

#[test]
fn an_unknown_status_is_kept_as_it_is() {
    assert_eq!(
        parse("status=PAUSED").unwrap().status().to_string(),
        "PAUSED"
    );
}

#[test]
fn a_snapshot_backup_says_so() {
    let text = format!("{DONE}snapshots_info={{'provider': 'gcp'}}\n");

    assert!(parse(&text).unwrap().is_snapshot);
}

#[test]
fn what_makes_no_sense_is_named() {
    assert_eq!(
        parse("status=DONE\nbroken").unwrap_err(),
        BackupInfoError::Line { number: 2 }
    );
    assert_eq!(
        BackupInfo::parse(b"\xFF=").unwrap_err(),
        BackupInfoError::NotText
    );
    let errors = [
        "end_time=yesterday",
        "begin_wal=1A",
        "xlog_segment_size=100",
        "tablespaces=[('a', 1)]",
    ]
    .map(|text| parse(text).unwrap_err().to_string());
    insta::assert_debug_snapshot!(errors, @r#"
    [
        "field `end_time` has the invalid value `yesterday`: expected a time",
        "field `begin_wal` has the invalid value `1A`: expected a WAL segment's name of 24 hexadecimal digits",
        "field `xlog_segment_size` has the invalid value `100`: expected a power of two from 1 MiB to 1 GiB, in bytes",
        "field `tablespaces` has the invalid value `[('a', 1)]`: expected a list of (name, oid, location)",
    ]
    "#);
}

#[test]
fn a_finished_backup_without_its_end_is_missing_a_field() {
    let text = DONE.replace("end_time=", "other=");

    assert_eq!(
        parse(&text),
        Err(BackupInfoError::MissingField { field: "end_time" })
    );
    assert!(parse(&text.replace("DONE", "STARTED")).is_ok());
}

#[test]
fn the_framing_of_a_chunked_upload_is_recognised() {
    let framed = format!(
        "{:x}\r\n{DONE}\r\n0\r\nx-amz-checksum-crc32:yKEG5Q==\r\n\r\n",
        DONE.len()
    );
    let signed = format!("{:x};chunk-signature=ab\r\n{DONE}\r\n", DONE.len());

    assert_eq!(parse(&framed), Err(BackupInfoError::Framing));
    assert_eq!(parse(&signed), Err(BackupInfoError::Framing));
    let trailer_alone = format!("{DONE}x-amz-checksum-crc32:yKEG5Q==\r\n");
    assert_eq!(parse(&trailer_alone), Err(BackupInfoError::Framing));
}

#[test]
fn a_system_identifier_is_a_number_of_64_bits() {
    let identifier = |text: &str| {
        parse(&format!("systemid={text}\n"))
            .unwrap()
            .system_identifier
    };

    let largest = "18446744073709551615";
    assert_eq!(identifier(largest).as_deref(), Some(largest));
    for text in ["", "x", "-1", "18446744073709551616"] {
        assert_eq!(identifier(text), None, "{text}");
    }
}

#[test]
fn long_texts_are_cut() {
    let long = "e".repeat(100_000);

    let info = parse(&format!("error={long}\n")).unwrap();
    assert_eq!(info.error.unwrap().len(), 1000);

    let refused = parse(&format!("begin_wal={long}\n")).unwrap_err();
    assert!(refused.to_string().len() < 1200);
}

proptest! {
    #[test]
    fn what_barman_writes_is_read_back(
        size: Option<u64>, oids in prop::collection::vec(any::<u32>(), 0..4),
        high: u32, micros in 0_i64..4_000_000_000_000_000,
    ) {
        let at = DateTime::from_timestamp_micros(micros).unwrap();
        let number = size.map_or("None".to_owned(), |size| size.to_string());
        let tablespaces: Vec<_> = oids.iter().map(|oid| format!("('n', {oid}, '/l')")).collect();
        let text = format!(
            "begin_time={}\nbegin_wal=00000001{high:08X}000000FF\ncluster_size={number}\nstatus=STARTED\ntablespaces=[{}]\n",
            at.format("%Y-%m-%d %H:%M:%S%.6f+00:00"), tablespaces.join(", "),
        );

        let info = parse(&text).unwrap();

        prop_assert_eq!(info.began_at(), Some(at));
        prop_assert_eq!(info.begin_wal().map(|wal| wal.high), Some(high));
        prop_assert_eq!(info.cluster_size_bytes, size);
        prop_assert_eq!(info.tablespace_oids, oids);
    }

    #[test]
    fn no_bytes_make_it_panic(content: Vec<u8>) {
        let _ = BackupInfo::parse(&content);
    }

    #[test]
    fn no_fields_make_it_panic(
        fields in prop::collection::vec(
            (prop::sample::select(vec!["status", "begin_time", "begin_wal", "size", "tablespaces", "end_xlog"]), ".*"), 0..8),
    ) {
        let lines: Vec<_> = fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let text = lines.join("\n");
        let _ = parse(&text);
    }
}
