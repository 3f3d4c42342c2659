//! Tables of the TPC-C-like workload, and the consistency conditions 1 to 4 of the specification (3.3.2.1 to 3.3.2.4).

use crate::builtin::Table;

/// Districts of a warehouse, as in the specification.
pub(crate) const DISTRICTS: u64 = 10;

/// Customers of a district: a tenth of the specification's, so that a warehouse is loaded in seconds.
pub(crate) const CUSTOMERS: u64 = 300;

/// Items: a tenth of the specification's.
pub(crate) const ITEMS: u64 = 10_000;

pub(crate) const INVARIANTS: &[(&str, &str)] = &[
    (
        "TPC-C 1: a warehouse's sales are those of its districts",
        "SELECT w.w_id FROM stresshost_warehouse w JOIN (SELECT d_w_id, SUM(d_ytd) AS total FROM stresshost_district \
         GROUP BY d_w_id) d ON d.d_w_id = w.w_id WHERE w.w_ytd <> d.total",
    ),
    (
        "TPC-C 2: a district's next order follows its last",
        "SELECT d.d_w_id, d.d_id FROM stresshost_district d LEFT JOIN (SELECT o_w_id, o_d_id, MAX(o_id) AS last_o \
         FROM stresshost_orders GROUP BY o_w_id, o_d_id) o ON o.o_w_id = d.d_w_id AND o.o_d_id = d.d_id \
         LEFT JOIN (SELECT no_w_id, no_d_id, MAX(no_o_id) AS last_no FROM stresshost_new_order GROUP BY no_w_id, no_d_id) n \
         ON n.no_w_id = d.d_w_id AND n.no_d_id = d.d_id \
         WHERE d.d_next_o_id - 1 <> COALESCE(o.last_o, 0) OR d.d_next_o_id - 1 <> COALESCE(n.last_no, 0)",
    ),
    (
        "TPC-C 3: the new orders of a district have no gap",
        "SELECT no_w_id, no_d_id FROM stresshost_new_order GROUP BY no_w_id, no_d_id \
         HAVING MAX(no_o_id) - MIN(no_o_id) + 1 <> COUNT(*)",
    ),
    (
        "TPC-C 4: the orders of a district have the lines that they count",
        "SELECT o.o_w_id, o.o_d_id FROM (SELECT o_w_id, o_d_id, SUM(o_ol_cnt) AS wanted FROM stresshost_orders \
         GROUP BY o_w_id, o_d_id) o LEFT JOIN (SELECT ol_w_id, ol_d_id, COUNT(*) AS there FROM stresshost_order_line \
         GROUP BY ol_w_id, ol_d_id) l ON l.ol_w_id = o.o_w_id AND l.ol_d_id = o.o_d_id \
         WHERE o.wanted <> COALESCE(l.there, 0)",
    ),
];

pub(crate) fn tables(warehouses: u64) -> Vec<Table> {
    let empty = |name, columns, row| Table { name, columns, rows: 0, row };
    vec![
        Table {
            name: "stresshost_warehouse",
            columns: "(w_id BIGINT PRIMARY KEY, w_tax BIGINT NOT NULL, w_ytd BIGINT NOT NULL)",
            rows: warehouses,
            row: |number| format!("({}, {}, 0)", number + 1, number % 20),
        },
        Table {
            name: "stresshost_district",
            columns: "(d_w_id BIGINT, d_id BIGINT, d_ytd BIGINT NOT NULL, d_next_o_id BIGINT NOT NULL, \
                      PRIMARY KEY (d_w_id, d_id))",
            rows: warehouses * DISTRICTS,
            row: |number| format!("({}, {}, 0, 1)", number / DISTRICTS + 1, number % DISTRICTS + 1),
        },
        Table {
            name: "stresshost_customer",
            columns: "(c_w_id BIGINT, c_d_id BIGINT, c_id BIGINT, c_balance BIGINT NOT NULL, \
                      PRIMARY KEY (c_w_id, c_d_id, c_id))",
            rows: warehouses * DISTRICTS * CUSTOMERS,
            row: |number| {
                let (district, customer) = (number / CUSTOMERS, number % CUSTOMERS + 1);
                format!("({}, {}, {customer}, 0)", district / DISTRICTS + 1, district % DISTRICTS + 1)
            },
        },
        Table {
            name: "stresshost_item",
            columns: "(i_id BIGINT PRIMARY KEY, i_price BIGINT NOT NULL)",
            rows: ITEMS,
            row: |number| format!("({}, {})", number + 1, number % 9_900 + 100),
        },
        Table {
            name: "stresshost_stock",
            columns: "(s_w_id BIGINT, s_i_id BIGINT, s_quantity BIGINT NOT NULL, s_ytd BIGINT NOT NULL, \
                      PRIMARY KEY (s_w_id, s_i_id))",
            rows: warehouses * ITEMS,
            row: |number| {
                format!("({}, {}, {}, 0)", number / ITEMS + 1, number % ITEMS + 1, number % 91 + 10)
            },
        },
        empty(
            "stresshost_orders",
            "(o_id BIGINT, o_d_id BIGINT, o_w_id BIGINT, o_c_id BIGINT NOT NULL, o_ol_cnt BIGINT NOT NULL, \
             PRIMARY KEY (o_w_id, o_d_id, o_id))",
            |_| "(1, 1, 1, 1, 1)".to_owned(),
        ),
        empty(
            "stresshost_new_order",
            "(no_o_id BIGINT, no_d_id BIGINT, no_w_id BIGINT, PRIMARY KEY (no_w_id, no_d_id, no_o_id))",
            |_| "(1, 1, 1)".to_owned(),
        ),
        empty(
            "stresshost_order_line",
            "(ol_o_id BIGINT, ol_d_id BIGINT, ol_w_id BIGINT, ol_number BIGINT, ol_i_id BIGINT NOT NULL, \
             ol_quantity BIGINT NOT NULL, ol_amount BIGINT NOT NULL, PRIMARY KEY (ol_w_id, ol_d_id, ol_o_id, ol_number))",
            |_| "(1, 1, 1, 1, 1, 1, 1)".to_owned(),
        ),
        empty(
            "stresshost_payments",
            "(p_w_id BIGINT NOT NULL, p_d_id BIGINT NOT NULL, p_c_id BIGINT NOT NULL, p_amount BIGINT NOT NULL)",
            |_| "(1, 1, 1, 1)".to_owned(),
        ),
    ]
}
