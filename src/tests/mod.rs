//! Tests of several modules together.

mod schemas;
