// Defines the file that each language's generator returns.

export interface GeneratedFile {
  /** Relative to the requested folder. */
  path: string;
  text: string;
}
