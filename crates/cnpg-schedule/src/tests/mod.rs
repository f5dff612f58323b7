//! Words, warnings, intervals, errors.

mod naive;
mod table;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{BackupSchedule, Dialect, ScheduledIntervals};

fn schedule(text: &str) -> BackupSchedule {
    text.parse().unwrap()
}

/// Schedules, and what is said of them.
const TOLD: &[(&str, &str)] = &[
    ("0 0 2 * * *", "every day at 02:00"),
    ("30 0 2 * * *", "every day at 02:00:30"),
    ("0 0 2,14 * * *", "every day at 02:00 and 14:00"),
    (
        "0 15,45 2,14 * * *",
        "every day at 02:15, 02:45, 14:15 and 14:45",
    ),
    (
        "0 0 */6 * * *",
        "every day at 00:00, 06:00, 12:00 and 18:00",
    ),
    ("0 2 * * *", "every hour at minute 2"),
    ("0 0 * * * *", "every hour"),
    ("0 0 */2 * * *", "every 2 hours"),
    ("0 0 9-17 * * *", "every hour from 09:00 to 17:00"),
    (
        "0 0 0,1,2,5,6,8,9,20,22 * * *",
        "at 00:00, 01:00, 02:00, 05:00, 06:00, 08:00, 09:00, 20:00 and 22:00",
    ),
    ("0 */15 * * * *", "every 15 minutes"),
    (
        "0 */7 * * * *",
        "every hour at minutes 0 to 56 in steps of 7",
    ),
    (
        "0 1-3,9,20-21 * * * *",
        "every hour at minutes 1 to 3, 9, 20 and 21",
    ),
    ("0 * * * * *", "every minute"),
    ("* * * * * *", "every second"),
    ("*/10 * * * * *", "every 10 seconds"),
    ("30 * * * * *", "every minute at second 30"),
    ("30 2 * * * *", "every hour at minute 2, second 30"),
    (
        "5,35 2,4 * * * *",
        "every hour at minutes 2 and 4, seconds 5 and 35",
    ),
    ("0 */5 9-17 * * *", "every 5 minutes of hours 9 to 17"),
    ("0 30 9-17 * * *", "at minute 30 of hours 9 to 17"),
    ("* 2 * * * *", "every second of minute 2 of every hour"),
    ("* * 2 * * *", "every second of hour 2"),
    ("30 * 2 * * *", "at second 30 of every minute of hour 2"),
    ("0 * * 1 * *", "every minute, on day 1 of every month"),
    (
        "30 */20 * * * *",
        "at second 30 of minutes 0, 20 and 40 of every hour",
    ),
    ("0 0 2 * * SUN", "on Sundays at 02:00"),
    ("0 0 2 * * 1-5", "from Monday to Friday at 02:00"),
    ("0 0 2 * * 0,6", "on Saturdays and Sundays at 02:00"),
    (
        "0 0 2 * * 1,3,5",
        "on Mondays, Wednesdays and Fridays at 02:00",
    ),
    (
        "0 0 2 * * 0-5",
        "on Mondays, Tuesdays, Wednesdays, Thursdays, Fridays and Sundays at 02:00",
    ),
    ("0 0 2 1 * *", "on day 1 of every month at 02:00"),
    ("0 0 2 1,15 * *", "on days 1 and 15 of every month at 02:00"),
    (
        "0 0 2 */10 * *",
        "on days 1 to 31 in steps of 10 of every month at 02:00",
    ),
    ("0 0 2 1 1,7 *", "on day 1 of January and July at 02:00"),
    ("0 0 2 * 3-6 *", "every day at 02:00, from March to June"),
    ("0 0 2 * 1 MON", "on Mondays at 02:00, in January"),
    (
        "0 0 0 13 * FRI",
        "on day 13 of the month and on Fridays at 00:00",
    ),
    (
        "0 0 0 */2 * MON,TUE",
        "on days 1 to 31 in steps of 2 of the month (if they are Mondays or Tuesdays) at 00:00",
    ),
    (
        "0 0 0 13 * */5",
        "on day 13 of the month (if it is a Friday or Sunday) at 00:00",
    ),
    (
        "0 * * 13 5 */5",
        "every minute, on day 13 of the month (if it is a Friday or Sunday), in May",
    ),
    ("0 0 0 1-31 * MON", "every day at 00:00"),
    ("0 0 0 , * MON", "on Mondays at 00:00"),
    ("@yearly", "on day 1 of January at 00:00"),
    ("@monthly", "on day 1 of every month at 00:00"),
    ("@weekly", "on Sundays at 00:00"),
    ("@daily", "every day at 00:00"),
    ("@hourly", "every hour"),
    ("@every 6h", "every 6 hours, counted from the last backup"),
    ("@every 1h", "every hour, counted from the last backup"),
    (
        "@every 90m30s",
        "every 1 hour 30 minutes 30 seconds, counted from the last backup",
    ),
    (
        "@every 36h",
        "every 1 day 12 hours, counted from the last backup",
    ),
];

