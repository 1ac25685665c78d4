ALTER TABLE "event" ADD COLUMN "pii" jsonb;--> statement-breakpoint
CREATE OR REPLACE VIEW "events" AS
SELECT project, message_id, time, received_at, sent_at, original_timestamp, type, event, subject, anonymous_subject,
       group_subject, previous_subject, session_id, consent, url, path, title, referrer, referrer_medium, referrer_source,
       country, region, city, device, os, os_version, browser, browser_version, is_bot, utm_source, utm_medium,
       utm_campaign, utm_term, utm_content, library, properties, traits, context, pii
FROM "event";
--> statement-breakpoint
-- Sessions, computed where they are asked for (docs/adr/008): a function of the events alone, so whatever way these came,
-- twice or in pieces, the sessions are the same. Reads the view with the caller's own rights. Those that began in the range;
-- `from_time` inclusive, `to_time` exclusive.
--
-- An event belongs to the session whose id its client gave it. Events without one are cut per device: by 30 minutes without
-- an event, by midnight in `time_zone`, and by an event of another campaign (or paid click) than the session's last one. A
-- session without campaign ends where one begins. Midnight bounds what has to be read: from the day before the first one asked
-- for (a client's session may span midnight) to the end of the last.
CREATE FUNCTION "sessions"(of_project text, from_time timestamptz, to_time timestamptz, time_zone text DEFAULT 'UTC')
RETURNS TABLE (
  project text, session_id text, subject text, anonymous_subject text, started_at timestamptz, ended_at timestamptz,
  events bigint, pages bigint, entry_path text, exit_path text, referrer_medium text, referrer_source text,
  utm_source text, utm_medium text, utm_campaign text, country text, device text, is_bot boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  WITH seen AS (
    SELECT e.*, coalesce(e.anonymous_subject, e.subject) AS visitor, e.session_id IS NOT NULL AS is_given,
           CASE
             WHEN e.utm_source IS NOT NULL OR e.utm_medium IS NOT NULL OR e.utm_campaign IS NOT NULL
               THEN jsonb_build_array(e.utm_source, e.utm_medium, e.utm_campaign)::text
             WHEN e.referrer_medium = 'paid' THEN e.referrer_source
           END AS campaign
    FROM public.events e
    WHERE e.project = of_project
      AND e.time >= (date_trunc('day', from_time AT TIME ZONE time_zone) - INTERVAL '1 day') AT TIME ZONE time_zone
      AND e.time < (date_trunc('day', to_time AT TIME ZONE time_zone) + INTERVAL '1 day') AT TIME ZONE time_zone
  ), paused AS (
    SELECT s.*,
           s.time - lag(s.time) OVER by_time > INTERVAL '30 minutes'
             OR (s.time AT TIME ZONE time_zone)::date <> (lag(s.time) OVER by_time AT TIME ZONE time_zone)::date AS is_cut
    FROM seen s
    WINDOW by_time AS (PARTITION BY s.visitor, s.is_given ORDER BY s.time, s.message_id)
  ), stretches AS (
    SELECT p.*, count(*) FILTER (WHERE p.is_cut) OVER (PARTITION BY p.visitor, p.is_given ORDER BY p.time, p.message_id) AS stretch
    FROM paused p
  ), campaigns AS (
    SELECT s.*,
           s.campaign IS NOT NULL
             AND row_number() OVER (PARTITION BY s.visitor, s.is_given, s.stretch ORDER BY s.time, s.message_id) > 1
             AND s.campaign IS DISTINCT FROM lag(s.campaign) OVER (
               PARTITION BY s.visitor, s.is_given, s.stretch, s.campaign IS NULL ORDER BY s.time, s.message_id) AS is_other
    FROM stretches s
  ), visits AS (
    SELECT c.*, count(*) FILTER (WHERE c.is_other) OVER (
             PARTITION BY c.visitor, c.is_given, c.stretch ORDER BY c.time, c.message_id) AS visit
    FROM campaigns c
  )
  SELECT of_project,
         coalesce(v.session_id, v.visitor || '-' || (extract(epoch FROM min(v.time)) * 1000)::bigint),
         (array_agg(v.subject ORDER BY v.time DESC, v.message_id DESC))[1],
         (array_agg(v.anonymous_subject ORDER BY v.time DESC, v.message_id DESC))[1],
         min(v.time), max(v.time), count(*), count(*) FILTER (WHERE v.type IN ('page', 'screen')),
         (array_agg(v.path ORDER BY v.time, v.message_id) FILTER (WHERE v.path IS NOT NULL))[1],
         (array_agg(v.path ORDER BY v.time DESC, v.message_id DESC) FILTER (WHERE v.path IS NOT NULL))[1],
         (array_agg(v.referrer_medium ORDER BY v.time, v.message_id) FILTER (WHERE v.referrer_medium <> 'internal'))[1],
         (array_agg(v.referrer_source ORDER BY v.time, v.message_id) FILTER (WHERE v.referrer_medium <> 'internal'))[1],
         (array_agg(v.utm_source ORDER BY v.time, v.message_id) FILTER (WHERE v.campaign IS NOT NULL))[1],
         (array_agg(v.utm_medium ORDER BY v.time, v.message_id) FILTER (WHERE v.campaign IS NOT NULL))[1],
         (array_agg(v.utm_campaign ORDER BY v.time, v.message_id) FILTER (WHERE v.campaign IS NOT NULL))[1],
         (array_agg(v.country ORDER BY v.time, v.message_id) FILTER (WHERE v.country IS NOT NULL))[1],
         (array_agg(v.device ORDER BY v.time, v.message_id) FILTER (WHERE v.device IS NOT NULL))[1],
         bool_or(v.is_bot)
  FROM visits v
  GROUP BY v.visitor, v.session_id, CASE WHEN v.is_given THEN NULL ELSE v.stretch END, CASE WHEN v.is_given THEN NULL ELSE v.visit END
  HAVING min(v.time) >= from_time AND min(v.time) < to_time
$$;
