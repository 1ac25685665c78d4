/** Contains the library's name and version for every event's `context.library`. A test compares them with package.json. */
export const LIBRARY_NAME = "@behaviour/analytics";
export const LIBRARY_VERSION = "0.1.0";
