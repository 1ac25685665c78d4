CREATE TABLE "recent_suspect" (
	"project" text NOT NULL,
	"message_id" text NOT NULL,
	"loaded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "recent_suspect_project_message_id_pk" PRIMARY KEY("project","message_id")
);
--> statement-breakpoint
CREATE INDEX "recent_suspect_loaded" ON "recent_suspect" USING btree ("loaded_at");