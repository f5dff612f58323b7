//! One pass over an archive, on schedule.
