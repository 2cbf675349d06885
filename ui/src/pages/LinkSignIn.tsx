import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api } from "../api/client";
import { forgetOneTimeToken, oneTimeToken } from "../fragment";
import { ErrorBox, Loading } from "../parts/Messages";
import { NewPassword } from "../parts/NewPassword";
import { Link, navigate } from "../router";
import { enter } from "../session";
import { Door } from "./SignIn";

/** Signs in with the one-time link it was opened by. */
export function LinkSignIn() {
  const client = useQueryClient();
  const started = useRef(false);
  const signIn = useMutation({
    mutationFn: (token: string) => api.signInWithLink(token),
    onSuccess: (session) => {
      enter(client, session);
      if (!session.may_set_password) navigate("/", { replace: true });
    },
  });
  const { mutate } = signIn;
  useEffect(() => {
    const token = oneTimeToken();
    if (started.current || token === "") return;
    started.current = true;
    forgetOneTimeToken();
    mutate(token);
  }, [mutate]);

  if (signIn.data?.may_set_password) {
    return (
      <Door title="Set your password">
        <p>
          You are signed in as {signIn.data.user.name}. The link works only once: with a password you can come back.
        </p>
        <NewPassword session={signIn.data} onDone={() => navigate("/", { replace: true })} />
        <p>
          <Link to="/">Later</Link>
        </p>
      </Door>
    );
  }
  if (signIn.error) {
    return (
      <Door title="The link did not work">
        <ErrorBox error={signIn.error} />
        <p>
          <Link to="/signin">Sign in with name and password</Link>
        </p>
      </Door>
    );
  }
  if (!signIn.isPending && !signIn.isSuccess && !started.current && oneTimeToken() === "") {
    return (
      <Door title="The link is incomplete">
        <p>Open the whole link, with the part behind the # sign, or ask for a new one. A link works once.</p>
        <p>
          <Link to="/signin">Sign in with name and password</Link>
        </p>
      </Door>
    );
  }
  return (
    <Door title="Signing in">
      <Loading what="the one-time link" />
    </Door>
  );
}
