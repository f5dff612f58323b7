//! Texts that operators and certificates write.

use std::str::FromStr;

use archive_store_s3::fuzzing;
use barman_archive::barman::ServerPattern;
use barman_archive::postgres::{Lsn, SegmentName};
use barman_archive::retention::RetentionPolicy;
use barman_cloud_exporter::config::{
    Bytes, Destination, EndpointUrl, ListenAddress, LogFilter, Price, Schedule,
};
use barman_cloud_exporter::verification::WalChoice;
use barman_cloud_exporter::web;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use cnpg_schedule::{BackupSchedule, next_time, previous_time};
use tls_certificates::x509::Host;
use tls_certificates::{ServerAddress, SslNegotiation};

use crate::input::{Input, choice};

/// Zones with rules of every kind, with and without summer time, with changes at midnight and of half
/// an hour.
const ZONES: [Tz; 7] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__Santiago,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
    Tz::Africa__Casablanca,
    Tz::America__Caracas,
];

/// Addresses, names, patterns, policies and headers.
///
/// Input: kind of the text; the text.
pub fn texts(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let kind = input.byte();
    let text = String::from_utf8_lossy(input.rest());
    match kind % 17 {
        0 => server_address(&text),
        1 => assert_survives_round_trip::<ListenAddress>(&text),
        2 => assert_survives_round_trip::<RetentionPolicy>(&text),
        3 => assert_survives_round_trip::<Lsn>(&text),
        4 => server_pattern(&text),
        5 => drop(text.parse::<Destination>()),
        6 => drop(text.parse::<EndpointUrl>()),
        7 => assert_survives_round_trip::<LogFilter>(&text),
        8 => drop(text.parse::<SslNegotiation>()),
        9 => drop(text.parse::<Tz>()),
        10 => drop(text.parse::<Host>()),
        11 => drop(text.parse::<WalChoice>()),
        12 => assert_survives_round_trip::<Bytes>(&text),
        13 => drop(text.parse::<Price>()),
        14 => accepted_formats(&text),
        15 => credential(&text),
        _ => {
            if let Some(name) = SegmentName::parse(&text) {
                assert_eq!(name.to_string(), text.to_ascii_uppercase());
            }
        }
    }
}

fn assert_survives_round_trip<T>(text: &str)
where
    T: FromStr + ToString + PartialEq + std::fmt::Debug,
{
    if let Ok(parsed) = text.parse::<T>() {
        assert_eq!(parsed.to_string().parse::<T>().ok(), Some(parsed));
    }
}

fn server_address(text: &str) {
    if let Ok(address) = ServerAddress::parse(text, 5432) {
        let again = ServerAddress::parse(&address.to_string(), 1);
        assert_eq!(again, Ok(address));
    }
}

/// The name of the server follows the pattern after a line break.
fn server_pattern(text: &str) {
    let (pattern, server) = text.split_once('\n').unwrap_or((text, text));
    if let Ok(pattern) = pattern.parse::<ServerPattern>() {
        let _ = pattern.matches(server);
    }
}

/// Header `Accept`, whose media ranges can stand in any order and in several headers.
fn accepted_formats(text: &str) {
    let wanted = web::wanted_format(std::iter::once(text));
    assert_eq!(web::wanted_format(text.rsplit(',')), wanted);
}

/// Credential in a file, which becomes part of a header.
fn credential(text: &str) {
    if let Some(credential) = fuzzing::credential(text.as_bytes()) {
        assert_eq!(credential, text.trim());
        assert!(
            !credential.is_empty() && credential.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        );
    }
}

/// Schedule of backups, as `CloudNativePG` and Kubernetes read it, and the schedule of scans.
///
/// Input: zone, time; the schedule.
pub fn schedules(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let zone = choice(&ZONES, input.byte());
    let moment = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(i64::from(input.u32()));
    let text = String::from_utf8_lossy(input.rest());
    if let Ok(schedule) = text.parse::<BackupSchedule>() {
        assert_is_in_order(&schedule, zone, moment);
        let _ = (
            schedule.in_words(),
            schedule.warning(),
            schedule.as_cron_job(),
        );
        let again: BackupSchedule = schedule.as_str().parse().unwrap();
        assert_eq!(again, schedule);
    }
    if let Ok(schedule) = text.parse::<Schedule>() {
        let next = next_time(schedule.cron(), zone, moment);
        assert!(next.is_none_or(|next| next > moment));
        let previous = previous_time(schedule.cron(), zone, moment);
        assert!(previous.is_none_or(|previous| previous <= moment));
    }
}

fn assert_is_in_order(schedule: &BackupSchedule, zone: Tz, moment: DateTime<Utc>) {
    let intervals = schedule.intervals();
    assert!(intervals.shortest > TimeDelta::zero());
    assert!(intervals.shortest <= intervals.median && intervals.median <= intervals.longest);
    let next = schedule.next_after(moment, zone);
    assert!(next.is_none_or(|next| next > moment));
    let latest = schedule.latest_until(moment, zone, Some(moment));
    assert!(latest.is_none_or(|latest| latest <= moment));
    let is_calendar = !schedule.as_str().starts_with("@every");
    if let Some(next) = next.filter(|_| is_calendar) {
        assert_eq!(schedule.latest_until(next, zone, None), Some(next));
        let before = next - TimeDelta::seconds(1);
        assert_eq!(schedule.latest_until(before, zone, None), latest);
    }
}
