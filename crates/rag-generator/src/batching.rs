//! Continuous batching: the loop of the one thread that owns llama.cpp's context.
//!
//! A sequence is llama.cpp's name for one answer's part of the context. Every step decodes one batch:
//! first one token of each answer that is being written, then prompt tokens of answers that are still
//! being read, shared out evenly, so that a long prompt never stalls the others for more than a step.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use rag_core::{AnswerSink, Finish, GenerateError, Generated, Sampling};

use crate::stats::EngineStats;
use crate::text::{Settled, TextStream};

/// Tokens that the repeat penalty looks back at, llama.cpp's own default.
const PENALTY_WINDOW: i32 = 64;

/// One answer to make, tokenized and checked to fit.
pub(crate) struct Job {
    pub(crate) prompt: Vec<LlamaToken>,
    pub(crate) max_tokens: usize,
    pub(crate) sampling: Sampling,
    pub(crate) stop: Vec<String>,
    pub(crate) sink: Box<dyn AnswerSink>,
}

/// An answer being made.
struct Answer {
    prompt: Vec<LlamaToken>,
    /// Prompt tokens already in the context.
    read: usize,
    /// The token to feed in the next step; `None` while the prompt is being read.
    next: Option<LlamaToken>,
    made: usize,
    max_tokens: usize,
    sampler: LlamaSampler,
    text: TextStream,
    sink: Box<dyn AnswerSink>,
}

/// What a step did to an answer.
enum Step {
    Goes,
    Ends(Finish),
    Abandoned,
}

/// Runs until the queue is closed, then fails what is still running with `Stopping`.
pub(crate) fn run(
    model: &LlamaModel,
    mut context: LlamaContext<'_>,
    slots: u32,
    jobs: &Receiver<Job>,
    stats: &EngineStats,
) {
    let mut engine = Engine {
        vocab: model.vocab(),
        batch: LlamaBatch::new(context.n_batch() as usize, 1),
        batch_size: context.n_batch() as usize,
        answers: (0..slots).map(|_| None).collect(),
        reading: VecDeque::new(),
        stats,
    };
    while engine.admit(jobs) {
        engine.drop_abandoned(&mut context);
        engine.step(&mut context);
        engine.publish();
    }
    for answer in engine.answers.iter_mut().filter_map(Option::take) {
        answer.sink.finish(Err(GenerateError::Stopping));
    }
    while let Ok(job) = jobs.try_recv() {
        job.sink.finish(Err(GenerateError::Stopping));
    }
    engine.publish();
}

struct Engine<'a> {
    vocab: LlamaVocab<'a>,
    batch: LlamaBatch<'static>,
    batch_size: usize,
    /// Indexed by sequence.
    answers: Vec<Option<Answer>>,
    /// Sequences whose prompt is being read, the one to serve next first.
    reading: VecDeque<usize>,
    stats: &'a EngineStats,
}

