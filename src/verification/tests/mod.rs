//! Verification of archives in memory, which hold what real servers and Barman wrote.

mod archive;
mod days;
mod reads;
mod reported;
mod selections;
mod wal;
mod world;
