import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api } from "../api/client";
import { asApiError } from "../api/http";
import { forgetOneTimeToken, oneTimeToken } from "../fragment";
import { Field } from "../parts/Field";
import { Code, ErrorBox } from "../parts/Messages";
import { Link, navigate } from "../router";
import { enter } from "../session";
import { COMMANDS } from "../words/commands";
import { passwordProblem } from "../format/password";
import { Door } from "./SignIn";

export function Setup() {
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const setup = useMutation({
    mutationFn: () => api.setup(oneTimeToken(), name.trim(), password),
    onSuccess: (session) => {
      forgetOneTimeToken();
      enter(client, session);
      navigate("/", { replace: true });
    },
  });
  if (oneTimeToken() === "") return <NoToken />;
  const problem = passwordProblem(password, name);
  const differs = again !== password ? "The two passwords differ." : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    setTried(true);
    if (!problem && !differs) setup.mutate();
  };
  return (
    <Door title="Create the administrator">
      <p>This is the first sign-in of this gateway. The administrator can add everybody else. The link works once.</p>
      <form onSubmit={submit}>
        <Field label="Name">
          <input name="username" autoComplete="username" autoCapitalize="none" required value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Password" hint="At least 10 characters. Four unrelated words are a good one." problem={tried ? problem : null}>
          <input type="password" name="password" autoComplete="new-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
        </Field>
        <Field label="Password again" problem={tried ? differs : null}>
          <input type="password" name="password-again" autoComplete="new-password" required value={again} onChange={(e) => setAgain(e.target.value)} />
        </Field>
        {setup.error && <ErrorBox error={setup.error} />}
        {asApiError(setup.error).code === "set-up-already" && (
          <p>
            <Link to="/signin">Sign in</Link>
          </p>
        )}
        <button type="submit" className="primary" disabled={setup.isPending}>
          Create the administrator
        </button>
      </form>
    </Door>
  );
}

function NoToken() {
  return (
    <Door title="The link is incomplete">
      <p>This page needs the whole one-time link, with the part behind the # sign. It stands in the terminal or the log of the first start:</p>
      <Code>{COMMANDS.firstStart}</Code>
      <p>
        Set up already? <Link to="/signin">Sign in</Link>. If the administrator is lost, the owner of the machine makes a link for one there:
      </p>
      <Code>{COMMANDS.recover}</Code>
    </Door>
  );
}
