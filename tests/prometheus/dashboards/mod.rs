//! Dashboards: their form, checks by Grafana's own models, and the results that a real Prometheus
//! returns for each of their queries.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

// The demo's archive.
#[path = "../../../examples/demo/archive.rs"]
#[expect(dead_code, reason = "the demo itself needs more of it")]
mod archive;
#[path = "../../../examples/demo/backup_info.rs"]
mod backup_info;
#[path = "../../../examples/demo/backups.rs"]
mod backups;
#[path = "../../../examples/demo/cluster.rs"]
#[expect(dead_code, reason = "the demo itself needs more of it")]
mod cluster;
#[path = "../../../examples/demo/directory.rs"]
#[expect(dead_code, reason = "the demo itself needs more of it")]
mod directory;
#[path = "../../../examples/demo/retention.rs"]
mod retention;
#[path = "../../../examples/demo/wal.rs"]
mod wal;

mod arrival;
mod certificates;
mod models;
mod queries;
mod reasons;
mod replicas;
mod verdicts;
mod world;
