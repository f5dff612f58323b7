//! Verification of archives in memory, which hold what real servers and Barman wrote.

mod archive;
mod changes;
mod clusters;
mod days;
mod reads;
mod refusals;
mod reported;
mod selections;
mod wal;
mod world;
