import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { ThemeSwitch } from "../parts/theme_switch";
import { useWrong, WrongLine } from "../parts/wrong";

/** The log-in page. */
export function LogIn({ desk }: { desk: Desk }) {
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) main.current?.querySelector<HTMLElement>("[data-first]")?.focus();
  }, []);
  return (
    <div class="log-in">
      <header class="index-head">
        <a class="brand" href="/">
          Carrel
        </a>
        <ThemeSwitch />
      </header>
      <main class="card log-in-card" ref={main}>
        <h1 class="display">At the desk</h1>
        <p class="lead">Log in to answer your patrons.</p>
        <LogInForm desk={desk} />
      </main>
    </div>
  );
}

/** The log-in form: name and password. */
export function LogInForm({ desk, name: known = "" }: { desk: Desk; name?: string }) {
  const passwordBox = useRef<HTMLInputElement>(null);
  const id = useId();
  const [name, setName] = useState(known);
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useWrong();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    if (name.trim() === "" || password === "") {
      setError("Enter your log-in name and your password.");
      return;
    }
    setBusy(true);
    setError("");
    const failure = await desk.logIn(name.trim(), password);
    setBusy(false);
    if (failure !== undefined) {
      setError(failure);
      setPassword("");
      // The password has to be typed again.
      passwordBox.current?.focus();
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <div class="field">
        <label for={`${id}-name`}>Log-in name</label>
        <input
          id={`${id}-name`}
          autoComplete="username"
          autoCapitalize="none"
          spellcheck={false}
          value={name}
          data-first={known === "" ? true : undefined}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for={`${id}-password`}>Password</label>
        <input
          id={`${id}-password`}
          type="password"
          ref={passwordBox}
          autoComplete="current-password"
          value={password}
          data-first={known === "" ? undefined : true}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </div>
      <WrongLine wrong={error} class="notice bad" />
      <button type="submit" class="button primary wide" aria-disabled={busy}>
        {busy ? "Logging in …" : "Log in"}
      </button>
    </form>
  );
}
