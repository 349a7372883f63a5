-- Finished messages are emptied of recipient and payload before they are deleted.

ALTER TABLE outbox
    ADD COLUMN IF NOT EXISTS emptied_at DATETIME(6) NULL
        COMMENT 'when recipient and payload were emptied; such a message cannot be sent again',
    ADD INDEX IF NOT EXISTS outbox_finished (emptied_at, finished_at);

INSERT INTO schema_migrations (version, name) VALUES (4, 'personal_data')
    ON DUPLICATE KEY UPDATE version = VALUES(version);
COMMIT;
