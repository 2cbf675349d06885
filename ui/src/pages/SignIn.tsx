import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { api } from "../api/client";
import { Field } from "../parts/Field";
import { Code, ErrorBox } from "../parts/Messages";
import { navigate } from "../router";
import { enter } from "../session";
import { COMMANDS } from "../words/commands";

/** The frame of the pages before sign-in. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Ironbridge`;
  }, [title]);
  return (
    <main className="door">
      <p className="brand">Ironbridge</p>
      <h1>{title}</h1>
      {children}
    </main>
  );
}

export function SignIn() {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const signIn = useMutation({
    mutationFn: () => api.signIn(name.trim(), password),
    onSuccess: (session) => {
      if (location.pathname === "/signin") navigate("/", { replace: true });
      enter(client, session);
    },
    onError: () => setPassword(""),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    signIn.mutate();
  };
  return (
    <Door title="Sign in">
      <form onSubmit={submit}>
        <Field label="Name">
          <input ref={first} name="username" autoComplete="username" autoCapitalize="none" required value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Password">
          <input type="password" name="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
        </Field>
        {signIn.error && <ErrorBox error={signIn.error} />}
        <button type="submit" className="primary" disabled={signIn.isPending}>
          {signIn.isPending ? "Signing in …" : "Sign in"}
        </button>
      </form>
      <details>
        <summary>I cannot sign in</summary>
        <p>Ask an administrator for a one-time link. The owner of the machine can make one on the machine itself:</p>
        <Code>{COMMANDS.recover}</Code>
      </details>
    </Door>
  );
}

export function SetupNeeded() {
  return (
    <Door title="Not set up yet">
      <p>Nobody can sign in yet: this gateway has no user. It reads and records already; only this page waits.</p>
      <p>
        The first start printed a one-time link that creates the administrator. Look in the terminal or the log where the gateway
        was started with
      </p>
      <Code>{COMMANDS.firstStart}</Code>
      <p>and open the link that ends in /setup#… in this browser. If it is lost, restart the gateway: it prints a new one.</p>
    </Door>
  );
}
