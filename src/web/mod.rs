//! `/metrics`, health, the landing page.
//!
//! This module knows nothing of metrics and configuration: whoever starts it gives it a [`Content`].
//! Nobody who connects can hold it up: connections, their headers, their life and the rendering of
//! pages are all limited, see [`ConnectionLimits`].

mod accept;
mod content;
mod landing;
mod metrics_page;
mod routes;
mod server;
mod servers;

#[cfg(test)]
mod tests;

pub use content::{
    ArchiveOverview, CertificateOverview, Content, Exposition, Overview, ServerOverview, Standing,
};
pub use server::{ConnectionLimits, serve};
