//! The program as a user runs it: every test starts it as a process of its own. One program, so that it is linked once.

mod algorithms;
mod bad_input;
mod baselines;
mod config_places;
mod cut_files;
mod division;
mod features;
mod fitting;
mod folder;
mod kept_predictors;
mod moved_data;
mod names;
mod odd_data;
mod official;
mod plots;
mod runs;
mod runs_list;
mod selection;
mod shell;
mod signals;
mod sudden_ends;
mod support;
mod terminal;
mod volume;
mod ways_out;
