// Configures `drizzle-kit generate`, which writes the migrations. src/database/migrate.ts runs them. Never use `push`.

import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: "./src/*/schema.ts",
  out: "./migrations",
});
