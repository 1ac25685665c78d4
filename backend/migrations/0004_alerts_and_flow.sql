CREATE TABLE "alert_notification" (
	"id" text PRIMARY KEY NOT NULL,
	"rule" text NOT NULL,
	"channel" jsonb NOT NULL,
	"body" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"delivered_at" timestamp (3) with time zone,
	"given_up_at" timestamp (3) with time zone,
	"last_error" text
);
--> statement-breakpoint
CREATE TABLE "alert_rule" (
	"id" text PRIMARY KEY NOT NULL,
	"project" text NOT NULL,
	"name" text NOT NULL,
	"condition" jsonb NOT NULL,
	"timing" jsonb NOT NULL,
	"channels" jsonb NOT NULL,
	"enabled" boolean DEFAULT true NOT NULL,
	"silenced_until" timestamp (3) with time zone,
	"secret_version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_state" (
	"rule" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"breached_since" timestamp (3) with time zone,
	"clear_since" timestamp (3) with time zone,
	"incident" integer DEFAULT 0 NOT NULL,
	"notified_at" timestamp (3) with time zone,
	"announced" boolean DEFAULT false NOT NULL,
	"value" double precision,
	"threshold" double precision,
	"detail" jsonb,
	"evaluated_at" timestamp (3) with time zone NOT NULL,
	"version" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "flow_checkpoint" (
	"hop" text NOT NULL,
	"raw_shard" text NOT NULL,
	"position" text NOT NULL,
	CONSTRAINT "flow_checkpoint_hop_raw_shard_pk" PRIMARY KEY("hop","raw_shard")
);
--> statement-breakpoint
CREATE TABLE "flow_minute" (
	"project" text NOT NULL,
	"minute" timestamp (3) with time zone NOT NULL,
	"edge_accepted" bigint,
	"edge_rejected" bigint,
	"edge_suppressed" bigint,
	"edge_duplicates" bigint,
	"received" bigint DEFAULT 0 NOT NULL,
	"processed" bigint DEFAULT 0 NOT NULL,
	"failed" bigint DEFAULT 0 NOT NULL,
	"redelivered" bigint DEFAULT 0 NOT NULL,
	"repeated" bigint DEFAULT 0 NOT NULL,
	"hot_loaded" bigint DEFAULT 0 NOT NULL,
	"hot_copies" bigint DEFAULT 0 NOT NULL,
	"warm_loaded" bigint DEFAULT 0 NOT NULL,
	"warm_copies" bigint DEFAULT 0 NOT NULL,
	"warm_failed" bigint DEFAULT 0 NOT NULL,
	"cold_loaded" bigint DEFAULT 0 NOT NULL,
	"cold_copies" bigint DEFAULT 0 NOT NULL,
	"changed_at" timestamp (3) with time zone NOT NULL,
	"checked_at" timestamp (3) with time zone,
	"balanced" boolean DEFAULT false NOT NULL,
	CONSTRAINT "flow_minute_project_minute_pk" PRIMARY KEY("project","minute")
);
--> statement-breakpoint
CREATE TABLE "warm_count" (
	"project" text NOT NULL,
	"minute" timestamp (3) with time zone NOT NULL,
	"raw_shard" text NOT NULL,
	"loaded" bigint NOT NULL,
	"copies" bigint NOT NULL,
	"failed" bigint NOT NULL,
	CONSTRAINT "warm_count_project_minute_raw_shard_pk" PRIMARY KEY("project","minute","raw_shard")
);
--> statement-breakpoint
ALTER TABLE "alert_notification" ADD CONSTRAINT "alert_notification_rule_alert_rule_id_fk" FOREIGN KEY ("rule") REFERENCES "public"."alert_rule"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_state" ADD CONSTRAINT "alert_state_rule_alert_rule_id_fk" FOREIGN KEY ("rule") REFERENCES "public"."alert_rule"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "alert_notification_due" ON "alert_notification" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "alert_rule_project" ON "alert_rule" USING btree ("project");--> statement-breakpoint
CREATE INDEX "flow_minute_minute" ON "flow_minute" USING btree ("minute");--> statement-breakpoint
CREATE INDEX "flow_minute_open" ON "flow_minute" USING btree ("balanced","minute");--> statement-breakpoint
CREATE INDEX "warm_count_minute" ON "warm_count" USING btree ("minute");