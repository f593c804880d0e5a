//! A list that nearly always holds one thing at most, which then needs no place on the heap.

use alloc::vec;
use alloc::vec::Vec;
use core::slice;

/// None, one or more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    More(Vec<T>),
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, thing: T) {
        *self = match core::mem::take(self) {
            Self::None => Self::One(thing),
            Self::One(first) => Self::More(vec![first, thing]),
            Self::More(mut all) => {
                all.push(thing);
                Self::More(all)
            }
        };
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(thing) => slice::from_ref(thing),
            Self::More(all) => all,
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        match self {
            Self::One(thing) if !keep(thing) => *self = Self::None,
            Self::More(all) => all.retain(keep),
            _ => {}
        }
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    pub(crate) fn iter_mut(&mut self) -> slice::IterMut<'_, T> {
        match self {
            Self::None => [].iter_mut(),
            Self::One(thing) => slice::from_mut(thing).iter_mut(),
            Self::More(all) => all.iter_mut(),
        }
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        things.into_iter().for_each(|thing| self.push(thing));
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut few = Self::None;
        few.extend(things);
        few
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = core::iter::Chain<core::option::IntoIter<T>, vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, more) = match self {
            Self::None => (None, Vec::new()),
            Self::One(thing) => (Some(thing), Vec::new()),
            Self::More(all) => (None, all),
        };
        one.into_iter().chain(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_vector_holds() {
        for len in 0..5 {
            let mut few: Few<i32> = (0..len).collect();
            few.iter_mut().for_each(|thing| *thing += 1);
            few.retain(|thing| *thing != 1);
            let all: Vec<i32> = (2..=len).collect();
            assert_eq!((few.as_slice(), few.iter().copied().sum()), (&*all, all.iter().sum::<i32>()));
            assert_eq!(few.into_iter().collect::<Vec<_>>(), all);
        }
    }
}
