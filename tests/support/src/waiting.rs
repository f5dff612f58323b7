//! Waiting for a condition, with a time limit.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Pause between two checks of a condition.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Checks until there is an answer, and returns it.
///
/// # Panics
/// Panics if there is none within the time given. `what` completes "gave up waiting for".
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "gave up waiting for {what} after {within:?}"
        );
        sleep(PAUSE);
    }
}
