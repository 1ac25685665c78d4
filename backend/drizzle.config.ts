// For `drizzle-kit generate` only: a program writes the migrations, src/database/migrate.ts runs them. Never `push`.

import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: "./src/*/schema.ts",
  out: "./migrations",
});
