//! An S3 service in memory, for the demo and the tests.
