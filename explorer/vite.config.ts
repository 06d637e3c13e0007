import { defineConfig } from "vite";

// Names without hashes: Envoy gives the files ETags, and a list of them is in gateway/pages.py.
export default defineConfig({
  // Relative to the page at `/`, so that it also works below a prefix.
  experimental: { renderBuiltUrl: (name) => `explorer/${name}` },
  resolve: { tsconfigPaths: true, dedupe: ["openapi-fetch"] },
  build: {
    outDir: "../service/sessions/gateway/explorer",
    emptyOutDir: true,
    modulePreload: false,
    rolldownOptions: {
      output: {
        entryFileNames: "app.js",
        assetFileNames: "app[extname]",
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/openapi.json": "http://127.0.0.1:8080" } },
});
