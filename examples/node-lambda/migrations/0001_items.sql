CREATE TABLE items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 100),
    quantity integer NOT NULL CHECK (quantity BETWEEN 0 AND 1000000),
    created_at timestamptz NOT NULL DEFAULT now()
);
