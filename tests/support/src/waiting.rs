//! Waiting for a condition, never longer than said.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Pause between two looks at a condition.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until there is an answer, and returns it.
///
/// # Panics
/// When there is none within the time given. `what` completes "gave up waiting for".
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(Instant::now() < deadline, "gave up waiting for {what} after {within:?}");
        sleep(PAUSE);
    }
}
