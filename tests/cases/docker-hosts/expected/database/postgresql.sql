-- omconf: docker-hosts. Compiled from the cluster spec: change the spec, not this file.
-- For the superuser of the PostgreSQL server. `omconf build -o DIR --reveal-secrets` writes a copy
-- with the password; run that one, as root:
--   runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -p 5432 -f - < postgresql.sql
-- Run it again after each change: existing objects stay, the password is set again.
\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';

-- Keep the password out of the server's logs, and store it as pg_hba.conf requires.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT set_config(name, '-1', false) FROM pg_settings WHERE name = 'log_min_duration_sample';
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'log_transaction_sample_rate';
SET pg_stat_statements.track = 'none';
SET password_encryption = 'scram-sha-256';

-- A role that may only log in.
SELECT format('CREATE ROLE %I', 'om')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'om') \gexec
ALTER ROLE "om" LOGIN PASSWORD @omconf:database.password@;

-- It owns the database, so that it may create tables there (also in PostgreSQL 15 and newer).
SELECT format('CREATE DATABASE %I ENCODING UTF8 TEMPLATE template0', 'openmeetings')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'openmeetings') \gexec
ALTER DATABASE "openmeetings" OWNER TO "om";
