import "uplot/dist/uPlot.min.css";
import "./styles/index.css";
import "./settings";
import "./fragment";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/http";
import { App } from "./app";
import { hub } from "./live/hub";
import { SESSION_KEY } from "./session";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => error instanceof ApiError && (error.status === 0 || error.status >= 500) && count < 2,
      refetchOnWindowFocus: true,
      networkMode: "always",
    },
    mutations: { networkMode: "always", retry: false },
  },
});

// A session that ended shows the sign-in page wherever one happens to be.
client.getQueryCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  const error: unknown = event.action.error;
  if (error instanceof ApiError && error.status === 401 && event.query.queryKey[0] !== SESSION_KEY[0]) {
    void client.invalidateQueries({ queryKey: SESSION_KEY });
  }
});
hub.onSignedOut(() => void client.invalidateQueries({ queryKey: SESSION_KEY }));
hub.onReset(() => void client.invalidateQueries());

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
}
