-- Prepares a connection for the statements of a chunk: the random functions,
-- the weighted tables that they pick from, and the tables that a chunk is built in.

SET timezone = 'UTC';
SET temp_buffers = '64MB';
SET work_mem = '64MB';
SET hash_mem_multiplier = 4;
-- What a chunk is built in has no statistics when it is read. Hashes fit in memory, and
-- keep the order of rows.
SET enable_mergejoin = off;
-- Chunks are independent of each other; the commit after the last makes all durable.
SET synchronous_commit = off;

-- Random numbers are hashes of a seed ("hash_seed") and of what they are for ("purpose"):
-- the same whatever the plan, the order of rows or the number of connections.
CREATE FUNCTION pg_temp.share(hash_seed bigint, purpose bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(hash_seed, purpose) & 4503599627370495) / 4503599627370496::float8;

CREATE FUNCTION pg_temp.slot(hash_seed bigint, purpose bigint) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(hash_seed, purpose) & 8191)::integer;

-- A visit's hits. One in a hundred visits opens with a custom event; its first
-- pageview is then the second hit. Later custom events never follow each other.
CREATE FUNCTION pg_temp.is_pageview(
    hash_seed bigint, number integer, entry integer, opens_with_action boolean)
RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN CASE WHEN number = 1 THEN NOT opens_with_action
            WHEN number = entry OR number & 1 = 1 THEN true
            ELSE pg_temp.share(hash_seed, number * 8) >= 0.28 END;

-- Hits are one pace apart, give or take nine tenths of it.
CREATE FUNCTION pg_temp.hit_at(hash_seed bigint, number integer, started_at timestamptz, pace float8)
RETURNS timestamptz LANGUAGE sql STABLE
RETURN CASE WHEN number = 1 THEN started_at
            ELSE started_at + floor(
                pace * (number - 1.45::float8 + 0.9 * pg_temp.share(hash_seed, number * 8 + 1))
            ) * interval '1 millisecond' END;

CREATE FUNCTION pg_temp.event_id(hash_seed bigint, number integer) RETURNS text LANGUAGE sql IMMUTABLE
RETURN encode(int8send(hashint8extended(hash_seed, number * 8 + 2)), 'hex');

-- The page of a hit: one of 48 that a visit knows, so that no visit has more
-- distinct pages than its row can hold. Popular pages have small numbers.
CREATE FUNCTION pg_temp.page(hash_seed bigint, number integer, pages integer)
RETURNS integer LANGUAGE sql IMMUTABLE
RETURN floor(power(
    pages + 1,
    pg_temp.share(hash_seed, 10000 + mod(hashint8extended(hash_seed, number * 8 + 3) & 65535, 48))
))::integer;

CREATE TEMP TABLE hours (
    number integer, starts_at timestamptz, milliseconds integer, visits integer
);
CREATE TEMP TABLE pages (
    number integer, sent_path text, path text,
    page_item uuid, entry_page_item uuid, exit_page_item uuid
);
CREATE TEMP TABLE sites (slot integer, website_key integer, hostname text);
CREATE TEMP TABLE locations (slot integer, country text, region text, city text, language text);
CREATE TEMP TABLE clients (slot integer, browser text, os text, device text, is_bot boolean);
CREATE TEMP TABLE actions (slot integer, event_name text, event_data jsonb, item uuid);
CREATE TEMP TABLE sources (
    slot integer, sent_referrer text, query text,
    referrer text, utm_source text, utm_medium text, utm_campaign text
);

CREATE TEMP TABLE visits (
    visit bigint, hash_seed bigint, session_id uuid,
    website_key integer, visitor_key bigint, visitor_id text,
    started_at timestamptz, hits integer, pace float8, entry integer, opens_with_action boolean,
    hostname text, country text, region text, city text, language text,
    browser text, os text, device text, is_bot boolean,
    sent_referrer text, query text,
    referrer text, utm_source text, utm_medium text, utm_campaign text
) ON COMMIT DELETE ROWS;

CREATE TEMP TABLE hits (
    visit bigint, number integer, is_pageview boolean, occurred_at timestamptz,
    event_id text, page integer, previous_page integer, action integer
) ON COMMIT DELETE ROWS;
