-- Sample rows for a private stack: invented people, and telephone numbers that belong to nobody.
-- The ids are fixed, so that documents and commands can name them. Times are relative to now, in UTC.

INSERT INTO professionals (id, user_id, name, slug, phone, email, profession, session_price) VALUES
    ('0d5a1c00-0000-4000-8000-0000000000a1', 'user-beatriz', 'Beatriz Nogueira', 'beatriz-nogueira',
     '(11) 90000-0101', 'beatriz@example.com', 'Psicóloga', 18000),
    ('0d5a1c00-0000-4000-8000-0000000000a2', 'user-otavio', 'Otávio Mendonça', 'otavio-mendonca',
     '+55 21 90000-0102', 'otavio@example.com', 'Nutricionista', 15000);

-- Joana never registered, and Rafael gave no e-mail address.
INSERT INTO clients (id, user_id, professional_id, name, phone, email) VALUES
    ('0d5a1c00-0000-4000-8000-0000000000c1', 'user-camila', '0d5a1c00-0000-4000-8000-0000000000a1',
     'Camila Duarte', '(11) 90000-0001', 'camila@example.com'),
    ('0d5a1c00-0000-4000-8000-0000000000c2', NULL, '0d5a1c00-0000-4000-8000-0000000000a1',
     'Joana Prado', '11 90000-0002', 'joana@example.com'),
    ('0d5a1c00-0000-4000-8000-0000000000c3', 'user-rafael', '0d5a1c00-0000-4000-8000-0000000000a2',
     'Rafael Siqueira', '(21) 90000-0003', NULL),
    ('0d5a1c00-0000-4000-8000-0000000000c4', 'user-luiza', '0d5a1c00-0000-4000-8000-0000000000a2',
     'Luíza Tavares', '+55 (21) 90000-0004', 'luiza@example.com');

-- Whole hours: 13:00 UTC is 10:00 in São Paulo.
SET @today = CAST(UTC_DATE() AS DATETIME);

INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at, status, payment_status)
SELECT id, professional_id, client_id, starts_at, starts_at + INTERVAL 50 MINUTE, status, payment_status
FROM (
    SELECT '0d5a1c00-0000-4000-8000-000000000001' AS id, '0d5a1c00-0000-4000-8000-0000000000a1' AS professional_id,
           '0d5a1c00-0000-4000-8000-0000000000c1' AS client_id, @today + INTERVAL 61 HOUR AS starts_at,
           'pending_confirmation' AS status, 'none' AS payment_status
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000002', '0d5a1c00-0000-4000-8000-0000000000a1',
           '0d5a1c00-0000-4000-8000-0000000000c2', @today + INTERVAL 62 HOUR, 'pending_confirmation', 'none'
    -- At the same time as the first: only one of the two can be confirmed.
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000003', '0d5a1c00-0000-4000-8000-0000000000a1',
           '0d5a1c00-0000-4000-8000-0000000000c2', @today + INTERVAL 61 HOUR, 'pending_confirmation', 'none'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000004', '0d5a1c00-0000-4000-8000-0000000000a1',
           '0d5a1c00-0000-4000-8000-0000000000c1', @today + INTERVAL 85 HOUR, 'confirmed', 'authorized'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000005', '0d5a1c00-0000-4000-8000-0000000000a2',
           '0d5a1c00-0000-4000-8000-0000000000c3', @today + INTERVAL 63 HOUR, 'pending_confirmation', 'none'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000006', '0d5a1c00-0000-4000-8000-0000000000a2',
           '0d5a1c00-0000-4000-8000-0000000000c4', @today + INTERVAL 64 HOUR, 'confirmed', 'captured'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000007', '0d5a1c00-0000-4000-8000-0000000000a1',
           '0d5a1c00-0000-4000-8000-0000000000c1', @today - INTERVAL 11 HOUR, 'confirmed', 'authorized'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000008', '0d5a1c00-0000-4000-8000-0000000000a2',
           '0d5a1c00-0000-4000-8000-0000000000c3', @today - INTERVAL 35 HOUR, 'confirmed', 'none'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000009', '0d5a1c00-0000-4000-8000-0000000000a1',
           '0d5a1c00-0000-4000-8000-0000000000c1', @today - INTERVAL 179 HOUR, 'completed', 'captured'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000010', '0d5a1c00-0000-4000-8000-0000000000a2',
           '0d5a1c00-0000-4000-8000-0000000000c4', @today - INTERVAL 178 HOUR, 'no_show', 'authorized'
    UNION ALL SELECT '0d5a1c00-0000-4000-8000-000000000011', '0d5a1c00-0000-4000-8000-0000000000a1',
           '0d5a1c00-0000-4000-8000-0000000000c1', @today - INTERVAL 347 HOUR, 'cancelled', 'none'
) AS sample;
