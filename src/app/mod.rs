//! Builds and connects the rooms.
