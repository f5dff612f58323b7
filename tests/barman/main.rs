//! Verdicts and sums held against real `PostgreSQL`, real Barman tools and a real S3 server.

mod certificates;
mod chains;
mod damage;
mod many_objects;
mod real_restore;
mod real_retention;
mod real_stack;
mod side_by_side;
mod truth;
mod wal_walk;
