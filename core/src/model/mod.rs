//! Model files: containers and formats, judged from bytes alone and never executed.

pub mod best_trial;
pub mod container;
pub mod frozen_trial;
mod linear;
pub mod manifest;
pub mod network;
pub mod pickle;
pub mod python_json;
pub mod safetensors;
mod suspicion;
pub mod torch;
pub mod unpickle;
pub mod verdict;
pub mod weights;
