//! The thin parent of one supervised process.
