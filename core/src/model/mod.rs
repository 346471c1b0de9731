//! Model files: containers and formats, judged from bytes alone and never executed.

pub mod container;
pub mod manifest;
pub mod torch;
pub mod unpickle;
pub mod weights;
