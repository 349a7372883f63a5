-- The rate that all processes share, and what operators did by hand.

CREATE TABLE IF NOT EXISTS channel_rate (
    channel ENUM('whatsapp', 'email') NOT NULL PRIMARY KEY,
    next_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'when the next message may be claimed'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'The pace of a channel over all processes; used where a rate is set (ODYS_WHATSAPP_RATE).';

INSERT IGNORE INTO channel_rate (channel) VALUES ('whatsapp'), ('email');

CREATE TABLE IF NOT EXISTS operator_actions (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    operator VARCHAR(64) NOT NULL COMMENT 'the login name on the host where odysctl ran',
    action VARCHAR(32) NOT NULL,
    outbox_id BIGINT UNSIGNED NULL,
    detail VARCHAR(255) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY operator_actions_outbox_id (outbox_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'What was done by hand, by whom and when. Written by odysctl; kept until somebody deletes it.';

INSERT INTO schema_migrations (version, name) VALUES (3, 'delivery')
    ON DUPLICATE KEY UPDATE version = VALUES(version);
COMMIT;
