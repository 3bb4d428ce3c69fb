//! Continuous batching: the loop of the one thread that owns llama.cpp's context.
//!
//! A sequence is llama.cpp's name for one answer's part of the context. Every step decodes one batch: first one token of
//! each answer that is being written, then prompt tokens of answers that are still being read, in turns, and only as
//! many as keep the step short, so that a long prompt never stalls the others.
//!
//! A prompt that begins like one that was computed before, for the same caller, goes on from there: the sequences share
//! cells. An answer is let in when all it may come to need is free or held by kept prompts, so the context never runs
//! full in the middle of an answer.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use rag_core::{Caller, Finish, GenerateError, Generated};

use crate::answer::{Answer, Job, Step};
use crate::cells::{Cells, Held};
use crate::kept::{Kept, KeptPrompts, common};
use crate::pace::Pace;
use crate::stats::EngineStats;

/// A prompt that another one is about to compute is waited for when it saves at least so many tokens.
const WORTH_WAITING: usize = 32;

/// Tokens of a prompt that are read before it is the turn of the next. Most prompts are shorter: one after the other they
/// are all read as soon as side by side, and all but the last sooner.
const TURN: usize = 1024;

/// What the loop is given.
pub(crate) struct Bounds {
    /// Answers made at the same time.
    pub(crate) slots: usize,
    /// Prompts kept after their answers.
    pub(crate) kept: usize,
    /// Whether sequences can share the beginning of a prompt: models that keep a state instead of cells cannot.
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
    let sequences = i32::try_from(bounds.slots + bounds.kept).unwrap_or(i32::MAX);
    let mut engine = Engine {
        vocab: model.vocab(),
        batch: LlamaBatch::new(context.n_batch() as usize, 1),
        batch_size: context.n_batch() as usize,
        places: (0..bounds.slots).map(|_| None).collect(),
        reading: VecDeque::new(),
        next: None,
        kept: KeptPrompts::new(bounds.kept),
        cells: Cells::new(context.n_ctx() as usize),
        sharing: bounds.sharing,
        sequences: (0..sequences).rev().collect(),
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
    batch_size: usize,
    places: Vec<Option<Answer>>,
    /// Places whose prompt is being read, the one to serve next first.
    reading: VecDeque<usize>,
    /// Taken from the queue, and waiting for room.
    next: Option<Job>,
    kept: KeptPrompts,
    cells: Cells,
    /// Free sequences.
    sequences: Vec<i32>,
    sharing: bool,
    pace: Pace,
    stats: &'a EngineStats,
}

/// What a batch holds.
struct Filled {
    /// Answers whose next token can be chosen afterwards, with their place in the batch.
    choosable: Vec<(usize, i32)>,
    prompt_tokens: usize,
}

impl Engine<'_> {
    /// Fills free places from the queue, and waits for a job when nothing runs. `false` when the queue is closed.
    fn admit(&mut self, jobs: &Receiver<Job>) -> bool {
        while let Some(place) = self.places.iter().position(Option::is_none) {
            let job = match self.next.take() {
                Some(job) => job,
                None if self.places.iter().all(Option::is_none) => match jobs.recv() {
                    Ok(job) => job,
                    Err(_) => return false,
                },
                None => match jobs.try_recv() {
                    Ok(job) => job,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return false,
                },
            };
            if !job.sink.is_open() {
                self.stats.waiting.fetch_sub(1, Ordering::Relaxed);
                self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if !self.make_room(&job) {
                self.next = Some(job);
                break;
            }
            let Some(sequence) = self.sequences.pop() else {
                // There are as many as places and kept prompts.
                self.next = Some(job);
                break;
            };
            self.stats.waiting.fetch_sub(1, Ordering::Relaxed);
            self.places[place] = Some(Answer::new(job, sequence));
            self.reading.push_back(place);
            self.publish();
        }
        true
    }

    /// Lets kept prompts go until all that running answers and this one may come to need is free. `false`, and nothing
    /// goes, when that is not enough.
    fn make_room(&mut self, job: &Job) -> bool {
        // What this job can use again should be the last to go.
        let _ = self.kept.longest(&job.prompt, &job.caller);
        let answers = || self.places.iter().flatten();
        let needed = answers().map(Answer::outstanding).sum::<usize>() + job.cells();
        if self.cells.free() >= needed {
            return true;
        }
        let held = self.cells.held_by(answers().map(|answer| &answer.held));
        if self.cells.count() - held < needed {
            return false;
        }
        while self.cells.free() < needed {
            let Some(oldest) = self.kept.oldest() else { return false };
            self.let_go(oldest);
        }
        true
    }

    /// Frees the places whose client went away.
    fn drop_abandoned(&mut self) {
        for place in 0..self.places.len() {
            if self.places[place].as_ref().is_some_and(|answer| !answer.sink.is_open()) {
                self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
                self.free(place);
            }
        }
    }

    /// Decodes one batch and hands out what it made.
    fn step(&mut self) {
        let filled = match self.fill_batch() {
            Ok(filled) => filled,
            Err(cause) => return self.fail_all(&cause),
        };
        if self.batch.n_tokens() > 0 {
            let started = Instant::now();
            if let Err(error) = self.decode() {
                return self.fail_all(&format!("llama.cpp could not decode: {error}"));
            }
            for answer in self.places.iter_mut().flatten() {
                answer.computed = answer.held.len();
            }
            self.choose(&filled.choosable);
            let took = started.elapsed();
            self.pace.measured(filled.prompt_tokens, took);
            self.stats.decode_steps.fetch_add(1, Ordering::Relaxed);
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.stats.busy_micros.fetch_add(micros, Ordering::Relaxed);
        }
        self.end_without_tokens();
    }

    fn decode(&mut self) -> Result<(), DecodeError> {
        match self.context.decode(&mut self.batch) {
            Err(DecodeError::NoKvCacheSlot) if self.kept.len() > 0 => {
                tracing::warn!("the context is full: kept prompts go");
                for kept in self.kept.clear() {
                    self.let_go(kept);
                }
                self.context.decode(&mut self.batch)
            }
            outcome => outcome,
        }
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
                Step::Abandoned => {
                    self.stats.abandoned.fetch_add(1, Ordering::Relaxed);
                    self.free(place);
                }
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

    /// Puts one token of each answer being written into the batch, then prompt tokens while there is room.
    fn fill_batch(&mut self) -> Result<Filled, String> {
        self.batch.clear();
        let mut choosable = Vec::with_capacity(self.places.len());
        for (place, answer) in self.places.iter_mut().enumerate() {
            let Some(answer) = answer else { continue };
            // The last token made is not in the context yet: it goes in now.
            if answer.is_read() && answer.made() > 0 {
                choosable.push((place, self.batch.n_tokens()));
                add(&mut self.batch, &mut self.cells, answer, true)?;
            }
        }
        let written = self.batch.n_tokens().unsigned_abs() as usize;
        let mut room = self.pace.room(written > 0).min(self.batch_size - written);
        let mut prompt_tokens = 0;
        for _ in 0..self.reading.len() {
            if room == 0 {
                break;
            }
            let Some(place) = self.reading.pop_front() else { break };
            if !self.begin(place)? {
                self.reading.push_back(place);
                continue;
            }
            // An answer that ended while its prompt was being read has left its place.
            let Some(answer) = &mut self.places[place] else { continue };
            let share = room.min(answer.prompt - answer.held.len()).min(TURN - answer.turn);
            for _ in 0..share {
                let last = answer.held.len() + 1 == answer.prompt;
                if last {
                    choosable.push((place, self.batch.n_tokens()));
                }
                add(&mut self.batch, &mut self.cells, answer, last)?;
            }
            answer.turn += share;
            room -= share;
            prompt_tokens += share;
            if answer.turn == TURN && !answer.is_read() {
                answer.turn = 0;
                self.reading.push_back(place);
            } else if !answer.is_read() {
                self.reading.push_front(place);
            }
        }
        let read = u64::try_from(prompt_tokens).unwrap_or(u64::MAX);
        self.stats.prompt_tokens.fetch_add(read, Ordering::Relaxed);
        Ok(Filled { choosable, prompt_tokens })
    }

    /// Settles where a prompt begins to be read: behind what was computed before. `false` when another answer is about
    /// to compute more of it.
    fn begin(&mut self, place: usize) -> Result<bool, String> {
        let Some(answer) = &self.places[place] else { return Ok(true) };
        if answer.begun {
            return Ok(true);
        }
        let (prompt, caller) = (&answer.tokens, &answer.caller);
        // Of a running answer: the tokens that are computed, and how many there will be when its prompt is.
        let running = |other: &Answer| {
            let same = common(&other.tokens, prompt);
            (same.min(other.computed), same.min(other.prompt))
        };
        let others = self.places.iter().flatten();
        let usable =
            others.filter(|other| self.sharing && other.begun && caller.may_use(&other.caller));
        let (mut now, mut soon) = (None, 0);
        for other in usable {
            let (here, later) = running(other);
            soon = soon.max(later);
            if now.is_none_or(|(_, tokens)| here > tokens) {
                now = Some((other, here));
            }
        }
        let from_answer = now.map(|(other, tokens)| (other.sequence, &other.held, tokens));
        let from_kept = self.kept.longest(prompt, caller).map(|(k, n)| (k.sequence, &k.held, n));
        let best = from_answer.into_iter().chain(from_kept).max_by_key(|(_, _, tokens)| *tokens);
        // The last token is always computed: the first of the answer is chosen from what it gives.
        let most = prompt.len() - 1;
        let tokens = best.map_or(0, |(_, _, tokens)| tokens.min(most));
        if soon.min(most) >= tokens + WORTH_WAITING {
            return Ok(false);
        }
        let held = match best {
            Some((from, held, _)) if tokens > 0 => {
                let end = u32::try_from(tokens).map_err(|e| e.to_string())?;
                self.context
                    .kv_cache_seq_cp(from, answer.sequence, Some(0), Some(end))
                    .map_err(|e| e.to_string())?;
                self.cells.share(held, tokens)
            }
            _ => Held::default(),
        };
        if let Some(answer) = &mut self.places[place] {
            answer.computed = held.len();
            answer.held = held;
            answer.reused = tokens;
            answer.begun = true;
        }
        let reused = u64::try_from(tokens).unwrap_or(u64::MAX);
        self.stats.reused_tokens.fetch_add(reused, Ordering::Relaxed);
        Ok(true)
    }

    fn finish(&mut self, place: usize, finish: Finish) {
        if let Some(answer) = self.places[place].take() {
            let generated = Generated {
                finish,
                prompt_tokens: answer.prompt - answer.said,
                reused_tokens: answer.reused.min(answer.prompt - answer.said),
                completion_tokens: answer.said + answer.made(),
            };
            answer.sink.finish(Ok(generated));
            self.keep(place, answer.sequence, answer.tokens, answer.held, answer.caller);
        }
    }

    /// Empties a place whose client went away.
    fn free(&mut self, place: usize) {
        if let Some(answer) = self.places[place].take() {
            self.keep(place, answer.sequence, answer.tokens, answer.held, answer.caller);
        }
    }

    /// Keeps what was computed for an answer that is over.
    fn keep(
        &mut self,
        place: usize,
        sequence: i32,
        mut tokens: Vec<LlamaToken>,
        held: Held,
        caller: Caller,
    ) {
        self.reading.retain(|&other| other != place);
        tokens.truncate(held.len());
        for gone in self.kept.keep(sequence, tokens, held, caller) {
            self.let_go(gone);
        }
    }

    fn let_go(&mut self, kept: Kept) {
        // Removing a whole sequence cannot fail (llama.h, llama_memory_seq_rm).
        let _ = self.context.kv_cache_seq_rm(kept.sequence, None, None);
        self.cells.release(kept.held);
        self.sequences.push(kept.sequence);
    }

    /// A failed step leaves the context unsure: everything running is told, and it is emptied.
    fn fail_all(&mut self, cause: &str) {
        tracing::error!(cause, "the running answers are lost");
        for answer in self.places.iter_mut().filter_map(Option::take) {
            answer.sink.finish(Err(GenerateError::Failed(cause.to_owned())));
            self.sequences.push(answer.sequence);
        }
        self.sequences.extend(self.kept.clear().iter().map(|kept| kept.sequence));
        self.reading.clear();
        self.cells = Cells::new(self.cells.count());
        self.context.clear_kv_cache();
    }

    /// Tells all that run or wait that there will be no answer.
    fn stop(&mut self, jobs: &Receiver<Job>) {
        let running = self.places.iter_mut().filter_map(Option::take).map(|answer| answer.sink);
        let waiting = self.next.take().into_iter().chain(jobs.try_iter()).map(|job| job.sink);
        for sink in running.chain(waiting) {
            sink.finish(Err(GenerateError::Stopping));
        }
        self.publish();
    }

    fn publish(&self) {
        let running = self.places.iter().flatten().count();
        self.stats.running.store(running, Ordering::Relaxed);
        self.stats.cells_used.store(self.cells.count() - self.cells.free(), Ordering::Relaxed);
        self.stats.kept_prompts.store(self.kept.len(), Ordering::Relaxed);
    }
}

/// Adds an answer's next token to the batch.
fn add(
    batch: &mut LlamaBatch<'_>,
    cells: &mut Cells,
    answer: &mut Answer,
    logits: bool,
) -> Result<(), String> {
    let at = answer.held.len();
    let token = *answer.tokens.get(at).ok_or("an answer has no next token")?;
    let position = i32::try_from(at).map_err(|e| e.to_string())?;
    if !cells.take(&mut answer.held) {
        return Err("the context has no free cell".to_owned());
    }
    batch.add(token, position, &[answer.sequence], logits).map_err(|e| e.to_string())
}
