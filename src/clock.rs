//! Clock that the program is given: only the outermost layer reads the system's.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Source of the current time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;
