//! What an archive contains.
