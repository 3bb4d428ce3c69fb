//! The worker's metric families.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{Counter, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::family::{self, counters, gauges, histograms};

/// Every metric of a worker.
pub struct WorkerMetrics {
    registry: Registry,
    requests: IntCounterVec,
    answers: IntCounterVec,
    /// 1 while the worker is ready.
    pub ready: IntGauge,
    /// Seconds from the request to the first piece of the answer.
    pub first_token: Histogram,
    /// Seconds spent embedding the question and finding passages.
    pub retrieval: Histogram,
    /// Seconds from the request to the end of the answer.
    pub duration: Histogram,
    prompt_tokens: IntCounter,
    reused_tokens: IntCounter,
    generated_tokens: IntCounter,
    decode_steps: IntCounter,
    processing: IntGauge,
    deferred: IntGauge,
    context_tokens: IntGauge,
    kept_prompts: IntGauge,
    kept_bytes: IntGauge,
    model_seconds: Counter,
    /// Bytes of the model's weights.
    pub weights: IntGauge,
    /// Layers of the model on GPUs.
    pub gpu_layers: IntGauge,
    device_memory: IntGaugeVec,
    verifications: IntCounterVec,
    verified: IntGauge,
}

/// What the engine has counted since the start, and what it does now.
#[derive(Debug, Clone, Copy)]
pub struct EngineFigures {
    /// Prompt tokens computed since the start.
    pub prompt_tokens: u64,
    /// Prompt tokens since the start that an earlier prompt had computed.
    pub reused_tokens: u64,
    /// Tokens generated since the start.
    pub generated_tokens: u64,
    /// Steps of the model since the start.
    pub decode_steps: u64,
    /// Time spent in those steps.
    pub busy: Duration,
    /// Answers being made.
    pub processing: usize,
    /// Questions waiting.
    pub deferred: usize,
    /// Tokens held in the context.
    pub context_tokens: usize,
    /// Prompts kept for the next that begins alike.
    pub kept_prompts: usize,
    /// Bytes of those that were copied out of the context.
    pub kept_bytes: usize,
}

