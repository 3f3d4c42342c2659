//! Carts, orders and stock, and the checkout that moves goods from one to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Bounded, SHARDS, Shards};
use crate::limits::{MAX_CART_ITEMS, MAX_CARTS, MAX_IDEMPOTENCY_KEYS, MAX_ORDERS, MAX_QUANTITY};

/// A line of a cart or an order. The price is kept, so that an order tells what was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counts from 1 within its cart and is not reused.
    pub(crate) id: u64,
    pub(crate) product_id: u32,
    pub(crate) quantity: u32,
    pub(crate) unit_price_cents: u32,
}

impl Line {
    pub(crate) fn total_cents(&self) -> u64 {
        u64::from(self.quantity) * u64::from(self.unit_price_cents)
    }
}

/// A paid order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) user: u64,
    pub(crate) lines: Vec<Line>,
}

/// Why a product cannot be put into a cart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AddError {
    CartFull,
    /// The cart holds this many already.
    TooMany {
        held: u32,
    },
}

/// What a user checks out with.
#[derive(Clone, Copy)]
pub(crate) struct Checkout<'a> {
    pub(crate) idempotency_key: Option<&'a str>,
    /// Digest of the request, to tell a repeated request from a reused key.
    pub(crate) fingerprint: u64,
    pub(crate) card_declined: bool,
}

/// Why a checkout failed; the cart and the stock are as before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CheckoutError {
    CartEmpty,
    OutOfStock { product_id: u32, available: u32 },
    CardDeclined,
    KeyReused,
}

/// Carts, orders and stock of all users.
pub(crate) struct Accounts {
    /// By user id. A checkout holds its user's shard, so that it is atomic for that user.
    shards: Shards<Account>,
    orders: Shards<Bounded<u64, Arc<Order>>>,
    placed: AtomicU64,
    stock: Vec<AtomicU32>,
}

struct Account {
    carts: Bounded<u64, Cart>,
    replays: Bounded<(u64, Box<str>), Replay>,
}

#[derive(Default)]
struct Cart {
    last_id: u64,
    lines: Vec<Line>,
}

struct Replay {
    fingerprint: u64,
    order: Arc<Order>,
}

impl Accounts {
    /// No carts and no orders; `stock` in the order of product ids from 1.
    pub(crate) fn new(stock: impl Iterator<Item = u32>) -> Self {
        let account = || Account {
            carts: Bounded::new(MAX_CARTS / SHARDS),
            replays: Bounded::new(MAX_IDEMPOTENCY_KEYS / SHARDS),
        };
        Self {
            shards: Shards::new(account),
            orders: Shards::new(|| Bounded::new(MAX_ORDERS / SHARDS)),
            placed: AtomicU64::new(0),
            stock: stock.map(AtomicU32::new).collect(),
        }
    }

    pub(crate) fn cart(&self, user: u64) -> Vec<Line> {
        self.shards.lock(user).carts.get(&user).map(|cart| cart.lines.clone()).unwrap_or_default()
    }

    /// Adds to the line of the product, or a new line; the result is that line.
    pub(crate) fn add(
        &self,
        user: u64,
        product_id: u32,
        quantity: u32,
        unit_price_cents: u32,
    ) -> Result<Line, AddError> {
        let mut account = self.shards.lock(user);
        if account.carts.get(&user).is_none() {
            account.carts.insert(user, Cart::default());
        }
        let Some(cart) = account.carts.get_mut(&user) else { return Err(AddError::CartFull) };
        if let Some(line) = cart.lines.iter_mut().find(|line| line.product_id == product_id) {
            if line.quantity.saturating_add(quantity) > MAX_QUANTITY {
                return Err(AddError::TooMany { held: line.quantity });
            }
            line.quantity += quantity;
            return Ok(*line);
        }
        if quantity > MAX_QUANTITY {
            return Err(AddError::TooMany { held: 0 });
        }
        if cart.lines.len() >= MAX_CART_ITEMS {
            return Err(AddError::CartFull);
        }
        cart.last_id += 1;
        let line = Line { id: cart.last_id, product_id, quantity, unit_price_cents };
        cart.lines.push(line);
        Ok(line)
    }

    /// Whether the cart had this line.
    pub(crate) fn remove(&self, user: u64, line_id: u64) -> bool {
        let mut account = self.shards.lock(user);
        let Some(cart) = account.carts.get_mut(&user) else { return false };
        let before = cart.lines.len();
        cart.lines.retain(|line| line.id != line_id);
        cart.lines.len() < before
    }

