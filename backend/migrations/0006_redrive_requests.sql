CREATE TABLE "redrive_request" (
	"id" text PRIMARY KEY NOT NULL,
	"consumer" text,
	"requested_by" text NOT NULL,
	"requested_at" timestamp (3) with time zone NOT NULL,
	"redriven" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"problem" text,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE INDEX "redrive_request_open" ON "redrive_request" USING btree ("finished_at","requested_at");