//! Files that are shipped next to the program: alerts and dashboards. Their form, and their agreement
//! with the code and with each other.

#![expect(clippy::unwrap_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod alerts;
mod dashboards;
mod findings;
