//! Random damage to the WAL of an archive.

use std::fs::{self, OpenOptions};
use std::io::Write;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::truth::archive::{Archive, COMPRESSED, file_name};
use crate::truth::wal::{SEGMENT_SIZE, Segment, history_timeline};

/// Texts that PostgreSQL does not accept as a history file.
const GARBAGE: [&str; 4] = [
    "no history\n",
    "1\n",
    "2\t0/3000000\tx\n1\t0/2000000\tx\n",
    "\u{0}\u{0}\u{0}\u{0}",
];

/// Damage to an object.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Vanishes,
    Empty,
    Short,
    Long,
    Garbage,
    /// Replaced by the content of another history file.
    Exchanged,
}

/// Damages an archive and returns what was done, in words.
pub(crate) fn damage(archive: &Archive, rng: &mut Rng) -> Vec<String> {
    let keys = archive.wal_keys();
    let most = (keys.len() / 6).max(1);
    let mut story = Vec::new();
    let mut left = rng.usize(1..=most);
    while left > 0 {
        let first = choose(&keys, rng);
        let run = rng.usize(1..=2).min(left);
        for key in keys.iter().skip(first).take(run) {
            if let Some(event) = harm(archive, key, rng) {
                story.push(event);
            }
        }
        left -= run;
    }
    story
}

/// Chooses the index of a key; important objects are chosen more often than others.
fn choose(keys: &[String], rng: &mut Rng) -> usize {
    let decides = |index: &usize| {
        let name = file_name(&keys[*index]);
        let before = index.checked_sub(1).map(|index| file_name(&keys[index]));
        let is_first = before.is_some_and(|before| before.get(..8) != name.get(..8));
        is_first || Segment::parse(name).is_none()
    };
    let special: Vec<_> = (0..keys.len()).filter(decides).collect();
    if special.is_empty() || rng.u8(..3) > 0 {
        rng.usize(..keys.len())
    } else {
        special[rng.usize(..special.len())]
    }
}

/// Damages an object; returns `None` if it is gone already.
fn harm(archive: &Archive, key: &str, rng: &mut Rng) -> Option<String> {
    let file = archive.file(key);
    let modified = fs::metadata(&file)
        .ok()?
        .modified()
        .expect("Linux knows when it was written");
    let harm = choose_harm(key, rng);
    if matches!(harm, Harm::Vanishes) {
        fs::remove_file(&file).expect("the archive is ours");
        return Some(format!("{key} vanishes"));
    }
    if matches!(harm, Harm::Garbage) {
        let text = GARBAGE[rng.usize(..GARBAGE.len())];
        let is_wrapped = key.ends_with(COMPRESSED) && rng.bool();
        let text = if is_wrapped {
            compressed(text)
        } else {
            text.into()
        };
        fs::write(&file, text).expect("the archive is ours");
    }
    if matches!(harm, Harm::Exchanged) {
        let other = another_history(archive, key, rng)?;
        fs::copy(archive.file(&other), &file).expect("the archive is ours");
    }
    let open = OpenOptions::new()
        .write(true)
        .open(&file)
        .expect("the archive is ours");
    let resized = match harm {
        Harm::Empty => open.set_len(0),
        Harm::Short => open.set_len(SEGMENT_SIZE / 2),
        Harm::Long => open.set_len(SEGMENT_SIZE + 1),
        Harm::Vanishes | Harm::Garbage | Harm::Exchanged => Ok(()),
    };
    // A listing would show a new time; damage that it does not show is worse.
    resized
        .and_then(|()| open.set_modified(modified))
        .expect("the archive is ours");
    Some(format!("{key}: {harm:?}"))
}

/// Key of another history file that is stored the same way.
fn another_history(archive: &Archive, key: &str, rng: &mut Rng) -> Option<String> {
    let is_another = |other: &String| {
        let is_history = history_timeline(file_name(other)).is_some();
        is_history && other != key && other.ends_with(COMPRESSED) == key.ends_with(COMPRESSED)
    };
    let others: Vec<_> = archive.wal_keys().into_iter().filter(is_another).collect();
    rng.choice(others)
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    written.expect("memory can be written")
}

/// Chooses damage that a listing shows, or damage to a file that is read.
fn choose_harm(key: &str, rng: &mut Rng) -> Harm {
    let is_history = history_timeline(file_name(key)).is_some();
    // For a compressed segment, no size but 0 is impossible.
    let is_compressed = key.ends_with(COMPRESSED);
    match rng.u8(..10) {
        6 | 7 => Harm::Empty,
        8 if is_history => Harm::Exchanged,
        9 if is_history => Harm::Garbage,
        8 if !is_compressed => Harm::Short,
        9 if !is_compressed => Harm::Long,
        _ => Harm::Vanishes,
    }
}
