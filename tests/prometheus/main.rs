//! Alerts and dashboards in a real Prometheus, and pages of a real Alertmanager.

mod alerts;
mod dashboards;
mod end_to_end;
mod promtool;
