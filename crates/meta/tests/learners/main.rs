//! The algorithms: closed forms, gradients against differences, what they learn, how they are kept. One program, so that what is generic is
//! compiled once for all tests.

mod baselines;
mod calibration;
mod changing;
mod checkpoint;
mod closed_forms;
mod common;
mod compared;
mod damaged_files;
mod determinism;
mod exactness;
mod finite_differences;
mod frozen_features;
mod heads;
mod heads_kept;
mod imaml;
mod kinks;
mod learned_update;
mod learning;
mod leo;
mod lstm_gradients;
mod lstm_meta_learner;
mod mann;
mod memory;
mod norms;
mod policies;
mod predictors;
mod programs;
mod prototypes;
mod reptile;
mod sequential;
mod shapes;
mod siamese;
mod signatures;
mod transductive;
mod variants;
