//! Verification of archives in memory, which hold what real servers and Barman wrote.

mod archive;
mod reads;
mod reported;
mod world;
