//! Data sets, splits and episodes. One program, so that it is linked once.
//!
//! Tests of the most memory that a process takes stand apart, in `large_pictures.rs` and `mutated_pictures.rs`.

mod augmentation;
mod bad_archives;
mod bad_lists;
mod bad_requests;
mod cifar;
mod class_batches;
mod common;
mod episodes;
mod features;
mod folder;
mod folder_parts;
mod folder_splits;
mod names_in_lists;
mod odd_folders;
mod omniglot;
mod omniglot_repacked;
mod pairs;
mod sequences;
