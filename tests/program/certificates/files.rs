//! Certificates in files, while the program runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use test_support::{
    Authority, CERTIFICATE_ARCHIVE, CERTIFICATE_FAMILIES, EmbeddedArchive, IssuedCertificate, SOON,
    certificate_info, certificate_value, wait_for_subject, wait_for_value, watch_certificates,
    year,
};

/// Mounts a Secret as Kubernetes does, or swaps it for another version.
fn mount(directory: &Path, version: &str, made: &IssuedCertificate, ca: &str) {
    let files = directory.join(version);
    fs::create_dir_all(&files).unwrap();
    for (name, content) in [
        ("tls.crt", &*made.pem),
        ("tls.key", &*made.key),
        ("ca.crt", ca),
    ] {
        fs::write(files.join(name), content).unwrap();
        let link = directory.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    symlink(version, directory.join("..data_tmp")).unwrap();
    fs::rename(directory.join("..data_tmp"), directory.join("..data")).unwrap();
}

#[tokio::test]
async fn a_secret_that_is_swapped_replaces_the_series() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    let directory = archive.directory().join("server");
    mount(
        &directory,
        "..2030_01",
        &root.sign("first", 2020..2090),
        &root.pem(),
    );
    let pattern = archive.directory().join("*/tls.crt");
    let (tls, ca) = (directory.join("tls.crt"), directory.join("ca.crt"));
    let exporter = watch_certificates(
        &archive,
        json!([
            { "name": "server", "file": tls, "caFile": ca },
            { "name": "all", "file": pattern },
        ]),
    )
    .await;

    let first = wait_for_subject(&exporter, "server", "CN=first").await;
    mount(
        &directory,
        "..2030_02",
        &root.sign("second", 2021..2091),
        &root.pem(),
    );
    let second = wait_for_subject(&exporter, "server", "CN=second").await;
    let all = wait_for_subject(&exporter, "all/server/tls.crt", "CN=second").await;

    assert_eq!(
        CERTIFICATE_FAMILIES.map(|family| certificate_value(&first, family, "server")),
        values(2020, 2090)
    );
    assert_eq!(
        CERTIFICATE_FAMILIES.map(|family| certificate_value(&second, family, "server")),
        values(2021, 2091)
    );
    assert_eq!(
        certificate_info(&second, "server", "source").as_deref(),
        Some("file")
    );
    assert_eq!(
        certificate_value(&all, "chain_valid", "all/server/tls.crt"),
        None
    );
    assert_eq!(certificate_value(&all, "read_success", "all"), None);
    assert!(!exporter.log().contains("PRIVATE KEY"));
}

fn values(from: i32, to: i32) -> [Option<f64>; 5] {
    [
        Some(year(to)),
        Some(year(from)),
        Some(year(to)),
        Some(1.0),
        Some(1.0),
    ]
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_disturbs_nobody() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    let made = root.sign("server", 2020..2090);
    archive.write("good.crt", &made.pem);
    archive.write("empty.crt", "");
    archive.write("cut-off.crt", made.pem.get(..200).unwrap());
    archive.write("other-ca.crt", &Authority::new("other").pem());
    let file = |name: &str| archive.directory().join(name);
    let exporter = watch_certificates(
        &archive,
        json!([
            { "name": "good", "file": file("good.crt") },
            { "name": "wrong-ca", "file": file("good.crt"), "caFile": file("other-ca.crt") },
            { "name": "empty", "file": file("empty.crt") },
            { "name": "cut-off", "file": file("cut-off.crt") },
            { "name": "missing", "file": file("missing.crt") },
            { "name": "nothing", "file": file("*.none") },
        ]),
    )
    .await;

    let samples = wait_for_value(&exporter, "read_success", "good", 1.0).await;
    for failing in ["empty", "cut-off", "missing", "nothing"] {
        let failed = wait_for_value(&exporter, "read_success", failing, 0.0).await;
        assert_eq!(
            certificate_value(&failed, "not_after_timestamp_seconds", failing),
            None
        );
    }
    wait_for_value(&exporter, "chain_valid", "wrong-ca", 0.0).await;
    let up = |samples: &test_support::Samples| {
        samples.value("barman_cloud_up", &[("archive", CERTIFICATE_ARCHIVE)]) == Some(1.0)
    };
    exporter.wait_for("a good scan", SOON, up).await;
    archive.write("good.crt", "");
    let after = wait_for_value(&exporter, "read_success", "good", 0.0).await;

    assert_eq!(certificate_value(&samples, "chain_valid", "good"), None);
    // Its end stays in sight.
    assert_eq!(
        certificate_value(&after, "not_after_timestamp_seconds", "good"),
        Some(year(2090))
    );
    let page = exporter.get("/").await.1;
    assert!(
        page.contains("cut-off") && page.contains("END CERTIFICATE"),
        "{page}"
    );
    let log = exporter.log();
    assert_eq!(log.matches("empty.crt").count(), 1, "{log}");
}

#[tokio::test]
async fn hostile_names_stay_one_series_each() {
    let (archive, root) = (EmbeddedArchive::small(1000).await, Authority::new("root"));
    let name = "a\"b\\c\nd{e}=,\u{1b}[2J<script>";
    archive.write("tls.crt", &root.sign(name, 2020..2090).pem);
    let tls = archive.directory().join("tls.crt");
    let certificates = json!([{ "name": "of \"one\" \\", "file": tls }]);
    let exporter = watch_certificates(&archive, certificates).await;

    let shown = "CN=a\\\"b\\\\c\\0Ad{e}=\\,\\1B[2J\\<script\\>";
    wait_for_subject(&exporter, "of \"one\" \\", shown).await;

    let page = exporter.get("/").await.1;
    assert!(!page.contains("<script"), "{page}");
}