    /// Turns the cart into an order, or repeats the answer to an idempotency key: then the flag is true.
    pub(crate) fn check_out(
        &self,
        user: u64,
        checkout: Checkout<'_>,
    ) -> Result<(Arc<Order>, bool), CheckoutError> {
        let mut account = self.shards.lock(user);
        let key = checkout.idempotency_key.map(|key| (user, Box::from(key)));
        if let Some(replay) = key.as_ref().and_then(|key| account.replays.get(key)) {
            if replay.fingerprint != checkout.fingerprint {
                return Err(CheckoutError::KeyReused);
            }
            return Ok((Arc::clone(&replay.order), true));
        }
        let Some(cart) = account.carts.get_mut(&user).filter(|cart| !cart.lines.is_empty()) else {
            return Err(CheckoutError::CartEmpty);
        };
        self.reserve(&cart.lines)?;
        if checkout.card_declined {
            self.release(&cart.lines);
            return Err(CheckoutError::CardDeclined);
        }
        let id = self.placed.fetch_add(1, Ordering::Relaxed) + 1;
        let order = Arc::new(Order { id, user, lines: std::mem::take(&mut cart.lines) });
        self.orders.lock(id).insert(id, Arc::clone(&order));
        if let Some(key) = key {
            let replay = Replay { fingerprint: checkout.fingerprint, order: Arc::clone(&order) };
            account.replays.insert(key, replay);
        }
        Ok((order, false))
    }

    /// An order, whosever it is.
    pub(crate) fn order(&self, id: u64) -> Option<Arc<Order>> {
        self.orders.lock(id).get(&id).cloned()
    }

    /// Units of a product in stock.
    pub(crate) fn available(&self, product_id: u64) -> Option<u32> {
        Some(self.stock_of(product_id)?.load(Ordering::Relaxed))
    }

    /// Takes every line from the stock, or none.
    fn reserve(&self, lines: &[Line]) -> Result<(), CheckoutError> {
        for (index, line) in lines.iter().enumerate() {
            let stock = self.stock_of(line.product_id.into());
            let taken = stock.map_or(Err(0), |stock| {
                stock.fetch_update(Ordering::AcqRel, Ordering::Acquire, |units| {
                    units.checked_sub(line.quantity)
                })
            });
            if let Err(available) = taken {
                self.release(&lines[..index]);
                return Err(CheckoutError::OutOfStock { product_id: line.product_id, available });
            }
        }
        Ok(())
    }

    fn release(&self, lines: &[Line]) {
        for line in lines {
            if let Some(stock) = self.stock_of(line.product_id.into()) {
                stock.fetch_add(line.quantity, Ordering::AcqRel);
            }
        }
    }

