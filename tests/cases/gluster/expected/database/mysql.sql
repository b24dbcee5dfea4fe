-- omconf: gluster. Compiled from the cluster spec: change the spec, not this file.
-- For the administrator of the MySQL or MariaDB server. `omconf build -o DIR --reveal-secrets` writes
-- a copy with the password; run that one, as root:
--   mysql < mysql.sql
-- Run it again after each change: existing objects stay, the password is set again.
-- MySQL 8 needs `database.options` with `allowPublicKeyRetrieval` or TLS (`sslMode`); MariaDB does not.
-- The server has to listen where the nodes connect; changes under [mysqld] need a restart:
--   bind-address = db
--   port = 3306
SET NAMES utf8mb4;
-- Backslashes in strings below are doubled.
SET SESSION sql_mode = 'STRICT_ALL_TABLES';
-- Keep the password out of the server's query logs.
SET SESSION sql_log_off = ON;
SET SESSION long_query_time = 31536000;

CREATE DATABASE IF NOT EXISTS `openmeetings` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

-- n1
CREATE USER IF NOT EXISTS 'om'@'10.0.0.1' IDENTIFIED BY @omconf:database.password@;
ALTER USER 'om'@'10.0.0.1' IDENTIFIED BY @omconf:database.password@;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `openmeetings`.* TO 'om'@'10.0.0.1';

-- n2
CREATE USER IF NOT EXISTS 'om'@'10.0.0.2' IDENTIFIED BY @omconf:database.password@;
ALTER USER 'om'@'10.0.0.2' IDENTIFIED BY @omconf:database.password@;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `openmeetings`.* TO 'om'@'10.0.0.2';

-- Accounts for other hosts, if any, for example of removed nodes.
SELECT user, host FROM mysql.user WHERE user = 'om'
  AND host NOT IN ('10.0.0.1', '10.0.0.2');
