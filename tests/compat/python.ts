// Segment's library for Python, installed from its registry into its own virtual environment.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../harness/pipeline.ts";
import { clientPath, type Library, run, runClient } from "./library.ts";

const REQUIREMENT = "segment-analytics-python==2.4.0";

let environment: { folder: string; problem: string | null } | null = null;

async function install(): Promise<{ folder: string; problem: string | null }> {
  const folder = temporaryFolder("python");
  const made = await run("python3", ["-m", "venv", folder]);
  if (made.code !== 0) return { folder, problem: `no python3 with venv: ${made.output.trim()}` };
  const installed = await run(join(folder, "bin/pip"), ["install", "--quiet", REQUIREMENT]);
  return {
    folder,
    problem: installed.code === 0 ? null : `${REQUIREMENT} cannot be installed: ${installed.output.trim()}`,
  };
}

let installing: Promise<void> | null = null;

function pythonLibrary(name: string, env: Record<string, string>): Library {
  return {
    name,
    prepare: async () => {
      installing ??= install().then((made) => void (environment = made));
      await installing;
      return environment?.problem ?? null;
    },
    send: (target) =>
      runClient(join(environment?.folder ?? "", "bin/python"), [clientPath("segment-python.py")], target, env),
    release: () => {
      if (environment !== null) rmSync(environment.folder, { recursive: true, force: true });
      environment = null;
      return Promise.resolve();
    },
  };
}

export const PYTHON = pythonLibrary("segment-analytics-python", {});
export const PYTHON_GZIP = pythonLibrary("segment-analytics-python, compressing", { GZIP: "1" });
