//! Tests of the program as its users run it, which do not require anything to be installed: stores
//! in memory, files, and real HTTP. Includes rules about sources and documents that the compiler
//! does not check.

mod certificates;
mod check;
mod daemon;
mod documents;
mod faults;
mod golden_page;
mod language;
mod modules;
mod recorded_archive;
mod recorded_recovery;
mod report;
mod result;
mod shipped;
mod verify;
