//! The program as its users run it, with nothing that has to be installed: stores in memory, files, and
//! real HTTP. Also rules about the sources and documents that no compiler checks.

mod certificates;
mod check;
mod daemon;
mod documents;
mod faults;
mod golden_page;
mod language;
mod many_objects;
mod modules;
mod recorded_archive;
mod recorded_recovery;
mod report;
