// What each language's generator returns.

export interface GeneratedFile {
  /** Below the folder that was asked for. */
  path: string;
  text: string;
}
