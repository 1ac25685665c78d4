ALTER TABLE "api_key" ADD COLUMN "revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "api_key" ADD COLUMN "pushed_revision" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "api_key_unpushed" ON "api_key" USING btree ("id") WHERE pushed_revision < revision;