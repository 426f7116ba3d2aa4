import { defineConfig } from "vite";

// Addresses are relative, so that any back end can serve the page under any path. Nothing is inlined: the content
// security policy allows no inline script, style or data address.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../redactor/page/built",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
  },
});
