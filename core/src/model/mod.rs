//! Model files: containers and formats, judged from bytes alone and never executed.

pub mod container;
pub mod manifest;
