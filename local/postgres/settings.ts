// Session settings of many connections on one session, and the login of each connection. The SET statements of a connection are
// kept as text. They run again when the session returns to this connection from a connection with other settings. `set_config()`
// and a SET that is rolled back are not detected.

const SET_STATEMENT = /^\s*(?:set|reset)\s+(?!local\b|transaction\b|constraints\b)/i;
const RESETS_ALL = /^\s*(?:reset\s+all|discard\s+all)\s*$/i;

/** Parameters of the opening message that are not settings, or that do not affect the result of a query. */
const NO_SETTINGS = new Set(["user", "database", "replication", "options", "application_name"]);

/** The engine's own user, a superuser. Its session begins as this user. */
export const ENGINE_USER = "postgres";

export class SessionSettings {
  readonly user: string;
  #statements: string[] = [];

  /** Settings requested in the opening message: `timezone=UTC`, `options=-c search_path=x`. */
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

  /** Reads a statement's text for settings that must be set again later. */
  note(text: string): void {
    if (!/^\s*(?:set|reset|discard)\b/i.test(text)) return;
    const statements = text.split(";").filter((statement) => statement.trim() !== "");
    for (const statement of statements) {
      if (RESETS_ALL.test(statement)) this.#statements = [];
      else if (SET_STATEMENT.test(statement)) this.#statements.push(statement.trim());
    }
  }

  /** The connection's settings, as statements. */
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

/**
 * The settings with which a real server starts a session. With the engine's own defaults no table is found and, on a new
 * database, messages of level debug are sent.
 */
const BASE_SETTINGS = [
  // Set by name, because in this engine RESET returns to the first login that was set.
  `SET SESSION AUTHORIZATION ${ENGINE_USER}`,
  "RESET ROLE",
  "RESET ALL",
  "SET client_min_messages TO notice",
  `SET search_path TO "$user", public`,
];

/**
 * The statements that turn one connection's settings into another's. Each is a separate query, so a failed query (a missing role,
 * a setting that is wrong or not permitted) leaves the others in effect. The login comes before the client's own settings, so
 * that they are set with the client's rights and not with the engine's.
 */
export function switchSettings(to: SessionSettings): string[] {
  const login = `SET SESSION AUTHORIZATION "${to.user.replaceAll('"', '""')}"`;
  return [BASE_SETTINGS.join("; "), ...(to.user === ENGINE_USER ? [] : [login]), ...(to.text === "" ? [] : [to.text])];
}

/**
 * Whether a connection with a login other than the engine's asks for another login. In this session that would make it a
 * superuser. A real server refuses it. This is not a guard against attackers, because it recognizes the plain statements only,
 * and any program that reaches the port may log in as any user.
 */
export function changesLogin(settings: SessionSettings, text: string): boolean {
  return settings.user !== ENGINE_USER && /\bsession(?:\s+|_)authorization\b/i.test(text);
}
