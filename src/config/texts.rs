//! Texts that thousands of jobs have in common, kept once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

/// One copy of each text seen so far.
#[derive(Debug, Default)]
pub(super) struct Texts(RefCell<HashSet<Arc<str>>>);

impl Texts {
    /// The copy that equal texts share.
    pub(super) fn shared(&self, text: &str) -> Arc<str> {
        let mut texts = self.0.borrow_mut();
        if let Some(shared) = texts.get(text) {
            return shared.clone();
        }
        let shared: Arc<str> = text.into();
        texts.insert(shared.clone());
        shared
    }
}
