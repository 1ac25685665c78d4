-- The warm tier on TimescaleDB. The extension is there already: it must not be created inside a transaction that other
-- migrations share (see migrate.ts). Everything here runs in one transaction, so continuous aggregates start WITH NO DATA.

SELECT create_hypertable('event', by_range('time', INTERVAL '1 day'), create_default_indexes => false);
--> statement-breakpoint
-- Segments by project: one tenant's query opens no other's. Ordered by the rest of the unique key, so that a copy that
-- arrives late is found by a segment's bounds and not by opening all of them.
ALTER TABLE "event" SET (
  timescaledb.enable_columnstore = true,
  timescaledb.segmentby = 'project',
  timescaledb.orderby = 'time DESC, message_id'
);
--> statement-breakpoint
CALL add_columnstore_policy('event', after => INTERVAL '7 days', schedule_interval => INTERVAL '1 hour');
--> statement-breakpoint
SELECT add_retention_policy('event', drop_after => INTERVAL '90 days', schedule_interval => INTERVAL '6 hours');
--> statement-breakpoint
-- What every tool outside reads: exactly the columns of the Parquet files, in their order.
CREATE VIEW "events" AS
SELECT project, message_id, time, received_at, sent_at, original_timestamp, type, event, subject, anonymous_subject,
       group_subject, previous_subject, session_id, consent, url, path, title, referrer, referrer_medium, referrer_source,
       country, region, city, device, os, os_version, browser, browser_version, is_bot, utm_source, utm_medium,
       utm_campaign, utm_term, utm_content, library, properties, traits, context
FROM "event";
--> statement-breakpoint
-- Counts by label. `users` are distinct within a bucket and a label, so they never add up over buckets or labels: a
-- question about several of them goes to the events. Real-time: what is not materialised yet is read from the events.
CREATE MATERIALIZED VIEW "event_minute" WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 minute', time) AS bucket, project, label, count(*) AS events, count(DISTINCT subject) AS users
FROM "event" GROUP BY 1, 2, 3
WITH NO DATA;
--> statement-breakpoint
CREATE MATERIALIZED VIEW "event_hour" WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 hour', time) AS bucket, project, label, count(*) AS events, count(DISTINCT subject) AS users
FROM "event" GROUP BY 1, 2, 3
WITH NO DATA;
--> statement-breakpoint
CREATE MATERIALIZED VIEW "event_day" WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(INTERVAL '1 day', time) AS bucket, project, label, count(*) AS events, count(DISTINCT subject) AS users
FROM "event" GROUP BY 1, 2, 3
WITH NO DATA;
--> statement-breakpoint
-- Only what changed is computed again, so the window is wide: an event may be 30 days late, an import later still. It
-- ends short of the retention, or aggregates of days that are gone would be emptied. By default each bucket would be a
-- transaction of its own, which costs twenty times as much.
SELECT add_continuous_aggregate_policy('event_minute', start_offset => INTERVAL '88 days', end_offset => INTERVAL '1 minute', schedule_interval => INTERVAL '1 minute', buckets_per_batch => 1440);
--> statement-breakpoint
SELECT add_continuous_aggregate_policy('event_hour', start_offset => INTERVAL '88 days', end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '10 minutes', buckets_per_batch => 168);
--> statement-breakpoint
SELECT add_continuous_aggregate_policy('event_day', start_offset => INTERVAL '88 days', end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '1 hour', buckets_per_batch => 30);
--> statement-breakpoint
-- People's own tools. Roles belong to the whole server, so another database of it may have made this one already. It has
-- no password here: who may log in as it, and how, is for the server's administrator to say.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
    CREATE ROLE analyst LOGIN NOINHERIT;
  END IF;
END $$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO analyst;
--> statement-breakpoint
GRANT SELECT ON "events" TO analyst;