impl WorkerMetrics {
    /// Registers every family.
    ///
    /// # Errors
    /// Only when a metric is named twice or badly, which is a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            Ok(counters(&registry, name, help, &[])?.with_label_values::<&str>(&[]))
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            Ok(gauges(&registry, name, help, &[])?.with_label_values::<&str>(&[]))
        };
        let histogram = |name: &str, help: &str| -> Result<Histogram, prometheus::Error> {
            Ok(histograms(&registry, name, help, &[])?.with_label_values::<&str>(&[]))
        };
        let answers = counters(
            &registry,
            "switchyard_worker_answers_total",
            "Questions by what became of them",
            &["outcome"],
        )?;
        // A series that appears with its first failure hides that failure from `increase()`.
        for outcome in ["answered", "not_in_documents", "abandoned", "busy", "failed"] {
            answers.with_label_values(&[outcome]);
        }
        let verifications = counters(
            &registry,
            "switchyard_worker_verifications_total",
            "Verifications in the background by what they found",
            &["outcome"],
        )?;
        for outcome in ["held", "differed"] {
            verifications.with_label_values(&[outcome]);
        }
        Ok(Self {
            requests: counters(
                &registry,
                "switchyard_worker_requests_total",
                "Requests answered",
                &["endpoint", "status"],
            )?,
            answers,
            ready: gauge("switchyard_worker_phase_ready", "1 while the worker is ready")?,
            first_token: histogram(
                "switchyard_worker_time_to_first_token_seconds",
                "Request in to first piece of the answer out",
            )?,
            retrieval: histogram(
                "switchyard_worker_retrieval_seconds",
                "Embedding the question and finding passages",
            )?,
            duration: histogram(
                "switchyard_worker_answer_duration_seconds",
                "Request in to end of the answer",
            )?,
            prompt_tokens: counter(
                "switchyard_worker_prompt_tokens_total",
                "Prompt tokens computed",
            )?,
            reused_tokens: counter(
                "switchyard_worker_prompt_tokens_reused_total",
                "Prompt tokens that an earlier prompt of the same caller had computed",
            )?,
            generated_tokens: counter(
                "switchyard_worker_generated_tokens_total",
                "Tokens generated",
            )?,
            decode_steps: counter("switchyard_worker_decode_steps_total", "Steps of the model")?,
            processing: gauge("switchyard_worker_answers_processing", "Answers being made")?,
            deferred: gauge("switchyard_worker_answers_deferred", "Questions waiting")?,
            context_tokens: gauge(
                "switchyard_worker_context_tokens",
                "Tokens held in the context",
            )?,
            kept_prompts: gauge(
                "switchyard_worker_kept_prompts",
                "Prompts kept for the next that begins alike",
            )?,
            kept_bytes: gauge(
                "switchyard_worker_kept_prompts_bytes",
                "Memory of kept prompts that were copied out of the context",
            )?,
            model_seconds: family::seconds(
                &registry,
                "switchyard_worker_model_seconds_total",
                "Seconds in which the model computed",
            )?,
            weights: gauge("switchyard_worker_weights_bytes", "Bytes of the model's weights")?,
            gpu_layers: gauge("switchyard_worker_gpu_layers", "Layers of the model on GPUs")?,
            device_memory: gauges(
                &registry,
                "switchyard_worker_device_memory_bytes",
                "Memory of the device that the model is computed on, with what other programs use",
                &["device", "state"],
            )?,
            verifications,
            verified: gauge(
                "switchyard_worker_verified_timestamp_seconds",
                "When what is served was last read through and found to be what was verified, since 1970",
            )?,
            registry,
        })
    }

    /// Counts a verification in the background: `held` or `differed`.
    pub fn verification(&self, outcome: &str) {
        self.verifications.with_label_values(&[outcome]).inc();
    }

    /// When all that is served was last verified.
    pub fn verified(&self, at: Option<SystemTime>) {
        let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        self.verified.set(since.map_or(0, |s| i64::try_from(s.as_secs()).unwrap_or(i64::MAX)));
    }

    /// Counts one request.
    pub fn request(&self, endpoint: &str, status: u16) {
        self.requests.with_label_values(&[endpoint, &status.to_string()]).inc();
    }

    /// Counts what became of a question: `answered`, `not_in_documents`, `abandoned`, `busy` or
    /// `failed`.
    pub fn answer(&self, outcome: &str) {
        self.answers.with_label_values(&[outcome]).inc();
    }

    /// Takes over what the engine counted.
    pub fn engine(&self, figures: EngineFigures) {
        let raise =
            |counter: &IntCounter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        raise(&self.prompt_tokens, figures.prompt_tokens);
        raise(&self.reused_tokens, figures.reused_tokens);
        raise(&self.generated_tokens, figures.generated_tokens);
        raise(&self.decode_steps, figures.decode_steps);
        let seconds = figures.busy.as_secs_f64() - self.model_seconds.get();
        self.model_seconds.inc_by(seconds.max(0.0));
        let set = |gauge: &IntGauge, to: usize| gauge.set(i64::try_from(to).unwrap_or(i64::MAX));
        set(&self.processing, figures.processing);
        set(&self.deferred, figures.deferred);
        set(&self.context_tokens, figures.context_tokens);
        set(&self.kept_prompts, figures.kept_prompts);
        set(&self.kept_bytes, figures.kept_bytes);
    }

    /// Bytes of a device that are used by anybody, and those that are free.
    pub fn device_memory(&self, device: &str, used: usize, free: usize) {
        for (state, bytes) in [("used", used), ("free", free)] {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.device_memory.with_label_values(&[device, state]).set(bytes);
        }
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When a family cannot be encoded.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        family::render(&self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_counters_never_go_back() {
        let metrics = WorkerMetrics::new().unwrap();
        let mut figures = EngineFigures {
            prompt_tokens: 10,
            reused_tokens: 3,
            generated_tokens: 5,
            decode_steps: 5,
            busy: Duration::from_millis(250),
            processing: 2,
            deferred: 1,
            context_tokens: 15,
            kept_prompts: 1,
            kept_bytes: 1,
        };
        metrics.engine(figures);
        figures.prompt_tokens = 8;
        metrics.engine(figures);
        let text = metrics.render().unwrap();
        assert!(text.contains("switchyard_worker_prompt_tokens_total 10"), "{text}");
        assert!(text.contains("switchyard_worker_answers_processing 2"), "{text}");
        assert!(text.contains("switchyard_worker_model_seconds_total 0.25"), "{text}");
    }
}
