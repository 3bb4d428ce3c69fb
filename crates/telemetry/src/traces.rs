//! Traces: what a request cost where, from the front door through retrieval to the last token.
//!
//! Spans are those of `tracing`; they leave by OTLP over HTTP when `OTEL_EXPORTER_OTLP_ENDPOINT` says where to. The other
//! standard variables work as well (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_…`; OpenTelemetry Specification, "Environment Variable Specification").
//! Without an endpoint no span is made.

use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Status, TraceContextExt, TracerProvider};
pub use opentelemetry::{Array, Value};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// How long a program waits at its end until its last spans are taken.
const LAST: Duration = Duration::from_secs(3);

/// The variables that name a receiver.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Whether spans are told to anybody.
pub fn are_on() -> bool {
    PROVIDER.get().is_some()
}

/// Whether spans may hold what people ask and are told, by the variable that OpenTelemetry's instrumentations of language
/// models share. Without it, traces hold no text of anybody.
pub fn may_hold_text() -> bool {
    const VARIABLE: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| std::env::var(VARIABLE).is_ok_and(|set| set.eq_ignore_ascii_case("true")))
}

/// Where spans go, if the environment says so; an error is a receiver that cannot be.
pub(crate) fn start(program: &'static str) -> Option<Result<Tracer, String>> {
    let is = |variable: &str, value: &str| {
        std::env::var(variable).is_ok_and(|set| set.eq_ignore_ascii_case(value))
    };
    let named = ENDPOINTS.iter().any(|name| std::env::var(name).is_ok_and(|url| !url.is_empty()));
    if !named || is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return None;
    }
    Some(tracer(program))
}

fn tracer(program: &'static str) -> Result<Tracer, String> {
    let exporter = SpanExporter::builder().with_http().build().map_err(|e| e.to_string())?;
    let mut resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(program);
    }
    let provider = SdkTracerProvider::builder()
        // Its queue is bounded: what it cannot take is dropped, never waited for.
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let tracer = provider.tracer("switchyard");
    // Logging is started once, and so is this.
    let _ = PROVIDER.set(provider);
    Ok(tracer)
}

/// The level of the spans that are told.
pub(crate) const LEVEL: LevelFilter = LevelFilter::INFO;

/// Which spans are told: ours, and of what they stand for only what somebody would look for.
pub(crate) fn is_told(metadata: &Metadata<'_>) -> bool {
    const OURS: [&str; 4] = ["gateway", "rag_", "switchyard", "telemetry"];
    metadata.is_span() && OURS.iter().any(|crate_| metadata.target().starts_with(crate_))
}

/// Sends the last spans before a program ends.
pub fn finish() {
    if let Some(provider) = PROVIDER.get() {
        // Nobody is left to be told that the receiver is gone.
        let _ = provider.shutdown_with_timeout(LAST);
    }
}

/// Makes `span` part of the trace that a request's headers name (W3C Trace Context, `traceparent`).
pub fn go_on(span: &Span, headers: &HeaderMap) {
    if !span.is_disabled() {
        let context = TraceContextPropagator::new().extract(&Headers(headers));
        // Only a span that has begun refuses, and these are new.
        let _ = span.set_parent(context);
    }
}

/// The headers that make a request to somebody else part of `span`'s trace.
pub fn headers(span: &Span) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    if !span.is_disabled() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut Written(&mut headers));
    }
    headers
}

/// The trace's id, 32 hex digits, for log lines and answers.
pub fn id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context: Context = span.context();
    let trace = context.span().span_context().trace_id();
    Some(trace.to_string())
}

/// Sets an attribute by its name in the semantic conventions.
pub fn set(span: &Span, name: &'static str, value: impl Into<Value>) {
    if !span.is_disabled() {
        span.set_attribute(name, value);
    }
}

/// Marks what `span` stands for as failed.
pub fn fail(span: &Span, reason: impl Into<std::borrow::Cow<'static, str>>) {
    if !span.is_disabled() {
        span.set_status(Status::error(reason));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Written<'a>(&'a mut Vec<(HeaderName, HeaderValue)>);

impl Injector for Written<'_> {
    fn set(&mut self, key: &str, value: String) {
        // Both come from the propagator, whose words are valid.
        if let (Ok(name), Ok(value)) = (key.parse(), value.parse()) {
            self.0.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_goes_on_from_one_program_to_the_next() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("request");
            let mut asked = HeaderMap::new();
            asked.insert("traceparent", PARENT.parse().unwrap());
            go_on(&span, &asked);
            assert_eq!(id(&span).as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
            let passed_on: HeaderMap = headers(&span).into_iter().collect();
            let parent = passed_on["traceparent"].to_str().unwrap();
            assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{parent}");
            assert!(!parent.contains("b7ad6b7169203331"), "its own span is the parent: {parent}");
        });
    }

    #[test]
    fn without_a_receiver_nothing_is_passed_on() {
        let span = tracing::info_span!("request");
        assert!(headers(&span).is_empty());
        assert_eq!(id(&span), None);
        assert!(!are_on());
    }
}
