//! What keys and files of an archive mean.
