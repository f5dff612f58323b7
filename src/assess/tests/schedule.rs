//! Backups that are on schedule, and backups that are not.

use proptest::prelude::*;

use super::*;
use crate::report::{Contradiction, ScheduleReport};

const DAILY: &str = "0 0 2 * * *";

/// An archive with backups, each given by its status, start and end.
fn with_backups(archive: Archive, backups: &[(&str, &str, &str)]) -> Archive {
    backups
        .iter()
        .zip(1..)
        .fold(archive, |archive, ((status, begin, end), id)| {
            let archive = archive.with_backup_info(&id.to_string(), &info(status, begin, end));
            archive.with(&format!("s/base/{id}/data.tar"), 5)
        })
}

/// Report on backups with a schedule.
fn report(schedule: &str, backups: &[(&str, &str, &str)]) -> ScheduleReport {
    let archive = Archive::new().expecting(&["s"]).scheduled(schedule, None);
    with_backups(archive, backups).server().schedule.unwrap()
}

/// Report on done backups of ten minutes that started at these days and hours of November 2026.
fn begun_at(schedule: &str, hours: &[(u32, u32)]) -> ScheduleReport {
    let times: Vec<_> = hours
        .iter()
        .map(|(day, hour)| {
            (
                format!("11-{day:02} {hour:02}:00:00"),
                format!("11-{day:02} {hour:02}:10:00"),
            )
        })
        .collect();
    let backups: Vec<_> = times
        .iter()
        .map(|(begin, end)| ("DONE", begin.as_str(), end.as_str()))
        .collect();
    report(schedule, &backups)
}

/// Number of minutes by which a backup is late at a moment of November 2026.
fn minutes_late(report: &ScheduleReport, at: &str) -> Option<i64> {
    let overdue = report.overdue(moment(&format!("2026-11-{at}Z")))?;
    Some(overdue.num_minutes())
}

#[test]
fn a_backup_is_late_when_its_time_and_the_grace_have_passed() {
    let report = begun_at(DAILY, &[(14, 2), (15, 2)]);

    assert_eq!(
        report.due_at(moment(NOW)),
        Some(moment("2026-11-15T02:00:00Z"))
    );
    assert_eq!(minutes_late(&report, "15T12:00:00"), Some(0));
    assert_eq!(minutes_late(&report, "16T03:00:00"), Some(0));
    assert_eq!(minutes_late(&report, "16T03:05:00"), Some(5));
}

#[test]
fn what_is_late_stays_so_when_the_next_time_comes() {
    let report = begun_at(DAILY, &[(14, 2), (15, 2)]);

    assert_eq!(
        report.due_at(moment("2026-11-18T02:30:00Z")),
        Some(moment("2026-11-18T02:00:00Z"))
    );
    assert_eq!(minutes_late(&report, "18T02:30:00"), Some(2 * 24 * 60 - 30));
}

#[test]
fn an_hourly_backup_is_late_although_the_grace_is_as_long() {
    let report = begun_at("0 0 * * * *", &[(15, 2)]);

    assert_eq!(minutes_late(&report, "15T12:00:00"), Some(8 * 60));
}

#[test]
fn only_a_done_backup_is_one() {
    let unreadable = Archive::new()
        .expecting(&["s"])
        .scheduled(DAILY, None)
        .with_file("s/base/x/backup.info", "no backup.info");
    let failed = ("FAILED", "11-15 02:00:00", "11-15 02:10:00");
    let done = ("DONE", "11-14 02:00:00", "11-14 02:10:00");

    let late = |report: &ScheduleReport| minutes_late(report, "15T12:00:00");
    assert_eq!(late(&report(DAILY, &[done, failed])), Some(9 * 60));
    let unreadable = with_backups(unreadable, &[done]).server().schedule.unwrap();
    assert_eq!(late(&unreadable), Some(9 * 60));
}

#[test]
fn a_running_backup_is_late_only_if_much_longer_than_usual() {
    let done = ("DONE", "11-14 02:00:00", "11-14 02:30:00");
    let started = |begin| report(DAILY, &[done, ("STARTED", begin, "11-15 12:00:00")]);

    let under_way = started("11-15 11:00:00");
    assert_eq!(minutes_late(&under_way, "15T12:00:00"), Some(0));
    // Three times half an hour.
    assert_eq!(minutes_late(&under_way, "15T12:30:00"), Some(0));
    assert_eq!(minutes_late(&under_way, "15T12:31:00"), Some(9 * 60 + 1));
    // It started before the due time, so it is not the one that was due.
    assert_eq!(
        minutes_late(&started("11-15 01:59:59"), "15T12:00:00"),
        Some(8 * 60 + 30)
    );
}

#[test]
fn backups_that_are_killed_again_and_again_are_late() {
    let hourly = report(
        "0 0 * * * *",
        &[
            ("DONE", "11-14 08:00:00", "11-14 08:10:00"),
            // This one started too long ago to be still running.
            ("STARTED", "11-14 09:00:00", "11-14 09:00:00"),
            ("STARTED", "11-15 11:00:00", "11-15 11:00:00"),
            ("STARTED", "11-15 11:50:00", "11-15 11:50:00"),
        ],
    );

    assert_eq!(minutes_late(&hourly, "15T12:00:00"), Some(26 * 60));
    let daily = report(
        DAILY,
        &[
            ("DONE", "11-14 02:00:00", "11-14 02:10:00"),
            ("STARTED", "11-15 02:00:00", "11-15 02:00:00"),
            ("STARTED", "11-15 11:50:00", "11-15 11:50:00"),
        ],
    );
    assert_eq!(minutes_late(&daily, "15T12:00:00"), Some(9 * 60));
}

