-- Every key leads with the website, so that tables can be distributed by it;
-- websites, api_keys and secrets are small and can be copied to every node.
-- Unknown text is '' and never NULL: GIN cannot search for NULL.
-- Text is compared by bytes (COLLATE "C"): order never depends on the machine.

CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE TABLE websites (
    website_key    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    website_id     text COLLATE "C" NOT NULL UNIQUE,
    name           text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    retention_days integer, -- NULL: sessions are kept forever
    deleted_at     timestamptz -- its rows are being removed
);

CREATE TABLE api_keys (
    key_id       text COLLATE "C" PRIMARY KEY,
    key_hash     bytea NOT NULL UNIQUE,
    name         text NOT NULL,
    scopes       text[] NOT NULL,
    website_key  integer REFERENCES websites ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

-- What all workers must share: the key that hashes visitors, the keys that sign cursors.
CREATE TABLE secrets (
    purpose   text COLLATE "C",
    secret_id integer,
    secret    bytea NOT NULL,
    PRIMARY KEY (purpose, secret_id)
);

-- A row is also the lock that orders the writers of one visitor.
CREATE TABLE visitors (
    website_key integer,
    visitor_id  text COLLATE "C",
    visitor_key bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (website_key, visitor_id)
);

-- What is left of an erased visitor: nothing that happened until then is recorded
-- again. A keyed hash stands for the visitor: see docs/decisions/0013-erasure.md.
CREATE TABLE tombstones (
    website_key  integer,
    visitor_hash bytea,
    erased_until timestamptz NOT NULL,
    PRIMARY KEY (website_key, visitor_hash)
);

-- Events know no session: a session is an interval on a visitor's timeline.
CREATE TABLE events (
    website_key integer,
    visitor_key bigint,
    occurred_at timestamptz,
    event_id    text COLLATE "C",
    sequence    integer NOT NULL,
    is_pageview boolean NOT NULL,
    is_bot      boolean NOT NULL,
    event_name  text NOT NULL,
    url         text NOT NULL,
    referrer    text NOT NULL,
    country     text NOT NULL,
    region      text NOT NULL,
    city        text NOT NULL,
    browser     text NOT NULL,
    os          text NOT NULL,
    device      text NOT NULL,
    language    text NOT NULL,
    hostname    text NOT NULL,
    event_data  jsonb,
    PRIMARY KEY (website_key, visitor_key, occurred_at, event_id)
) PARTITION BY RANGE (occurred_at);

-- order_keys: which event each attribute comes from, where that is not the first one.
-- items: hashes of what a session holds (viewed pages, event names) and of its entry and
-- exit page, each with its kind: see domain/items.py and overflow_items.
CREATE TABLE sessions (
    website_key  integer,
    started_at   timestamptz,
    session_id   uuid,
    visitor_key  bigint NOT NULL,
    visitor_id   text COLLATE "C" NOT NULL,
    ended_at     timestamptz NOT NULL,
    pageviews    integer NOT NULL,
    events       integer NOT NULL,
    is_bot       boolean NOT NULL,
    country      text COLLATE "C" NOT NULL,
    region       text COLLATE "C" NOT NULL,
    city         text COLLATE "C" NOT NULL,
    browser      text COLLATE "C" NOT NULL,
    os           text COLLATE "C" NOT NULL,
    device       text COLLATE "C" NOT NULL,
    language     text COLLATE "C" NOT NULL,
    hostname     text COLLATE "C" NOT NULL,
    referrer     text COLLATE "C" NOT NULL,
    utm_source   text COLLATE "C" NOT NULL,
    utm_medium   text COLLATE "C" NOT NULL,
    utm_campaign text COLLATE "C" NOT NULL,
    entry_page   text NOT NULL,
    exit_page    text NOT NULL,
    items        uuid[] NOT NULL,
    order_keys   jsonb NOT NULL,
    PRIMARY KEY (website_key, started_at, session_id)
) PARTITION BY RANGE (started_at);

-- One number for the sessions of a website on a day (UTC), bots apart. Website, day and
-- bots would be the longest lists that GIN has to intersect: as one value they are one list.
CREATE FUNCTION session_bucket(website_key integer, started_at timestamptz, is_bot boolean)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (website_key::bigint << 23)
     + (((started_at AT TIME ZONE 'UTC')::date - DATE '0001-01-01') << 1)
     + is_bot::integer;

-- The index of all filters answers every filter, alone or together, one bucket at a time: see
-- docs/performance.md. New entries wait in a list that every search of a day reads from end to
-- end: a sixteenth of the default (in kB) makes searches faster and an import a little slower.
CREATE INDEX sessions_filters ON sessions USING gin (
    session_bucket(website_key, started_at, is_bot),
    country, region, city, browser, os, device, language, hostname, referrer, utm_source, utm_medium, utm_campaign, items
) WITH (gin_pending_list_limit = 256);

-- From a session's id to its key, for every id ever given. A merged id keeps
-- a moment inside the session that replaced it. The sessions that are not
-- merged are the visitor's timeline.
CREATE TABLE session_ids (
    website_key integer,
    session_id  uuid,
    visitor_key bigint NOT NULL,
    started_at  timestamptz NOT NULL,
    merged      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (website_key, session_id)
);

CREATE UNIQUE INDEX session_ids_timeline
    ON session_ids (website_key, visitor_key, started_at) WHERE NOT merged;

-- For removing a session with the ids that were merged into it.
CREATE INDEX session_ids_merged ON session_ids (website_key, visitor_key, started_at) WHERE merged;

-- The pages and event names of a session beyond those that its row holds, each with a
-- moment inside the session: no merge has to touch them.
CREATE TABLE overflow_items (
    website_key integer,
    visitor_key bigint,
    item        uuid,
    occurred_at timestamptz,
    PRIMARY KEY (website_key, visitor_key, item, occurred_at)
);

-- The hours (UTC) in which sessions started that a transaction has changed, by their start
-- before and after it. Appended by every transaction that changes sessions, removed by the
-- one that brings the blocks of these hours up to date, soon where is_urgent.
CREATE TABLE changed_hours (
    website_key integer,
    change_key  bigint GENERATED ALWAYS AS IDENTITY,
    hour        timestamptz NOT NULL,
    is_urgent   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (website_key, change_key)
);

-- The sessions of whole hours a second time, as columns: see docs/decisions/0016-blocks.md.
-- Each bytea is an array of little-endian integers, one for a session or for a step, all of the
-- smallest size that holds the largest; those of a text are numbers of its words, which are
-- sorted and end with NUL. checksum holds the CRC-32 of the header, then one for each bytea,
-- in this order.
CREATE TABLE blocks (
    website_key        integer,
    first_hour         timestamptz,
    last_hour          timestamptz NOT NULL,
    format             integer NOT NULL,
    sessions           integer NOT NULL,
    steps              integer NOT NULL,
    checksum           bytea NOT NULL,
    started_at         bytea NOT NULL,
    duration           bytea NOT NULL,
    visitor_key        bytea NOT NULL,
    pageviews          bytea NOT NULL,
    events             bytea NOT NULL,
    is_bot             bytea NOT NULL,
    country            bytea NOT NULL,
    country_words      bytea NOT NULL,
    region             bytea NOT NULL,
    region_words       bytea NOT NULL,
    city               bytea NOT NULL,
    city_words         bytea NOT NULL,
    browser            bytea NOT NULL,
    browser_words      bytea NOT NULL,
    os                 bytea NOT NULL,
    os_words           bytea NOT NULL,
    device             bytea NOT NULL,
    device_words       bytea NOT NULL,
    language           bytea NOT NULL,
    language_words     bytea NOT NULL,
    hostname           bytea NOT NULL,
    hostname_words     bytea NOT NULL,
    referrer           bytea NOT NULL,
    referrer_words     bytea NOT NULL,
    utm_source         bytea NOT NULL,
    utm_source_words   bytea NOT NULL,
    utm_medium         bytea NOT NULL,
    utm_medium_words   bytea NOT NULL,
    utm_campaign       bytea NOT NULL,
    utm_campaign_words bytea NOT NULL,
    entry_page         bytea NOT NULL,
    entry_page_words   bytea NOT NULL,
    exit_page          bytea NOT NULL,
    exit_page_words    bytea NOT NULL,
    step_item          bytea NOT NULL,
    step_item_words    bytea NOT NULL,
    step_gap           bytea NOT NULL,
    PRIMARY KEY (website_key, first_hour)
);

-- Neither compressed nor in the row: a column is read without those beside it.
ALTER TABLE blocks
    ALTER COLUMN started_at         SET STORAGE EXTERNAL,
    ALTER COLUMN duration           SET STORAGE EXTERNAL,
    ALTER COLUMN visitor_key        SET STORAGE EXTERNAL,
    ALTER COLUMN pageviews          SET STORAGE EXTERNAL,
    ALTER COLUMN events             SET STORAGE EXTERNAL,
    ALTER COLUMN is_bot             SET STORAGE EXTERNAL,
    ALTER COLUMN country            SET STORAGE EXTERNAL,
    ALTER COLUMN country_words      SET STORAGE EXTERNAL,
    ALTER COLUMN region             SET STORAGE EXTERNAL,
    ALTER COLUMN region_words       SET STORAGE EXTERNAL,
    ALTER COLUMN city               SET STORAGE EXTERNAL,
    ALTER COLUMN city_words         SET STORAGE EXTERNAL,
    ALTER COLUMN browser            SET STORAGE EXTERNAL,
    ALTER COLUMN browser_words      SET STORAGE EXTERNAL,
    ALTER COLUMN os                 SET STORAGE EXTERNAL,
    ALTER COLUMN os_words           SET STORAGE EXTERNAL,
    ALTER COLUMN device             SET STORAGE EXTERNAL,
    ALTER COLUMN device_words       SET STORAGE EXTERNAL,
    ALTER COLUMN language           SET STORAGE EXTERNAL,
    ALTER COLUMN language_words     SET STORAGE EXTERNAL,
    ALTER COLUMN hostname           SET STORAGE EXTERNAL,
    ALTER COLUMN hostname_words     SET STORAGE EXTERNAL,
    ALTER COLUMN referrer           SET STORAGE EXTERNAL,
    ALTER COLUMN referrer_words     SET STORAGE EXTERNAL,
    ALTER COLUMN utm_source         SET STORAGE EXTERNAL,
    ALTER COLUMN utm_source_words   SET STORAGE EXTERNAL,
    ALTER COLUMN utm_medium         SET STORAGE EXTERNAL,
    ALTER COLUMN utm_medium_words   SET STORAGE EXTERNAL,
    ALTER COLUMN utm_campaign       SET STORAGE EXTERNAL,
    ALTER COLUMN utm_campaign_words SET STORAGE EXTERNAL,
    ALTER COLUMN entry_page         SET STORAGE EXTERNAL,
    ALTER COLUMN entry_page_words   SET STORAGE EXTERNAL,
    ALTER COLUMN exit_page          SET STORAGE EXTERNAL,
    ALTER COLUMN exit_page_words    SET STORAGE EXTERNAL,
    ALTER COLUMN step_item          SET STORAGE EXTERNAL,
    ALTER COLUMN step_item_words    SET STORAGE EXTERNAL,
    ALTER COLUMN step_gap           SET STORAGE EXTERNAL;

-- One row a website: whoever builds blocks of it updates this row first, so that two builds of
-- one website never overlap. The reference keeps a build from outliving its website.
CREATE TABLE fold_state (
    website_key integer PRIMARY KEY REFERENCES websites ON DELETE CASCADE,
    folded_at   timestamptz NOT NULL
);
