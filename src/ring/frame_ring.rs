//! A bounded queue between the capture thread and the inference thread.
//!
//! When full: the [`Policy`] decides, and the item that lost its place comes back to the caller in
//! [`Pushed`], with the reason to count it by. The ring itself never drops an item silently.
//!
//! Threading: any number of producers and consumers; one lock, held for a few instructions and
//! never across user code. The queue is allocated once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::frame::{DropReason, MonoTime};

use super::Policy;

/// What became of a [`FrameRing::push`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an item that lost its place must be counted"]
pub enum Pushed<T> {
    /// The item waits in the ring.
    Stored,
    /// The item waits in the ring, and this older one lost its place.
    Displaced(T, DropReason),
    /// The item was not taken.
    Refused(T, DropReason),
    /// No place until the deadline; the caller may try again or give the item up.
    Full(T),
    /// The ring is closed.
    Closed(T),
}

/// What a [`FrameRing::pop`] brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Popped<T> {
    /// The oldest item, and how many items offered before it the policy had left out on purpose
    /// ([`DropReason::Policy`]) since the ring began.
    Item(T, u64),
    /// Nothing until the deadline.
    Timeout,
    /// The ring is closed and empty.
    Closed,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<(T, u64)>,
    offered: u64,
    left_out: u64,
    closed: bool,
}

/// A bounded ring with a policy.
#[derive(Debug)]
pub struct FrameRing<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    emptied: Condvar,
    policy: Policy,
    capacity: usize,
}

