/** Starts the API reference. */
import { render } from "preact";
import { App, load } from "./app.tsx";

const root = document.getElementById("docs");
if (!root) throw new Error("#docs is missing");
render(<App />, root);
void load();
