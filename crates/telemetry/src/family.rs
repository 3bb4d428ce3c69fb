//! Metric families: how one is made, registered and written out.

use prometheus::core::Collector;
use prometheus::{
    Counter, Encoder, Error, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

/// Upper bounds in seconds: from a cached page to the longest answer.
const DURATIONS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0,
];

/// The content type of what [`render`] gives.
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Everything registered, in Prometheus' text format.
pub(crate) fn render(registry: &Registry) -> Result<String, Error> {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

pub(crate) fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    family: &C,
) -> Result<(), Error> {
    registry.register(Box::new(family.clone()))
}

pub(crate) fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, Error> {
    let family = IntCounterVec::new(Opts::new(name, help), labels)?;
    register(registry, &family)?;
    Ok(family)
}

/// A counter of seconds.
pub(crate) fn seconds(registry: &Registry, name: &str, help: &str) -> Result<Counter, Error> {
    let counter = Counter::with_opts(Opts::new(name, help))?;
    register(registry, &counter)?;
    Ok(counter)
}

pub(crate) fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, Error> {
    let family = IntGaugeVec::new(Opts::new(name, help), labels)?;
    register(registry, &family)?;
    Ok(family)
}

pub(crate) fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<HistogramVec, Error> {
    let family =
        HistogramVec::new(HistogramOpts::new(name, help).buckets(DURATIONS.to_vec()), labels)?;
    register(registry, &family)?;
    Ok(family)
}
