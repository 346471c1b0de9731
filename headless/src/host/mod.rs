//! Starting, watching and stopping processes through one shim each.