#[test]
fn a_schedule_is_told_in_words() {
    for (text, words) in TOLD {
        assert_eq!(schedule(text).in_words(), *words, "{text}");
    }
}

#[test]
fn five_fields_are_warned_of_with_what_was_probably_meant() {
    let warning = schedule("0 2 * * *").warning().unwrap();

    assert_eq!(
        warning,
        "`0 2 * * *` has five fields, and the first field is seconds: it means every hour at \
         minute 2. If you meant every day at 02:00, as in a crontab, write `0 0 2 * * *`; \
         otherwise write `0 2 * * * *`"
    );
    let other = schedule("0 30 2 * *").warning().unwrap();
    assert!(
        other.contains("every day at 02:30. To write the same with six fields, use `0 30 2 * * *`")
    );
    // In July, and not on Sundays.
    let sunday = schedule("0 2 * * 7").warning().unwrap();
    assert!(
        sunday.contains("in July. If you meant on Sundays at 02:00"),
        "{sunday}"
    );
    assert!(
        sunday.ends_with("write `0 0 2 * * 0`; otherwise write `0 2 * * 7 *`"),
        "{sunday}"
    );
    assert_eq!(schedule("0 0 2 * * *").warning(), None);
    assert_eq!(schedule("@daily").warning(), None);
}

#[test]
fn a_cron_job_reads_the_same_text_without_seconds() {
    let read = |text| {
        schedule(text)
            .as_cron_job()
            .map_err(|error| error.to_string())
    };

    assert_eq!(read("0 2 * * *").unwrap(), "every day at 02:00");
    assert_eq!(read("@hourly").unwrap(), "every hour");
    assert!(read("0 0 2 * * *").unwrap_err().contains("five fields"));
    assert!(
        read("0 30 2 * *")
            .unwrap_err()
            .contains("`30` is out of range")
    );
    // Of the two, only the newer library takes a star with a step for a restriction.
    let meaning = Dialect::Kubernetes.read("0 0 */2 * MON").unwrap();
    assert_eq!(
        meaning.in_words_of("backup"),
        "on days 1 to 31 in steps of 2 of the month and on Mondays at 00:00"
    );
}

#[test]
fn an_error_says_what_was_expected_where() {
    let error = |text: &str| text.parse::<BackupSchedule>().unwrap_err().to_string();

    assert_eq!(
        error("0 0 24 * * *"),
        "expected numbers from 0 to 23 in the field hour; `24` is out of range"
    );
    assert!(error("0 0 2 * * 7").contains("from 0 (Sunday) to 6"));
    assert_eq!(
        error("0 2 * * SUN"),
        "expected numbers from 1 to 12 or names from `jan` to `dec` in the field month; `SUN` is \
         something else. With five fields, the first field is seconds. If you meant on Sundays at \
         02:00, as in a crontab, write `0 0 2 * * SUN`"
    );
    assert!(!error("60 25 * * *").contains("crontab"));
    assert!(error("every day").contains("such as `0 0 2 * * *`"));
    assert!(error("@every day").contains("such as `6h`"));
}

#[test]
fn intervals_are_those_of_all_times() {
    let seconds = |text: &str| {
        let ScheduledIntervals {
            shortest,
            median,
            longest,
        } = schedule(text).intervals();
        [shortest, median, longest].map(|interval| interval.num_seconds())
    };
    let (hour, day) = (3600, 86_400);

    assert_eq!(seconds("0 2 * * *"), [hour; 3]);
    assert_eq!(seconds("0 0 2 * * *"), [day; 3]);
    assert_eq!(seconds("0 0 2,3 * * *"), [hour, 12 * hour, 23 * hour]);
    assert_eq!(seconds("0 0 2 * * 1-5"), [day, day, 3 * day]);
    assert_eq!(seconds("0 0 0 1 * *"), [28 * day, 31 * day, 31 * day]);
    assert_eq!(seconds("0 0 0 29 2 *"), [1461 * day; 3]);
    assert_eq!(seconds("0 */7 * * * *"), [240, 420, 420]);
    assert_eq!(seconds("* * * * * *"), [1; 3]);
    assert_eq!(seconds("@every 90m"), [5400; 3]);
}

#[test]
fn the_times_of_every_are_counted_from_a_backup() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let every = schedule("@every 6h");
    let latest = |now, begun_at| every.latest_until(at(now), Tz::UTC, begun_at);

    let begun_at = Some(at("2026-11-24T01:00:00.4Z"));
    assert_eq!(
        latest("2026-11-24T01:00:01Z", begun_at),
        Some(at("2026-11-24T01:00:00Z"))
    );
    assert_eq!(
        latest("2026-11-24T12:59:59Z", begun_at),
        Some(at("2026-11-24T07:00:00Z"))
    );
    assert_eq!(
        latest("2026-11-24T13:00:00Z", begun_at),
        Some(at("2026-11-24T13:00:00Z"))
    );
    assert_eq!(latest("2026-11-24T00:00:00Z", begun_at), None);
    assert_eq!(latest("2026-11-24T12:00:00Z", None), None);
}
