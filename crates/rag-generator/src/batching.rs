//! Continuous batching: the loop of the one thread that owns llama.cpp's context.
//!
//! The context has as many places as there may be answers at the same time, each with cells of its own, so an answer
//! never finds the context full. Every step writes one token of each answer that was read, then reads prompt tokens of the
//! others, in turns, and only as many as keep the step short, so that a long prompt never stalls anybody.
//!
//! A prompt that begins like one that was computed before, for the same caller, goes on from there (`beginning`).

mod beginning;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::session::SeqState;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::vocab::LlamaVocab;
use rag_core::{Finish, GenerateError, Generated};

use crate::answer::{Answer, Job, Step};
use crate::kept::{Kept, KeptPrompts};
use crate::pace::Pace;
use crate::stats::EngineStats;

/// Tokens of a prompt that are read before it is the turn of the next. Most prompts are shorter: one after the other they
/// are all read as soon as side by side, and all but the last sooner.
const TURN: usize = 1024;

/// What the loop is given.
pub(crate) struct Bounds {
    /// Answers made at the same time.
    pub(crate) slots: usize,
    /// Prompts kept after their answers.
    pub(crate) kept: usize,
    /// Bytes of those that are copied out of the context.
    pub(crate) kept_memory: usize,
    /// Whether a prompt can go on from the beginning of another: models that keep a state instead of cells cannot.
    pub(crate) sharing: bool,
    /// How much a step may take.
    pub(crate) pace: Pace,
}

/// Runs until the queue is closed, then fails what is still running with `Stopping`.
pub(crate) fn run(
    model: &LlamaModel,
    context: LlamaContext<'_>,
    bounds: Bounds,
    jobs: &Receiver<Job>,
    stats: &EngineStats,
) {
    let mut engine = Engine {
        vocab: model.vocab(),
        batch: LlamaBatch::new(context.n_batch() as usize, 1),
        places: (0..bounds.slots).map(|_| None).collect(),
        reading: VecDeque::new(),
        kept: KeptPrompts::new(bounds.kept, bounds.kept_memory),
        sharing: bounds.sharing,
        pace: bounds.pace,
        stats,
        context,
    };
    while engine.admit(jobs) {
        engine.drop_abandoned();
        engine.step();
        engine.publish();
    }
    engine.stop(jobs);
}

struct Engine<'a> {
    vocab: LlamaVocab<'a>,
    context: LlamaContext<'a>,
    batch: LlamaBatch<'static>,
    /// The number of a place is llama.cpp's name for its sequence.
    places: Vec<Option<Answer>>,
    /// Places whose prompt is being read, the one to serve next first.
    reading: VecDeque<usize>,
    kept: KeptPrompts<SeqState>,
    sharing: bool,
    pace: Pace,
    stats: &'a EngineStats,
}

