-- The database of the questions about positions: tests/support/site.py logs in with these roles.
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD 'hush-hush-authenticator';
CREATE ROLE feeder LOGIN REPLICATION PASSWORD 'hush-hush-feeder';
CREATE ROLE web_anon NOLOGIN;
GRANT web_anon TO authenticator;

CREATE SCHEMA api;
GRANT USAGE ON SCHEMA api TO web_anon, authenticator;
-- Half empty pages: updates stay where they are and touch no index.
CREATE TABLE api.rows (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0, pad text) WITH (fillfactor = 50);
INSERT INTO api.rows SELECT i, i, repeat('x', 40) FROM generate_series(1, 100000) AS i;
GRANT SELECT, UPDATE ON api.rows TO web_anon, authenticator;
ANALYZE api.rows;

-- One-row commits as fast as one session makes them.
CREATE PROCEDURE api.commits(count int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..count LOOP
        UPDATE api.rows SET n = n + 1 WHERE id = 1 + (i * 7919) % 100000;
        COMMIT;
    END LOOP;
END $$;
