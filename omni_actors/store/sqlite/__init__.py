"""The store on SQLite: one writer with group commit, a few readers, numbered migrations."""
