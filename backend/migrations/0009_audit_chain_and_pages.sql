CREATE INDEX "audit_log_chain" ON "audit_log" USING btree ("project","id");
--> statement-breakpoint
-- The order of the pages that people read: both columns in one direction, so that a page of a compressed day unpacks the batches
-- that it needs and not the whole day. Days that are compressed already keep their order until they are compressed again.
ALTER TABLE "event" SET (timescaledb.orderby = 'time DESC, message_id DESC');
