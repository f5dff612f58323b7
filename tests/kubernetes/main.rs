//! Manifests, image and service files, checked by the tools that read them.

mod deploy;
