-- A windowed part may still go for so many seconds after the person's last message.
ALTER TABLE part ADD COLUMN grace_s REAL NOT NULL DEFAULT 0;