    fn stock_of(&self, product_id: u64) -> Option<&AtomicU32> {
        self.stock.get(usize::try_from(product_id.checked_sub(1)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Checkout<'_> = Checkout { idempotency_key: None, fingerprint: 0, card_declined: false };

    fn keyed(key: &str, fingerprint: u64) -> Checkout<'_> {
        Checkout { idempotency_key: Some(key), fingerprint, ..PLAIN }
    }

    fn accounts(stock: &[u32]) -> Accounts {
        Accounts::new(stock.iter().copied())
    }

    #[test]
    fn adding_a_product_again_grows_its_line() {
        let accounts = accounts(&[9, 9]);
        let line = accounts.add(1, 1, 2, 500).unwrap();
        assert_eq!(line, Line { id: 1, product_id: 1, quantity: 2, unit_price_cents: 500 });
        assert_eq!(accounts.add(1, 1, 3, 500).unwrap().quantity, 5);
        assert_eq!(accounts.add(1, 2, 1, 10).unwrap().id, 2);
        assert_eq!(accounts.cart(1).iter().map(Line::total_cents).sum::<u64>(), 2510);
        assert_eq!(accounts.cart(2), []);
        assert!(accounts.remove(1, 1) && !accounts.remove(1, 1) && !accounts.remove(2, 1));
        assert_eq!(accounts.add(1, 1, 1, 500).unwrap().id, 3);
    }

    #[test]
    fn a_cart_is_bounded_in_lines_and_units() {
        let accounts = accounts(&[]);
        for product in 1..=MAX_CART_ITEMS as u32 {
            accounts.add(1, product, 1, 1).unwrap();
        }
        assert_eq!(accounts.add(1, 101, 1, 1), Err(AddError::CartFull));
        assert_eq!(accounts.add(1, 1, MAX_QUANTITY, 1), Err(AddError::TooMany { held: 1 }));
        assert_eq!(accounts.add(1, 1, u32::MAX, 1), Err(AddError::TooMany { held: 1 }));
        assert_eq!(accounts.add(1, 1, MAX_QUANTITY - 1, 1).unwrap().quantity, MAX_QUANTITY);
        assert_eq!(accounts.add(2, 1, MAX_QUANTITY + 1, 1), Err(AddError::TooMany { held: 0 }));
    }

    #[test]
    fn at_the_bound_the_oldest_cart_is_emptied() {
        let accounts = accounts(&[]);
        for user in 0..=MAX_CARTS as u64 {
            accounts.add(user, 1, 1, 1).unwrap();
        }
        assert_eq!(accounts.cart(0), []);
        assert!((1..=MAX_CARTS as u64).all(|user| accounts.cart(user).len() == 1));
    }

    #[test]
    fn checkout_takes_stock_and_empties_the_cart() {
        let accounts = accounts(&[5, 5]);
        assert_eq!(accounts.check_out(1, PLAIN), Err(CheckoutError::CartEmpty));
        accounts.add(1, 1, 2, 100).unwrap();
        accounts.add(1, 2, 1, 100).unwrap();
        let (order, replayed) = accounts.check_out(1, PLAIN).unwrap();
        assert!(!replayed);
        assert_eq!((order.id, order.lines.len()), (1, 2));
        assert_eq!((accounts.available(1), accounts.available(2)), (Some(3), Some(4)));
        assert_eq!((accounts.available(0), accounts.available(3)), (None, None));
        assert_eq!(accounts.cart(1), []);
        assert_eq!(accounts.order(1), Some(order));
        assert_eq!(accounts.order(2), None);
    }

    #[test]
    fn a_failed_checkout_changes_nothing() {
        let accounts = accounts(&[5, 1]);
        accounts.add(1, 1, 2, 100).unwrap();
        accounts.add(1, 2, 2, 100).unwrap();
        let missing = CheckoutError::OutOfStock { product_id: 2, available: 1 };
        assert_eq!(accounts.check_out(1, keyed("k", 1)), Err(missing));
        assert!(accounts.remove(1, 2));
        let declined = Checkout { card_declined: true, ..keyed("k", 1) };
        assert_eq!(accounts.check_out(1, declined), Err(CheckoutError::CardDeclined));
        assert_eq!((accounts.available(1), accounts.available(2)), (Some(5), Some(1)));
        assert_eq!(accounts.cart(1).len(), 1);
        assert!(accounts.check_out(1, keyed("k", 1)).is_ok());
    }

    #[test]
    fn a_key_buys_once() {
        let accounts = accounts(&[5]);
        accounts.add(1, 1, 1, 100).unwrap();
        let (first, _) = accounts.check_out(1, keyed("k", 1)).unwrap();
        accounts.add(1, 1, 1, 100).unwrap();
        assert_eq!(accounts.check_out(1, keyed("k", 1)), Ok((first, true)));
        assert_eq!(accounts.available(1), Some(4));
        assert_eq!(accounts.check_out(1, keyed("k", 2)), Err(CheckoutError::KeyReused));
        // Another user's key of the same name is another key.
        assert_eq!(accounts.check_out(2, keyed("k", 1)), Err(CheckoutError::CartEmpty));
        assert_eq!(accounts.check_out(1, keyed("l", 1)).unwrap().0.id, 2);
    }

    #[test]
    fn at_the_bound_the_oldest_order_and_key_are_forgotten() {
        let accounts = accounts(&[u32::MAX]);
        // One user's keys share a shard, which holds its part of the bound.
        let keys = MAX_IDEMPOTENCY_KEYS / SHARDS;
        for number in 0..=MAX_ORDERS {
            accounts.add(1, 1, 1, 1).unwrap();
            accounts.check_out(1, keyed(&number.to_string(), 0)).unwrap();
        }
        assert_eq!(accounts.order(1), None);
        assert!((2..=MAX_ORDERS as u64 + 1).all(|id| accounts.order(id).is_some()));
        let oldest_kept = (MAX_ORDERS + 1 - keys).to_string();
        assert!(accounts.check_out(1, keyed(&oldest_kept, 0)).unwrap().1);
        let forgotten = (MAX_ORDERS - keys).to_string();
        assert_eq!(accounts.check_out(1, keyed(&forgotten, 0)), Err(CheckoutError::CartEmpty));
    }

    #[test]
    fn concurrent_checkouts_never_oversell() {
        let accounts = accounts(&[50]);
        let sold: usize = std::thread::scope(|scope| {
            let buyers: Vec<_> = (0..4_u64)
                .map(|user| {
                    let accounts = &accounts;
                    scope.spawn(move || {
                        let buy = |_: &u32| {
                            accounts.add(user, 1, 1, 1).unwrap();
                            let sold = accounts.check_out(user, PLAIN).is_ok();
                            if !sold {
                                accounts.remove(user, accounts.cart(user)[0].id);
                            }
                            sold
                        };
                        (0..40).filter(buy).count()
                    })
                })
                .collect();
            buyers.into_iter().map(|buyer| buyer.join().unwrap()).sum()
        });
        assert_eq!((sold, accounts.available(1)), (50, Some(0)));
    }
}
