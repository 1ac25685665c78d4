CREATE TABLE "api_key" (
	"id" text PRIMARY KEY NOT NULL,
	"project" text NOT NULL,
	"kind" text NOT NULL,
	"environment" text NOT NULL,
	"scopes" text[] NOT NULL,
	"origins" text[] DEFAULT '{}' NOT NULL,
	"cidrs" text[] DEFAULT '{}' NOT NULL,
	"rate_limit" integer NOT NULL,
	"not_before" timestamp (3) with time zone,
	"not_after" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"key_sha256" text NOT NULL,
	"hint" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"replaced_by" text
);
--> statement-breakpoint
CREATE TABLE "audit_log" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"project" text NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target" jsonb NOT NULL,
	"request_id" text NOT NULL,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event" (
	"project" text NOT NULL,
	"message_id" text NOT NULL,
	"time" timestamp (3) with time zone NOT NULL,
	"received_at" timestamp (3) with time zone NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"original_timestamp" timestamp (3) with time zone,
	"type" text NOT NULL,
	"event" text,
	"subject" text NOT NULL,
	"anonymous_subject" text,
	"group_subject" text,
	"previous_subject" text,
	"session_id" text,
	"consent" text NOT NULL,
	"url" text,
	"path" text,
	"title" text,
	"referrer" text,
	"referrer_medium" text,
	"referrer_source" text,
	"country" text,
	"region" text,
	"city" text,
	"device" text,
	"os" text,
	"os_version" text,
	"browser" text,
	"browser_version" text,
	"is_bot" boolean NOT NULL,
	"utm_source" text,
	"utm_medium" text,
	"utm_campaign" text,
	"utm_term" text,
	"utm_content" text,
	"library" text,
	"properties" jsonb NOT NULL,
	"traits" jsonb NOT NULL,
	"context" jsonb NOT NULL,
	"label" text NOT NULL,
	"loaded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"raw_shard" text NOT NULL,
	"raw_position" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "project" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"settings" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"shards" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tier_checkpoint" (
	"tier" text NOT NULL,
	"raw_shard" text NOT NULL,
	"position" text NOT NULL,
	CONSTRAINT "tier_checkpoint_tier_raw_shard_pk" PRIMARY KEY("tier","raw_shard")
);
--> statement-breakpoint
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_project_project_id_fk" FOREIGN KEY ("project") REFERENCES "public"."project"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "api_key_sha256" ON "api_key" USING btree ("key_sha256");--> statement-breakpoint
CREATE INDEX "api_key_project" ON "api_key" USING btree ("project");--> statement-breakpoint
CREATE INDEX "audit_log_project" ON "audit_log" USING btree ("project","at");--> statement-breakpoint
CREATE UNIQUE INDEX "event_message" ON "event" USING btree ("project","message_id","time");--> statement-breakpoint
CREATE INDEX "event_time" ON "event" USING btree ("project","time");--> statement-breakpoint
CREATE INDEX "event_subject" ON "event" USING btree ("project","subject","time");--> statement-breakpoint
CREATE INDEX "event_anonymous_subject" ON "event" USING btree ("project","anonymous_subject","time");--> statement-breakpoint
CREATE INDEX "event_label" ON "event" USING btree ("project","label","time");