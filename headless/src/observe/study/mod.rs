//! Reading an Optuna study without ever disturbing its writers.
