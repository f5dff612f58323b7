//! The dashboards: their form, what Grafana's own models make of them, and what a real Prometheus
//! answers to each of their queries.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end so")]
#![expect(clippy::indexing_slicing, reason = "JSON without a field has none, and no panic either")]

// The demo's archive. What only the demo itself uses of it is not used here.
#[path = "../../examples/demo/archive.rs"]
mod archive;
#[path = "../../examples/demo/backup_info.rs"]
mod backup_info;
#[path = "../../examples/demo/backups.rs"]
mod backups;
#[path = "../../examples/demo/cluster.rs"]
mod cluster;
#[path = "../../examples/demo/directory.rs"]
mod directory;
#[path = "../../examples/demo/retention.rs"]
mod retention;
#[path = "../../examples/demo/wal.rs"]
mod wal;

mod board;
//mod form;
//mod models;
mod queries;
//mod replicas;
//mod verdicts;
mod world;
