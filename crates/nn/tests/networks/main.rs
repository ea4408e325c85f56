//! Parameters, layers, networks and optimisers. One program, so that what is generic is compiled once for all tests.

mod conv4;
mod gradients;
mod layers;
mod mann;
mod norms;
mod optim;
mod params;
mod resnet12;
mod sequential;
