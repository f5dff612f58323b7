#![doc = include_str!("../README.md")]

pub mod barman;
pub mod inventory;
pub mod postgres;
pub mod recovery;
pub mod retention;
