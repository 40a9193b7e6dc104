//! The members' pages: one address a step, Japanese first, whole without JavaScript.

pub mod assets;
pub mod frame;
pub mod messages;
pub mod public_views;
pub mod views;
pub mod words;

#[cfg(test)]
mod tests;
