-- What people said outside of messages: comments, posts, ratings, carts. Events name it and are
-- joined with it when they are delivered. `words` is empty once it was taken back; the row stays, so
-- that an older telling of it brings nothing back. `person` is who said it, as their key on the
-- channel, so that it goes with them.
CREATE TABLE remark (
    channel_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    words TEXT,
    person TEXT,
    said_at REAL NOT NULL,
    told_at REAL NOT NULL,
    PRIMARY KEY (channel_id, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX remark_by_age ON remark (told_at);

-- Events used to carry the words themselves.
CREATE TEMPORARY TABLE spoken AS
SELECT e.cursor, e.type, e.channel_id, e.at, json_extract(e.detail, '$.detail') AS told,
       json_extract(e.detail, '$.kind') || ':' || CASE
           WHEN e.type = 'conversation.action' THEN e.cursor
           WHEN json_extract(e.detail, '$.kind') = 'feed' THEN e.cursor
           ELSE coalesce(json_extract(e.detail, '$.detail.comment_id'),
                         json_extract(e.detail, '$.detail.post_id'), e.cursor)
       END AS external_id
FROM event e
WHERE e.channel_id IS NOT NULL
  AND ((e.type = 'channel.reported'
        AND json_extract(e.detail, '$.kind') IN ('comment', 'post', 'mention', 'feed'))
    OR (e.type = 'conversation.action'
        AND json_extract(e.detail, '$.kind') IN ('feedback', 'order', 'response_feedback')));

INSERT INTO remark (channel_id, external_id, words, person, said_at, told_at)
SELECT channel_id, external_id, words, NULL, at, at FROM (
    SELECT channel_id, external_id, at,
           CASE
               WHEN json_extract(told, '$.verb') = 'remove' THEN NULL
               WHEN type = 'conversation.action' THEN told
               ELSE json_patch('{}', json_object(
                   'text', json_extract(told, '$.text'), 'name', json_extract(told, '$.name'),
                   'platform', json_extract(told, '$.platform')))
           END AS words,
           row_number() OVER (
               PARTITION BY channel_id, external_id
               ORDER BY coalesce(json_extract(told, '$.verb'), '') = 'remove' DESC, cursor DESC
           ) AS nth
    FROM spoken)
WHERE nth = 1;

UPDATE event SET detail = json_set(
    CASE
        WHEN event.type = 'conversation.action' THEN json_set(event.detail, '$.detail', json('{}'))
        ELSE json_remove(event.detail, '$.detail.text', '$.detail.name', '$.detail.platform')
    END,
    '$.remark', spoken.external_id)
FROM spoken WHERE spoken.cursor = event.cursor;

DROP TABLE spoken;
