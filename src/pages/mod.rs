//! HTML of the landing page: pure functions of reports and findings.
//!
//! The page works without scripts and without anything from elsewhere, and its links are relative,
//! so that it can be served below any path of a proxy. maud escapes every text. A server whose state
//! may have changed since the last good scan never looks healthy.

mod certificates;
mod landing;
mod overview;
mod servers;

#[cfg(test)]
mod tests;

pub use landing::{STYLE_SHEET, landing_page};
pub use overview::Overview;
