/** Tests run without the pages' plugins: no mock API, no library build, unless a test asks for a build. */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/**/*.test.ts"] } });
