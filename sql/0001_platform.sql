-- The four tables that the endpoint shares with the rest of the platform, and the record of applied migrations.
--
-- Every file in this directory can be run again without harm, and can be pasted into a SQL client: where the tables
-- exist already, only what is missing is added. All instants are UTC.

CREATE TABLE IF NOT EXISTS schema_migrations (
    version INT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    checksum CHAR(64) NULL COMMENT 'SHA-256 of the file; NULL where it was pasted into a SQL client',
    applied_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'Which files of sql/ were applied. Written by odysctl migrate and by the files themselves.';

CREATE TABLE IF NOT EXISTS professionals (
    id UUID NOT NULL DEFAULT (UUID()) PRIMARY KEY,
    user_id VARCHAR(64) COLLATE utf8mb4_nopad_bin NOT NULL,
    name TEXT NOT NULL,
    slug VARCHAR(190) NOT NULL,
    phone VARCHAR(64) NOT NULL,
    email TEXT NULL,
    profession TEXT NOT NULL,
    bio TEXT NULL,
    avatar_url TEXT NULL,
    welcome_message TEXT NULL,
    session_duration INT NOT NULL DEFAULT 50 COMMENT 'minutes',
    session_price INT NOT NULL DEFAULT 0 COMMENT 'centavos',
    plan ENUM('free', 'basic', 'pro', 'premium') NOT NULL DEFAULT 'free',
    payment_type ENUM('upfront', 'percentage', 'after') NOT NULL DEFAULT 'upfront',
    payment_percentage INT NULL DEFAULT 100,
    pix_key_type TEXT NULL,
    pix_key TEXT NULL,
    stripe_customer_id TEXT NULL,
    stripe_subscription_id TEXT NULL,
    trial_ends_at DATETIME(6) NULL,
    auto_confirm BOOLEAN NOT NULL DEFAULT FALSE,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    UNIQUE KEY professionals_user_id (user_id),
    UNIQUE KEY professionals_slug (slug)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'People who offer appointments. Written by the platform; this service only reads and locks rows.';

CREATE TABLE IF NOT EXISTS clients (
    id UUID NOT NULL DEFAULT (UUID()) PRIMARY KEY,
    user_id VARCHAR(64) COLLATE utf8mb4_nopad_bin NULL COMMENT 'NULL: not registered',
    professional_id UUID NOT NULL,
    name TEXT NOT NULL,
    phone VARCHAR(64) NOT NULL,
    email TEXT NULL,
    avatar_url TEXT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY clients_professional_id (professional_id),
    KEY clients_user_id (user_id),
    CONSTRAINT clients_professional FOREIGN KEY (professional_id) REFERENCES professionals (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'People who book, one row for each professional they book with. Written by the platform; read here.';

CREATE TABLE IF NOT EXISTS appointments (
    id UUID NOT NULL DEFAULT (UUID()) PRIMARY KEY,
    professional_id UUID NOT NULL,
    client_id UUID NOT NULL,
    recurring_schedule_id UUID NULL,
    starts_at DATETIME(6) NOT NULL,
    ends_at DATETIME(6) NOT NULL,
    status ENUM('pending_confirmation', 'confirmed', 'rejected', 'cancelled', 'completed', 'no_show')
        NOT NULL DEFAULT 'pending_confirmation',
    payment_status ENUM('none', 'authorized', 'captured', 'refunded') NOT NULL DEFAULT 'none',
    stripe_payment_intent_id TEXT NULL,
    reminder_sent_24h BOOLEAN NOT NULL DEFAULT FALSE,
    reminder_sent_1h BOOLEAN NOT NULL DEFAULT FALSE,
    notes TEXT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY appointments_client_id (client_id),
    KEY appointments_starts_at (starts_at),
    KEY appointments_slot (professional_id, ends_at, starts_at),
    CONSTRAINT appointments_time CHECK (ends_at > starts_at),
    CONSTRAINT appointments_professional FOREIGN KEY (professional_id) REFERENCES professionals (id) ON DELETE CASCADE,
    CONSTRAINT appointments_client FOREIGN KEY (client_id) REFERENCES clients (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'Appointments. Created by the platform; status, payment_status, version, updated_at change here.';

ALTER TABLE appointments
    ADD COLUMN IF NOT EXISTS version INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'one more with each action',
    ADD COLUMN IF NOT EXISTS updated_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    ADD INDEX IF NOT EXISTS appointments_slot (professional_id, ends_at, starts_at);

CREATE TABLE IF NOT EXISTS notifications (
    id UUID NOT NULL DEFAULT (UUID()) PRIMARY KEY,
    recipient_id VARCHAR(64) COLLATE utf8mb4_nopad_bin NOT NULL COMMENT 'the user id of the recipient',
    recipient_type ENUM('professional', 'client') NOT NULL,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    `read` BOOLEAN NOT NULL DEFAULT FALSE,
    created_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    KEY notifications_recipient_id (recipient_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci
    COMMENT = 'The inbox inside the application. Rows are added here and by the platform; the platform marks them read.';

ALTER TABLE notifications
    ADD COLUMN IF NOT EXISTS appointment_id UUID NULL;

INSERT INTO schema_migrations (version, name) VALUES (1, 'platform')
    ON DUPLICATE KEY UPDATE version = VALUES(version);
COMMIT;
