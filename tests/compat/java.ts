// Segment's library for Java, resolved by Maven. The program is run from its source.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../harness/pipeline.ts";
import { clientPath, type Library, run, runClient } from "./library.ts";

const MIN_JAVA = 11;

let classPath = "";

async function prepare(): Promise<string | null> {
  const java = await run("java", ["-version"]);
  const version = Number(/version "(\d+)/.exec(java.output)?.[1] ?? 0);
  if (version < MIN_JAVA) return `no java ${MIN_JAVA} or newer: ${java.output.trim()}`;
  const folder = temporaryFolder("java");
  try {
    const output = join(folder, "classpath");
    const args = ["-q", "-B", "-f", clientPath("java/pom.xml"), "dependency:build-classpath"];
    const resolved = await run("mvn", [...args, `-Dmdep.outputFile=${output}`]);
    if (resolved.code !== 0)
      return `no mvn, or the library cannot be downloaded: ${resolved.output.trim().slice(0, 2_000)}`;
    classPath = readFileSync(output, "utf8").trim();
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const JAVA: Library = {
  name: "com.segment.analytics.java:analytics",
  prepare,
  send: (target) => runClient("java", ["-cp", classPath, clientPath("java/Client.java")], target),
};
