//! Tests of the service as clients see it, over real HTTP.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod client;
mod faults;
mod listing;
mod objects;
mod recorded;
mod signatures;
mod uploads;
