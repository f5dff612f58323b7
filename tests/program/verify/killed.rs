//! An exporter that is killed: what it knew survives, and nothing is taken for verified that was not.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{EmbeddedArchive, Exporter, Launch, Samples, Signal, every_second};

use crate::verify::{reads, serve, with_backup};

/// Number of exporters that are killed at a random moment.
const KILLED: usize = 12;

/// Time within which everything is read.
const SOON: Duration = Duration::from_mins(1);

fn configuration(archive: &EmbeddedArchive) -> Value {
    let mut configuration = every_second([archive.settings("production")]);
    // The bucket of the budget is empty at first: the reads last some seconds.
    configuration["verification"] = json!({
        "level": "full",
        "dailyBytes": "2GB",
        "stateDirectory": archive.directory().join("state"),
    });
    configuration
}

fn is_all_read(samples: &Samples) -> bool {
    let whole = |kind| {
        let labels = [("kind", kind), ("evidence", "whole")];
        samples.value("barman_cloud_verification_objects", &labels)
    };
    ["wal", "base"]
        .into_iter()
        .all(|kind| whole(kind) == Some(1.0))
}

#[tokio::test]
async fn a_killed_exporter_goes_on_where_it_was() {
    let archive = serve(with_backup("good")).await;
    let configuration = configuration(&archive).to_string();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    for _ in 0..KILLED {
        let mut exporter = Launch::new(configuration.clone()).spawn();
        tokio::time::sleep(Duration::from_millis(random.u64(0..1500))).await;
        exporter.signal(Signal::KILL);
        let (_, said) = tokio::task::spawn_blocking(|| exporter.ended())
            .await
            .expect("it ends");
        assert!(!said.contains("is not used"), "{said}");
    }
    let mut exporter = Exporter::start(configuration.clone()).await;
    exporter.wait_for("all to be read", SOON, is_all_read).await;
    // Evidence is saved within a minute, or when it ends: here it is, and what comes then is killed.
    exporter.signal(Signal::TERM);
    let (_, said) = tokio::task::spawn_blocking(|| exporter.ended())
        .await
        .expect("it ends");
    assert!(!said.contains("is not used"), "{said}");
    archive.s3().clear_requests();

    for _ in 0..3 {
        let mut exporter = Exporter::start(configuration.clone()).await;
        exporter.wait_for("the first scan", SOON, is_all_read).await;
        exporter.signal(Signal::KILL);
        let _ = tokio::task::spawn_blocking(|| exporter.ended()).await;
    }

    assert_eq!(reads(&archive), [], "nothing is read again");
}
