/** The library's version as it stands in every event's `context.library`; a test holds it equal to package.json. */
export const LIBRARY_NAME = "@behaviour/analytics";
export const LIBRARY_VERSION = "0.1.0";
