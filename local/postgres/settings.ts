// Session settings of many connections on one session, and who each of them logged in as. What a connection has SET is noted
// as text and set again when the session comes back to it from a connection with other settings. Not seen: `set_config()`,
// and a SET that is rolled back.

const SET_STATEMENT = /^\s*(?:set|reset)\s+(?!local\b|transaction\b|constraints\b)/i;
const RESETS_ALL = /^\s*(?:reset\s+all|discard\s+all)\s*$/i;

/** Named in the opening message but no settings, or of no consequence to what a query returns. */
const NO_SETTINGS = new Set(["user", "database", "replication", "options", "application_name"]);

/** The engine's own user, a superuser; its session begins as this one. */
export const ENGINE_USER = "postgres";

export class SessionSettings {
  readonly user: string;
  #statements: string[] = [];

  /** Settings asked for in the opening message: `timezone=UTC`, `options=-c search_path=x`. */
  constructor(startup: ReadonlyMap<string, string> = new Map()) {
    this.user = startup.get("user") ?? ENGINE_USER;
    for (const [name, value] of startup) {
      if (NO_SETTINGS.has(name) || name.startsWith("_pq_.")) continue;
      if (name === "client_encoding" && /^'?utf-?8'?$/i.test(value)) continue;
      this.#add(name, value);
    }
    const options = startup.get("options") ?? "";
    for (const match of options.matchAll(/(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)/g)) {
      this.#add((match[1] as string).replaceAll("-", "_"), (match[2] as string).replace(/\\(.)/g, "$1"));
    }
  }

  /** Looks at a statement's text for what must be set again later. */
  note(text: string): void {
    if (!/^\s*(?:set|reset|discard)\b/i.test(text)) return;
    const statements = text.split(";").filter((statement) => statement.trim() !== "");
    for (const statement of statements) {
      if (RESETS_ALL.test(statement)) this.#statements = [];
      else if (SET_STATEMENT.test(statement)) this.#statements.push(statement.trim());
    }
  }

  /** What the connection has set, as statements. */
  get text(): string {
    return this.#statements.join("; ");
  }

  /** Equal names mean equal settings of the same user. */
  get name(): string {
    return `${this.user}\n${this.text}`;
  }

  #add(name: string, value: string): void {
    if (!/^[A-Za-z_][\w.]*$/.test(name)) return;
    this.#statements.push(`SET ${name} TO '${value.replaceAll("'", "''")}'`);
  }
}

/** What a real server starts a session with; the engine's own defaults find no table and, on a new database, debug. */
const BASE_SETTINGS = [
  // By name: what RESET goes back to is the first login that was set, in this engine.
  `SET SESSION AUTHORIZATION ${ENGINE_USER}`,
  "RESET ROLE",
  "RESET ALL",
  "SET client_min_messages TO notice",
  `SET search_path TO "$user", public`,
];

/**
 * What turns one connection's settings into another's, as queries of their own: one that fails (no such role, a setting the
 * client got wrong or may not set) leaves the others in effect. The login comes before the client's own settings, so that they
 * are set with its rights and not the engine's.
 */
export function switchSettings(to: SessionSettings): string[] {
  const login = `SET SESSION AUTHORIZATION "${to.user.replaceAll('"', '""')}"`;
  return [BASE_SETTINGS.join("; "), ...(to.user === ENGINE_USER ? [] : [login]), ...(to.text === "" ? [] : [to.text])];
}

/**
 * Whether a login that is not the engine's own asks for another: in this session that would make it a superuser, where a real
 * server refuses. No guard against ill will (it sees the plain words only): whoever reaches the port may log in as anybody.
 */
export function changesLogin(settings: SessionSettings, text: string): boolean {
  return settings.user !== ENGINE_USER && /\bsession(?:\s+|_)authorization\b/i.test(text);
}
