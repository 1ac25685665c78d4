/** Asks for a secret key. The key is exchanged once for a cookie and is not kept. */
import { useId, useState } from "preact/hooks";
import { signIn } from "../live/session.ts";
import { KeyIcon, LogoMark, WarningIcon } from "./icons.tsx";

export function SignIn({ problem: firstProblem }: { problem: string | undefined }) {
  const fieldId = useId();
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState(firstProblem);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(await signIn(key.trim()));
    setBusy(false);
  };
  return (
    <main class="sign-in">
      <form class="card sign-in-card" data-testid="sign-in-form" onSubmit={(event) => void submit(event)}>
        <LogoMark />
        <h1>Sign in</h1>
        <p class="sign-in-lead">See what happens on your site, as it happens.</p>
        <label htmlFor={fieldId}>Secret key</label>
        <div class="field">
          <KeyIcon />
          <input
            id={fieldId}
            type="password"
            name="secret-key"
            placeholder="sk_…"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            required
            data-testid="sign-in-key"
            aria-describedby={`${fieldId}-hint`}
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </div>
        {problem && (
          <p class="sign-in-problem" role="alert" data-testid="sign-in-error">
            <WarningIcon />
            {problem}
          </p>
        )}
        <button type="submit" class="button button-primary button-wide" disabled={busy} data-testid="sign-in-submit">
          {busy ? "Signing in …" : "Sign in"}
        </button>
        <p class="hint" id={`${fieldId}-hint`}>
          <code>npm start</code> prints the key of your own machine and writes it to <code>.data/dev-keys.json</code>.
          It is exchanged for a cookie and not kept in this page.
        </p>
      </form>
    </main>
  );
}