impl<T> FrameRing<T> {
    /// A ring of `capacity` places (at least 1); [`Policy::Latest`] uses one place whatever is
    /// given.
    #[must_use]
    pub fn new(policy: Policy, capacity: usize) -> Self {
        let capacity = if policy == Policy::Latest { 1 } else { capacity.max(1) };
        Self {
            state: Mutex::new(State {
                queue: VecDeque::with_capacity(capacity),
                offered: 0,
                left_out: 0,
                closed: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            policy,
            capacity,
        }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Number of places.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of items waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().queue.len()
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offers an item; only `block` and `every-n` wait, until `deadline` at the latest.
    pub fn push(&self, item: T, deadline: MonoTime) -> Pushed<T> {
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed(item);
        }
        let turn = state.offered;
        if let Policy::EveryN(n) = self.policy
            && !turn.is_multiple_of(u64::from(n.get()))
        {
            state.offered += 1;
            state.left_out += 1;
            return Pushed::Refused(item, DropReason::Policy);
        }
        if state.queue.len() >= self.capacity {
            match self.policy {
                Policy::Latest | Policy::DropOldest => {
                    let reason = if self.policy == Policy::Latest {
                        DropReason::Policy
                    } else {
                        DropReason::Ring
                    };
                    state.offered += 1;
                    // `capacity` is at least 1, so a full ring has an oldest item.
                    let oldest = state.queue.pop_front();
                    state.left_out += u64::from(reason == DropReason::Policy);
                    let left_out = state.left_out;
                    state.queue.push_back((item, left_out));
                    drop(state);
                    self.filled.notify_one();
                    return match oldest {
                        Some((oldest, _)) => Pushed::Displaced(oldest, reason),
                        None => Pushed::Stored,
                    };
                }
                Policy::DropNewest => {
                    state.offered += 1;
                    return Pushed::Refused(item, DropReason::Ring);
                }
                Policy::Block | Policy::EveryN(_) => {
                    while state.queue.len() >= self.capacity && !state.closed {
                        let wait = deadline.since(MonoTime::now());
                        if wait.is_zero() {
                            return Pushed::Full(item);
                        }
                        state = self
                            .emptied
                            .wait_timeout(state, wait)
                            .unwrap_or_else(PoisonError::into_inner)
                            .0;
                    }
                    if state.closed {
                        return Pushed::Closed(item);
                    }
                }
            }
        }
        // Counted only now, so that a producer that tries a `Full` item again keeps its turn.
        state.offered += 1;
        let left_out = state.left_out;
        state.queue.push_back((item, left_out));
        drop(state);
        self.filled.notify_one();
        Pushed::Stored
    }

    /// [`FrameRing::push`] without waiting.
    pub fn try_push(&self, item: T) -> Pushed<T> {
        self.push(item, MonoTime::ZERO)
    }

    /// Takes the oldest item, waiting until `deadline` at the latest. A closed ring still gives out
    /// what waits in it.
    pub fn pop(&self, deadline: MonoTime) -> Popped<T> {
        let mut state = self.lock();
        loop {
            if let Some((item, left_out)) = state.queue.pop_front() {
                drop(state);
                self.emptied.notify_one();
                return Popped::Item(item, left_out);
            }
            if state.closed {
                return Popped::Closed;
            }
            let wait = deadline.since(MonoTime::now());
            if wait.is_zero() {
                return Popped::Timeout;
            }
            state = self.filled.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// [`FrameRing::pop`] without waiting.
    pub fn try_pop(&self) -> Popped<T> {
        self.pop(MonoTime::ZERO)
    }

    /// Takes no more items and wakes every waiter; what waits can still be popped.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No user code runs under the lock, so a poisoned state is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn pushed_all(policy: Policy, capacity: usize, n: u32) -> (Vec<u32>, Vec<(u32, DropReason)>) {
        let ring = FrameRing::new(policy, capacity);
        let mut lost = Vec::new();
        for i in 0..n {
            match ring.try_push(i) {
                Pushed::Stored => {}
                Pushed::Displaced(item, why) | Pushed::Refused(item, why) => lost.push((item, why)),
                Pushed::Full(item) | Pushed::Closed(item) => lost.push((item, DropReason::Ring)),
            }
        }
        let mut kept = Vec::new();
        while let Popped::Item(i, _) = ring.try_pop() {
            kept.push(i);
        }
        (kept, lost)
    }

    #[test]
    fn each_policy_loses_what_it_says() {
        use DropReason::{Policy as P, Ring as R};
        assert_eq!(pushed_all(Policy::Latest, 4, 3), (vec![2], vec![(0, P), (1, P)]));
        assert_eq!(pushed_all(Policy::DropOldest, 2, 4), (vec![2, 3], vec![(0, R), (1, R)]));
        assert_eq!(pushed_all(Policy::DropNewest, 2, 4), (vec![0, 1], vec![(2, R), (3, R)]));
        assert_eq!(pushed_all(Policy::Block, 2, 3), (vec![0, 1], vec![(2, R)]));
        let every = Policy::EveryN(NonZeroU32::new(3).unwrap());
        assert_eq!(pushed_all(every, 8, 5), (vec![0, 3], vec![(1, P), (2, P), (4, P)]));
    }

    #[test]
    fn a_retried_item_keeps_its_turn() {
        let ring = FrameRing::new(Policy::EveryN(NonZeroU32::new(2).unwrap()), 1);
        assert_eq!(ring.try_push(0), Pushed::Stored);
        assert_eq!(ring.try_push(1), Pushed::Refused(1, DropReason::Policy));
        assert_eq!(ring.try_push(2), Pushed::Full(2));
        assert_eq!(ring.try_pop(), Popped::Item(0, 0));
        assert_eq!(ring.try_push(2), Pushed::Stored);
        assert_eq!(ring.try_push(3), Pushed::Refused(3, DropReason::Policy));
    }

    #[test]
    fn closing_wakes_waiters_and_keeps_items() {
        let ring = Arc::new(FrameRing::new(Policy::Block, 1));
        assert_eq!(ring.try_push(1), Pushed::Stored);
        let far = MonoTime::now().after(Duration::from_secs(60));
        let producer = std::thread::spawn({
            let ring = Arc::clone(&ring);
            move || ring.push(2, far)
        });
        ring.close();
        assert_eq!(producer.join().unwrap(), Pushed::Closed(2));
        assert_eq!(ring.pop(far), Popped::Item(1, 0));
        assert_eq!(ring.pop(far), Popped::Closed);
    }

    #[test]
    fn under_threads_every_item_comes_out_once() {
        for policy in [Policy::Block, Policy::DropOldest, Policy::DropNewest, Policy::Latest] {
            let ring = Arc::new(FrameRing::new(policy, 3));
            let (lost, sum_lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let far = MonoTime::now().after(Duration::from_secs(60));
            let each = 4_000_u64;
            let producers: Vec<_> = (0..2)
                .map(|p| {
                    let (ring, lost, sum) = (ring.clone(), lost.clone(), sum_lost.clone());
                    std::thread::spawn(move || {
                        for i in 0..each {
                            match ring.push(p * each + i, far) {
                                Pushed::Stored => {}
                                Pushed::Displaced(v, _)
                                | Pushed::Refused(v, _)
                                | Pushed::Full(v)
                                | Pushed::Closed(v) => {
                                    lost.fetch_add(1, Ordering::Relaxed);
                                    sum.fetch_add(v, Ordering::Relaxed);
                                }
                            }
                        }
                    })
                })
                .collect();
            let consumers: Vec<_> = (0..2)
                .map(|_| {
                    let ring = ring.clone();
                    std::thread::spawn(move || {
                        let (mut n, mut sum) = (0_u64, 0_u64);
                        while let Popped::Item(v, _) = ring.pop(far) {
                            n += 1;
                            sum += v;
                        }
                        (n, sum)
                    })
                })
                .collect();
            producers.into_iter().for_each(|p| p.join().unwrap());
            ring.close();
            let got: Vec<_> = consumers.into_iter().map(|c| c.join().unwrap()).collect();
            let n = got.iter().map(|g| g.0).sum::<u64>() + lost.load(Ordering::Relaxed);
            let sum = got.iter().map(|g| g.1).sum::<u64>() + sum_lost.load(Ordering::Relaxed);
            let all = 2 * each;
            assert_eq!((n, sum), (all, all * (all - 1) / 2), "{policy}");
            if policy == Policy::Block {
                assert_eq!(lost.load(Ordering::Relaxed), 0);
            }
        }
    }

    proptest! {
        /// Whatever the order of calls: bounded, first in first out, nothing lost unreported.
        #[test]
        fn accounting_under_any_interleaving(
            which in 0..5_u8,
            capacity in 1..6_usize,
            pops in proptest::collection::vec(any::<bool>(), 1..200),
        ) {
            let policy = match which {
                0 => Policy::Latest,
                1 => Policy::DropOldest,
                2 => Policy::DropNewest,
                3 => Policy::Block,
                _ => Policy::EveryN(NonZeroU32::new(3).unwrap()),
            };
            let ring = FrameRing::new(policy, capacity);
            let (mut offered, mut taken, mut lost) = (0_u32, 0_u32, 0_u32);
            let mut last = None;
            for pop in pops {
                if pop {
                    if let Popped::Item(i, left_out) = ring.try_pop() {
                        if policy == Policy::Latest {
                            prop_assert_eq!(i, 1 + taken + u32::try_from(left_out).unwrap());
                        }
                        prop_assert!(last < Some(i));
                        last = Some(i);
                        taken += 1;
                    }
                } else {
                    offered += 1;
                    lost += u32::from(ring.try_push(offered) != Pushed::Stored);
                }
                prop_assert!(ring.len() <= ring.capacity());
                prop_assert_eq!(offered, taken + lost + u32::try_from(ring.len()).unwrap());
            }
        }
    }
}
