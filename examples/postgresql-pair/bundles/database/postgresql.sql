-- omconf: lectures. Compiled from the cluster spec: change the spec, not this file.
-- Run it on the primary alone: a standby gets it from there. pg_hba.conf goes to each of them.
-- For the superuser of the PostgreSQL server. `omconf build -o DIR --reveal-secrets` writes a copy
-- with the password in its place; run that one, as root:
--   runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -p 5432 -f - < postgresql.sql
-- Run it again after each change: what is there stays, the password is set anew.
\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';

-- The password stands in no log of the server's, and in its tables as pg_hba.conf asks for it.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT set_config(name, '-1', false) FROM pg_settings WHERE name = 'log_min_duration_sample';
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'log_transaction_sample_rate';
SET pg_stat_statements.track = 'none';
SET password_encryption = 'scram-sha-256';

-- A role that may log in, and nothing else.
SELECT format('CREATE ROLE %I', 'openmeetings')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'openmeetings') \gexec
ALTER ROLE "openmeetings" LOGIN PASSWORD @omconf:database.password@;

-- It owns the database, and so may create its tables there, in PostgreSQL 15 and newer too.
SELECT format('CREATE DATABASE %I ENCODING UTF8 TEMPLATE template0', 'openmeetings')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'openmeetings') \gexec
ALTER DATABASE "openmeetings" OWNER TO "openmeetings";
