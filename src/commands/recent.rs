//! The states that this program left streams in lately, so that the next command on one need not load it again.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// States that are kept at most; one takes some kilobytes. Judgement: more than the members who are at a step at the same moment.
const MOST: usize = 8192;

/// A state as far as this program knows: another may have appended since. An append that follows its sequence proves it.
#[derive(Clone)]
pub(super) struct Left<A> {
    pub(super) state: A,
    /// The stream's last.
    pub(super) sequence: usize,
}

/// The last states by stream; clones share them.
#[derive(Clone, Default)]
pub(super) struct Recent(Arc<Mutex<Generations>>);

/// What was not asked for while `young` filled up once is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<String, Box<dyn Any + Send>>,
    old: HashMap<String, Box<dyn Any + Send>>,
}

impl Recent {
    /// Takes out the state that was left in this stream, if it is known.
    pub(super) fn take<A: Send + 'static>(&self, stream: &str) -> Option<Left<A>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = kept.young.remove(stream);
        let left = left.or_else(|| kept.old.remove(stream))?;
        left.downcast().ok().map(|left| *left)
    }

    /// Keeps a state that was loaded, where none is kept that a command left: that may be a later one.
    pub(super) fn keep_loaded<A: Send + 'static>(&self, stream: String, left: Left<A>) {
        let is_kept = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.young.contains_key(&stream) || kept.old.contains_key(&stream)
        };
        if !is_kept {
            self.keep(stream, left);
        }
    }

    /// Keeps the state that was left in this stream.
    pub(super) fn keep<A: Send + 'static>(&self, stream: String, left: Left<A>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.young.len() >= MOST / 2 {
            kept.old = std::mem::take(&mut kept.young);
        }
        kept.young.insert(stream, Box::new(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(sequence: usize) -> Left<String> {
        Left {
            state: String::new(),
            sequence,
        }
    }

    #[test]
    fn what_was_left_is_taken_once() {
        let recent = Recent::default();
        recent.keep("a".to_owned(), left(3));
        assert!(recent.take::<String>("b").is_none());
        assert_eq!(recent.take::<String>("a").unwrap().sequence, 3);
        assert!(recent.take::<String>("a").is_none());
    }

    #[test]
    fn what_is_loaded_takes_the_place_of_nothing() {
        let recent = Recent::default();
        recent.keep_loaded("a".to_owned(), left(1));
        recent.keep_loaded("a".to_owned(), left(2));
        assert_eq!(recent.take::<String>("a").unwrap().sequence, 1);
        recent.keep("a".to_owned(), left(3));
        recent.keep_loaded("a".to_owned(), left(2));
        assert_eq!(recent.take::<String>("a").unwrap().sequence, 3);
    }

    #[test]
    fn no_more_is_kept_than_has_room_and_the_oldest_goes_first() {
        let recent = Recent::default();
        for number in 0..3 * MOST {
            recent.keep(number.to_string(), left(number));
        }
        let kept = recent.0.lock().unwrap();
        assert!(kept.young.len() + kept.old.len() <= MOST);
        drop(kept);
        assert!(recent.take::<String>("0").is_none());
        assert!(
            recent
                .take::<String>(&(3 * MOST - MOST / 2).to_string())
                .is_some()
        );
    }
}
