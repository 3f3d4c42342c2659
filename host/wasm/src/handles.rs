//! Handles that a guest holds: small numbers, of which those given back are told from those in use.

/// Bits of a handle that are its place; those above count how often the place was used before.
const PLACE_BITS: u32 = 20;

/// Values by handle.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    /// How often it was used before, as far as a handle's bits go.
    uses: u32,
    value: Option<T>,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Handles<T> {
    /// Number of values held.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Keeps a value; none when all places are taken.
    pub(crate) fn insert(&mut self, value: T) -> Option<u32> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.places.len()).ok().filter(|place| place >> PLACE_BITS == 0)?;
                self.places.push(Place { uses: 0, value: None });
                place
            }
        };
        let held = self.places.get_mut(place as usize)?;
        held.value = Some(value);
        Some(place | held.uses << PLACE_BITS)
    }

    /// A value, unless its handle is stale.
    pub(crate) fn get(&self, handle: u32) -> Option<&T> {
        let held = self.places.get((handle & ((1 << PLACE_BITS) - 1)) as usize)?;
        held.value.as_ref().filter(|_| held.uses == handle >> PLACE_BITS)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, handle: u32) -> Option<&mut T> {
        let held = self.places.get_mut((handle & ((1 << PLACE_BITS) - 1)) as usize)?;
        held.value.as_mut().filter(|_| held.uses == handle >> PLACE_BITS)
    }

    /// Gives a value back; its handle is stale from then on.
    pub(crate) fn remove(&mut self, handle: u32) -> Option<T> {
        self.get(handle)?;
        let place = handle & ((1 << PLACE_BITS) - 1);
        let held = self.places.get_mut(place as usize)?;
        held.uses = (held.uses + 1) & (u32::MAX >> PLACE_BITS);
        self.free.push(place);
        held.value.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_under_another_handle() {
        let mut handles = Handles::default();
        let (a, b) = (handles.insert("a").unwrap(), handles.insert("b").unwrap());
        assert_eq!((a, b, handles.len()), (0, 1, 2));
        assert_eq!((handles.remove(a), handles.remove(a), handles.get(a)), (Some("a"), None, None));
        let c = handles.insert("c").unwrap();
        assert_eq!(c, 1 << PLACE_BITS);
        assert_eq!((handles.get(a), handles.get(c), handles.get(b)), (None, Some(&"c"), Some(&"b")));
        *handles.get_mut(b).unwrap() = "d";
        assert_eq!((handles.get(b), handles.len(), handles.get(7)), (Some(&"d"), 2, None));
        assert!(handles.get(u32::MAX).is_none());
    }
}
