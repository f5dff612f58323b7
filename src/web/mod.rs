//! /metrics, health, the landing page.
