//! The mails: what they say, and the ways they leave.

mod folder;
mod message;
mod notice;
mod smtp;
#[cfg(test)]
mod tests;
mod transport;
mod wording;

pub use message::{
    Code, Heading, Link, Message, Unwritable, change_link_mail, code_mail, link_mail,
    reset_link_mail,
};
pub use notice::{
    change_notice_mail, password_notice_mail, reminder_mail, reset_notice_mail, set_up_mail,
    support_mail,
};
pub use smtp::CONNECTIONS;
pub use transport::{Accepted, Cause, Failure, SEND_TIMEOUT, Transport, TransportFault};
pub use wording::Society;
