//! Credentials that do not fit, and credentials that are rotated.

use std::fs;

use test_support::{CREDENTIALS, EmbeddedArchive, Launch, every_second};

use crate::faults::{ARCHIVE, Failure, SOON, Scene, count};

async fn assert_fail_until_put_right(credentials: (&str, &str), failure: &Failure) {
    let mut scene = Scene::healthy().await;
    let fail = async |archive: &mut EmbeddedArchive| {
        archive.write_credentials(credentials.0, credentials.1);
    };
    let heal = async |archive: &mut EmbeddedArchive| {
        archive.write_credentials(CREDENTIALS.0, CREDENTIALS.1);
    };
    scene.assert_fails_until_healed(failure, fail, heal).await;
    assert!(
        !scene.exporter.log().contains(credentials.1),
        "a secret is in the log"
    );
}

#[tokio::test]
async fn a_wrong_secret_fails_the_scan_until_it_is_right() {
    let says = &[
        "secret access key does not match",
        "`credentials.secretAccessKeyFile`",
    ];
    let wrong = (CREDENTIALS.0, "not-the-secret");
    assert_fail_until_put_right(wrong, &Failure::new("auth", says)).await;
}

#[tokio::test]
async fn an_unknown_key_id_fails_the_scan_until_it_is_known() {
    let says = &[
        "does not know these credentials",
        "`credentials.accessKeyIdFile`",
    ];
    let unknown = ("nobody", "a-secret-of-nobody");
    assert_fail_until_put_right(unknown, &Failure::new("auth", says)).await;
}

#[tokio::test]
async fn a_credentials_file_that_goes_is_missed_until_it_is_back() {
    let mut scene = Scene::healthy().await;
    let failure = Failure::new("auth", &["secret-access-key` cannot be read"]);
    let fail = async |archive: &mut EmbeddedArchive| {
        fs::remove_file(archive.directory().join("secret-access-key")).unwrap();
    };
    let heal = async |archive: &mut EmbeddedArchive| {
        archive.write_credentials(CREDENTIALS.0, CREDENTIALS.1);
    };
    scene.assert_fails_until_healed(&failure, fail, heal).await;
}

#[tokio::test]
async fn rotated_credentials_count_without_a_restart() {
    let mut scene = Scene::healthy().await;
    let (id, secret) = ("another-key-id", "another-secret");
    let failure = Failure::new("auth", &["does not know these credentials"]);
    let fail = async |archive: &mut EmbeddedArchive| {
        archive.options().credentials = Some((id.to_owned(), secret.to_owned()));
        archive.start_s3().await;
    };
    let heal = async |archive: &mut EmbeddedArchive| archive.write_credentials(id, secret);
    scene.assert_fails_until_healed(&failure, fail, heal).await;
    assert!(
        !scene.exporter.log().contains(secret),
        "a secret is in the log"
    );
}

/// Scene whose configuration does not name any credentials.
async fn without_credentials(environment: &[(&str, &str)]) -> Scene {
    let archive = EmbeddedArchive::small(3).await;
    let mut settings = archive.settings(ARCHIVE);
    settings.as_object_mut().unwrap().remove("credentials");
    let mut launch = Launch::new(every_second([settings]).to_string())
        .argument("--log.format=json")
        .environment("AWS_EC2_METADATA_DISABLED", "true");
    for (name, value) in environment {
        launch = launch.environment(*name, *value);
    }
    Scene {
        archive,
        exporter: launch.start().await,
    }
}

#[tokio::test]
async fn credentials_of_the_environment_are_found() {
    let environment = [
        ("AWS_ACCESS_KEY_ID", CREDENTIALS.0),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1),
    ];
    let scene = without_credentials(&environment).await;

    scene.is_up().await;
}

#[tokio::test]
async fn credentials_that_are_nowhere_are_asked_for() {
    let scene = without_credentials(&[]).await;

    let failed = |samples: &_| count(samples, "scan_errors_total", "auth") >= 1.0;
    scene.exporter.wait_for("a failed scan", SOON, failed).await;

    let says = &["no credentials could be loaded", "set `credentials`"];
    scene.assert_logged(&Failure::new("auth", says));
    assert!(
        scene.archive.s3().requests().is_empty(),
        "nothing is sent unsigned"
    );
}
