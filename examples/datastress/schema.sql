-- The tables that ecommerce_db_test.yaml loads, with a small shop in them.
CREATE TABLE products (
    id           serial PRIMARY KEY,
    category_id  int NOT NULL,
    name         text NOT NULL,
    price        numeric(10, 2) NOT NULL,
    popularity   int NOT NULL,
    in_stock     boolean NOT NULL,
    featured     boolean NOT NULL
);
CREATE TABLE inventory (
    product_id   int PRIMARY KEY REFERENCES products (id),
    quantity     int NOT NULL
);
CREATE TABLE inventory_log (
    id             serial PRIMARY KEY,
    product_id     int NOT NULL REFERENCES products (id),
    change_amount  int NOT NULL,
    change_type    text NOT NULL,
    timestamp      timestamptz NOT NULL
);
CREATE TABLE orders (
    id            serial PRIMARY KEY,
    user_id       int NOT NULL,
    total_amount  numeric(10, 2) NOT NULL,
    status        text NOT NULL
);
CREATE TABLE order_items (
    id          serial PRIMARY KEY,
    order_id    int NOT NULL REFERENCES orders (id),
    product_id  int NOT NULL REFERENCES products (id),
    quantity    int NOT NULL,
    price       numeric(10, 2) NOT NULL
);
INSERT INTO products (category_id, name, price, popularity, in_stock, featured)
SELECT n % 40 + 1, 'product ' || n, n % 500 + 0.99, n % 1000, n % 10 <> 0, n % 100 = 0
FROM generate_series(1, 2000) AS n;
INSERT INTO inventory (product_id, quantity) SELECT id, 1000000 FROM products;
ANALYZE;
