//! What stays on one core inside types that wasmtime wants to be able to move.

use std::ops::Deref;
#[cfg(debug_assertions)]
use std::thread::{self, ThreadId};

/// A value that is made, used and dropped on one thread. Wasmtime asks that the data of a store be [`Send`]; the stores
/// of virtual users never move, because the [`WasmVu`](crate::instance::WasmVu) that owns one holds an [`Rc`].
///
/// A checked wrapper would look up the thread's name at every use, several times a request.
///
/// [`Rc`]: std::rc::Rc
pub(crate) struct OnCore<T> {
    value: T,
    #[cfg(debug_assertions)]
    thread: ThreadId,
}

// SAFETY: only `VuState` and its `Hooks` hold one, and it lives in the store of a `WasmVu`, which is not `Send`: it is made on its
// core's thread, and neither it nor its store ever leaves it. The futures that borrow a store's data run on the fiber of
// that store, which its owner polls. Debug builds check each use; `another_thread_is_noticed` and
// `a_virtual_user_cannot_leave_its_core` run this.
#[expect(unsafe_code, reason = "wasmtime's bound on a store's data, which these stores do not need")]
unsafe impl<T> Send for OnCore<T> {}

impl<T> OnCore<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value,
            #[cfg(debug_assertions)]
            thread: thread::current().id(),
        }
    }
}

impl<T> Deref for OnCore<T> {
    type Target = T;

    fn deref(&self) -> &T {
        #[cfg(debug_assertions)]
        assert_eq!(self.thread, thread::current().id(), "a virtual user has left its core");
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    #[cfg(debug_assertions)]
    fn another_thread_is_noticed() {
        let value = OnCore::new(5);
        assert_eq!(*value, 5);
        let moved = thread::spawn(move || *value);
        assert!(moved.join().is_err(), "used on a thread it was not made on");
    }

    /// Of the two implementations only one fits a type that is not `Send`; with both, this does not compile.
    #[test]
    fn a_virtual_user_cannot_leave_its_core() {
        trait Ambiguous<A> {
            fn stays() -> bool {
                true
            }
        }
        struct WhenSend;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + Send> Ambiguous<WhenSend> for T {}
        assert!(<crate::instance::WasmVu as Ambiguous<_>>::stays());
        assert!(<Rc<u8> as Ambiguous<_>>::stays());
    }
}
