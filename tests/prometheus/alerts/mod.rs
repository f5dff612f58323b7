//! Alerts that are shipped: their form, their behaviour in Prometheus, and the metrics of the
//! program that they use.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

mod judgement;
mod on_page;
mod promtool;
mod script;
mod series;
mod situations;
