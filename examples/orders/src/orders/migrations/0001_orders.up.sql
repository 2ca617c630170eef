CREATE TABLE orders (
    id uuid PRIMARY KEY,
    customer text NOT NULL,
    idempotency_key text NOT NULL,
    fingerprint text NOT NULL,
    state text NOT NULL CHECK (state IN ('new', 'paid', 'shipped', 'cancelled')),
    currency text NOT NULL CHECK (currency IN ('EUR', 'GBP', 'USD')),
    total_cents bigint NOT NULL CHECK (total_cents >= 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (customer, idempotency_key)
);

CREATE INDEX orders_newest ON orders (customer, created_at DESC, id DESC);

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    position smallint NOT NULL,
    sku text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price_cents bigint NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, position)
);
