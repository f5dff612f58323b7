#![doc = include_str!("../README.md")]

pub mod backup;
mod bytes;
pub mod codec;
pub mod control;
pub mod edges;
pub mod page;
pub mod tar;
#[cfg(test)]
mod tests;
pub mod wal;
