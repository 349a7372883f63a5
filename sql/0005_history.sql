-- The newest messages of an appointment, for its history.

ALTER TABLE outbox
    ADD INDEX IF NOT EXISTS outbox_history (appointment_id, recipient_role, appointment_version, created_at);

INSERT INTO schema_migrations (version, name) VALUES (5, 'history')
    ON DUPLICATE KEY UPDATE version = VALUES(version);
COMMIT;
