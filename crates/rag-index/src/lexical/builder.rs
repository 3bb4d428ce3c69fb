//! Makes an index of words from passages.

use std::path::Path;

use rag_core::IndexError;
use tantivy::indexer::NoMergePolicy;
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{IndexWriter, TantivyDocument};

use super::words::{TOKENIZER, analyzer};
use super::{PASSAGE, TEXT};

/// Memory for words not yet written, in bytes.
const MEMORY: usize = 64 * 1024 * 1024;

/// Collects passages in order, then writes the index. One thread, so that the same passages are
/// found in the same order.
pub struct LexicalBuilder {
    writer: IndexWriter,
    text: Field,
    passage: Field,
    added: u64,
    name: String,
}

impl LexicalBuilder {
    /// An empty index in `folder`, which must exist and be empty.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create(folder: &Path) -> Result<Self, IndexError> {
        let name = folder.display().to_string();
        let fail =
            |e: tantivy::TantivyError| IndexError { subject: name.clone(), cause: e.to_string() };
        let mut schema = Schema::builder();
        let words = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqs);
        let text = schema.add_text_field(TEXT, TextOptions::default().set_indexing_options(words));
        let passage = schema.add_u64_field(PASSAGE, FAST);
        let index = tantivy::Index::create_in_dir(folder, schema.build()).map_err(fail)?;
        index.tokenizers().register(TOKENIZER, analyzer());
        let writer: IndexWriter = index.writer_with_num_threads(1, MEMORY).map_err(fail)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self { writer, text, passage, added: 0, name })
    }

    /// Adds the words of the next passage.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn add(&mut self, text: &str) -> Result<(), IndexError> {
        let mut document = TantivyDocument::default();
        document.add_text(self.text, text);
        document.add_u64(self.passage, self.added);
        self.added += 1;
        self.writer.add_document(document).map_err(|e| self.error(&e)).map(|_| ())
    }

    /// Writes everything as one segment and leaves only what is needed to read it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn finish(mut self) -> Result<(), IndexError> {
        self.writer.commit().map_err(|e| self.error(&e))?;
        let index = self.writer.index().clone();
        let mut segments = index.searchable_segment_ids().map_err(|e| self.error(&e))?;
        if segments.len() > 1 {
            segments.sort();
            self.writer.merge(&segments).wait().map_err(|e| self.error(&e))?;
        }
        self.writer.garbage_collect_files().wait().map_err(|e| self.error(&e))?;
        let Self { writer, name, .. } = self;
        writer
            .wait_merging_threads()
            .map_err(|e| IndexError { subject: name, cause: e.to_string() })
    }

    fn error(&self, cause: &tantivy::TantivyError) -> IndexError {
        IndexError { subject: self.name.clone(), cause: cause.to_string() }
    }
}
