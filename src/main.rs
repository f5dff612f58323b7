//! Exit code of the program.

fn main() {}
