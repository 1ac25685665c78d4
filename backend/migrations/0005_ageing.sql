-- What is too old is taken away by the maintenance function (src/ageing): it knows each project's own retention, and that an
-- import of old events was received just now. The policy would drop such events within hours.
SELECT remove_retention_policy('event', if_exists => true);
