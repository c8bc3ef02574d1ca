import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { App } from "./App";
import { ApiError } from "./api/client";
import { Boundary } from "./components/Boundary";
import { SignedIn, takeTokenFromAddress } from "./session";
import { applyTheme } from "./theme";
import "./styles.css";

const linkToken = takeTokenFromAddress();
applyTheme();

const queries = new QueryClient({
  defaultOptions: {
    // Without a network a request fails, and the person is told. The library would hold it back, and send by itself
    // whenever there is a network again: a decision that somebody took hours before, without a word until then.
    queries: {
      networkMode: "always",
      refetchOnReconnect: true,
      staleTime: 2_000,
      retry: (times, error) => error instanceof ApiError && error.passing && times < 3,
      retryDelay: (times) => Math.min(500 * 2 ** times, 5_000),
    },
    mutations: { networkMode: "always", retry: false },
  },
});
const basename = import.meta.env.DEV ? "/" : new URL(document.baseURI).pathname.replace(/\/$/, "");
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <BrowserRouter basename={basename}>
          <Boundary at="console">
            <SignedIn linkToken={linkToken}>
              <App />
            </SignedIn>
          </Boundary>
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
}