#[test]
fn with_no_done_backup_lateness_counts_from_the_first_attempt() {
    let tried = [
        ("FAILED", "11-13 02:00:03", "11-13 02:10:00"),
        ("STARTED", "11-14 14:00:03", "11-14 14:00:03"),
    ];
    let (daily, every) = (report(DAILY, &tried), report("@every 6h", &tried));

    assert_eq!(minutes_late(&daily, "15T12:00:00"), Some(57 * 60));
    assert_eq!(minutes_late(&daily, "16T03:00:00"), Some(72 * 60));
    assert_eq!(minutes_late(&every, "15T12:00:03"), Some(57 * 60));
    assert_eq!(
        every.due_at(moment(NOW)),
        Some(moment("2026-11-15T08:00:03Z"))
    );
    // The very first backup is running.
    let first = report(
        "@every 6h",
        &[("STARTED", "11-15 11:30:00", "11-15 11:30:00")],
    );
    assert_eq!(minutes_late(&first, "15T12:30:00"), Some(0));
    assert_eq!(minutes_late(&first, "15T12:31:00"), Some(1));
}

#[test]
fn the_grace_is_three_times_what_backups_take_unless_it_is_set() {
    let long = ("DONE", "11-14 02:00:00", "11-14 05:00:00");
    let set = Archive::new().expecting(&["s"]).scheduled(DAILY, Some(15));

    assert_eq!(report(DAILY, &[long]).grace_period, TimeDelta::hours(9));
    assert_eq!(
        begun_at(DAILY, &[(14, 2)]).grace_period,
        TimeDelta::hours(1)
    );
    let set = with_backups(set, &[long]).server().schedule.unwrap();
    assert_eq!(set.grace_period, TimeDelta::minutes(15));
    assert_eq!(set.usual_interval_grace, TimeDelta::hours(9));
}

#[test]
fn a_server_that_was_never_backed_up_is_late_at_any_time() {
    let report = report(DAILY, &[]);

    assert_eq!(minutes_late(&report, "15T12:00:00"), Some(9 * 60));
    assert_eq!(minutes_late(&report, "16T02:30:00"), Some(23 * 60 + 30));
    assert_eq!(minutes_late(&report, "16T03:01:00"), Some(1));
}

#[test]
fn an_interval_schedule_counts_from_the_previous_backup() {
    let known = begun_at("@every 6h", &[(15, 5)]);
    let unknown = report("@every 6h", &[]);

    assert_eq!(
        known.due_at(moment(NOW)),
        Some(moment("2026-11-15T11:00:00Z"))
    );
    assert_eq!(minutes_late(&known, "15T12:00:00"), Some(0));
    assert_eq!(minutes_late(&known, "15T18:00:00"), Some(6 * 60));
    assert_eq!(
        (unknown.due_at(moment(NOW)), unknown.overdue(moment(NOW))),
        (None, None)
    );
}

#[test]
fn a_begin_in_the_future_hides_nothing() {
    let report = begun_at(DAILY, &[(13, 2), (30, 2)]);

    assert_eq!(minutes_late(&report, "15T12:00:00"), Some(33 * 60));
}

#[test]
fn the_observed_interval_is_the_median_of_done_backups() {
    let observed = |report: ScheduleReport| {
        report
            .observed
            .map(|observed| (observed.median.num_hours(), observed.count))
    };

    assert_eq!(
        observed(begun_at(DAILY, &[(1, 2), (2, 2), (3, 2), (9, 2), (10, 2)])),
        Some((24, 4))
    );
    assert_eq!(observed(begun_at(DAILY, &[(1, 2)])), None);
}

#[test]
fn a_contradiction_takes_a_factor_of_two_over_enough_backups() {
    let hourly: Vec<_> = (2..=6).map(|hour| (15, hour)).collect();
    let daily: Vec<_> = (10..=14).map(|day| (day, 2)).collect();
    let contradiction = |schedule, hours: &[(u32, u32)]| begun_at(schedule, hours).contradiction();

    assert_eq!(
        contradiction(DAILY, &hourly),
        Some(Contradiction::MoreOften)
    );
    assert_eq!(contradiction(DAILY, &daily), None);
    assert_eq!(
        contradiction("0 2 * * *", &daily),
        Some(Contradiction::LessOften)
    );
    assert_eq!(contradiction("0 2 * * *", &hourly), None);
    assert_eq!(
        contradiction(DAILY, &hourly[1..]),
        None,
        "three intervals prove nothing"
    );
    // Intervals of one hour and of 23 hours are both expected.
    assert_eq!(contradiction("0 0 2,3 * * *", &daily), None);
    assert_eq!(contradiction("0 0 2,3 * * *", &hourly), None);
}

#[test]
fn nobody_expects_an_orphan_on_time() {
    let archive = Archive::new().expecting(&["t"]).scheduled(DAILY, None);

    assert_eq!(
        with_backups(archive, &[("DONE", "11-15 02:00:00", "11-15 02:10:00")])
            .server()
            .schedule,
        None
    );
}

proptest! {
    #[test]
    fn while_nothing_is_scanned_what_is_late_gets_later(
        minutes in 0..40_000_i64, more in 0..40_000_i64,
        schedule in prop_oneof![Just(DAILY), Just("0 0 * * * *"), Just("@every 90m"), Just("0 0 2 1 * *")],
    ) {
        let report = begun_at(schedule, &[(13, 2), (14, 2)]);
        let at = moment(NOW) + TimeDelta::minutes(minutes);

        let (before, after) = (report.overdue(at), report.overdue(at + TimeDelta::minutes(more)));

        let (before, after) = (before.unwrap(), after.unwrap());
        let later = before + TimeDelta::minutes(more);
        let is_later = if before.is_zero() { after <= later } else { after == later };
        prop_assert!(is_later);
    }
}