impl Engine<'_> {
    /// Fills free places from the queue, and waits for a job when nothing runs. `false` when the
    /// queue is closed.
    fn admit(&mut self, jobs: &Receiver<Job>) -> bool {
        while let Some(sequence) = self.answers.iter().position(Option::is_none) {
            let idle = self.answers.iter().all(Option::is_none);
            let job = if idle {
                match jobs.recv() {
                    Ok(job) => job,
                    Err(_) => return false,
                }
            } else {
                match jobs.try_recv() {
                    Ok(job) => job,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return false,
                }
            };
            self.stats.waiting.fetch_sub(1, Ordering::Relaxed);
            if !job.sink.is_open() {
                self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            self.answers[sequence] = Some(Answer {
                sampler: sampler(&job.sampling, self.vocab.n_tokens()),
                text: TextStream::new(job.stop),
                prompt: job.prompt,
                read: 0,
                next: None,
                made: 0,
                max_tokens: job.max_tokens,
                sink: job.sink,
            });
            self.reading.push_back(sequence);
            self.publish();
        }
        true
    }

    /// Frees the sequences whose client went away.
    fn drop_abandoned(&mut self, context: &mut LlamaContext<'_>) {
        for sequence in 0..self.answers.len() {
            if self.answers[sequence].as_ref().is_some_and(|answer| !answer.sink.is_open()) {
                self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
                self.free(context, sequence);
            }
        }
    }

    /// Decodes one batch and hands out what it made.
    fn step(&mut self, context: &mut LlamaContext<'_>) {
        let wants_logits = match self.fill_batch() {
            Ok(wants) => wants,
            Err(cause) => return self.fail_all(context, &cause),
        };
        if self.batch.n_tokens() == 0 {
            return;
        }
        let started = Instant::now();
        if let Err(error) = context.decode(&mut self.batch) {
            return self.fail_all(context, &format!("llama.cpp could not decode: {error}"));
        }
        for (sequence, index) in wants_logits {
            let Some(answer) = &mut self.answers[sequence] else { continue };
            let token = answer.sampler.sample(context, index);
            match answer.take(token, &self.vocab) {
                Step::Goes => {}
                Step::Ends(finish) => self.finish(context, sequence, finish),
                Step::Abandoned => {
                    self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
                    self.free(context, sequence);
                }
            }
            self.stats.generated_tokens.fetch_add(1, Ordering::Relaxed);
        }
        self.stats.decode_steps.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.stats.busy_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Puts one token of each answer being written into the batch, then prompt tokens while there
    /// is room. Gives the sequences whose next token can be chosen afterwards, with their place in
    /// the batch.
    fn fill_batch(&mut self) -> Result<Vec<(usize, i32)>, String> {
        self.batch.clear();
        let mut wants_logits = Vec::with_capacity(self.answers.len());
        for (sequence, answer) in self.answers.iter().enumerate() {
            let Some(answer) = answer else { continue };
            if let Some(token) = answer.next {
                // The last token made is not in the context yet: it goes in now.
                let position = answer.prompt.len() + answer.made - 1;
                wants_logits.push((sequence, self.batch.n_tokens()));
                add(&mut self.batch, token, position, sequence, true)?;
            }
        }
        let mut room = self.batch_size - self.batch.n_tokens().unsigned_abs() as usize;
        for turn in (1..=self.reading.len()).rev() {
            let Some(sequence) = self.reading.pop_front() else { break };
            // An answer that ended while its prompt was being read has left its place.
            let Some(answer) = &mut self.answers[sequence] else { continue };
            // Shared evenly among those still to be served; what one does not need the next may use.
            let share = (room / turn).max(1).min(room);
            let end = (answer.read + share).min(answer.prompt.len());
            for position in answer.read..end {
                let last = position + 1 == answer.prompt.len();
                if last {
                    wants_logits.push((sequence, self.batch.n_tokens()));
                }
                add(&mut self.batch, answer.prompt[position], position, sequence, last)?;
            }
            room -= end - answer.read;
            let read = u64::try_from(end - answer.read).unwrap_or(u64::MAX);
            self.stats.prompt_tokens.fetch_add(read, Ordering::Relaxed);
            answer.read = end;
            if end < answer.prompt.len() {
                self.reading.push_back(sequence);
            }
        }
        Ok(wants_logits)
    }

    fn finish(&mut self, context: &mut LlamaContext<'_>, sequence: usize, finish: Finish) {
        if let Some(answer) = self.free(context, sequence) {
            answer.sink.finish(Ok(Generated {
                finish,
                prompt_tokens: answer.prompt.len(),
                completion_tokens: answer.made,
            }));
        }
    }

    /// Empties a place and its part of the context.
    fn free(&mut self, context: &mut LlamaContext<'_>, sequence: usize) -> Option<Answer> {
        let id = i32::try_from(sequence).unwrap_or(-1);
        // Removing a whole sequence cannot fail (llama.h, llama_memory_seq_rm).
        let _ = context.kv_cache_seq_rm(id, None, None);
        self.reading.retain(|&other| other != sequence);
        self.answers[sequence].take()
    }

    /// A failed step leaves the context unsure: everything running is told, and it is emptied.
    fn fail_all(&mut self, context: &mut LlamaContext<'_>, cause: &str) {
        tracing::error!(cause, "the running answers are lost");
        for answer in self.answers.iter_mut().filter_map(Option::take) {
            answer.sink.finish(Err(GenerateError::Failed(cause.to_owned())));
        }
        self.reading.clear();
        context.clear_kv_cache();
    }

    fn publish(&self) {
        let running = self.answers.iter().flatten();
        self.stats.running.store(running.clone().count(), Ordering::Relaxed);
        let cells = running.map(|answer| answer.read + answer.made).sum();
        self.stats.cells_used.store(cells, Ordering::Relaxed);
    }
}

impl Answer {
    /// Takes the token chosen for this answer and gives its text to the client.
    fn take(&mut self, token: LlamaToken, vocab: &LlamaVocab<'_>) -> Step {
        if vocab.is_eog(token) {
            return self.end(Finish::Stop);
        }
        self.made += 1;
        self.next = Some(token);
        match self.text.push(&vocab.token_to_piece(token, false, None)) {
            Settled::Stopped(text) => {
                // Whether or not the client still takes it, this answer is over.
                let _ = self.give(&text);
                Step::Ends(Finish::Stop)
            }
            Settled::Text(text) => match self.give(&text) {
                Step::Goes if self.made >= self.max_tokens => self.end(Finish::Length),
                step => step,
            },
        }
    }

    fn end(&mut self, finish: Finish) -> Step {
        let rest = self.text.finish();
        match self.give(&rest) {
            Step::Abandoned => Step::Abandoned,
            Step::Goes | Step::Ends(_) => Step::Ends(finish),
        }
    }

    fn give(&mut self, text: &str) -> Step {
        if !text.is_empty() && self.sink.text(text).is_break() {
            return Step::Abandoned;
        }
        Step::Goes
    }
}

fn add(
    batch: &mut LlamaBatch<'_>,
    token: LlamaToken,
    position: usize,
    sequence: usize,
    logits: bool,
) -> Result<(), String> {
    let position = i32::try_from(position).map_err(|e| e.to_string())?;
    let sequence = i32::try_from(sequence).map_err(|e| e.to_string())?;
    batch.add(token, position, &[sequence], logits).map_err(|e| e.to_string())
}

/// llama.cpp's samplers in its own default order: penalties, top-k, top-p, min-p, temperature, choice.
fn sampler(sampling: &Sampling, vocabulary: i32) -> LlamaSampler {
    let penalties = LlamaSampler::penalties(
        vocabulary,
        PENALTY_WINDOW,
        sampling.repeat_penalty,
        sampling.frequency_penalty,
        sampling.presence_penalty,
    );
    if sampling.temperature <= 0.0 {
        return LlamaSampler::chain_simple([penalties, LlamaSampler::greedy()]);
    }
    LlamaSampler::chain_simple([
        penalties,
        LlamaSampler::top_k(i32::try_from(sampling.top_k).unwrap_or(i32::MAX)),
        LlamaSampler::top_p(sampling.top_p, 1),
        LlamaSampler::min_p(sampling.min_p, 1),
        LlamaSampler::temp(sampling.temperature),
        LlamaSampler::dist(sampling.seed),
    ])
}
