-- What a key may do: numbers by the names of domain/key_limits.py. Without one there is no limit.
ALTER TABLE api_keys ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';

-- The workers that take calls: each has a share of the limits. A worker says every few seconds
-- that it is there, and takes its row away when it stops.
CREATE TABLE workers (
    worker_id uuid PRIMARY KEY,
    seen_at   timestamptz NOT NULL
);
