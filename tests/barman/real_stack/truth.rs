//! Contents of an archive, as other programs describe them.

use std::collections::BTreeMap;

use serde_json::Value;
use test_support::{ListedObject, ListedUpload, Sample, Stack};

/// Name of the archive in the exporter's configuration.
pub(crate) const ARCHIVE: &str = "kilobase";

/// Values by the text of their series, `name{label="value"}`.
pub(crate) type Series = BTreeMap<String, f64>;

/// Barman's list of backups, and a plain listing of the bucket.
pub(crate) struct Truth {
    server: String,
    /// Prefix of the server's keys, with a slash at its end.
    directory: String,
    backups: Vec<Value>,
    objects: Vec<ListedObject>,
    uploads: Vec<ListedUpload>,
}

impl Truth {
    /// Runs the tools of the stack.
    pub(crate) fn of(stack: &Stack) -> Self {
        let settings = stack.settings();
        let list = stack.backup_list();
        let backups = list.get("backups_list").and_then(Value::as_array);
        Self {
            server: settings.server.clone(),
            directory: format!("{}/{}/", settings.prefix, settings.server),
            backups: backups.expect("Barman prints a list").clone(),
            objects: stack.listing(),
            uploads: stack.uploads(),
        }
    }

    /// Status of each backup, in Barman's words and order.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.backups
            .iter()
            .map(|backup| text(backup, "status").to_owned())
            .collect()
    }

    /// Series that the exporter should expose.
    pub(crate) fn series(&self) -> Series {
        let mut samples = Vec::new();
        samples.extend(self.backup_states());
        samples.extend(self.newest_backup());
        samples.extend(self.wal());
        samples.extend(self.storage());
        samples.extend(self.unfinished_uploads());
        samples
            .iter()
            .map(|sample| (sample.series(), sample.value))
            .collect()
    }

    fn backup_states(&self) -> Vec<Sample> {
        let states = [
            ("done", "DONE"),
            ("failed", "FAILED"),
            // Minutes old at most: it looks as if it were running.
            ("running", "STARTED"),
            ("incomplete", "none of Barman's"),
            ("unreadable", "none of Barman's"),
        ];
        let sample = |(state, status)| {
            let count = self.with_status(status).count();
            self.sample("backups", &[("state", state)], float(count))
        };
        states.map(sample).into()
    }

    fn newest_backup(&self) -> Vec<Sample> {
        let done = self.with_status("DONE");
        let newest = done.max_by(|left, right| ended_at(left).total_cmp(&ended_at(right)));
        let newest = newest.expect("this archive is never without a done backup");
        let directory = format!("base/{}/", text(newest, "backup_id"));
        let size = newest.get("cluster_size").and_then(Value::as_f64);
        let values = [
            ("backup_last_success_timestamp_seconds", ended_at(newest)),
            (
                "backup_last_size_bytes",
                size.expect("Barman measures the cluster"),
            ),
            ("backup_last_stored_bytes", bytes(self.below(&directory))),
            ("backup_bytes", bytes(self.below("base/"))),
        ];
        values
            .map(|(name, value)| self.sample(name, &[], value))
            .into()
    }

    fn wal(&self) -> Vec<Sample> {
        let mut timelines: BTreeMap<u32, Vec<&ListedObject>> = BTreeMap::new();
        for object in self.below("wals/") {
            if let Some(timeline) = timeline_of_segment(&object.key) {
                timelines.entry(timeline).or_default().push(object);
            }
        }
        let arrivals = timelines
            .values()
            .flatten()
            .map(|object| object.last_modified);
        let newest = arrivals.fold(f64::MIN, f64::max);
        let mut samples = vec![self.sample("wal_last_archived_timestamp_seconds", &[], newest)];
        for (timeline, segments) in timelines {
            let label = [("timeline", timeline.to_string())];
            let label = label
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            samples.push(self.sample("wal_segments", &label, float(segments.len())));
            samples.push(self.sample("wal_bytes", &label, bytes(segments)));
        }
        samples
    }

    fn storage(&self) -> Vec<Sample> {
        let mut samples = vec![sample("scan_objects", &[], float(self.objects.len()))];
        for (directory, kind) in [("base/", "base"), ("wals/", "wals")] {
            let prefix = format!("{}/{directory}", self.server);
            let labels = [("prefix", prefix.as_str()), ("kind", kind)];
            let count = self.below(directory).count();
            samples.push(sample(
                "prefix_bytes",
                &labels,
                bytes(self.below(directory)),
            ));
            samples.push(sample("prefix_objects", &labels, float(count)));
        }
        // What lies beside the servers: nothing, and that is known.
        let beside = [("prefix", ""), ("kind", "other")];
        samples.push(sample("prefix_bytes", &beside, 0.0));
        samples.push(sample("prefix_objects", &beside, 0.0));
        let class = |object: &ListedObject| object.storage_class.clone();
        let classes = self.objects.iter().map(|object| (class(object), object));
        let mut by_class: BTreeMap<_, Vec<&ListedObject>> = BTreeMap::new();
        classes.for_each(|(class, object)| by_class.entry(class).or_default().push(object));
        for (class, objects) in by_class {
            let class = class.expect("this store names the class of every object");
            let label = [("storage_class", class.as_str())];
            samples.push(sample("storage_class_bytes", &label, bytes(objects)));
        }
        samples
    }

    fn unfinished_uploads(&self) -> Vec<Sample> {
        let below: Vec<_> = self
            .uploads
            .iter()
            .filter(|upload| self.holds(&upload.key))
            .collect();
        let parts = below.iter().flat_map(|upload| &upload.part_sizes);
        let bytes = parts.map(|&size| float(size)).sum();
        vec![
            self.sample("incomplete_uploads", &[], float(below.len())),
            self.sample("incomplete_uploads_bytes", &[], bytes),
        ]
    }

    /// Sample with the server's labels.
    fn sample(&self, name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
        sample(
            name,
            &[&[("server", self.server.as_str())], labels].concat(),
            value,
        )
    }

    fn with_status(&self, status: &str) -> impl Iterator<Item = &Value> {
        self.backups
            .iter()
            .filter(move |backup| text(backup, "status") == status)
    }

    /// Objects below a directory of the server.
    fn below(&self, directory: &str) -> impl Iterator<Item = &ListedObject> {
        let prefix = format!("{}{directory}", self.directory);
        self.objects
            .iter()
            .filter(move |object| object.key.starts_with(&prefix))
    }

    fn holds(&self, key: &str) -> bool {
        key.starts_with(&self.directory)
    }
}

