import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { mockServer } from "./dev/mock/plugin.mjs";

// IRONBRIDGE_API=http://127.0.0.1:8080 develops against a running gateway; without it a mock answers.
const gateway = process.env["IRONBRIDGE_API"];

export default defineConfig({
  plugins: [react(), ...(gateway ? [] : [mockServer()])],
  server: gateway ? { proxy: { "/api": gateway } } : {},
  build: {
    target: "es2022",
    // The content security policy of the gateway allows files of its own only: nothing may be inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node", env: { TZ: "Europe/Berlin" } },
});
