//! The seafood company: its systems as SQLite databases, and the verbs its transfer scripts call.
