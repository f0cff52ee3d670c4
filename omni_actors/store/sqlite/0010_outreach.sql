-- Who is written to first, what waits for that, and until when platforms want to be left alone.

-- A portfolio may serve several tenants: its people are counted by the platform's own name of them,
-- and so is a portfolio that its number stands for alone.
CREATE TABLE outreach_by_person (
    portfolio TEXT NOT NULL,
    person TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (portfolio, person)
) STRICT, WITHOUT ROWID;

INSERT INTO outreach_by_person (portfolio, person, at)
SELECT named.portfolio, named.person, max(named.at) FROM (
    SELECT
        coalesce((SELECT c.platform || ':' || c.channel_key FROM channel c
                  WHERE c.platform || ':' || c.id = o.portfolio LIMIT 1), o.portfolio) AS portfolio,
        (SELECT json_extract(k.value, '$[0]') || ':' || json_extract(k.value, '$[1]')
         FROM json_each(i.keys) k
         ORDER BY json_extract(k.value, '$[0]') <> 'phone', k.key LIMIT 1) AS person,
        o.at AS at
    FROM outreach o JOIN identity i ON i.id = o.identity_id) named
WHERE named.person IS NOT NULL
GROUP BY named.portfolio, named.person;

DROP TABLE outreach;
ALTER TABLE outreach_by_person RENAME TO outreach;
CREATE INDEX outreach_by_age ON outreach (at);

-- What is held for want of room is let go when there is some, oldest first, and not by a clock.
UPDATE part SET until_at = NULL WHERE status = 'held';
DROP INDEX part_held_until;
CREATE INDEX part_outreach ON part (channel_id, pos) WHERE held_for = 'outreach';

-- What a platform has closed, and until when. The owner of a scope is a channel, or a platform where
-- several channels share it; the name is that of a leg or an account, or empty.
CREATE TABLE closure (
    scope TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    until_at REAL NOT NULL,
    PRIMARY KEY (scope, owner, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX closure_until ON closure (until_at);
