#![doc = include_str!("../README.md")]

pub mod backup;
mod bytes;
pub mod control;
pub mod page;
pub mod tar;
#[cfg(test)]
mod tests;
pub mod wal;
