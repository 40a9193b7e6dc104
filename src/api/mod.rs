//! What the outside reaches: the members' pages and their JSON, one folder per audience.

pub mod pages;