/// Sample with the archive's label.
fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Sample {
    let labels = labels.iter().chain(&[("archive", ARCHIVE)]);
    let labels = labels
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Sample {
        name: format!("barman_cloud_{name}"),
        labels,
        value,
    }
}

/// Timeline of a whole segment; `None` for every other key.
///
/// This archive compresses each of its WAL files with gzip.
fn timeline_of_segment(key: &str) -> Option<u32> {
    let (_, file) = key.rsplit_once('/')?;
    let name = file.strip_suffix(".gz")?;
    let is_segment = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(name.get(..8)?, 16)
        .ok()
        .filter(|_| is_segment)
}

fn bytes<'a>(objects: impl IntoIterator<Item = &'a ListedObject>) -> f64 {
    objects.into_iter().map(|object| float(object.size)).sum()
}

/// Converts a count or a size into a sample's value; those of this test fit.
fn float<T: TryInto<u32, Error: std::fmt::Debug>>(number: T) -> f64 {
    f64::from(
        number
            .try_into()
            .expect("this archive is smaller than 4 GiB"),
    )
}

fn text<'a>(backup: &'a Value, field: &str) -> &'a str {
    let text = backup.get(field).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no text `{field}` in {backup}"))
}

/// End of a backup, in Unix seconds.
fn ended_at(backup: &Value) -> f64 {
    let text = text(backup, "end_time_iso");
    let ended_at = chrono::DateTime::parse_from_rfc3339(text).expect("Barman writes ISO times");
    let since_epoch = (ended_at.to_utc() - chrono::DateTime::UNIX_EPOCH).to_std();
    since_epoch
        .expect("no backup is older than Unix")
        .as_secs_f64()
}
