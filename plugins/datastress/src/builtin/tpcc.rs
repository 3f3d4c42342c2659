//! TPC-C-like: the two transactions that make most of TPC-C's load, new-order and payment, in the specification's ratio of
//! 45 to 43. Not TPC-C itself: no think times, no other transactions, smaller tables, and no initial orders.

pub(crate) mod data;

use stresshost_sdk::prelude::Failure;
use stresshost_sdk::random;
use stresshost_sdk::sql::{Answer, Cell, Connection, Statement, Value};

use crate::statement::Class;
use data::{CUSTOMERS, DISTRICTS, ITEMS};

/// Of so many transactions...
const ALL: u64 = 88;
/// ... so many are new orders.
const NEW_ORDERS: u64 = 45;

/// Statements by name, in the order of [`At`].
pub(crate) const STATEMENTS: &[(&str, &str, Class)] = &[
    ("SELECT warehouse", "SELECT w_tax FROM stresshost_warehouse WHERE w_id = $1", Class::Read),
    (
        "UPDATE district next order",
        "UPDATE stresshost_district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = $1 AND d_id = $2",
        Class::Write,
    ),
    (
        "SELECT district",
        "SELECT d_next_o_id - 1 AS o_id FROM stresshost_district WHERE d_w_id = $1 AND d_id = $2",
        Class::Read,
    ),
    (
        "INSERT orders",
        "INSERT INTO stresshost_orders (o_id, o_d_id, o_w_id, o_c_id, o_ol_cnt) VALUES ($1, $2, $3, $4, $5)",
        Class::Write,
    ),
    (
        "INSERT new_order",
        "INSERT INTO stresshost_new_order (no_o_id, no_d_id, no_w_id) VALUES ($1, $2, $3)",
        Class::Write,
    ),
    ("SELECT item", "SELECT i_price FROM stresshost_item WHERE i_id = $1", Class::Read),
    (
        "UPDATE stock",
        "UPDATE stresshost_stock SET s_quantity = CASE WHEN s_quantity >= $1 + 10 THEN s_quantity - $1 \
         ELSE s_quantity - $1 + 91 END, s_ytd = s_ytd + $1 WHERE s_w_id = $2 AND s_i_id = $3",
        Class::Write,
    ),
    (
        "INSERT order_line",
        "INSERT INTO stresshost_order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, ol_quantity, ol_amount) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        Class::Write,
    ),
    ("UPDATE warehouse", "UPDATE stresshost_warehouse SET w_ytd = w_ytd + $1 WHERE w_id = $2", Class::Write),
    (
        "UPDATE district",
        "UPDATE stresshost_district SET d_ytd = d_ytd + $1 WHERE d_w_id = $2 AND d_id = $3",
        Class::Write,
    ),
    (
        "UPDATE customer",
        "UPDATE stresshost_customer SET c_balance = c_balance - $1 WHERE c_w_id = $2 AND c_d_id = $3 AND c_id = $4",
        Class::Write,
    ),
    (
        "INSERT payments",
        "INSERT INTO stresshost_payments (p_w_id, p_d_id, p_c_id, p_amount) VALUES ($1, $2, $3, $4)",
        Class::Write,
    ),
];

/// Places in [`STATEMENTS`].
#[derive(Clone, Copy, Debug)]
enum At {
    Warehouse,
    NextOrder,
    District,
    Orders,
    NewOrder,
    Item,
    Stock,
    OrderLine,
    PayWarehouse,
    PayDistrict,
    PayCustomer,
    Payments,
}

/// A virtual user's statements.
#[derive(Debug)]
pub(crate) struct TpcC {
    connection: Connection,
    statements: Vec<Statement>,
    warehouses: u64,
}

/// Why a transaction did not come to its end.
type Ended = Result<(), Failure>;

impl TpcC {
    pub(crate) fn new(connection: Connection, warehouses: u64) -> Result<Self, Failure> {
        let prepare = |(name, text, _): &(&str, &str, Class)| connection.prepare(name, text);
        let statements = STATEMENTS.iter().map(prepare).collect::<Result<_, _>>()?;
        Ok(Self { connection, statements, warehouses })
    }

    /// One transaction; the failure is that of its first statement that failed, or of the commit.
    pub(crate) fn iterate(&self) -> Ended {
        self.connection.begin().check()?;
        let done = if random::below(ALL) < NEW_ORDERS { self.new_order() } else { self.payment() };
        match done {
            Ok(()) => self.connection.commit().check(),
            Err(failure) => {
                // What it answers changes nothing: the transaction has failed.
                self.connection.rollback();
                Err(failure)
            }
        }
    }

    fn execute(&self, at: At, values: &[i64]) -> Result<Answer, Failure> {
        let statement = self.statements.get(at as usize);
        let statement = statement.ok_or_else(|| Failure::setup("a statement was not prepared"))?;
        let values: Vec<Value<'_>> = values.iter().map(|value| Value::Integer(*value)).collect();
        let answer = if matches!(at, At::District | At::Item) {
            statement.query(&values)
        } else {
            statement.execute(&values)
        };
        answer.check()?;
        Ok(answer)
    }

    fn new_order(&self) -> Ended {
        let (warehouse, district) = (number(self.warehouses), number(DISTRICTS));
        let customer = number(CUSTOMERS);
        self.execute(At::Warehouse, &[warehouse])?;
        self.execute(At::NextOrder, &[warehouse, district])?;
        let order = first(self.execute(At::District, &[warehouse, district])?, "district")?;
        // Every order locks its items in the same order, as the specification allows, so that orders do not deadlock.
        let mut items: Vec<i64> = (0..random::between(5, 15)).map(|_| number(ITEMS)).collect();
        items.sort_unstable();
        let lines = i64::try_from(items.len()).unwrap_or(0);
        self.execute(At::Orders, &[order, district, warehouse, customer, lines])?;
        self.execute(At::NewOrder, &[order, district, warehouse])?;
        for (line, item) in (1_i64..).zip(items) {
            let price = first(self.execute(At::Item, &[item])?, "item")?;
            let quantity = number(10);
            self.execute(At::Stock, &[quantity, warehouse, item])?;
            self.execute(
                At::OrderLine,
                &[order, district, warehouse, line, item, quantity, quantity * price],
            )?;
        }
        Ok(())
    }

    fn payment(&self) -> Ended {
        let (warehouse, district, customer) = (number(self.warehouses), number(DISTRICTS), number(CUSTOMERS));
        let amount = number(5_000);
        self.execute(At::PayWarehouse, &[amount, warehouse])?;
        self.execute(At::PayDistrict, &[amount, warehouse, district])?;
        self.execute(At::PayCustomer, &[amount, warehouse, district, customer])?;
        self.execute(At::Payments, &[warehouse, district, customer, amount])?;
        Ok(())
    }
}

/// A number from 1.
fn number(most: u64) -> i64 {
    i64::try_from(random::between(1, most)).unwrap_or(1)
}

/// The only value of an answer.
fn first(answer: Answer, what: &str) -> Result<i64, Failure> {
    let value = answer.row(0).and_then(|row| row.first().and_then(Cell::as_i64));
    value.ok_or_else(|| Failure::new("data", format!("the {what} is not there")))
}
