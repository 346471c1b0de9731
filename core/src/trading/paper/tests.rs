//! Placeholder until filled below.
