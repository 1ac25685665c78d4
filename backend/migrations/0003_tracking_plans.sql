CREATE TABLE "tracking_plan" (
	"project" text NOT NULL,
	"version" integer NOT NULL,
	"mode" text NOT NULL,
	"unknown_events" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "tracking_plan_project_version_pk" PRIMARY KEY("project","version")
);
--> statement-breakpoint
CREATE TABLE "tracking_plan_event" (
	"project" text NOT NULL,
	"plan_version" integer NOT NULL,
	"place" integer NOT NULL,
	"type" text NOT NULL,
	"event" text,
	"event_version" integer NOT NULL,
	"description" text,
	"schema" json NOT NULL,
	CONSTRAINT "tracking_plan_event_project_plan_version_place_pk" PRIMARY KEY("project","plan_version","place")
);
--> statement-breakpoint
ALTER TABLE "tracking_plan_event" ADD CONSTRAINT "tracking_plan_event_project_plan_version_tracking_plan_project_version_fk" FOREIGN KEY ("project","plan_version") REFERENCES "public"."tracking_plan"("project","version") ON DELETE no action ON UPDATE no action;