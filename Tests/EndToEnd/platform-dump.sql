-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;

DROP TABLE IF EXISTS `appointments`;
CREATE TABLE `appointments` (
  `id` uuid NOT NULL,
  `professional_id` uuid NOT NULL,
  `client_id` uuid NOT NULL,
  `recurring_schedule_id` uuid DEFAULT NULL,
  `starts_at` datetime(6) NOT NULL,
  `ends_at` datetime(6) NOT NULL,
  `status` enum('pending_confirmation','confirmed','rejected','cancelled','completed','no_show') NOT NULL DEFAULT 'pending_confirmation',
  `payment_status` enum('none','authorized','captured','refunded') NOT NULL DEFAULT 'none',
  `stripe_payment_intent_id` text DEFAULT NULL,
  `reminder_sent_24h` tinyint(1) NOT NULL DEFAULT 0,
  `reminder_sent_1h` tinyint(1) NOT NULL DEFAULT 0,
  `notes` text DEFAULT NULL,
  `created_at` datetime(6) NOT NULL DEFAULT current_timestamp(6),
  PRIMARY KEY (`id`),
  KEY `appointments_professional_id_idx` (`professional_id`),
  KEY `appointments_client_id_idx` (`client_id`),
  CONSTRAINT `appointments_professional_id_foreign` FOREIGN KEY (`professional_id`) REFERENCES `professionals` (`id`) ON DELETE CASCADE,
  CONSTRAINT `appointments_client_id_foreign` FOREIGN KEY (`client_id`) REFERENCES `clients` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci ROW_FORMAT=DYNAMIC;
LOCK TABLES `appointments` WRITE;
INSERT INTO `appointments` VALUES
('5b0cf0a4-0d7e-4d8c-9a7e-000000000001','5b0cf0a4-0d7e-4d8c-9a7e-0000000000a1','5b0cf0a4-0d7e-4d8c-9a7e-0000000000c1',NULL,'2031-03-01 13:00:00.000000','2031-03-01 13:50:00.000000','pending_confirmation','none',NULL,0,0,'traz exames 🩺','2031-02-01 10:00:00.123456'),
('5b0cf0a4-0d7e-4d8c-9a7e-000000000002','5b0cf0a4-0d7e-4d8c-9a7e-0000000000a1','5b0cf0a4-0d7e-4d8c-9a7e-0000000000c2','5b0cf0a4-0d7e-4d8c-9a7e-0000000000f1','2024-03-01 13:00:00.000000','2024-03-01 13:50:00.000000','completed','captured',NULL,1,1,NULL,'2024-02-01 10:00:00.000000');
UNLOCK TABLES;

DROP TABLE IF EXISTS `availability`;
CREATE TABLE `availability` (
  `id` uuid NOT NULL,
  `professional_id` uuid NOT NULL,
  `day_of_week` int(11) NOT NULL,
  `start_time` text NOT NULL,
  `end_time` text NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO `availability` VALUES ('5b0cf0a4-0d7e-4d8c-9a7e-0000000000d1','5b0cf0a4-0d7e-4d8c-9a7e-0000000000a1',1,'09:00','18:00');

DROP TABLE IF EXISTS `clients`;
CREATE TABLE `clients` (
  `id` uuid NOT NULL,
  `user_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin DEFAULT NULL,
  `professional_id` uuid NOT NULL,
  `name` text NOT NULL,
  `phone` varchar(64) NOT NULL,
  `email` text DEFAULT NULL,
  `avatar_url` text DEFAULT NULL,
  `created_at` datetime(6) NOT NULL DEFAULT current_timestamp(6),
  PRIMARY KEY (`id`),
  KEY `clients_user_id_idx` (`user_id`),
  CONSTRAINT `clients_professional_id_foreign` FOREIGN KEY (`professional_id`) REFERENCES `professionals` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO `clients` VALUES
('5b0cf0a4-0d7e-4d8c-9a7e-0000000000c1','dump-client','5b0cf0a4-0d7e-4d8c-9a7e-0000000000a1','Zoë 👩🏽‍🦰','(11) 90000-0001',NULL,NULL,'2024-01-01 00:00:00.000000'),
('5b0cf0a4-0d7e-4d8c-9a7e-0000000000c2',NULL,'5b0cf0a4-0d7e-4d8c-9a7e-0000000000a1','João','11900000002',NULL,NULL,'2024-01-01 00:00:00.000000');

DROP TABLE IF EXISTS `notifications`;
CREATE TABLE `notifications` (
  `id` uuid NOT NULL DEFAULT uuid(),
  `recipient_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  `recipient_type` enum('professional','client') NOT NULL,
  `type` text NOT NULL,
  `title` text NOT NULL,
  `body` text NOT NULL,
  `read` tinyint(1) NOT NULL DEFAULT 0,
  `created_at` datetime(6) NOT NULL DEFAULT current_timestamp(6),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO `notifications` VALUES ('5b0cf0a4-0d7e-4d8c-9a7e-0000000000e1','dump-professional','professional','booking_request','Novo pedido','…',0,'2024-02-01 10:00:00.000000');

DROP TABLE IF EXISTS `professionals`;
CREATE TABLE `professionals` (
  `id` uuid NOT NULL DEFAULT uuid(),
  `user_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  `name` text NOT NULL,
  `slug` varchar(190) NOT NULL,
  `phone` varchar(64) NOT NULL,
  `email` text DEFAULT NULL,
  `profession` text NOT NULL,
  `session_price` int(11) NOT NULL DEFAULT 0,
  `plan` enum('free','basic','pro','premium') NOT NULL DEFAULT 'free',
  PRIMARY KEY (`id`),
  UNIQUE KEY `user_id` (`user_id`),
  UNIQUE KEY `slug` (`slug`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO `professionals` VALUES ('5b0cf0a4-0d7e-4d8c-9a7e-0000000000a1','dump-professional','Beatriz','beatriz','(11) 90000-0101',NULL,'psicóloga',15000,'pro');
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
