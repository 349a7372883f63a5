-- What the endpoint keeps for itself: the history of actions, the outbox of messages, and what belongs to them.

CREATE TABLE IF NOT EXISTS appointment_events (
    appointment_id UUID NOT NULL,
    version INT UNSIGNED NOT NULL COMMENT 'the version of the appointment that the action made',
    action ENUM('confirm', 'reject', 'cancel', 'paid', 'complete', 'no_show') NOT NULL,
    actor_user_id VARCHAR(64) COLLATE utf8mb4_nopad_bin NOT NULL,
    actor_role ENUM('professional', 'client') NOT NULL,
    reason TEXT NULL,
    from_status ENUM('pending_confirmation', 'confirmed', 'rejected', 'cancelled', 'completed', 'no_show') NOT NULL,
    to_status ENUM('pending_confirmation', 'confirmed', 'rejected', 'cancelled', 'completed', 'no_show') NOT NULL,
    from_payment_status ENUM('none', 'authorized', 'captured', 'refunded') NOT NULL,
    to_payment_status ENUM('none', 'authorized', 'captured', 'refunded') NOT NULL,
    request_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'for logs; may be the caller''s',
    marker BINARY(16) NOT NULL COMMENT 'made for each attempt; an unclear COMMIT is looked up by it',
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    PRIMARY KEY (appointment_id, version),
    UNIQUE KEY appointment_events_marker (marker),
    CONSTRAINT appointment_events_appointment FOREIGN KEY (appointment_id) REFERENCES appointments (id)
        ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'Who did what, one row for each action. The primary key makes a second transition impossible.';

CREATE TABLE IF NOT EXISTS outbox (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    message_uid UUID NOT NULL DEFAULT (UUID()) COMMENT 'the same over all attempts; Message-ID of an e-mail',
    appointment_id UUID NULL,
    appointment_version INT UNSIGNED NULL,
    channel ENUM('whatsapp', 'email') NOT NULL,
    recipient_role ENUM('client', 'professional') NOT NULL,
    recipient TEXT NOT NULL COMMENT 'a phone or an e-mail address',
    template VARCHAR(64) NOT NULL,
    payload JSON NOT NULL COMMENT 'what the text says; the keys of each template are in docs/MESSAGES.md',
    state ENUM('pending', 'sent', 'dead', 'skipped', 'expired', 'superseded') NOT NULL DEFAULT 'pending',
    attempts SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'requests made to the provider',
    lost_claims TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'claims in a row that ended without a recorded outcome',
    unclear TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'attempts of which nobody knows whether they arrived',
    available_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'when it is due; while claimed, the end of the lease',
    expires_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6) + INTERVAL 24 HOUR),
    lease_token BINARY(16) NULL COMMENT 'set while a sender owns the row; settling is conditional on it',
    provider_id VARCHAR(255) NULL,
    last_error VARCHAR(255) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    finished_at DATETIME(6) NULL,
    UNIQUE KEY outbox_message_uid (message_uid),
    UNIQUE KEY outbox_once (appointment_id, appointment_version, channel, recipient_role),
    KEY outbox_claim (state, channel, available_at, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'Messages to send. Only channel, recipient_role, recipient, template and payload have no default. To send a dead one again: state pending, available_at now, expires_at later.';

CREATE TABLE IF NOT EXISTS idempotency_keys (
    actor_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the caller''s user id',
    key_hash BINARY(32) NOT NULL,
    fingerprint BINARY(32) NOT NULL COMMENT 'SHA-256 of method, path and body',
    status SMALLINT UNSIGNED NOT NULL,
    etag VARCHAR(32) NULL,
    body MEDIUMTEXT NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    expires_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6) + INTERVAL 24 HOUR),
    PRIMARY KEY (actor_hash, key_hash),
    KEY idempotency_keys_expires_at (expires_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'Stored answers, for 24 hours. Safe to empty when no caller is repeating a request.';

CREATE TABLE IF NOT EXISTS whatsapp_contexts (
    phone VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'digits',
    professional_id UUID NOT NULL,
    appointment_id UUID NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    KEY whatsapp_contexts_expires_at (expires_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'Whom a reply from a phone is meant for: the last message sent there, for two hours.';

INSERT INTO schema_migrations (version, name) VALUES (2, 'actions')
    ON DUPLICATE KEY UPDATE version = VALUES(version);
COMMIT;
