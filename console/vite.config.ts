import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The API serves the bundle below /console, perhaps below a path of a proxy: addresses in it are relative.
export default defineConfig({
  base: "./",
  // Text is made visible on its way to a page: see src/shown/jsx-runtime.ts.
  plugins: [react({ jsxImportSource: "#shown" })],
  build: {
    outDir: "../api/console_bundle",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // A data: address in a style or script would need a hole in the policy.
    assetsInlineLimit: 0,
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      "/api": {
        target: process.env.COMMANDCENTER_API ?? "http://127.0.0.1:9002",
        rewrite: (path) => path.slice("/api".length),
      },
    },
  },
});