impl Engine<'_> {
    /// Fills free places from the queue, and waits for a job when nothing runs. `false` when the queue is closed.
    fn admit(&mut self, jobs: &Receiver<Job>) -> bool {
        while self.places.iter().any(Option::is_none) {
            let job = if self.places.iter().all(Option::is_none) {
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
            let mut answer = Answer::new(job);
            match self.place_for(&mut answer) {
                Some(place) => {
                    self.places[place] = Some(answer);
                    self.reading.push_back(place);
                }
                // There is a free place, or the queue would not have been asked.
                None => answer.fail(GenerateError::Failed("no place is free".to_owned())),
            }
            self.publish();
        }
        true
    }

    /// Frees the places whose client went away.
    fn drop_abandoned(&mut self) {
        for place in 0..self.places.len() {
            if self.places[place].as_ref().is_some_and(|answer| !answer.sink.is_open()) {
                self.abandon(place);
            }
        }
    }

    /// Writes a token of each answer that was read, then reads prompts for as long as a step may take.
    ///
    /// One after the other: llama.cpp reads all weights for each row of neighboring sequences that have as many tokens, so
    /// a prompt has nothing of being in one batch with answers.
    fn step(&mut self) {
        let started = Instant::now();
        let written = match self.write() {
            Ok(written) => written,
            Err(cause) => return self.fail_all(&cause),
        };
        let beside = (written > 0).then(|| started.elapsed());
        let read = match self.read(beside) {
            Ok(read) => read,
            Err(cause) => return self.fail_all(&cause),
        };
        self.end_without_tokens();
        if written + read > 0 {
            let took = started.elapsed();
            tracing::trace!(written, read, ?beside, ?took, "step");
            self.stats.decode_steps.fetch_add(1, Ordering::Relaxed);
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.stats.busy_micros.fetch_add(micros, Ordering::Relaxed);
        }
    }

    /// Computes the last token of each answer being written, which is not in the context yet, and chooses the next. How many
    /// answers that are.
    fn write(&mut self) -> Result<usize, String> {
        let written = |answer: &Option<Answer>| answer.as_ref().is_some_and(Answer::is_written);
        let shares: Vec<usize> =
            self.places.iter().map(|place| usize::from(written(place))).collect();
        self.compute(&shares)?;
        Ok(shares.iter().sum())
    }

    /// Reads prompts, `beside` answers that took so long to write in this step. How many tokens that are.
    fn read(&mut self, beside: Option<Duration>) -> Result<usize, String> {
        let shares = self.share_out(self.pace.room(beside));
        let started = Instant::now();
        self.compute(&shares)?;
        let read = shares.iter().sum();
        self.pace.measured(read, started.elapsed());
        let read_now = u64::try_from(read).unwrap_or(u64::MAX);
        self.stats.prompt_tokens.fetch_add(read_now, Ordering::Relaxed);
        Ok(read)
    }

    /// Computes so many of the next tokens of each place in one batch, and chooses a token for the answers of which none is
    /// left.
    fn compute(&mut self, shares: &[usize]) -> Result<(), String> {
        self.batch.clear();
        let mut choosable = Vec::with_capacity(self.places.len());
        // In the order of their places: llama.cpp computes neighbors together.
        for (place, (answer, share)) in self.places.iter_mut().zip(shares).enumerate() {
            let Some(answer) = answer else { continue };
            for _ in 0..*share {
                let last = answer.held + 1 == answer.tokens.len();
                if last {
                    choosable.push((place, self.batch.n_tokens()));
                }
                let token = *answer.tokens.get(answer.held).ok_or("an answer has no next token")?;
                let position = i32::try_from(answer.held).map_err(|e| e.to_string())?;
                let sequence = sequence(place);
                self.batch.add(token, position, &[sequence], last).map_err(|e| e.to_string())?;
                answer.held += 1;
            }
        }
        if self.batch.n_tokens() > 0 {
            let decoded = self.context.decode(&mut self.batch);
            decoded.map_err(|error| format!("llama.cpp could not decode: {error}"))?;
            for answer in self.places.iter_mut().flatten() {
                answer.computed = answer.held;
            }
            self.choose(&choosable);
        }
        Ok(())
    }

    fn choose(&mut self, choosable: &[(usize, i32)]) {
        for &(place, index) in choosable {
            let Some(answer) = &mut self.places[place] else { continue };
            if answer.max_tokens == 0 {
                continue;
            }
            let (token, choice) = answer.choosing.choose(&self.context, &self.vocab, index);
            match answer.take(token, choice, &self.vocab) {
                Step::Goes => {}
                Step::Ends(finish) => self.finish(place, finish),
                Step::Abandoned => self.abandon(place),
            }
            self.stats.generated_tokens.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the answers that are prompts only, once they are read.
    fn end_without_tokens(&mut self) {
        for place in 0..self.places.len() {
            let only_read =
                |answer: &Answer| answer.max_tokens == 0 && answer.begun && answer.is_read();
            if self.places[place].as_ref().is_some_and(only_read) {
                self.finish(place, Finish::Length);
            }
        }
    }

    /// How many prompt tokens of each place are read next, at most `room` together.
    fn share_out(&mut self, mut room: usize) -> Vec<usize> {
        let mut shares = vec![0; self.places.len()];
        for _ in 0..self.reading.len() {
            if room == 0 {
                break;
            }
            let Some(place) = self.reading.pop_front() else { break };
            if !self.begin(place) {
                self.reading.push_back(place);
                continue;
            }
            // An answer that ended while its prompt was being read has left its place.
            let Some(answer) = &mut self.places[place] else { continue };
            let unread = answer.prompt - answer.held;
            let share = room.min(unread).min(TURN - answer.turn);
            shares[place] = share;
            answer.turn += share;
            room -= share;
            if share == unread {
                continue;
            }
            if answer.turn == TURN {
                answer.turn = 0;
                self.reading.push_back(place);
            } else {
                self.reading.push_front(place);
            }
        }
        shares
    }

    fn finish(&mut self, place: usize, finish: Finish) {
        if let Some(answer) = self.places[place].take() {
            let generated = Generated {
                finish,
                prompt_tokens: answer.prompt - answer.said,
                reused_tokens: answer.reused.min(answer.prompt - answer.said),
                completion_tokens: answer.said + answer.made(),
            };
            let (sink, computed) = answer.over(place);
            sink.finish(Ok(generated));
            self.leave(place, computed);
        }
    }

    fn abandon(&mut self, place: usize) {
        self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = self.places[place].take() {
            self.leave(place, answer.over(place).1);
        }
    }

    /// Frees a place; what was computed there is kept.
    fn leave(&mut self, place: usize, computed: Kept<SeqState>) {
        self.reading.retain(|&other| other != place);
        if self.sharing { self.keep(computed) } else { self.empty(place) }
    }

    fn keep(&mut self, prompt: Kept<SeqState>) {
        for gone in self.kept.keep(prompt) {
            self.let_go(&gone);
        }
    }

    /// Empties the place of what is kept no longer; a copy is gone with its value.
    fn let_go(&mut self, kept: &Kept<SeqState>) {
        if let Some(place) = kept.place() {
            self.empty(place);
        }
    }

    fn empty(&mut self, place: usize) {
        // Removing a whole sequence cannot fail (llama.h, llama_memory_seq_rm).
        let _ = self.context.kv_cache_seq_rm(sequence(place), None, None);
    }

    /// A failed step leaves the context unsure: everything running is told, and it is emptied.
    fn fail_all(&mut self, cause: &str) {
        tracing::error!(cause, "the running answers are lost");
        for answer in self.places.iter_mut().filter_map(Option::take) {
            answer.fail(GenerateError::Failed(cause.to_owned()));
        }
        self.reading.clear();
        self.kept.forget_places();
        self.context.clear_kv_cache();
    }

    /// Tells all that run or wait that there will be no answer.
    fn stop(&mut self, jobs: &Receiver<Job>) {
        for answer in self.places.iter_mut().filter_map(Option::take) {
            answer.fail(GenerateError::Stopping);
        }
        for job in jobs.try_iter() {
            job.sink.finish(Err(GenerateError::Stopping));
        }
        self.publish();
    }

    fn publish(&self) {
        let running = self.places.iter().flatten();
        let held = running.clone().map(|answer| answer.held).sum::<usize>();
        let stats = self.stats;
        stats.running.store(running.count(), Ordering::Relaxed);
        stats.context_tokens.store(held + self.kept.tokens_in_place(), Ordering::Relaxed);
        stats.kept_prompts.store(self.kept.len(), Ordering::Relaxed);
        stats.kept_bytes.store(self.kept.size(), Ordering::Relaxed);
    }
}

/// llama.cpp's name for a place; there are at most [`crate::MOST_SLOTS`].
fn sequence(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}
