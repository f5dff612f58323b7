//! Parts that the integration tests share: the exporter as a program, and real parts to point it
//! at.
//!
//! | | |
//! |---|---|
//! | [`Exporter`] | the program itself, run with a configuration and scraped over HTTP |
//! | [`Samples`] | what a page of metrics says |
//! | [`EmbeddedArchive`] | a store in memory, which can fail on purpose, and its configuration |
//! | [`Postgres`] | a database, and nothing else |
//! | [`SecurePostgres`] | a database that offers TLS |
//! | [`Authority`] | certificates for the tests |
//! | [`Bucket`] | a real store, and nothing else |
//! | [`Stack`] | a store, a database and Barman's tools, all real |
//! | [`Restored`] | how far PostgreSQL got with what Barman brought back |
//! | [`RuleFile`] | the alerts that are shipped, as their manifests have them |
//! | [`dashboard::Board`] | a dashboard that is shipped |
//! | [`Alertmanager`] | a real one, which routes the alerts of Prometheus |
//! | [`Prometheus`] | a real one, which scrapes and answers queries |
//! | [`PlainClient`] | contents of a bucket, listed by a client that is not the exporter's |
//! | [`BarmanClient`] | the backups of a server, as reported by Barman |
//!
//! Nothing here returns an error: a part that does not do what it should ends the test, with the
//! part's log. `tests/install.sh` installs what [`Stack`] and [`Prometheus`] need.

mod alertmanager;
mod authority;
mod bucket;
mod certificates;
mod contents;
pub mod dashboard;
mod embedded;
mod exporter;
mod exposition;
mod plain_client;
mod postgres;
mod process;
mod prometheus;
pub mod promql;
mod recorded;
mod rules;
mod seaweed;
mod secure_postgres;
mod series;
mod stack;
mod tools;
mod waiting;
mod web_program;

pub use rustix::process::Signal;

pub use alertmanager::Alertmanager;
pub use authority::{Authority, IssuedCertificate, year};
pub use bucket::Bucket;
pub use certificates::{
    CERTIFICATE_ARCHIVE, CERTIFICATE_FAMILIES, SOON, certificate_info, certificate_value,
    wait_for_subject, wait_for_value, watch_certificates,
};
pub use contents::{CONTENTS_BACKUP, CONTENTS_SEGMENT, put_contents};
pub use embedded::{
    CREDENTIALS, EmbeddedArchive, SMALL_BUCKET, SMALL_DESTINATION, SMALL_MORNING, SMALL_SERVER,
    backup_info, every_second, put_small_backup, small_archive, small_key,
};
pub use exporter::{Ended, Exporter, Launch, run_exporter, run_exporter_within};
pub use exposition::{Sample, Samples};
pub use plain_client::{BarmanClient, ListedObject, ListedUpload, PlainClient};
pub use postgres::Postgres;
pub use process::{Part, run, try_run};
pub use prometheus::Prometheus;
pub use recorded::{
    add_running_backup, add_waiting_backup, recorded, recorded_archive, recorded_objects,
};
pub use rules::{
    FindingRow, Rule, RuleFile, alert_rules, alerts_path, all_rules, finding_rows,
    plain_rules_path, rule_files,
};
pub use secure_postgres::SecurePostgres;
pub use series::Series;
pub use stack::{
    FetchedBackup, Keep, PointInTime, RestoreTarget, Restored, Stack, StackSettings, WalRequest,
};
pub use tools::{Tools, as_database_user, give_to_database_user, make_database_directory};
pub use waiting::until;
