//! What reports say of proofs and of the budget.

use super::archive::{SEGMENT, backup};
use super::world::{World, settings, start};
use crate::evidence::Level;
use crate::verification::VerificationSettings;

#[tokio::test]
async fn the_arrival_of_a_proof_is_known_within_a_run() {
    let store = backup("good");
    for low in ["23", "25", "26"] {
        let key = format!("s/wals/0000000100000000/0000000100000000000000{low}");
        store.put(&key, &vec![7; 1 << 20], start());
    }
    let mut world = World::new(store, settings(Level::Full));

    let server = world.verify().await;

    let proof = server.contents.unwrap().proof.unwrap();
    assert_eq!(proof.segment.to_string(), SEGMENT);
    assert!(proof.arrived_at.unwrap() < start());
    assert_eq!(proof.next_arrived_at, Some(start()));
}

#[tokio::test]
async fn what_is_never_read_is_no_backlog() {
    let store = backup("good");
    let small = VerificationSettings {
        daily_bytes: Some(6000),
        ..settings(Level::Full)
    };
    let mut world = World::new(store, small);

    let report = world.scan().await;

    let contents = report.servers["s"].contents.clone().unwrap();
    let unaffordable: Vec<_> = contents.unaffordable.iter().collect();
    assert_eq!(unaffordable, ["20261128T043154"]);
    assert_eq!(contents.most_bytes, Some(42_000));
    // The segment alone.
    assert!((1..42_000).contains(&contents.backlog_bytes));
}
