//! Archives do not hinder each other.

use embedded_s3::{Action, Fault};
use test_support::{EmbeddedArchive, every_second};

use crate::faults::{SOON, start};

async fn assert_untouched_by(action: Action) {
    let [broken, sound] = [
        EmbeddedArchive::small(3).await,
        EmbeddedArchive::small(3).await,
    ];
    broken.s3().faults().set([Fault::always(action)]);
    let settings = [broken.settings("broken"), sound.settings("sound")];
    let exporter = start(&every_second(settings)).await;

    exporter.wait_for_fresh_scan("sound", SOON).await;
    let samples = exporter.wait_for_fresh_scan("sound", SOON).await;

    let up = |archive| samples.value("barman_cloud_up", &[("archive", archive)]);
    assert_eq!(up("sound"), Some(1.0));
    assert_ne!(up("broken"), Some(1.0));
    let of_sound = [("archive", "sound")];
    assert_eq!(
        samples.sum("barman_cloud_scan_errors_total", &of_sound),
        0.0
    );
    assert_eq!(
        samples.value("barman_cloud_scan_objects", &of_sound),
        Some(7.0)
    );
    assert!(
        samples
            .all("barman_cloud_scan_objects", &[("archive", "broken")])
            .is_empty()
    );
}

#[tokio::test]
async fn an_archive_that_hangs_does_not_delay_another() {
    assert_untouched_by(Action::Hang).await;
}

#[tokio::test]
async fn an_archive_that_fails_does_not_hide_another() {
    assert_untouched_by(Action::access_denied()).await;
}
