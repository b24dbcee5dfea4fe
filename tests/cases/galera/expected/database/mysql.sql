-- omconf: galera. Compiled from the cluster spec: change the spec, not this file.
-- For the administrator of the MySQL or MariaDB server. `omconf build -o DIR --reveal-secrets` writes
-- a copy with the password; run that one, as root:
--   mysql < mysql.sql
-- Run it again after each change: existing objects stay, the password is set again.
-- MySQL 8 needs `database.options` with `allowPublicKeyRetrieval` or TLS (`sslMode`); MariaDB does not.
-- The server has to listen where the nodes connect; changes under [mysqld] need a restart:
--   bind-address = 10.3.0.1
--   port = 3306
--   bind-address = 10.3.0.2
--   port = 3306
--   bind-address = 10.3.0.3
--   port = 3307
--   ssl-cert, ssl-key = the server's certificate and its key
-- These accounts refuse logins without TLS. If nodes still log in without it, run this file after all
-- have restarted with the new persistence.xml; or before, with REQUIRE NONE in each line.
SET NAMES utf8mb4;
-- Backslashes in strings below are doubled.
SET SESSION sql_mode = 'STRICT_ALL_TABLES';
-- Keep the password out of the server's query logs.
SET SESSION sql_log_off = ON;
SET SESSION long_query_time = 31536000;

CREATE DATABASE IF NOT EXISTS `openmeetings` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

-- om1
CREATE USER IF NOT EXISTS 'openmeetings'@'10.3.0.1' IDENTIFIED BY @omconf:database.password@ REQUIRE SSL;
ALTER USER 'openmeetings'@'10.3.0.1' IDENTIFIED BY @omconf:database.password@ REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `openmeetings`.* TO 'openmeetings'@'10.3.0.1';

-- om2
CREATE USER IF NOT EXISTS 'openmeetings'@'10.3.0.2' IDENTIFIED BY @omconf:database.password@ REQUIRE SSL;
ALTER USER 'openmeetings'@'10.3.0.2' IDENTIFIED BY @omconf:database.password@ REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `openmeetings`.* TO 'openmeetings'@'10.3.0.2';

-- om3
CREATE USER IF NOT EXISTS 'openmeetings'@'10.3.0.3' IDENTIFIED BY @omconf:database.password@ REQUIRE SSL;
ALTER USER 'openmeetings'@'10.3.0.3' IDENTIFIED BY @omconf:database.password@ REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON `openmeetings`.* TO 'openmeetings'@'10.3.0.3';

-- Accounts for other hosts, if any, for example of removed nodes.
SELECT user, host FROM mysql.user WHERE user = 'openmeetings'
  AND host NOT IN ('10.3.0.1', '10.3.0.2', '10.3.0.3');
