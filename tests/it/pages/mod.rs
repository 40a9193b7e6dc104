//! The members' pages, as a browser without scripts meets them.

mod at_once;
mod double_press;
mod forms;
mod headers;
mod journey;
mod language;
mod links;
mod live;
mod order;
mod sessions;
mod terms;
mod troubles;
