CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    order_id uuid NOT NULL,
    customer text NOT NULL,
    body jsonb NOT NULL
);
