/** Is the entry point of the file for `<script src>`: its only export becomes the global `Analytics`. */
export { Analytics as default } from "./analytics.ts";
